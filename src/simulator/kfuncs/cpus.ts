// kfuncs about CPUs: the choice of an idle one, kicks, who runs where, the clock. Source: kernel/sched/ext_idle.c (scx_bpf_select_cpu_dfl, select_cpu_from_kfunc,
// scx_bpf_pick_idle_cpu, …) and kernel/sched/ext.c (scx_bpf_kick_cpu, scx_bpf_task_cpu, scx_bpf_now, …), v6.18.

import { cpumaskBytes } from '../kernel/structs.ts';
import { busy } from '../model/ext/idle.ts';
import { kfMask } from '../model/ext/ops.ts';
import { wakeFlag } from '../model/flags.ts';
import { words } from '../program/words.ts';
import { isPerNode } from './idle-masks.ts';
import type { Kfuncs, KfuncWorld } from './kfunc.ts';
import { lockedCpu } from './run-queues.ts';

const einval = -22;
const eperm = -1;

export function cpuKfuncs(world: KfuncWorld): Kfuncs {
  const builtinIdle = (): boolean => {
    if (!world.scx.hasBuiltinIdle) world.scx.error('built-in idle tracking is disabled');
    return world.scx.hasBuiltinIdle;
  };
  /** select_cpu_from_kfunc(). */
  const select = (
    p: number,
    prev: number,
    wakeFlags: number,
    mask: Int32Array | undefined,
    flags: number,
  ): number => {
    const { scx, core } = world;
    if (!scx.cpuIsValid(prev, '')) return einval;
    if (!builtinIdle()) return busy;
    if (scx.ops.mask !== kfMask.unlocked && !world.allowed(kfMask.selectCpu | kfMask.enqueue)) return eperm;
    const task = world.task(p, 'scx_bpf_select_cpu_dfl');
    if (core.tasks.allowed[task] === 1 || core.tasks.migrationDisabled[task] === 1) {
      const may =
        mask === undefined ? core.tasks.allows(task, prev) : (mask[prev >> 5]! & (1 << (prev & 31))) !== 0;
      return may && scx.idle.testAndClear(prev) ? prev : busy;
    }
    return scx.idle.selectDefault(task, prev, (wakeFlags & wakeFlag.sync) !== 0, mask, flags);
  };
  return {
    scx_bpf_select_cpu_dfl: {
      params: ['low', 'low', 'wide', 'low'],
      result: 'signed',
      run: (p, prev, wakeFlags, _high, isIdle) => {
        if (!world.memory.writable(isIdle!, 1))
          world.finding('scx_bpf_select_cpu_dfl got a pointer that is no bool');
        const cpu = select(p!, prev!, wakeFlags!, undefined, 0);
        world.memory.u8[isIdle!] = cpu >= 0 ? 1 : 0;
        return cpu >= 0 ? cpu : prev!;
      },
    },
    scx_bpf_select_cpu_and: {
      params: ['low', 'low', 'wide', 'low', 'wide'],
      result: 'signed',
      run: (p, prev, wakeFlags, _high, mask, flags) => {
        const from = world.mask(mask!, 'scx_bpf_select_cpu_and');
        const allowed = world.memory.i32.subarray(from, from + cpumaskBytes / 4);
        return select(p!, prev!, wakeFlags!, allowed, flags!);
      },
    },
    scx_bpf_pick_idle_cpu: {
      params: ['low', 'wide'],
      result: 'signed',
      run: (mask, flags) => {
        world.scx.ops.kfuncs++;
        const words = world.mask(mask!, 'scx_bpf_pick_idle_cpu');
        if (isPerNode(world)) {
          world.scx.error('per-node idle tracking is enabled');
          return busy;
        }
        if (!builtinIdle()) return busy;
        const cpu = world.scx.idle.pick(world.memory.i32, words, flags!);
        return cpu;
      },
    },
    scx_bpf_test_and_clear_cpu_idle: {
      params: ['low'],
      result: 'unsigned',
      run: (cpu) => {
        world.scx.ops.kfuncs++;
        if (!builtinIdle() || !world.scx.cpuIsValid(cpu!, '')) return 0;
        const was = world.scx.idle.testAndClear(cpu!) ? 1 : 0;
        return was;
      },
    },
    scx_bpf_kick_cpu: {
      params: ['low', 'wide'],
      result: 'none',
      run: (cpu, flags) => {
        world.scx.ops.kfuncs++;
        if (world.scx.cpuIsValid(cpu!, '')) world.ext.kicks.kick(cpu!, flags!, lockedCpu(world) === cpu);
        return undefined;
      },
    },
    scx_bpf_task_cpu: {
      params: ['low'],
      result: 'signed',
      run: (p) => {
        world.scx.ops.kfuncs++;
        const idleOf = world.ext.cpuMemory.cpuOfIdleTask(p!);
        return idleOf >= 0 ? idleOf : world.core.tasks.cpu[world.task(p!, 'scx_bpf_task_cpu')]!;
      },
    },
    scx_bpf_task_running: {
      params: ['low'],
      result: 'unsigned',
      run: (p) => {
        world.scx.ops.kfuncs++;
        const idleOf = world.ext.cpuMemory.cpuOfIdleTask(p!);
        if (idleOf >= 0) return world.core.cpus.curr[idleOf]! < 0 ? 1 : 0;
        const task = world.task(p!, 'scx_bpf_task_running');
        return world.core.cpus.curr[world.core.tasks.cpu[task]!] === task ? 1 : 0;
      },
    },
    scx_bpf_cpu_curr: {
      params: ['low'],
      result: 'unsigned',
      run: (cpu) => {
        world.scx.ops.kfuncs++;
        return world.scx.cpuIsValid(cpu!, '') ? world.ext.cpuMemory.currOf(cpu!) : 0;
      },
    },
    scx_bpf_nr_cpu_ids: {
      params: [],
      result: 'unsigned',
      run: () => world.core.topology.cpus,
      inline: world.word('cpus'),
    },
    scx_bpf_nr_node_ids: {
      params: [],
      result: 'unsigned',
      run: () => world.core.topology.nodes,
      inline: world.word('nodes'),
    },
    scx_bpf_cpu_node: {
      params: ['low'],
      result: 'signed',
      run: (cpu) => (world.scx.cpuIsValid(cpu!, '') ? world.core.topology.nodeOf[cpu!]! : -1),
    },
    scx_bpf_now: {
      params: [],
      result: 'wide',
      run: () => world.wide(world.core.now),
      inline: () => ({ kind: 'double', at: world.resultHigh + words.clock }),
    },
  };
}
