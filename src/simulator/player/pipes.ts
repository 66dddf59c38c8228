// What pipes hold, and how far each task's READ or WRITE has come. Source: pipe(7): 64 KiB; fs/pipe.c, v6.18: pipe_write(), pipe_read(), who wake the other
// side when the pipe was empty, or full.

import type { Columns } from '../model/columns.ts';

const pipeBytes = 65_536;

export class Pipes {
  /** Bytes in each pipe. */
  readonly #fill: Float64Array;
  /** Bytes that the READ or WRITE at hand has moved so far. */
  readonly #moved: Float64Array;
  /** 1 when those that can be moved now have been copied. */
  readonly #copied: Uint8Array;

  constructor(pipes: number, tasks: number, columns: Columns) {
    this.#fill = columns.times(pipes);
    this.#moved = columns.times(tasks);
    this.#copied = columns.bytes(tasks);
  }

  /** Bytes of `bytes` that the task can move now. */
  possible(task: number, pipe: number, bytes: number, isRead: boolean): number {
    const fill = this.#fill[pipe]!;
    return Math.min(isRead ? fill : pipeBytes - fill, bytes - this.#moved[task]!);
  }

  /** True once, before bytes are moved: they are copied first. */
  copies(task: number): boolean {
    this.#copied[task] = 1 - this.#copied[task]!;
    return this.#copied[task] === 1;
  }

  /** Moves so many, more than 0. True: the other side may wait for that. */
  move(task: number, pipe: number, bytes: number, isRead: boolean): boolean {
    const before = this.#fill[pipe]!;
    this.#fill[pipe] = before + (isRead ? -bytes : bytes);
    this.#moved[task]! += bytes;
    return before === (isRead ? pipeBytes : 0);
  }

  /** Whether all of `bytes` have been moved; then the next READ or WRITE begins anew. */
  isDone(task: number, bytes: number): boolean {
    if (this.#moved[task]! < bytes) return false;
    this.#moved[task] = 0;
    return true;
  }
}
