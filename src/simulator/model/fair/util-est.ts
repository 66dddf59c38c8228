// What a task's utilization was when it last slept, smoothed on the way down, and the sum of that over what is queued on a CPU: busy at once where
// averages take tens of milliseconds. Source: kernel/sched/fair.c (util_est_enqueue, util_est_dequeue, util_est_update), v6.18.

/** About 1 % of a CPU. */
const margin = 10;

export class UtilEst {
  readonly #ofTask: Float64Array;
  /** By task: its averages have been taken since its estimate was. */
  readonly isFresh: Uint8Array;
  /** By CPU. */
  readonly sum: Float64Array;

  constructor(tasks: number, cpus: number) {
    this.#ofTask = new Float64Array(tasks);
    this.isFresh = new Uint8Array(tasks);
    this.sum = new Float64Array(cpus);
  }

  clear(task: number): void {
    this.#ofTask[task] = 0;
    this.isFresh[task] = 1;
  }

  of(task: number): number {
    return this.#ofTask[task]!;
  }

  enqueue(cpu: number, task: number): void {
    this.sum[cpu]! += this.#ofTask[task]!;
  }

  dequeue(cpu: number, task: number): void {
    this.sum[cpu] = Math.max(0, this.sum[cpu]! - this.#ofTask[task]!);
  }

  /** The task goes to sleep with these averages: rises count at once, falls by a quarter; not when it had to wait for its CPU. */
  slept(task: number, util: number, runnable: number): void {
    if (this.isFresh[task] === 0) return;
    this.isFresh[task] = 0;
    const old = this.#ofTask[task]!;
    if (old <= util) this.#ofTask[task] = util;
    else if (old - util >= margin && util + margin >= runnable)
      this.#ofTask[task] = Math.floor((4 * old - (old - util)) / 4);
  }
}
