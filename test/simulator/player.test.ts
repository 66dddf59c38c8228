// Operations of workloads where nothing costs anything: exact times by hand calculation, from the runner's own protocol (docs/protocol.md section 1, runner/task.c).

import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { Call } from '../../src/core/calls.ts';
import { type Expansion, type ExpansionTask, opCodes } from '../../src/core/workload.ts';
import { free } from '../../src/simulator/model/costs.ts';
import { type SimulationInput, Simulator } from '../../src/simulator/simulate.ts';
import { root } from '../support/paths.ts';

const ms = 1_000_000;
const simulator = new Simulator();
const policy = (file: string) => ({ object: readFileSync(`${root}/test/${file}.bpf.o`), maps: [] });
/** First come first served, in turns of 20 ms. */
const plain = policy('conformance/objects/plain');

type Operation = readonly [code: keyof typeof opCodes, a: number, b: number];

function task(comm: string, ops: readonly Operation[], more: Partial<ExpansionTask> = {}): ExpansionTask {
  const own = ops.map(([code, a, b]) => ({ code: opCodes[code], a, b: BigInt(b) }));
  const usual = { round: 0, background: false, forked: false, startNs: 0, nice: 0, cgroup: -1, group: 0 };
  return { ...usual, schedClass: 'other', cpus: 0n, comm, ops: own, ...more };
}

function run(tasks: readonly ExpansionTask[], more: Partial<SimulationInput> = {}) {
  const nothing = { semaphores: 2, locks: 1, pipes: 1, rounds: 1, warmupRounds: 0, series: [], cgroups: [] };
  const expansion: Expansion = { ...nothing, tasks };
  const { events, finding } = simulator.run({
    expansion,
    shape: { cpus: 1 },
    costs: free,
    policy: plain,
    mode: 'checked',
    startOffsetNs: 0,
    pidOffset: 0,
    seed: 1,
    limitNs: 1e9,
    timeoutMs: 5000,
    ...more,
  });
  expect(finding).toBeUndefined();
  expect(events.at(-1)).not.toMatchObject({ event: 'fault' });
  return events.filter(({ event }) => event === 'task') as unknown as { endNs: number; vcsw: number }[];
}

const ends = (tasks: readonly ExpansionTask[], more: Partial<SimulationInput> = {}): number[] =>
  run(tasks, more).map(({ endNs }) => endNs / ms);

describe('a sleep until a time that has passed', () => {
  const late = task('late', [
    ['RUN', 0, 10 * ms],
    ['UNTIL', 0, 5 * ms],
    ['RUN', 0, 10 * ms],
  ]);
  const other = task('other', [['RUN', 0, 10 * ms]]);

  it('lets go of the CPU: who waits comes first', () => {
    expect(ends([late, other])).toEqual([30, 20]);
  });

  it('takes no time where nobody waits', () => {
    expect(ends([late])[0]).toBeCloseTo(20, 5);
  });

  it('is none where more than two emulated CPUs take turns and another is busy: the timer rings before the task has left', () => {
    const busy = task('busy', [['RUN', 0, 40 * ms]]);
    const costs = { ...free, isSerial: true };
    // one of them is its exit
    const left = (cpus: number, tasks: ExpansionTask[]) => run(tasks, { costs, shape: { cpus } })[0]!.vcsw;
    expect([left(4, [late]), left(2, [late, busy]), left(4, [late, busy])]).toEqual([2, 2, 1]);
  });
});

describe('a lock', () => {
  it('is not handed over: who runs may take it before the one that is woken', () => {
    const barging = task('barging', [
      ['LOCK', 0, 0],
      ['SLEEP', 0, ms],
      ['UNLOCK', 0, 0],
      ['LOCK', 0, 0],
      ['RUN', 0, ms],
      ['UNLOCK', 0, 0],
    ]);
    const waiting = task('waiting', [
      ['LOCK', 0, 0],
      ['RUN', 0, ms],
      ['UNLOCK', 0, 0],
    ]);
    expect(ends([barging, waiting])).toEqual([2, 3]);
  });

  it('is passed on by who has waited for it, even when nobody else waits any more', () => {
    const crowd = ['a', 'b', 'c'].map((comm) =>
      task(comm, [
        ['LOCK', 0, 0],
        ['RUN', 0, 5 * ms],
        ['UNLOCK', 0, 0],
      ]),
    );
    expect(ends(crowd, { shape: { cpus: 3 } }).sort((a, b) => a - b)).toEqual([5, 10, 15]);
  });
});

describe('semaphores', () => {
  it('wake as many as there are units, in the order of their coming', () => {
    const waiter = (comm: string) =>
      task(comm, [
        ['WAIT', 0, 0],
        ['RUN', 0, ms],
      ]);
    const giver = task('giver', [
      ['SLEEP', 0, 10 * ms],
      ['SIGNAL', 0, 2],
      ['SLEEP', 0, 10 * ms],
      ['SIGNAL', 0, 1],
    ]);
    expect(ends([waiter('a'), waiter('b'), waiter('c'), giver])).toEqual([11, 12, 21, 20]);
  });

  it('keep units for those who come later', () => {
    const giver = task('giver', [['SIGNAL', 0, 2]]);
    const taker = task('taker', [
      ['SLEEP', 0, 3 * ms],
      ['WAIT', 0, 0],
      ['WAIT', 0, 0],
    ]);
    expect(ends([giver, taker])).toEqual([0, 3]);
  });
});

describe('a pipe', () => {
  it('holds 64 KiB: the writer of more waits until it is read', () => {
    const writer = task('writer', [
      ['WRITE', 0, 65_536],
      ['RUN', 0, 5 * ms],
      ['WRITE', 0, 1],
    ]);
    const reader = task('reader', [
      ['UNTIL', 0, 20 * ms],
      ['READ', 0, 65_536],
    ]);
    expect(ends([writer, reader])).toEqual([20, 20]);
  });
});

describe('class, nice value and affinity', () => {
  /** What the policy is told of the task, of weights and CPUs. */
  function told(tasks: readonly ExpansionTask[], index: number): string[] {
    const calls: Call[] = [];
    run(tasks, { policy: policy('kernels/objects/every-op'), calls, shape: { cpus: 2 } });
    return calls
      .filter(
        (call) => call.task === index && /init_task|enable|set_weight|set_cpumask|disable/.test(call.what),
      )
      .map(({ what, args }) => [what.replace('ops.', ''), ...args].join(' '));
  }
  const job: readonly Operation[] = [['RUN', 0, ms]];

  it('are set when the task has been forked: a policy meets it as any other first', () => {
    // nice 5 weighs 335 of 1024
    expect(told([task('meek', job, { nice: 5, cpus: 2n })], 0)).toEqual([
      'init_task 1',
      'enable',
      'set_weight 100',
      'set_weight 33',
      'set_cpumask 2',
      'disable',
    ]);
  });

  it('are those of its parent until then, for a task that another forks', () => {
    const parent = task('parent', [['FORK', 1, 0]], { nice: 5, cpus: 2n });
    const child = task('child', job, { forked: true });
    expect(told([parent, child], 1)).toEqual([
      'init_task 1',
      'enable',
      'set_weight 33',
      'set_weight 100',
      'set_cpumask 3',
      'disable',
    ]);
  });

  it('take a real-time task away from the policy', () => {
    expect(told([task('urgent', job, { schedClass: 'fifo' })], 0)).toEqual([
      'init_task 1',
      'enable',
      'set_weight 100',
      'set_weight 100', // set_load_weight() of the class that it leaves
      'disable',
    ]);
  });
});
