// A trace: what the scheduler did, event by event, wherever it was recorded (our probes, perf, the simulator), as columns. And the bursts that are read
// out of it: from becoming runnable to waiting. No behaviour here; the room `traces` reads, writes and follows them.

/**
 * switch: `task` left `cpu` and `other` came (-1: idle). wake: `task` was woken on `cpu` by `other` (-1: an interrupt, or nobody known). fork: `other`
 * made `task`, which is runnable from then on (no wake follows). exit: `task` ends (it may still run and wait a little; its last switch says `ended`).
 * migrate: `task` leaves `cpu` for another one. Order as recorded on one clock.
 */
export const traceKinds = { switch: 1, wake: 2, fork: 3, exit: 4, migrate: 5 } as const;
export type TraceKind = (typeof traceKinds)[keyof typeof traceKinds];

/**
 * What a task waits for. sleep: a time; futex: a lock or condition in user space; pipe, socket: bytes or room; poll: one of several; disk: block I/O;
 * child: a process to end; fault: a page; kernel: a lock of the kernel; idle: a kernel thread for work; other: known to be none of these; unknown: not recorded.
 */
export const waitReasons = [
  'unknown',
  'sleep',
  'futex',
  'pipe',
  'socket',
  'poll',
  'disk',
  'child',
  'fault',
  'kernel',
  'idle',
  'other',
] as const;
export type WaitReason = (typeof waitReasons)[number];

/** Who made a task runnable. start: the trace began, or perf saw it first, in the middle; interrupt: a device or network, from interrupt context. */
export const wakeCauses = ['start', 'fork', 'task', 'timer', 'interrupt'] as const;
export type WakeCause = (typeof wakeCauses)[number];

/** One task in the sense of a life: a thread id that is used again is another one. */
export interface TraceTask {
  readonly tid: number;
  readonly tgid: number;
  /** Index of the task that made it; -1: not seen. */
  readonly parent: number;
  /** Any bytes, each as one character (latin1); the last one that it had. */
  readonly comm: string;
  readonly isKernel: boolean;
  /** It is, or descends from, what was to be observed. */
  readonly isFollowed: boolean;
  readonly nice: number;
  /** The kernel's number of the sched class (0 SCHED_OTHER, 1 FIFO, 2 RR, 3 BATCH, 5 IDLE, 6 DEADLINE, 7 EXT). */
  readonly schedClass: number;
}

/** Times are ns since the recording started, never falling. Columns have `count` elements. */
export interface Trace {
  readonly source: 'probes' | 'perf' | 'simulator';
  readonly cpus: number;
  /** Of the kernel; empty: not known. */
  readonly release: string;
  /** Length of the recording. */
  readonly durationNs: number;
  /** Events that could not be recorded. */
  readonly lost: number;
  /** What a reader of it should know: cut in the middle, clock steps, lines that were not understood. A sentence each. */
  readonly notes: readonly string[];
  /** What was seen of the command, the process or group: start and end within the recording. */
  readonly subject: { readonly name: string; readonly startNs: number; readonly endNs: number };
  readonly tasks: readonly TraceTask[];
  readonly count: number;
  readonly atNs: Float64Array;
  readonly kind: Uint8Array;
  readonly cpu: Uint16Array;
  /** Index into tasks; -1: idle. */
  readonly task: Int32Array;
  readonly other: Int32Array;
  /**
   * switch: index into waitReasons of what `task` waits for; 255: it was preempted or yielded (still runnable); 254: it ended.
   * wake: index into wakeCauses. Else 0.
   */
  readonly detail: Uint8Array;
  /**
   * switch: which lock, pipe or socket it waits for (32 bits of its address or inode number; 0: not known). Of a sleep: 1 when until an absolute time.
   * wake, migrate: the CPU that it is to run on, + 1 (0: not known). Else 0.
   */
  readonly object: Uint32Array;
}

export const stillRunnable = 255;
export const ended = 254;

/** How a burst ended: index into waitReasons; `ended`: with the task; `open`: it did not, in this trace. */
export const open = 253;

/**
 * CPU bursts, in the order in which they became ready: a task becomes runnable, gets CPUs for `ranNs` in all, and waits again or ends.
 * Columns have `count` elements.
 */
export interface Bursts {
  readonly count: number;
  readonly task: Int32Array;
  readonly readyNs: Float64Array;
  /** First on a CPU; NaN: never, in this trace. */
  readonly startNs: Float64Array;
  readonly endNs: Float64Array;
  readonly ranNs: Float64Array;
  /** The CPU that it first ran on; 65535: never. */
  readonly cpu: Uint16Array;
  /** Times that it lost its CPU while runnable. */
  readonly preemptions: Uint32Array;
  /** Index into wakeCauses, and the task that did it (-1: none). */
  readonly cause: Uint8Array;
  readonly by: Int32Array;
  /** The act of `by` that made it ready: index into acts; -1: none. */
  readonly byAct: Int32Array;
  readonly end: Uint8Array;
  readonly object: Uint32Array;
  /** What bursts did to others: in the order of happening. */
  readonly acts: {
    readonly count: number;
    readonly burst: Int32Array;
    /** CPU time of the burst until then. */
    readonly ranNs: Float64Array;
    readonly isFork: Uint8Array;
    /** The task that was woken or made. */
    readonly target: Int32Array;
    /**
     * The burst of `target` that began with it, or, when it was awake already (about to wait, and now it does not), the one that it was in, and its CPU
     * time until then; -1: not known.
     */
    readonly met: Int32Array;
    readonly metRanNs: Float64Array;
  };
}
