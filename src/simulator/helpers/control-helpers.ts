// Loops and locks. Source: bpf_loop() in kernel/bpf/bpf_iter.c, bpf_spin_lock() in kernel/bpf/helpers.c v6.18.
import { E2BIG, EINVAL } from '../maps/errno.ts';
import { type Helpers, type HelperWorld, needWritable } from './world.ts';

const maxLoops = 1 << 23;

export function controlHelpers(world: HelperWorld): Helpers {
  const { i32 } = world.memory;

  function loop(count: number, callback: number, context: number, low: number, high: number): number {
    if (low !== 0 || high !== 0) return -EINVAL;
    const rounds = count >>> 0;
    if (rounds > maxLoops) return -E2BIG;
    for (let i = 0; i < rounds; i++) if (world.callback(callback, i, context, 0, 0) !== 0) return i + 1;
    return rounds;
  }

  /** One program runs at a time and none is interrupted: a lock that is held was never released. */
  function lock(at: number): number {
    needWritable(world, 'bpf_spin_lock', 1, at, 4);
    if (i32[at >>> 2] !== 0)
      world.finding('bpf_spin_lock: the lock is held already, and nobody else can release it');
    i32[at >>> 2] = 1;
    return 0;
  }

  function unlock(at: number): number {
    needWritable(world, 'bpf_spin_unlock', 1, at, 4);
    if (i32[at >>> 2] !== 1) world.finding('bpf_spin_unlock: the lock is not held');
    i32[at >>> 2] = 0;
    return 0;
  }

  return {
    93: { name: 'bpf_spin_lock', params: ['low'], result: 'none', run: lock },
    94: { name: 'bpf_spin_unlock', params: ['low'], result: 'none', run: unlock },
    181: { name: 'bpf_loop', params: ['low', 'low', 'low', 'wide'], result: 'signed', run: loop },
  };
}
