// What a sched class does for the core. Contract after struct sched_class (kernel/sched/sched.h, v6.18): the core calls, the class keeps its queues.

export interface SchedClass {
  /** `task` (cpu[task] === cpu) becomes runnable here. Flags: enqueueFlag. The core has counted it and set onRq. */
  enqueue(cpu: number, task: number, flags: number): void;
  /**
   * `task` leaves: it sleeps (dequeueFlag.sleep), is changed (save) or moves. Flags: dequeueFlag. False: it stays queued for the time being (EEVDF's
   * delayed dequeue); the class then calls core.delayedLeft(cpu, task) when it goes.
   */
  dequeue(cpu: number, task: number, flags: number): boolean;
  /** Fetches tasks to this CPU, if the class does that apart from picking; pick follows, unless a higher class has a task. `prev`: as in pick. */
  balance?(cpu: number, prev: number): void;
  /** The task to run next, balancing included, or −1. `prev`: what runs, −1 for idle; may be returned. Changes nothing that putPrev and setNext do. */
  pick(cpu: number, prev: number): number;
  /** `task` stops running; if it is still onRq it goes back to the queue. `next`: −1 for idle. */
  putPrev(cpu: number, task: number, next: number): void;
  /** The slice of `task` is over, and another one of the class runs: putPrev. */
  expire?(cpu: number, task: number): void;
  /** `task`, which may not migrate, has left `cpu`, where another one runs now. */
  pinnedLeft?(cpu: number, task: number): void;
  /** `task` starts to run. */
  setNext(cpu: number, task: number): void;
  /** A task of a higher class has had the CPU for a moment: who goes on there is chosen anew. */
  visited(cpu: number): void;
  /** A timer tick while `task` runs. */
  tick(cpu: number, task: number): void;
  /** `task` of this class has just been queued where another task of this class runs: core.resched(cpu) if it should run first. Flags: wakeFlag. */
  wakeupPreempt(cpu: number, task: number, wakeFlags: number): void;
  /** CPU for a task that wakes or is new. Flags: wakeFlag. Only called for tasks that may use more than one CPU. */
  select(task: number, prevCpu: number, wakeFlags: number): number;
  /** sched_yield of what runs on this CPU; a resched follows. */
  yieldTask(cpu: number, task: number): void;
  /**
   * For how long `task`, which runs, may go on before a look at its CPU clock, which brings its account up to date (task_sched_runtime), asks for a
   * reschedule: ns from now, 0 or less when the next look does; Infinity when none would.
   */
  untilServed(cpu: number, task: number): number;
  /** Bring the running task's account up to now (update_curr). */
  updateCurr(cpu: number): void;
  /** `task` is new and belongs to this class (not queued yet). */
  fork(task: number): void;
  /** `task` has ended and is off every queue. */
  dead(task: number): void;
  /** `task` comes from another class (not queued at the moment). */
  enter(task: number): void;
  /** `task` goes to another class (not queued at the moment). */
  leave(task: number): void;
  /** nice, policy or cgroup of `task` has changed; it is not queued at the moment (it is put back afterwards if it was). */
  reweighted(task: number): void;
  /** Affinity of `task` has changed; it is not queued at the moment. */
  affinityChanged(task: number): void;
  /** set_task_cpu: `task` (not queued) goes from `from` to `to`. cpu[task] is still `from`. */
  migrate(task: number, from: number, to: number): void;
  /** A CPU came or went; its tasks have been moved away. */
  online(cpu: number, isOnline: boolean): void;
}
