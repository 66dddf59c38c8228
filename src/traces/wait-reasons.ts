// What a task waits for and who woke it, from what the recorder saw at the switch and at the wake. Sources: include/linux/sched.h (task states), v6.18;
// arch/x86/entry/syscalls/syscall_64.tbl; signal(7), futex(2), epoll(7) for what the calls wait for.

import { type WaitReason, type WakeCause, waitReasons, wakeCauses } from '../core/trace.ts';

export const taskStates = {
  interruptible: 0x1,
  uninterruptible: 0x2,
  stopped: 0x4,
  traced: 0x8,
  exitDead: 0x10,
  zombie: 0x20,
  parked: 0x40,
  dead: 0x80,
  noLoad: 0x400,
  rtLock: 0x1000,
} as const;
export const deadStates = taskStates.exitDead | taskStates.zombie | taskStates.dead;

export const noSystemCall = 0xffff;

/** System calls of x86-64 by what they wait for; `file`: the kind of the file says it. */
const byReason: Readonly<
  Record<'sleep' | 'futex' | 'socket' | 'poll' | 'child' | 'disk' | 'file', number[]>
> = {
  sleep: [35, 230], // nanosleep, clock_nanosleep
  futex: [202, 449, 455], // futex, futex_waitv, futex_wait
  socket: [42, 43, 44, 45, 46, 47, 288, 299, 307], // connect, accept, sendto, recvfrom, sendmsg, recvmsg, accept4, recvmmsg, sendmmsg
  poll: [7, 23, 208, 232, 270, 271, 281, 333, 426, 441], // poll, select, io_getevents, epoll_wait, pselect6, ppoll, epoll_pwait, io_pgetevents, io_uring_enter, epoll_pwait2
  child: [56, 57, 58, 61, 247, 435], // clone, fork, vfork, wait4, waitid, clone3
  disk: [26, 74, 75, 162, 277, 306], // msync, fsync, fdatasync, sync, sync_file_range, syncfs
  file: [0, 1, 17, 18, 19, 20, 40, 275, 276, 278, 295, 296, 327, 328], // read … writev, sendfile, splice, tee, vmsplice, preadv … pwritev2
};
type CallReason = keyof typeof byReason;
const reasonOfCall = new Map<number, CallReason>(
  Object.entries(byReason).flatMap(([reason, calls]) =>
    calls.map((call) => [call, reason as CallReason] as const),
  ),
);

/** Kinds of files, as the recorder numbers them: none, pipe, socket, regular or block device, anonymous inode, character device. */
const reasonOfFile: readonly WaitReason[] = ['unknown', 'pipe', 'socket', 'other', 'other', 'other'];

export interface Wait {
  /** prev_state of the switch, the kernel's TASK_ bits; not 0, none of deadStates. */
  readonly state: number;
  readonly inIoWait: boolean;
  readonly isKernel: boolean;
  /** Number of x86-64; noSystemCall: in none. */
  readonly call: number;
  readonly fileKind: number;
  readonly inFault: boolean;
}

export function waitReason({ state, inIoWait, isKernel, call, fileKind, inFault }: Wait): WaitReason {
  if (inIoWait) return 'disk';
  const isDeep = (state & taskStates.uninterruptible) !== 0 && (state & taskStates.noLoad) === 0;
  if (isKernel) return isDeep ? 'kernel' : 'idle';
  if ((state & taskStates.noLoad) !== 0) return 'idle'; // workers of io_uring and vhost, which are threads of a process
  if (inFault) return 'fault';
  if ((state & (taskStates.stopped | taskStates.traced)) !== 0) return 'other';
  const reason = reasonOfCall.get(call);
  if (isDeep || (state & taskStates.rtLock) !== 0)
    return reason === 'child' || reason === 'disk' ? reason : 'kernel'; // vfork waits for its child like this; fsync for the journal
  if (call === noSystemCall) return 'unknown';
  if (reason === undefined || reason === 'disk') return 'other';
  return reason === 'file' ? (reasonOfFile[fileKind] ?? 'unknown') : reason;
}

export interface Wake {
  readonly inHardIrq: boolean;
  readonly inSoftIrq: boolean;
  /** What the woken task waits for; undefined: it was awake, or nobody saw it go. */
  readonly waitsFor: WaitReason | undefined;
  /** Somebody ran where the wake came from: not the idle task. */
  readonly hasCurrent: boolean;
  /** Who ran there and who is woken are both of what is observed, and no kernel threads. */
  readonly areTogether: boolean;
}

const endedByTimer = new Set<WaitReason>(['sleep', 'futex', 'poll', 'pipe', 'child', 'other', 'unknown']);

/**
 * From a hard interrupt a futex, a poll or a child's end can only be a timeout or a timer's signal: hrtimers ring there, devices that have bytes raise a
 * softirq. In a softirq, what is sent over loopback is received while the sender is still in its system call: between two of the observed tasks that is a wake
 * by the sender. A network interrupt that hits one of them looks the same.
 */
export function wakeCause({ inHardIrq, inSoftIrq, waitsFor, hasCurrent, areTogether }: Wake): WakeCause {
  if (inHardIrq) return waitsFor !== undefined && endedByTimer.has(waitsFor) ? 'timer' : 'interrupt';
  if (!inSoftIrq) return hasCurrent ? 'task' : 'interrupt';
  if (waitsFor === 'sleep') return 'timer';
  return areTogether && (waitsFor === 'socket' || waitsFor === 'poll') ? 'task' : 'interrupt';
}

export const reasonIndex = indexOf(waitReasons);
export const causeIndex = indexOf(wakeCauses);

function indexOf<Name extends string>(names: readonly Name[]): Readonly<Record<Name, number>> {
  return Object.fromEntries(names.map((name, i) => [name, i])) as Record<Name, number>;
}
