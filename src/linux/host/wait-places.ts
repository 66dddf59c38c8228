// What a sleeping task waits for, by the function of the kernel that it sleeps in (/proc/PID/wchan: fs/proc/base.c, proc_pid_wchan(), v6.18; names as in 5.10 to
// 6.18). A guess by name, and "unknown" where there is no name: without CONFIG_KALLSYMS, or for processes of others.

import type { WaitReason } from '../../core/trace.ts';

/** The first that fits. Names of kernel threads' main loops are many; those threads are known as such before the name is asked. */
const places: readonly (readonly [RegExp, WaitReason])[] = [
  [/nanosleep|schedule_hrtimeout|^hrtimer/, 'sleep'],
  [/futex/, 'futex'],
  [/^(anon_)?(pipe|fifo)_/, 'pipe'],
  [/poll|select|io_cqring_wait|^ep_/, 'poll'],
  [/^do_wait$|__do_wait|kernel_wait|waitid/, 'child'],
  [/swap|^do_fault|handle_mm_fault|userfault|__folio_lock_or_retry/, 'fault'],
  [
    /^io_schedule|folio_wait|folio_lock|wait_on_(page|buffer|bit_io)|^blk_|submit_bio|bdev|jbd2|iomap|rq_qos|balance_dirty|filemap|direct_?io|^dio_|writeback|read_events|^(ext4|xfs|btrfs|nfs|rpc|p9|v9fs|fuse|request_wait)/,
    'disk',
  ],
  [/skb|sk_(wait|stream)|^sk_|sock|unix_|inet_|tcp_|udp_|accept|wait_woken|vsock|netlink/, 'socket'],
  [/rwsem|mutex|^down|percpu_down|rt_mutex|lock/, 'kernel'],
];

export function reasonOf(wchan: string | undefined, state: string, isKernel: boolean): WaitReason {
  if (isKernel) return state === 'D' ? 'disk' : 'idle';
  if (wchan === undefined || wchan === '' || wchan === '0') return 'unknown';
  const found = places.find(([pattern]) => pattern.test(wchan))?.[1];
  return found ?? 'other';
}
