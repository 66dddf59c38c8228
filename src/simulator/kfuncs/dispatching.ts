// kfuncs that put tasks into queues and take them out. Source: kernel/sched/ext.c, v6.18 (scx_bpf_dsq_insert and its relatives, scx_bpf_dsq_move_to_local,
// scx_dsq_move, scx_bpf_create_dsq, scx_bpf_destroy_dsq, scx_bpf_reenqueue_local).

import { taskStruct } from '../kernel/structs.ts';
import { kfMask } from '../model/ext/ops.ts';
import { hex } from '../model/ext/scx.ts';
import { dsqId, scxFlag } from '../model/ext/scx-flags.ts';
import type { Kfuncs, KfuncWorld } from './kfunc.ts';

const at = taskStruct.offsets;
const einval = -22;

export function dispatchingKfuncs(world: KfuncWorld): Kfuncs {
  /** The checks and the slice that every insert begins with. False: it was refused. */
  const begin = (
    p: number,
    sliceLow: number,
    sliceHigh: number,
    flags: number,
    flagsHigh: number,
  ): number => {
    if (!world.allowed(kfMask.enqueue | kfMask.dispatch)) return -1;
    if (p === 0) {
      world.scx.error('called with NULL task');
      return -1;
    }
    const task = world.task(p, 'scx_bpf_dsq_insert');
    if ((flagsHigh & scxFlag.enqHigh.internal) !== 0) {
      world.scx.error(`invalid enq_flags 0x${hex(flags, flagsHigh)}`);
      return -1;
    }
    if (sliceLow !== 0 || sliceHigh !== 0) world.tasks.setHalves(task, at.scxSlice, sliceLow, sliceHigh);
    else if (world.tasks.slice(task) === 0) world.tasks.setSlice(task, 1);
    return task;
  };
  return {
    scx_bpf_dsq_insert: {
      params: ['low', 'wide', 'wide', 'wide'],
      result: 'none',
      run: (p, low, high, sliceLow, sliceHigh, flags, flagsHigh) => {
        const task = begin(p!, sliceLow!, sliceHigh!, flags!, flagsHigh!);
        if (task < 0) return undefined;
        world.dispatch.insert(task, low!, high!, flags!, flagsHigh!, false);
        return undefined;
      },
    },
    scx_bpf_dsq_insert_vtime: {
      params: ['low', 'wide', 'wide', 'wide', 'wide'],
      result: 'none',
      run: (p, low, high, sliceLow, sliceHigh, vtimeLow, vtimeHigh, flags, flagsHigh) => {
        const task = begin(p!, sliceLow!, sliceHigh!, flags!, flagsHigh!);
        if (task < 0) return undefined;
        world.tasks.setHalves(task, at.scxDsqVtime, vtimeLow!, vtimeHigh!);
        world.dispatch.insert(task, low!, high!, flags!, flagsHigh!, true);
        return undefined;
      },
    },
    scx_bpf_dsq_move_to_local: {
      params: ['wide'],
      result: 'unsigned',
      run: (low, high) => {
        if (!world.allowed(kfMask.dispatch)) return 0;
        const { scx, dispatch } = world;
        const cpu = scx.balancing;
        dispatch.flush(cpu);
        const dsq = scx.dsqs.find(low!, high!);
        if (dsq < 0) {
          scx.error(`invalid DSQ ID 0x${hex(low!, high!).padStart(16, '0')}`);
          return 0;
        }
        const moved = dispatch.consume(dsq, cpu);
        if (moved) dispatch.moved(1);
        return moved ? 1 : 0;
      },
    },
    scx_bpf_dsq_nr_queued: {
      params: ['wide'],
      result: 'signed',
      run: (low, high) => {
        const { scx, core } = world;
        scx.ops.kfuncs++;
        if (high === dsqId.builtinHigh && low === dsqId.localLow) return scx.dsqs.nr[core.execCpu];
        if ((high! & dsqId.localOnHigh) === dsqId.localOnHigh)
          return scx.cpuIsValid(low!, '') ? scx.dsqs.nr[low!] : -2;
        const dsq = scx.dsqs.find(low!, high!);
        return dsq < 0 ? -2 : scx.dsqs.nr[dsq];
      },
    },
    scx_bpf_create_dsq: {
      params: ['wide', 'low'],
      result: 'signed',
      run: (low, high, node) => {
        world.scx.ops.kfuncs++;
        if (node! >= world.core.topology.nodes || (node! < 0 && node !== -1)) return einval;
        const result = high! < 0 ? einval : world.scx.dsqs.create(low!, high!);
        return result;
      },
    },
    scx_bpf_destroy_dsq: {
      params: ['wide'],
      result: 'none',
      run: (low, high) => {
        const { scx } = world;
        scx.ops.kfuncs++;
        const dsq = scx.dsqs.find(low!, high!);
        if (dsq < 0) return undefined;
        if (scx.dsqs.isEmpty(dsq)) scx.dsqs.destroy(dsq);
        else
          scx.error(
            `attempting to destroy in-use dsq 0x${hex(low!, high!).padStart(16, '0')} (nr=${scx.dsqs.nr[dsq]})`,
          );
        return undefined;
      },
    },
    scx_bpf_dispatch_nr_slots: {
      params: [],
      result: 'unsigned',
      run: () => (world.allowed(kfMask.dispatch) ? world.dispatch.slots : 0),
    },
    scx_bpf_dispatch_cancel: {
      params: [],
      result: 'none',
      run: () => {
        if (world.allowed(kfMask.dispatch) && !world.dispatch.cancel())
          world.scx.error('dispatch buffer underflow');
        return undefined;
      },
    },
    scx_bpf_reenqueue_local: {
      params: [],
      result: 'unsigned',
      run: () => (world.allowed(kfMask.cpuRelease) ? world.ext.reenqueueLocal(world.core.execCpu) : 0),
    },
  };
}
