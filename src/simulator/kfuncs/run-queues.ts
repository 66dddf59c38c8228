// Run queues and the performance of CPUs. Source: kernel/sched/ext.c, v6.18 (scx_bpf_cpu_rq, scx_bpf_locked_rq, scx_bpf_cpuperf_cap, _cur and _set). The
// current performance is always the highest: as in guests without frequency scaling, a target is kept and changes nothing.

import { cpuperfOne } from '../model/ext/cpu-memory.ts';
import { kfMask } from '../model/ext/ops.ts';
import type { Kfuncs, KfuncWorld } from './kfunc.ts';

export function runQueueKfuncs(world: KfuncWorld): Kfuncs {
  return {
    scx_bpf_cpu_rq: {
      params: ['low'],
      result: 'unsigned',
      run: (cpu) => {
        world.scx.ops.kfuncs++;
        return world.scx.cpuIsValid(cpu!, '') ? world.ext.cpuMemory.rqOf(cpu!) : 0;
      },
    },
    scx_bpf_locked_rq: {
      params: [],
      result: 'unsigned',
      run: () => {
        world.scx.ops.kfuncs++;
        const cpu = lockedCpu(world);
        if (cpu >= 0) return world.ext.cpuMemory.rqOf(cpu);
        world.scx.error('accessing rq without holding rq lock');
        return 0;
      },
    },
    scx_bpf_cpuperf_cap: {
      params: ['low'],
      result: 'unsigned',
      run: (cpu) => {
        world.scx.ops.kfuncs++;
        return world.scx.cpuIsValid(cpu!, '') ? world.core.topology.capacity[cpu!]! : cpuperfOne;
      },
    },
    scx_bpf_cpuperf_cur: {
      params: ['low'],
      result: 'unsigned',
      run: (cpu) => {
        world.scx.ops.kfuncs++;
        world.scx.cpuIsValid(cpu!, '');
        return cpuperfOne;
      },
    },
    scx_bpf_cpuperf_set: {
      params: ['low', 'low'],
      result: 'none',
      run: (cpu, perf) => {
        const { scx } = world;
        scx.ops.kfuncs++;
        if (perf! >>> 0 > cpuperfOne) scx.error(`Invalid cpuperf target ${perf! >>> 0} for CPU ${cpu}`);
        else if (scx.cpuIsValid(cpu!, '')) {
          const locked = lockedCpu(world);
          if (locked >= 0 && locked !== cpu) scx.error(`Invalid target CPU ${cpu}`);
          else world.ext.cpuMemory.setCpuperfTarget(cpu!, perf!);
        }
        return undefined;
      },
    },
  };
}

/** scx_locked_rq(): the CPU whose run queue the kernel holds for the callback, −1 for none. Its first argument says which: a task, or a CPU. */
export function lockedCpu(world: KfuncWorld): number {
  const { ops } = world.scx;
  if (ops.depth === 0 || ops.mask === kfMask.unlocked || (ops.mask & kfMask.selectCpu) !== 0) return -1;
  if (ops.isTellingMask) return -1;
  const { argument } = ops;
  return argument < world.core.topology.cpus
    ? argument
    : world.core.tasks.cpu[world.task(argument, 'scx_locked_rq')]!;
}
