// Walks over dispatch queues, and moving the task at hand. Source: bpf_iter_scx_dsq_new() and its relatives, scx_dsq_move(), move_task_between_dsqs(),
// kernel/sched/ext.c, v6.18. A walk's state is kept here; the program's own bytes hold only its number.

import { taskStruct } from '../kernel/structs.ts';
import type { Cursor } from '../model/ext/dsqs.ts';
import { kfMask } from '../model/ext/ops.ts';
import type { Kfuncs, KfuncWorld } from './kfunc.ts';

const at = taskStruct.offsets;
/** SCX_DSQ_ITER_REV. */
const reverse = 1 << 16;
const enoent = -2;
const einval = -22;
const walkBytes = 48;
const mostWalks = 64;

interface Walk extends Cursor {
  /** What scx_bpf_dsq_move_set_slice and _set_vtime asked for the next move. */
  slice: readonly [number, number] | undefined;
  vtime: readonly [number, number] | undefined;
}

export function queueWalkKfuncs(world: KfuncWorld): Kfuncs {
  const free: Walk[] = [];
  /** The walk whose number stands at this address; undefined when bpf_iter_scx_dsq_new found no queue. */
  const walkAt = (it: number, kfunc: string): Walk | undefined => {
    if (!world.memory.readable(it, walkBytes) || (it & 7) !== 0)
      world.finding(`${kfunc} got a pointer that is no iterator`);
    const number = world.memory.i32[it >>> 2]!;
    return world.scx.dsqs.cursors[number - 1] as Walk | undefined;
  };
  const begin = (it: number, low: number, high: number, flags: number, flagsHigh: number): number => {
    const { dsqs } = world.scx;
    world.scx.ops.kfuncs++;
    if (!world.memory.writable(it, walkBytes) || (it & 7) !== 0)
      world.finding('bpf_iter_scx_dsq_new got a pointer that is no iterator');
    world.memory.i32[it >>> 2] = 0;
    if ((flags & ~reverse) !== 0 || flagsHigh !== 0) return einval;
    const dsq = dsqs.find(low, high);
    if (dsq < 0) return enoent;
    if (dsqs.cursors.length >= mostWalks) world.finding('more than 64 walks over queues are open at once');
    const walk = free.pop() ?? {
      dsq: 0,
      reverse: false,
      at: -1,
      untilSeq: 0,
      isOpen: true,
      slice: undefined,
      vtime: undefined,
    };
    walk.dsq = dsq;
    walk.reverse = (flags & reverse) !== 0;
    walk.at = -1;
    walk.untilSeq = dsqs.seqOf(dsq);
    walk.slice = undefined;
    walk.vtime = undefined;
    dsqs.cursors.push(walk);
    world.memory.i32[it >>> 2] = dsqs.cursors.length;
    return 0;
  };
  const move = (
    it: number,
    p: number,
    low: number,
    high: number,
    flags: number,
    flagsHigh: number,
    byVtime: boolean,
  ): number => {
    const walk = walkAt(it, 'scx_bpf_dsq_move');
    const { mask } = world.scx.ops;
    if (mask !== kfMask.unlocked && !world.allowed(kfMask.dispatch)) return 0;
    const task = world.task(p, 'scx_bpf_dsq_move');
    if (walk === undefined) return 0;
    const { slice, vtime } = walk;
    walk.slice = undefined;
    walk.vtime = undefined;
    const { dsqs } = world.scx;
    if (dsqs.of[task] !== walk.dsq || dsqs.seq[task]! > walk.untilSeq) return 0;
    const to = world.scx.findForDispatch(world.core.execCpu, low, high, task);
    if (vtime !== undefined) world.tasks.setHalves(task, at.scxDsqVtime, vtime[0], vtime[1]);
    if (slice !== undefined) world.tasks.setHalves(task, at.scxSlice, slice[0], slice[1]);
    world.dispatch.moveBetween(task, to, flags, flagsHigh, byVtime);
    return 1;
  };
  return {
    bpf_iter_scx_dsq_new: {
      params: ['low', 'wide', 'wide'],
      result: 'signed',
      run: (it, low, high, flags, flagsHigh) => begin(it!, low!, high!, flags!, flagsHigh!),
    },
    bpf_iter_scx_dsq_next: {
      params: ['low'],
      result: 'unsigned',
      run: (it) => {
        world.scx.ops.kfuncs++;
        const walk = walkAt(it!, 'bpf_iter_scx_dsq_next');
        const task = walk === undefined ? -1 : world.scx.dsqs.advance(walk);
        return task < 0 ? 0 : world.tasks.addressOf(task);
      },
    },
    bpf_iter_scx_dsq_destroy: {
      params: ['low'],
      result: 'none',
      run: (it) => {
        world.scx.ops.kfuncs++;
        const { cursors } = world.scx.dsqs;
        const walk = walkAt(it!, 'bpf_iter_scx_dsq_destroy');
        if (walk === undefined) return undefined;
        if (cursors.at(-1) !== walk)
          world.finding('walks over queues must end in the reverse order of their beginning');
        cursors.pop();
        free.push(walk);
        world.memory.i32[it! >>> 2] = 0;
        return undefined;
      },
    },
    scx_bpf_dsq_move_set_slice: {
      params: ['low', 'wide'],
      result: 'none',
      run: (it, low, high) => {
        const walk = walkAt(it!, 'scx_bpf_dsq_move_set_slice');
        if (walk !== undefined) walk.slice = [low!, high!];
        return undefined;
      },
    },
    scx_bpf_dsq_move_set_vtime: {
      params: ['low', 'wide'],
      result: 'none',
      run: (it, low, high) => {
        const walk = walkAt(it!, 'scx_bpf_dsq_move_set_vtime');
        if (walk !== undefined) walk.vtime = [low!, high!];
        return undefined;
      },
    },
    scx_bpf_dsq_move: {
      params: ['low', 'low', 'wide', 'wide'],
      result: 'unsigned',
      run: (it, p, low, high, flags, flagsHigh) => move(it!, p!, low!, high!, flags!, flagsHigh!, false),
    },
    scx_bpf_dsq_move_vtime: {
      params: ['low', 'low', 'wide', 'wide'],
      result: 'unsigned',
      run: (it, p, low, high, flags, flagsHigh) => move(it!, p!, low!, high!, flags!, flagsHigh!, true),
    },
  };
}
