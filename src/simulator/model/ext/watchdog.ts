// The watchdog: a task that is runnable for longer than the policy's timeout ends the policy. Source: check_rq_for_timeouts() and scx_watchdog_workfn(),
// kernel/sched/ext.c, v6.18. In the kernel it is a work item that a starving policy may hold up too; here it always gets its turn.

import type { Core } from '../core.ts';
import { exitKind } from './exit.ts';
import type { Scx } from './scx.ts';

const jiffyNs = 4_000_000;

export class Watchdog {
  readonly #core: Core;
  readonly #scx: Scx;
  readonly #slot: number;
  readonly #timeoutNs: number;
  /** 1 while a task waits for a CPU, and the jiffy in which it began to. */
  readonly #waiting: Uint8Array;
  readonly #since: Float64Array;
  /** 1 when the next wait is a new one: the task has run since. */
  readonly #isNew: Uint8Array;

  constructor(scx: Scx, slot: number, timeoutNs: number) {
    const { capacity } = scx.core.tasks;
    this.#core = scx.core;
    this.#scx = scx;
    this.#slot = slot;
    this.#timeoutNs = timeoutNs;
    this.#waiting = new Uint8Array(capacity);
    this.#since = new Float64Array(capacity);
    this.#isNew = new Uint8Array(capacity).fill(1);
  }

  start(): void {
    this.#core.wheel.set(this.#slot, this.#core.now + this.#timeoutNs / 2);
  }

  /** set_task_runnable(). */
  runnable(task: number): void {
    this.#waiting[task] = 1;
    if (this.#isNew[task] === 0) return;
    this.#isNew[task] = 0;
    this.#since[task] = Math.floor(this.#core.now / jiffyNs) * jiffyNs;
  }

  /** clr_task_runnable(). */
  clear(task: number, hasRun: boolean): void {
    this.#waiting[task] = 0;
    if (hasRun) this.#isNew[task] = 1;
  }

  since(task: number): number {
    return this.#since[task]!;
  }

  /** The work item. */
  check(): void {
    const { tasks, now } = this.#core;
    const jiffiesNow = Math.floor(now / jiffyNs) * jiffyNs;
    for (let task = 0; task < tasks.count; task++) {
      if (this.#waiting[task] === 0 || jiffiesNow <= this.#since[task]! + this.#timeoutNs) continue;
      const ms = Math.floor((jiffiesNow - this.#since[task]!) / 1e6);
      const text = `${Math.floor(ms / 1000)}.${String(ms % 1000).padStart(3, '0')}s`;
      this.#scx.exitWith(
        exitKind.errorStall,
        0,
        `${this.#scx.memory.nameOf(task)} failed to run for ${text}`,
      );
      return;
    }
    this.start();
  }
}
