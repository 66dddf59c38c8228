// Which CPU the default choice takes, and what the masks of idle CPUs say. Truth: scx_select_cpu_dfl(), pick_idle_cpu_in_node(),
// scx_idle_test_and_clear_cpu(), update_builtin_idle(), reset_idle_masks() in kernel/sched/ext_idle.c, v6.18.15; cpumask_any_and_distribute() in
// lib/cpumask.c.

import { describe, expect, test } from 'vitest';
import {
  type ExtOptions,
  type ExtWorld,
  extWorld,
  maskOf,
  ms,
} from '../../../../test/simulator/ext-world.ts';
import type { Shape } from '../topology.ts';
import { scxFlag } from './scx-flags.ts';

const ebusy = -16;
const none = '';

/** "0 2 3" → these CPUs are idle. */
function withIdle(w: ExtWorld, idle: string): ExtWorld {
  const { idle: masks } = w.scx;
  const cpus = new Set(idle.split(' ').filter(Boolean).map(Number));
  for (let cpu = 0; cpu < w.core.topology.cpus; cpu++) masks.update(cpu, false);
  for (const cpu of cpus) masks.update(cpu, true);
  return w;
}

interface Choice {
  readonly shape: Shape;
  readonly idle: string;
  readonly prev: number;
  readonly affinity?: readonly number[];
  readonly sync?: boolean;
  /** CPU of the waker. */
  readonly here?: number;
  readonly flags?: number;
  readonly gives: number;
  /** Idle CPUs afterwards. */
  readonly leaves?: string;
}

// CPUs c and c + 4 are the threads of core c
const smt: Shape = { cpus: 8, threads: 2 };
const llcs: Shape = { cpus: 8, llcs: 2 };
const smtLlcs: Shape = { cpus: 8, threads: 2, llcs: 2 };
const nodes: Shape = { cpus: 8, llcs: 4, nodes: 2 };

const choices: Readonly<Record<string, Choice>> = {
  'prev, when it is idle': { shape: { cpus: 4 }, idle: '0 2', prev: 2, gives: 2, leaves: '0' },
  'else any idle one': { shape: { cpus: 4 }, idle: '0 3', prev: 2, gives: 3, leaves: '0' },
  'none is idle': { shape: { cpus: 4 }, idle: none, prev: 2, gives: ebusy },
  'none that the task may use': { shape: { cpus: 4 }, idle: '0 3', prev: 2, affinity: [1, 2], gives: ebusy },
  'SMT: prev on a core of which both threads are idle': {
    shape: smt,
    idle: '0 4 1 5',
    prev: 5,
    gives: 5,
    leaves: '0 1 4',
  },
  'SMT: another whole core before an idle prev': {
    shape: smt,
    idle: '0 1 5',
    prev: 0,
    gives: 1,
    leaves: '0 5',
  },
  'SMT: no whole core, so prev': { shape: smt, idle: '0 5', prev: 0, gives: 0, leaves: '5' },
  'SMT: no whole core and prev busy, so any thread': {
    shape: smt,
    idle: '5',
    prev: 0,
    gives: 5,
    leaves: none,
  },
  'SMT: only a whole core will do': {
    shape: smt,
    idle: '0 5',
    prev: 0,
    flags: 1,
    gives: ebusy,
    leaves: '0 5',
  },
  'LLC: one that shares the cache with prev before others': {
    shape: llcs,
    idle: '1 6',
    prev: 5,
    gives: 6,
    leaves: '1',
  },
  'LLC: elsewhere when there is none': { shape: llcs, idle: '1', prev: 5, gives: 1, leaves: none },
  'LLC and SMT: a whole core elsewhere before a half one near': {
    shape: smtLlcs,
    idle: '0 2 6',
    prev: 4,
    gives: 2,
    leaves: '0 6',
  },
  'nodes: the same cache, the same node, anywhere': {
    shape: nodes,
    idle: '3 7',
    prev: 0,
    gives: 3,
    leaves: '7',
  },
  'nodes: another node': { shape: nodes, idle: '7', prev: 0, gives: 7, leaves: none },
  'sync: an idle prev that shares the waker’s cache': {
    shape: llcs,
    idle: '1 2',
    prev: 2,
    sync: true,
    here: 0,
    gives: 2,
    leaves: '1',
  },
  'sync: not to the waker’s CPU, in 6.18.15': {
    shape: llcs,
    idle: '6',
    prev: 2,
    sync: true,
    here: 0,
    gives: 6,
    leaves: none,
  },
};

describe('scx_select_cpu_dfl()', () => {
  for (const [name, choice] of Object.entries(choices))
    test(name, () => {
      const {
        shape,
        idle,
        prev,
        affinity,
        sync = false,
        here = prev,
        flags = 0,
        gives,
        leaves = idle,
      } = choice;
      const w = extWorld({ shape });
      const task = w.add({ runNs: ms, ...(affinity === undefined ? {} : { affinity }) });
      withIdle(w, idle);
      w.core.execCpu = here;
      expect(w.scx.idle.selectDefault(task, prev, sync, undefined, flags)).toBe(gives);
      const left = Array.from({ length: shape.cpus }, (_, cpu) => cpu).filter((cpu) =>
        w.scx.idle.isIdle(cpu),
      );
      expect(left.join(' ')).toBe(leaves);
    });

  test('with masks of nodes a synchronous wakeup goes to the waker’s CPU when its node has an idle one', () => {
    const w = extWorld({ shape: { cpus: 4, nodes: 2 }, flags: scxFlag.ops.builtinIdlePerNode });
    const task = w.add({ runNs: ms });
    const choose = (idle: string): number => {
      withIdle(w, idle);
      w.core.execCpu = 0;
      return w.scx.idle.selectDefault(task, 2, true, undefined, 0);
    };
    expect(choose('1 3')).toBe(0);
    expect(choose('3')).toBe(3);
  });

  test('with masks of nodes prev’s node comes first, and alone when asked for', () => {
    const w = extWorld({ shape: { cpus: 6, nodes: 3, llcs: 3 }, flags: scxFlag.ops.builtinIdlePerNode });
    const task = w.add({ runNs: ms });
    const choose = (idle: string, flags = 0): number =>
      withIdle(w, idle).scx.idle.selectDefault(task, 4, false, undefined, flags);
    expect(choose('0 5')).toBe(5);
    expect(choose('1 2')).toBe(1);
    expect(choose('1 2', 2)).toBe(ebusy);
  });

  test('a mask of the policy’s: prev is judged by it alone, others by the task’s too', () => {
    const w = extWorld({ shape: { cpus: 4 } });
    const task = w.add({ runNs: ms, affinity: [0, 1] });
    const choose = (idle: string, mask: Int32Array): number =>
      withIdle(w, idle).scx.idle.selectDefault(task, 2, false, mask, 0);
    expect(choose('2', maskOf(1, 2))).toBe(2);
    expect(choose('0 3', maskOf(0, 3))).toBe(0);
    expect(choose('3', maskOf(2, 3))).toBe(ebusy);
  });

  test('picks go round', () => {
    const w = extWorld({ shape: { cpus: 4 } });
    const picks = Array.from({ length: 5 }, () => {
      withIdle(w, '0 1 3');
      return w.scx.idle.pick(w.core.topology.allMask, 0, 0);
    });
    // the mask's first bit after the last pick; the first search begins at 1
    expect(picks).toEqual([1, 3, 0, 1, 3]);
  });
});

describe('the masks', () => {
  test('all CPUs count as idle at first', () => {
    const w = extWorld({ shape: { cpus: 3 } });
    expect([0, 1, 2].map((cpu) => w.scx.idle.isIdle(cpu))).toEqual([true, true, true]);
  });

  test('follow the CPUs', () => {
    const w = extWorld({ shape: { cpus: 2 } });
    w.add({ runNs: 2 * ms, rounds: 1 });
    w.run(ms);
    expect([0, 1].map((cpu) => w.scx.idle.isIdle(cpu))).toEqual([false, true]);
    w.run(3 * ms);
    expect(w.scx.idle.isIdle(0)).toBe(true);
  });

  const told: ExtOptions = { shape: { cpus: 2 }, hears: ['update_idle'] };
  test('ops.update_idle takes their place: told of changes only, and the masks stand still', () => {
    const w = extWorld(told);
    w.add({ runNs: 2 * ms, rounds: 1, affinity: [0] });
    w.add({ runNs: 2 * ms, rounds: 1, affinity: [0] });
    w.run(10 * ms);
    w.kick(0);
    w.core.afterwards!.flush();
    w.run(11 * ms);
    expect(w.log).toEqual(['0 update_idle 0 0', '0 update_idle 0 1']);
    expect(w.scx.idle.isIdle(0)).toBe(true);
  });

  test('with SCX_OPS_KEEP_BUILTIN_IDLE there are both', () => {
    const w = extWorld({ ...told, flags: scxFlag.ops.keepBuiltinIdle });
    w.add({ runNs: 2 * ms, rounds: 1, affinity: [0] });
    w.run(ms);
    expect(w.log).toEqual(['0 update_idle 0 0']);
    expect(w.scx.idle.isIdle(0)).toBe(false);
  });

  test('a claimed CPU counts as idle again when it has looked in vain, and ops.update_idle is not told', () => {
    const w = extWorld({ ...told, flags: scxFlag.ops.keepBuiltinIdle });
    expect(w.scx.idle.testAndClear(1)).toBe(true);
    w.kick(1);
    w.core.afterwards!.flush();
    w.run(1);
    expect(w.scx.idle.isIdle(1)).toBe(true);
    expect(w.log).toEqual([]);
  });
});
