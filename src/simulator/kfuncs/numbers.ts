// bpf_for and bpf_repeat: the open-coded iterator of numbers. Source: bpf_iter_num_new() and its relatives, kernel/bpf/bpf_iter.c, v6.18. The state, two
// s32, lies in the program's own bytes, since next gives a pointer to it.

import type { Kfuncs, KfuncWorld } from './kfunc.ts';

const bytes = 8;
const maxLoops = 8 * 1024 * 1024;
const einval = -22;
const e2big = -7;

export function numberKfuncs(world: KfuncWorld): Kfuncs {
  const { i32 } = world.memory;
  const place = (it: number, kfunc: string): number => {
    if (!world.memory.writable(it, bytes) || (it & 7) !== 0)
      world.finding(`${kfunc} got a pointer that is no iterator`);
    return it >>> 2;
  };
  return {
    bpf_iter_num_new: {
      params: ['low', 'low', 'low'],
      result: 'signed',
      run: (it, start, end) => {
        const at = place(it!, 'bpf_iter_num_new');
        i32[at] = 0;
        i32[at + 1] = 0;
        if (start! > end!) return einval;
        if (end! - start! > maxLoops) return e2big;
        i32[at] = start! - 1;
        i32[at + 1] = end!;
        return 0;
      },
      inline: () => ({ kind: 'numbers begin', most: maxLoops }),
    },
    bpf_iter_num_next: {
      params: ['low'],
      result: 'unsigned',
      run: (it) => {
        const at = place(it!, 'bpf_iter_num_next');
        const next = i32[at]! + 1;
        if (next >= i32[at + 1]!) {
          i32[at] = 0;
          i32[at + 1] = 0;
          return 0;
        }
        i32[at] = next;
        return it;
      },
      inline: () => ({ kind: 'numbers go on' }),
    },
    bpf_iter_num_destroy: {
      params: ['low'],
      result: 'none',
      run: (it) => {
        const at = place(it!, 'bpf_iter_num_destroy');
        i32[at] = 0;
        i32[at + 1] = 0;
        return undefined;
      },
      inline: () => ({ kind: 'numbers end' }),
    },
  };
}
