// CPUs: masks of idle ones, choices from them, run queues, counters. Truth: kernel/sched/ext_idle.c and ext.c, v6.18.

import { describe, expect, test } from 'vitest';
import { type KfuncWorldOptions, kfuncTest, type TestKfuncs } from '../../../test/simulator/kfunc-world.ts';
import { eventStats, rq } from '../kernel/structs.ts';
import { kfMask } from '../model/ext/ops.ts';
import { scxFlag } from '../model/ext/scx-flags.ts';

const ebusy = -16;
const perNode: KfuncWorldOptions = { shape: { cpus: 4, nodes: 2 }, flags: scxFlag.ops.builtinIdlePerNode };

/** These CPUs are idle. */
function idle(k: TestKfuncs, ...cpus: readonly number[]): TestKfuncs {
  for (let cpu = 0; cpu < k.core.topology.cpus; cpu++) k.world.scx.idle.update(cpu, cpus.includes(cpu));
  return k;
}

/** A mask of these CPUs in memory. */
function mask(k: TestKfuncs, ...cpus: readonly number[]): number {
  const at = k.bytes(32);
  for (const cpu of cpus) k.memory.i32[at >>> 2]! |= 1 << cpu;
  return at;
}
const word = (k: TestKfuncs, address: number): number => k.memory.i32[address >>> 2]!;

describe('masks', () => {
  test('of idle CPUs and of idle cores', () => {
    const k = idle(kfuncTest({ shape: { cpus: 4, threads: 2 } }), 0, 1, 3);
    expect(word(k, k.call('scx_bpf_get_idle_cpumask'))).toBe(0b1011);
    expect(word(k, k.call('scx_bpf_get_idle_smtmask'))).toBe(0b1010); // threads c and c + 2
    for (const name of ['scx_bpf_put_idle_cpumask', 'scx_bpf_put_cpumask'])
      k.call(name, k.call('scx_bpf_get_idle_cpumask'));
  });
  test('without SMT every idle CPU is an idle core', () => {
    const k = idle(kfuncTest(), 2);
    expect(k.call('scx_bpf_get_idle_smtmask')).toBe(k.call('scx_bpf_get_idle_cpumask'));
  });
  test('of a node', () => {
    const k = idle(kfuncTest(perNode), 0, 2, 3);
    expect([0, 1].map((node) => word(k, k.call('scx_bpf_get_idle_cpumask_node', node)))).toEqual([
      0b01, 0b1100,
    ]);
    expect(word(k, k.call('scx_bpf_get_idle_smtmask_node', 1))).toBe(0b1100);
  });
  test('of those that are online, and that there may be', () => {
    const k = kfuncTest();
    k.core.cpus.online[1] = 0;
    expect(word(k, k.call('scx_bpf_get_online_cpumask'))).toBe(0b1101);
    expect(word(k, k.call('scx_bpf_get_possible_cpumask'))).toBe(0b1111);
  });
});

describe('choices', () => {
  test('an idle one is claimed', () => {
    const k = idle(kfuncTest(), 1, 3);
    const all = mask(k, 0, 1, 2, 3);
    const pick = (): number => k.call('scx_bpf_pick_idle_cpu', all, 0, 0);
    expect([pick(), pick(), pick()]).toEqual([1, 3, ebusy]);
    idle(k, 2);
    expect([0, 1].map(() => k.call('scx_bpf_test_and_clear_cpu_idle', 2))).toEqual([1, 0]);
  });
  test('any: an idle one, or one in turn', () => {
    const k = idle(kfuncTest(), 3);
    const some = mask(k, 0, 2, 3);
    const pick = (): number => k.call('scx_bpf_pick_any_cpu', some, 0, 0);
    expect([pick(), pick(), pick(), pick()]).toEqual([3, 0, 2, 3]);
    expect(k.call('scx_bpf_pick_any_cpu', mask(k), 0, 0)).toBe(ebusy);
  });
  test('in a node, or anywhere unless it must be there', () => {
    const k = idle(kfuncTest(perNode), 2);
    const all = mask(k, 0, 1, 2, 3);
    expect(k.call('scx_bpf_pick_idle_cpu_node', all, 0, 2, 0)).toBe(ebusy); // SCX_PICK_IDLE_IN_NODE
    expect(k.call('scx_bpf_pick_idle_cpu_node', all, 0, 0, 0)).toBe(2);
    expect(k.call('scx_bpf_pick_any_cpu_node', all, 1, 2, 0)).toBeGreaterThanOrEqual(2);
    expect(k.call('scx_bpf_pick_any_cpu_node', mask(k, 0), 1, 2, 0)).toBe(ebusy);
  });
  test('by default, within a mask', () => {
    const k = idle(kfuncTest(), 1, 2);
    const choose = (prev: number, ...cpus: readonly number[]): number => {
      let cpu = 0;
      k.within(kfMask.enqueue, () => {
        cpu = k.call('scx_bpf_select_cpu_and', k.task(0), prev, 0, 0, mask(k, ...cpus), 0, 0);
      });
      return cpu;
    };
    expect(choose(1, 0, 2, 3)).toBe(2);
    expect(choose(1, 0, 3)).toBe(ebusy);
    expect(choose(1, 0, 1)).toBe(1);
    expect(choose(0)).toBe(ebusy);
  });
  test('by default for a task of one CPU: that one, if it is idle', () => {
    const k = idle(kfuncTest(), 1, 2);
    k.core.tasks.migrationDisabled[0] = 1;
    const isIdle = k.bytes(1);
    const choose = (prev: number): number[] => {
      let cpu = 0;
      k.within(kfMask.enqueue, () => {
        cpu = k.call('scx_bpf_select_cpu_dfl', k.task(0), prev, 0, 0, isIdle);
      });
      return [cpu, k.memory.u8[isIdle]!];
    };
    expect(choose(2)).toEqual([2, 1]);
    expect(choose(2)).toEqual([2, 0]);
    expect(choose(3)).toEqual([3, 0]);
  });
});

test('numbers of the machine', () => {
  const k = kfuncTest({ shape: { cpus: 4, nodes: 2, capacities: [1024, 512, 1024, 512] } });
  expect([k.call('scx_bpf_nr_cpu_ids'), k.call('scx_bpf_nr_node_ids')]).toEqual([4, 2]);
  expect([0, 1, 2, 3].map((cpu) => k.call('scx_bpf_cpu_node', cpu))).toEqual([0, 0, 1, 1]);
  expect([0, 1].map((cpu) => k.call('scx_bpf_cpuperf_cap', cpu))).toEqual([1024, 512]);
  expect(k.call('scx_bpf_cpuperf_cur', 1)).toBe(1024);
});

test('run queues', () => {
  const k = kfuncTest();
  const { cpu, curr, scxCpuperfTarget, nrRunning } = rq.offsets;
  const address = k.call('scx_bpf_cpu_rq', 2);
  expect([word(k, address + cpu), word(k, address + scxCpuperfTarget)]).toEqual([2, 1024]);
  k.within(kfMask.rest, () => k.call('scx_bpf_cpuperf_set', 2, 300), 2);
  k.core.cpus.curr[2] = 1;
  k.core.cpus.nrRunning[2] = 1;
  k.call('scx_bpf_cpu_rq', 2);
  expect([scxCpuperfTarget, curr, nrRunning].map((at) => word(k, address + at))).toEqual([300, k.task(1), 1]);
  let locked = 0;
  k.within(kfMask.dispatch, () => (locked = k.call('scx_bpf_locked_rq')), 2);
  expect(locked).toBe(address);
});

test('counters, as many bytes as were asked for', () => {
  const k = kfuncTest();
  k.world.scx.events.selectCpuFallback = 3;
  k.world.scx.events.bypassActivate = 5;
  const all = k.bytes(eventStats.size + 8);
  k.memory.u8.fill(0xee, all, all + eventStats.size + 8);
  k.call('scx_bpf_events', all, eventStats.size + 8, 0);
  expect([word(k, all), word(k, all + 4), word(k, all + 64), word(k, all + 72)]).toEqual([
    3,
    0,
    5,
    0xeeeeeeee | 0,
  ]);
  const some = k.bytes(8);
  k.memory.u8.fill(0xee, some, some + 8);
  k.call('scx_bpf_events', some, 4, 0);
  expect([word(k, some), word(k, some + 4)]).toEqual([3, 0xeeeeeeee | 0]);
});
