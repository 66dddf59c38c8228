// The fair tasks of each CPU, most recently queued or run first: the order in which balancing looks at them. Source: rq->cfs_tasks,
// kernel/sched/fair.c (account_entity_enqueue, set_next_task_fair), v6.18.

export class RunList {
  /** By CPU; −1 for none. */
  readonly first: Int32Array;
  readonly last: Int32Array;
  /** By task: the one before it, towards first. */
  readonly before: Int32Array;
  readonly #after: Int32Array;

  constructor(cpus: number, tasks: number) {
    this.first = new Int32Array(cpus).fill(-1);
    this.last = new Int32Array(cpus).fill(-1);
    this.before = new Int32Array(tasks).fill(-1);
    this.#after = new Int32Array(tasks).fill(-1);
  }

  add(cpu: number, task: number): void {
    const first = this.first[cpu]!;
    this.before[task] = -1;
    this.#after[task] = first;
    if (first >= 0) this.before[first] = task;
    else this.last[cpu] = task;
    this.first[cpu] = task;
  }

  remove(cpu: number, task: number): void {
    const before = this.before[task]!;
    const after = this.#after[task]!;
    if (before >= 0) this.#after[before] = after;
    else this.first[cpu] = after;
    if (after >= 0) this.before[after] = before;
    else this.last[cpu] = before;
  }

  toFront(cpu: number, task: number): void {
    if (this.first[cpu] === task) return;
    this.remove(cpu, task);
    this.add(cpu, task);
  }
}
