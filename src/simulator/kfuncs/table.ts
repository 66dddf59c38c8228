// All kfuncs that the simulator has, and those of 6.18 that known schedulers use and it lacks.

import { cgroupKfuncs } from './cgroups.ts';
import { Cpumasks, cpumaskKfuncs } from './cpumasks.ts';
import { cpuKfuncs } from './cpus.ts';
import { dispatchingKfuncs } from './dispatching.ts';
import { exitKfuncs } from './exits.ts';
import { idleMaskKfuncs } from './idle-masks.ts';
import type { Kfuncs, KfuncWorld } from './kfunc.ts';
import { numberKfuncs } from './numbers.ts';
import { queueWalkKfuncs } from './queue-walks.ts';
import { runQueueKfuncs } from './run-queues.ts';
import { sectionKfuncs } from './sections.ts';
import { releaseTask, taskKfuncs } from './tasks.ts';

export interface KfuncTable {
  readonly kfuncs: Kfuncs;
  /** A map gives back a referenced kernel pointer that a value held (MapWorld). */
  readonly dropKptr: (pointer: number) => void;
}

/** Made once for an engine. */
export function kfuncTable(world: KfuncWorld): KfuncTable {
  const masks = new Cpumasks(world);
  return {
    kfuncs: {
      ...dispatchingKfuncs(world),
      ...queueWalkKfuncs(world),
      ...cpuKfuncs(world),
      ...numberKfuncs(world),
      ...exitKfuncs(world),
      ...taskKfuncs(world),
      ...sectionKfuncs(world),
      ...runQueueKfuncs(world),
      ...cpumaskKfuncs(world, masks),
      ...idleMaskKfuncs(world, masks),
      ...cgroupKfuncs(world),
    },
    dropKptr: (pointer) => {
      if (masks.objects.is(pointer)) masks.objects.release(pointer, 'a map');
      else if (world.cgroups.numberOf(pointer) < 0) releaseTask(world, pointer, 'a map');
    },
  };
}

/** Kfuncs of 6.18 that known schedulers use and the simulator lacks: a program that calls one ends as unsupported. Why: */
export const lackingKfuncs: Readonly<Record<string, string>> = {
  bpf_arena_alloc_pages: 'arenas are not modelled',
  bpf_arena_free_pages: 'arenas are not modelled',
  bpf_obj_drop_impl: 'objects that programs allocate need their types',
  bpf_obj_new_impl: 'objects that programs allocate need their types',
  bpf_rbtree_add_impl: 'trees of objects that programs allocate are not modelled',
  bpf_rbtree_first: 'trees of objects that programs allocate are not modelled',
  bpf_rbtree_remove: 'trees of objects that programs allocate are not modelled',
  bpf_res_spin_lock: 'locks that detect deadlocks are not modelled',
  bpf_res_spin_unlock: 'locks that detect deadlocks are not modelled',
  bpf_stream_vprintk_impl: 'streams of a program have no reader here',
};
