// What the simulator records, against what is known without it: a task's life as the kernel lives it, the policy's source, the switches. The same
// statements hold for recordings of a real kernel (test/kernels/trace.vm.test.ts).

import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { type Call, mostCalls } from '../../../src/core/calls.ts';
import { CallLog } from '../../../src/simulator/calls/log.ts';
import type { Core } from '../../../src/simulator/model/core.ts';
import { costProfiles, Simulator } from '../../../src/simulator/simulate.ts';
import { expand } from '../../../src/workload/expand.ts';
import { parseWorkload } from '../../../src/workload/read.ts';
import { policyFile, root } from '../../support/paths.ts';

const ms = 1_000_000;
const sleeps = 5;
const workload = JSON.stringify({
  kind: 'declared',
  name: 'lives',
  description: 'Long runs, a sleeper and a yielder on two CPUs.',
  goal: { metric: 'makespanNs', direction: 'lower' },
  jitter: { work: 0 },
  groups: [
    { name: 'long', count: 3, phases: [{ run: '12ms' }] },
    { name: 'sleepy', count: 1, phases: [{ loop: sleeps, phases: [{ run: '300us' }, { sleep: '2ms' }] }] },
    { name: 'yielder', count: 1, phases: [{ loop: 3, phases: [{ run: '300us' }, { yield: true }] }] },
    { name: 'rt', count: 1, class: 'fifo', phases: [{ run: '300us' }] },
  ],
});

const expansion = expand(parseWorkload(workload, 'lives'), { seed: 1, cpus: 2 });
const taskOf = (comm: string): number => expansion.tasks.findIndex((task) => task.comm === comm);
const simulator = new Simulator();

function recorded(object: string | undefined, records = true) {
  const calls: Call[] = [];
  const result = simulator.run({
    expansion,
    shape: { cpus: 2, llcs: 2 },
    costs: costProfiles.tcg,
    mode: 'checked',
    startOffsetNs: 1_234_567,
    pidOffset: 5,
    seed: 1,
    limitNs: 20e9,
    timeoutMs: 5000,
    ...(object === undefined ? {} : { policy: { object: new Uint8Array(readFileSync(object)), maps: [] } }),
    ...(records ? { calls } : {}),
  });
  expect(result.finding).toBeUndefined();
  return { calls, events: result.events };
}

const every = recorded(`${root}/test/kernels/objects/every-op.bpf.o`).calls;
const tasks = expansion.tasks.flatMap(({ comm }, task) => (comm === 'rt-0' ? [] : [task]));
const of = (calls: readonly Call[], what: string, task?: number): Call[] =>
  calls.filter((call) => call.what === what && (task === undefined || call.task === task));

const letters: Readonly<Record<string, string>> = {
  'ops.init_task': 'i',
  'ops.enable': 'e',
  'ops.set_weight': 'w',
  'ops.select_cpu': 's',
  'ops.runnable': 'r',
  'ops.enqueue': 'q',
  'ops.dequeue': 'd',
  'ops.running': 'g',
  'ops.tick': 't',
  'ops.yield': 'y',
  'ops.quiescent': 'z',
  'ops.disable': 'D',
  'ops.exit_task': 'x',
};
/** Runs begin and end with a switch (a, b); before a task ends, it leaves its autogroup: it stops (P) and starts once more. */
const life = /^iew(s?rq?d?ga[ty]*(pq?bd?ga[ty]*)*(Pzrg)?[ty]*(pq?bd?ga[ty]*)*Pzb)+Dx$/;

function lifeOf(task: number): string {
  const letter = ({ what, args, ...call }: Call): string => {
    if (what === 'sched_switch') return call.task === task ? 'b' : 'a';
    if (what === 'ops.stopping') return args[0] === 1 ? 'p' : 'P';
    return letters[what] ?? '';
  };
  return every
    .filter((call) => (call.task === task && call.what !== 'ops.dispatch') || call.other === task)
    .map(letter)
    .join('');
}

describe('a recording', () => {
  it.each(tasks)('task %i lives as the kernel says, and leaves its autogroup once', (task) => {
    expect(lifeOf(task)).toMatch(life);
    expect(lifeOf(task).match(/Pzrg/g)).toHaveLength(1);
  });

  it('begins before the first round and knows its own order', () => {
    expect(every[0]).toMatchObject({ what: 'ops.init' });
    expect(every[0]!.ns).toBeLessThan(0);
    expect(of(every, 'scx_bpf_create_dsq')).toMatchObject([{ args: [0, -1], result: 0 }]);
    expect(every.at(-1)).toMatchObject({ what: 'ops.exit', args: [64] });
    for (const cpu of [0, 1]) {
      const times = every.filter((call) => call.cpu === cpu).map((call) => call.ns);
      expect(times).toEqual(times.toSorted((a, b) => a - b));
    }
  });

  it('the policy calls what its source says, with the numbers of its source', () => {
    const next = (call: Call): Call | undefined =>
      every
        .slice(every.indexOf(call) + 1)
        .find(({ cpu, what }) => cpu === call.cpu && !/^sched_|runnable|dequeue/.test(what));
    expect(of(every, 'ops.enqueue').length).toBeGreaterThan(10);
    for (const call of of(every, 'ops.enqueue')) {
      const inserted = next(call)!;
      expect(inserted).toMatchObject({
        what: 'scx_bpf_dsq_insert',
        task: call.task,
        args: [0, 3 * ms, call.args[0]],
      });
      expect(next(inserted)).toMatchObject({ what: 'scx_bpf_pick_idle_cpu', args: [0] });
    }
    for (const call of of(every, 'ops.select_cpu')) {
      const chosen = next(call)!;
      expect(chosen).toMatchObject({ what: 'scx_bpf_select_cpu_dfl', task: call.task, result: call.result });
      expect(chosen.args.slice(0, 2)).toEqual(call.args);
      const inserted = next(chosen)!;
      if (chosen.args[2] === 1)
        expect(inserted).toMatchObject({
          what: 'scx_bpf_dsq_insert',
          args: ['9223372036854775810', 3 * ms, 0],
        });
      else expect(inserted.what).not.toBe('scx_bpf_dsq_insert');
    }
    const taken = of(every, 'scx_bpf_dsq_move_to_local').filter(({ result }) => result === 1);
    const inserted = of(every, 'scx_bpf_dsq_insert').filter(({ args }) => args[0] === 0);
    expect(taken).toHaveLength(inserted.length);
  });

  it('what a switch takes off a CPU had been put on it; sleeps, wake-ups and yields are as many as the workload has', () => {
    for (const cpu of [0, 1]) {
      const switches = of(every, 'sched_switch').filter((call) => call.cpu === cpu);
      expect(switches.length).toBeGreaterThan(5);
      expect(switches.slice(1).map(({ task }) => task)).toEqual(
        switches.slice(0, -1).map(({ other }) => other),
      );
    }
    const blocked = (task: number): Call[] =>
      of(every, 'ops.quiescent', task).filter(({ ns, args }) => ns > 0 && Number(args[0]) & 1);
    expect(blocked(taskOf('sleepy-0'))).toHaveLength(sleeps + 1); // and its end
    expect(of(every, 'sched_wakeup', taskOf('sleepy-0')).filter(({ ns }) => ns > 0)).toHaveLength(sleeps + 1); // and its start
    expect(of(every, 'ops.yield', taskOf('yielder-0'))).toHaveLength(3);
    expect(of(every, 'sched_wakeup_new')).toHaveLength(expansion.tasks.length);
  });

  it('a task that becomes SCHED_FIFO has its weight told once more, and leaves', () => {
    const ops = every.filter(({ what, task }) => task === taskOf('rt-0') && /weight|able|_task/.test(what));
    expect(ops.map(({ what }) => what)).toEqual([
      ...['ops.init_task', 'ops.enable', 'ops.set_weight'], // as its parent is
      ...['ops.runnable', 'ops.set_weight', 'ops.disable'],
      'ops.exit_task',
    ]);
  });

  it('under the default scheduler: switches and wake-ups alone', () => {
    const { calls } = recorded(undefined);
    expect([...new Set(calls.map(({ what }) => what))].sort()).toEqual([
      'sched_switch',
      'sched_wakeup',
      'sched_wakeup_new',
    ]);
  });

  it('numbers beyond 2^53 are exact', () => {
    const { calls } = recorded(policyFile('vtime'));
    expect(of(calls, 'scx_bpf_dsq_insert_vtime').length).toBeGreaterThan(5);
    const local = of(calls, 'scx_bpf_dsq_insert').filter(({ args }) => args[0] === '9223372036854775810');
    expect(local.length).toBeGreaterThan(0);
  });

  it('ends where there is no more room', () => {
    const core = { tasks: { capacity: 1 }, now: 0, execCpu: 0 } as unknown as Core;
    const out: Call[] = new Array(mostCalls - 1);
    const log = new CallLog(core, out, undefined);
    for (let i = 0; i < 3; i++) log.woke(0, 0, i, 0);
    expect(out).toHaveLength(mostCalls);
    expect(out.at(-1)).toMatchObject({ what: 'sched_wakeup_new', task: 0 });
  });

  it('changes nothing of what is recorded', () => {
    const object = policyFile('deadline');
    expect(recorded(object).events).toEqual(recorded(object, false).events);
  });
});
