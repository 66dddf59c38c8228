// What the kernel's own work costs, and how work slows down. Two profiles; each number's source and test stand in docs/semantics.md.

export interface Costs {
  readonly name: string;
  /** One context switch, charged to the task that comes. */
  readonly switchNs: number;
  /** One wakeup, charged to whoever wakes. */
  readonly wakeNs: number;
  /** A sleep of a task of the default class: load tracking and what EEVDF does with it, charged to who comes. */
  readonly fairSleepNs: number;
  /** From asking another CPU to reschedule until it does; and more of it when that CPU was idle. */
  readonly ipiNs: number;
  readonly idleExitNs: number;
  /** Instead of idleExitNs: values one of which each wake-up of an idle CPU takes, by turns, evenly. */
  readonly idleExitsNs?: readonly number[];
  /** A timer rings: the interrupt, on the CPU that set it. */
  readonly timerNs: number;
  /** One tick of a busy CPU. */
  readonly tickNs: number;
  /** A task that comes from another CPU: same core, same LLC, same node, another node. */
  readonly migrateNs: readonly [number, number, number, number];
  /** One call of a policy's callback: the way there and back, and what sched_ext does around it. */
  readonly callbackNs: number;
  /** One executed BPF instruction; one call of a kfunc or helper. */
  readonly instructionNs: number;
  readonly kfuncNs: number;
  /** One operation of a task that enters the kernel (a system call). */
  readonly syscallNs: number;
  /** One byte that goes into a pipe, or out of it. */
  readonly byteNs: number;
  readonly forkNs: number;
  readonly exitNs: number;
  /** What sched_ext adds to either. */
  readonly extTaskNs: number;
  /** The player reads what a task has waited and used so far, before its round starts: two files of /proc. */
  readonly readNs: number;
  /** Speed of a thread whose sibling is busy, relative to one alone. */
  readonly smtShare: number;
  /**
   * A RUN enters the kernel after so much of its own work, and hears then that another is to run: the runner reads its clock (runner/task.c: CHUNK_NS). Real programs do it
   * when they do: an hour stands for never in the middle of a RUN.
   */
  readonly lookNs: number;
  /** Emulated CPUs share one host CPU, and take turns (serial-core.ts). */
  readonly isSerial: boolean;
}

/** Nothing costs anything: for tests of order. */
export const free: Costs = {
  name: 'free',
  switchNs: 0,
  wakeNs: 0,
  fairSleepNs: 0,
  ipiNs: 0,
  idleExitNs: 0,
  timerNs: 0,
  tickNs: 0,
  migrateNs: [0, 0, 0, 0],
  callbackNs: 0,
  instructionNs: 0,
  kfuncNs: 0,
  syscallNs: 0,
  byteNs: 0,
  forkNs: 0,
  exitNs: 0,
  extTaskNs: 0,
  readNs: 0,
  smtShare: 1,
  lookNs: 100_000,
  isSerial: false,
};
