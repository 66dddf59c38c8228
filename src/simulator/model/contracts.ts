// What the core asks of others, and tells them: the tasks' side, sched_ext's idle masks, traces. The classes' contract stands in sched-class.ts.

export const tickNs = 4_000_000; // CONFIG_HZ=250
/** As `next` in putPrev: a task of the stop class, above all others. */
export const stopper = -2;
/** The same: the player at work on the CPU, a real-time task that is no task here. */
export const thePlayer = -3;

/** What a task does when it has finished its work. */
export type Step = 'run' | 'block' | 'yield' | 'exit';

/** The tasks' side: what they do, and what their timers mean. */
export interface Player {
  /** The running task has no work left: perform its next operations. With 'run', tasks.left or core.cost say for how long. */
  advance(task: number): Step;
  timer(task: number): void;
  /** A wheel slot from core.firstFreeSlot on. */
  event(slot: number): void;
}

/** Told of idle CPUs: sched_ext's idle masks. */
export interface IdleListener {
  /** `again`: it was idle before and has looked for work in vain. */
  idleEntered(cpu: number, again: boolean): void;
  idleLeft(cpu: number): void;
}

/** Told whenever CPU time is added to a task. */
export interface Accounts {
  accounted(task: number): void;
}

/** Work that is put off to the end of the event: kicks and dispatches to other CPUs. */
export interface Afterwards {
  /** `isWithin`: what ends an event is not to be done yet. */
  flush(isWithin?: boolean): void;
}

/** Told of what happens; for traces. */
export interface Recorder {
  switched(cpu: number, prev: number, next: number, atNs: number): void;
  /** `task` is runnable on `cpu`; what woke or made it happened on `from`. */
  woke(task: number, cpu: number, atNs: number, from: number): void;
  /** It is about to sleep in this operation (opCodes; 0: at its start line), for the semaphore, lock, pipe, task or time `object`. */
  blocks?(task: number, operation: number, object: number): void;
  /** It was woken before it had left its CPU, and stays. */
  stays?(task: number): void;
  /** It ends, or is ended. */
  exits?(task: number, atNs: number): void;
}
