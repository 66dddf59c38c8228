// Who waits for what, first come first served, as futex(2) and pipe(7) keep them: a task waits in one queue at a time.

import type { Columns } from '../model/columns.ts';

export class WaitQueues {
  readonly #first: Int32Array;
  readonly #last: Int32Array;
  readonly #next: Int32Array;

  constructor(queues: number, tasks: number, columns: Columns) {
    this.#first = columns.ints(queues, -1);
    this.#last = columns.ints(queues, -1);
    this.#next = columns.ints(tasks, -1);
  }

  isEmpty(queue: number): boolean {
    return this.#first[queue]! < 0;
  }

  add(queue: number, task: number): void {
    const last = this.#last[queue]!;
    if (last < 0) this.#first[queue] = task;
    else this.#next[last] = task;
    this.#last[queue] = task;
    this.#next[task] = -1;
  }

  /** Removes the one that has waited longest, −1 when nobody waits. */
  take(queue: number): number {
    const task = this.#first[queue]!;
    if (task < 0) return -1;
    const next = this.#next[task]!;
    this.#first[queue] = next;
    if (next < 0) this.#last[queue] = -1;
    return task;
  }

  /** Removes one that is killed, wherever it stands. */
  drop(queue: number, task: number): void {
    const kept: number[] = [];
    for (let one = this.take(queue); one >= 0; one = this.take(queue)) if (one !== task) kept.push(one);
    for (const one of kept) this.add(queue, one);
  }
}
