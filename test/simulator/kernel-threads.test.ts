// The kernel's threads in a run with the micro-VM's costs. What must come out was seen on kernel 6.18.15: they run after forks and exits, at ticks, for some
// tens of milliseconds, and then not at all.

import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { Call } from '../../src/core/calls.ts';
import { type CostProfile, costProfiles, Simulator } from '../../src/simulator/simulate.ts';
import { expand } from '../../src/workload/expand.ts';
import { parseWorkload } from '../../src/workload/read.ts';
import { root } from '../support/paths.ts';

const ms = 1_000_000;
const threads = ['rcu_preempt', 'ksoftirqd/0', 'ksoftirqd/1', 'kworker/0:1', 'kworker/1:1'];

/** Two hogs of 300 ms on two CPUs and, `shortMs` after them, a task that ends at once; 0: none. */
function recorded(costs: CostProfile, shortMs: number, policy?: string): Call[] {
  const groups = [{ name: 'hog', count: 2, phases: [{ run: '300ms' }] }];
  const short = { name: 'short', count: 1, start: `${shortMs}ms`, phases: [{ run: '1ms' }] };
  const text = JSON.stringify({
    kind: 'declared',
    name: 'threads',
    description: 'Two hogs, and perhaps a task that ends long before them.',
    goal: { metric: 'makespanNs', direction: 'lower' },
    jitter: { work: 0 },
    groups: shortMs === 0 ? groups : [...groups, short],
  });
  const calls: Call[] = [];
  const object = policy === undefined ? undefined : readFileSync(`${root}/${policy}`);
  const { finding } = new Simulator().run({
    expansion: expand(parseWorkload(text, 'threads'), { seed: 1, cpus: 2 }),
    shape: { cpus: 2 },
    costs: costProfiles[costs],
    mode: 'checked',
    startOffsetNs: 0,
    pidOffset: 0,
    seed: 1,
    limitNs: 20e9,
    timeoutMs: 5000,
    calls,
    ...(object === undefined ? {} : { policy: { object, maps: [] } }),
  });
  expect(finding).toBeUndefined();
  return calls;
}

/** When a thread comes to run. */
const runs = (calls: readonly Call[], comm: string): number[] =>
  calls.filter(({ what, other }) => what === 'sched_switch' && other === comm).map(({ ns }) => ns / ms);

describe('kernel threads', () => {
  it('run some tens of milliseconds after forks, then not until a task ends', () => {
    const at = runs(recorded('tcg', 0), 'rcu_preempt').filter((time) => time < 299);
    expect(at.length).toBeGreaterThan(1); // it begins a grace period, and ends it
    expect(Math.max(...at)).toBeLessThan(60);
  });

  it('run again after an exit: the first callbacks are called two grace periods later at most, and a kworker frees the stack', () => {
    const calls = recorded('tcg', 150);
    const later = (comm: string): number[] => runs(calls, comm).filter((time) => time > 150 && time < 299);
    expect(later('rcu_preempt').length).toBeGreaterThan(0);
    expect(Math.max(...later('rcu_preempt'))).toBeLessThan(150 + 60);
    expect(later('kworker/0:1').length + later('kworker/1:1').length).toBe(1);
  });

  it('are a policy’s tasks: there before it, without a fork, each told once when it leaves', () => {
    const calls = recorded('tcg', 150, 'test/kernels/objects/every-op.bpf.o');
    const of = (what: string): unknown[] =>
      calls
        .filter((call) => call.what === what && threads.includes(call.task as string))
        .map(({ task }) => task);
    expect(of('ops.init_task')).toEqual(threads);
    expect(
      calls.filter(({ what, task }) => what === 'ops.init_task' && threads.includes(task as string)),
    ).toEqual(threads.map(() => expect.objectContaining({ args: [0] })));
    expect(of('ops.enable')).toEqual(threads);
    expect(of('ops.exit_task')).toEqual(threads);
    expect(of('ops.enqueue').length).toBeGreaterThan(2);
  });

  it('are seen as what they are: a policy lets those of one CPU preempt', () => {
    const calls = recorded('tcg', 150, 'policies/vtime/vtime.bpf.o');
    const flags = calls
      .filter(({ what, task }) => what === 'scx_bpf_dsq_insert' && String(task).startsWith('kworker'))
      .map(({ args }) => BigInt(args[2]!) >> 32n);
    expect(flags).toContain(1n); // SCX_ENQ_PREEMPT
  });

  it('are not there with costs of hardware', () => {
    const calls = recorded('hardware', 150, 'test/kernels/objects/every-op.bpf.o');
    expect(calls.filter(({ task }) => threads.includes(task as string))).toEqual([]);
  });
});
