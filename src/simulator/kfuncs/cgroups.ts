// Cgroups and walks over their tree. Source: bpf_cgroup_from_id() and its relatives, kernel/bpf/helpers.c; bpf_iter_css_new() and its relatives,
// kernel/bpf/cgroup_iter.c; scx_bpf_task_cgroup(), kernel/sched/ext.c; v6.18. Cgroups never go, so references are not counted.

import { kfMask } from '../model/ext/ops.ts';
import { hex } from '../model/ext/scx.ts';
import type { Kfunc, Kfuncs, KfuncWorld } from './kfunc.ts';

const einval = -22;
const walkBytes = 24;
/** enum bpf_cgroup_iter_order. */
const order = { pre: 2, post: 3, up: 4 } as const;

export function cgroupKfuncs(world: KfuncWorld): Kfuncs {
  return { ...referenceKfuncs(world), ...walkKfuncs(world) };
}

function cgroupAt(world: KfuncWorld, address: number, kfunc: string): number {
  const number = world.cgroups.numberOf(address);
  return number >= 0 ? number : world.finding(`${kfunc} got 0x${hex(address, 0)}, which is no cgroup`);
}

function referenceKfuncs(world: KfuncWorld): Kfuncs {
  const reference = (name: string, result: 'none' | 'unsigned'): Kfunc => ({
    params: ['low'],
    result,
    run: (cgroup) => {
      world.scx.ops.kfuncs++;
      cgroupAt(world, cgroup!, name);
      return cgroup;
    },
  });
  return {
    bpf_cgroup_acquire: reference('bpf_cgroup_acquire', 'unsigned'),
    bpf_cgroup_release: reference('bpf_cgroup_release', 'none'),
    bpf_cgroup_from_id: {
      params: ['wide'],
      result: 'unsigned',
      run: (low, high) => {
        world.scx.ops.kfuncs++;
        const number = world.cgroups.withId(low!, high!);
        return number < 0 ? 0 : world.cgroups.addressOf(number);
      },
    },
    bpf_cgroup_ancestor: {
      params: ['low', 'low'],
      result: 'unsigned',
      run: (cgroup, level) => {
        world.scx.ops.kfuncs++;
        let number = cgroupAt(world, cgroup!, 'bpf_cgroup_ancestor');
        let up = world.cgroups.levelOf(number) - level!;
        if (level! < 0 || up < 0) return 0;
        for (; up > 0; up--) number = world.cgroups.parentOf(number);
        return world.cgroups.addressOf(number);
      },
    },
    bpf_task_under_cgroup: {
      params: ['low', 'low'],
      result: 'signed',
      run: (p, ancestor) => {
        world.scx.ops.kfuncs++;
        const above = cgroupAt(world, ancestor!, 'bpf_task_under_cgroup');
        let number = world.cgroups.numberOf(cgroupOf(world, p!, 'bpf_task_under_cgroup'));
        while (number >= 0 && number !== above) number = world.cgroups.parentOf(number);
        return number === above ? 1 : 0;
      },
    },
    scx_bpf_task_cgroup: {
      params: ['low'],
      result: 'unsigned',
      run: (p) => {
        const cgroup = cgroupOf(world, p!, 'scx_bpf_task_cgroup');
        return world.allowedOnArgument(kfMask.rqLocked, p!) ? cgroup : world.cgroups.root;
      },
    },
  };
}

/** Address of a task's cgroup. */
function cgroupOf(world: KfuncWorld, p: number, kfunc: string): number {
  if (world.ext.cpuMemory.cpuOfIdleTask(p) >= 0) return world.cgroups.root;
  return world.tasks.cgroupOf(world.task(p, kfunc)) || world.cgroups.root;
}

/** A walk lies in the program's own bytes: start, position, order. A css is the first member of its cgroup. */
function walkKfuncs(world: KfuncWorld): Kfuncs {
  const { memory } = world;
  const place = (it: number, kfunc: string): number => {
    if (!memory.writable(it, walkBytes) || (it & 7) !== 0)
      world.finding(`${kfunc} got a pointer that is no iterator`);
    return it >>> 2;
  };
  return {
    bpf_iter_css_new: {
      params: ['low', 'low', 'low'],
      result: 'signed',
      run: (it, start, flags) => {
        world.scx.ops.kfuncs++;
        const at = place(it!, 'bpf_iter_css_new');
        cgroupAt(world, start!, 'bpf_iter_css_new');
        memory.i32.fill(0, at, at + walkBytes / 4);
        if (flags! < order.pre || flags! > order.up) return einval;
        memory.i32[at] = start!;
        memory.i32[at + 4] = flags!;
        return 0;
      },
    },
    bpf_iter_css_next: {
      params: ['low'],
      result: 'unsigned',
      run: (it) => {
        world.scx.ops.kfuncs++;
        const at = place(it!, 'bpf_iter_css_next');
        const [startAt, positionAt, how] = [memory.i32[at]!, memory.i32[at + 2]!, memory.i32[at + 4]!];
        if (startAt === 0) return 0;
        const start = cgroupAt(world, startAt, 'bpf_iter_css_next');
        const position = positionAt === 0 ? -1 : cgroupAt(world, positionAt, 'bpf_iter_css_next');
        const next = following(world, start, position, how);
        memory.i32[at + 2] = next < 0 ? 0 : world.cgroups.addressOf(next);
        return memory.i32[at + 2]!;
      },
    },
    bpf_iter_css_destroy: {
      params: ['low'],
      result: 'none',
      run: (it) => {
        world.scx.ops.kfuncs++;
        place(it!, 'bpf_iter_css_destroy');
        return undefined;
      },
    },
  };
}

/** What follows `position` (−1: nothing yet) in a walk from `start`; −1 at its end. */
function following(world: KfuncWorld, start: number, position: number, how: number): number {
  const { cgroups } = world;
  if (how === order.up) return position < 0 ? start : cgroups.parentOf(position);
  if (how === order.pre) {
    if (position < 0) return start;
    const [child] = cgroups.childrenOf(position);
    if (child !== undefined) return child;
    for (let at = position; at !== start && at >= 0; at = cgroups.parentOf(at)) {
      const sibling = siblingOf(world, at);
      if (sibling >= 0) return sibling;
    }
    return -1;
  }
  if (position === start) return -1;
  if (position < 0) return leftmost(world, start);
  const sibling = siblingOf(world, position);
  return sibling >= 0 ? leftmost(world, sibling) : cgroups.parentOf(position);
}

function siblingOf({ cgroups }: KfuncWorld, number: number): number {
  const parent = cgroups.parentOf(number);
  if (parent < 0) return -1;
  const siblings = cgroups.childrenOf(parent);
  return siblings[siblings.indexOf(number) + 1] ?? -1;
}

function leftmost({ cgroups }: KfuncWorld, number: number): number {
  let at = number;
  for (let [child] = cgroups.childrenOf(at); child !== undefined; [child] = cgroups.childrenOf(at))
    at = child;
  return at;
}
