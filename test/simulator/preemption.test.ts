// Where a task may be preempted under the default scheduler: on its way out of a system call and when it reads its clock, by hand calculation where
// nothing costs anything. Source: kernel/entry/common.c (exit_to_user_mode_loop), kernel/sched/core.c (task_sched_runtime), v6.18.

import { describe, expect, it } from 'vitest';
import { type Expansion, type ExpansionTask, opCodes } from '../../src/core/workload.ts';
import { free } from '../../src/simulator/model/costs.ts';
import { Simulator } from '../../src/simulator/simulate.ts';

const ms = 1_000_000;
const simulator = new Simulator();
type Operation = readonly [code: keyof typeof opCodes, a: number, b: number];

function task(schedClass: ExpansionTask['schedClass'], ops: readonly Operation[]): ExpansionTask {
  const own = ops.map(([code, a, b]) => ({ code: opCodes[code], a, b: BigInt(b) }));
  const usual = { round: 0, background: false, forked: false, startNs: 0, nice: 0, cgroup: -1, group: 0 };
  return { ...usual, schedClass, cpus: 0n, comm: 'x', ops: own };
}

/** ms at which each task ended. */
function ends(tasks: readonly ExpansionTask[], baseSliceNs = 3 * ms): number[] {
  const nothing = { semaphores: 1, locks: 1, pipes: 1, rounds: 1, warmupRounds: 0, series: [], cgroups: [] };
  const expansion: Expansion = { ...nothing, tasks };
  const { events } = simulator.run({
    ...{ expansion, shape: { cpus: 1 }, costs: free, settings: { baseSliceNs }, mode: 'checked' },
    ...{ startOffsetNs: 0, pidOffset: 0, seed: 1, limitNs: 1e9, timeoutMs: 5000 },
  });
  return events
    .filter(({ event }) => event === 'task')
    .map((event) => (event as unknown as { endNs: number }).endNs / ms);
}

const waiter = (schedClass: ExpansionTask['schedClass']): ExpansionTask =>
  task(schedClass, [
    ['WAIT', 0, 0],
    ['RUN', 0, ms],
  ]);
const signaller = (schedClass: ExpansionTask['schedClass']): ExpansionTask =>
  task(schedClass, [
    ['RUN', 0, ms],
    ['SIGNAL', 0, 1],
  ]);

describe('who signals', () => {
  it('is preempted before its next operation by who must go first', () => {
    expect(ends([waiter('other'), signaller('idle')])).toEqual([2, 2]);
  });

  it('goes on when who wakes does not preempt', () => {
    expect(ends([waiter('batch'), signaller('other')])).toEqual([2, 1]);
  });
});

describe('a RUN', () => {
  it('ends its turn when it is served, at a reading of its clock', () => {
    const hog = task('other', [['RUN', 0, 4 * ms]]);
    // they have slept at their start line: a whole request of 3 ms each, then 1 ms each; at ticks of 4 ms it would be 4 and 8
    expect(ends([hog, hog])).toEqual([7, 8]);
  });
});
