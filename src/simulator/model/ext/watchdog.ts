// The watchdog: a task that is runnable for longer than the policy's timeout ends the policy. Source: check_rq_for_timeouts(), scx_watchdog_workfn(),
// set_task_runnable() and clr_task_runnable(), kernel/sched/ext.c; calc_wheel_index(), kernel/time/timer.c, v6.18. In the kernel it is a work item that a
// starving policy may hold up too; here it always gets its turn.

import { taskStruct } from '../../kernel/structs.ts';
import type { Core } from '../core.ts';
import { exitKind } from './exit.ts';
import type { Scx } from './scx.ts';

const jiffyMs = 4;
const jiffyNs = 4_000_000;
/** LVL_START(1): delays below ring at jiffies of their own, eight times as long ones at multiples of 8, and so on. */
const levelJiffies = 63;

/** When the kernel's timer rings that is due in `delay` jiffies: never early, so at the next multiple of what its level tells apart (calc_index()). */
function rings(jiffies: number, delay: number): number {
  let granularity = 1;
  while (delay >= levelJiffies * granularity) granularity *= 8;
  return (Math.floor((jiffies + delay) / granularity) + 1) * granularity;
}

export class Watchdog {
  readonly #core: Core;
  readonly #scx: Scx;
  readonly #slot: number;
  readonly #timeoutJiffies: number;
  /** 1 while a task waits for a CPU, the jiffy in which it began to, and its place among those that wait. */
  readonly #waiting: Uint8Array;
  readonly #since: Int32Array;
  readonly #order: Float64Array;
  #last = 0;
  /** 1 when the next wait is a new one: the task has run since. */
  readonly #isNew: Uint8Array;

  constructor(scx: Scx, slot: number, timeoutMs: number) {
    const { capacity, columns } = scx.core.tasks;
    this.#core = scx.core;
    this.#scx = scx;
    this.#slot = slot;
    this.#timeoutJiffies = Math.ceil(timeoutMs / jiffyMs);
    this.#waiting = columns.bytes(capacity);
    this.#since = columns.ints(capacity);
    this.#order = columns.times(capacity);
    this.#isNew = columns.bytes(capacity, 1);
  }

  /** The work item is due in half the timeout; without a timer when that is none, and then once a jiffy here. */
  start(): void {
    const delay = Math.floor(this.#timeoutJiffies / 2);
    const now = this.#jiffies();
    this.#core.wheel.set(this.#slot, (delay === 0 ? now + 1 : rings(now, delay)) * jiffyNs);
  }

  #jiffies(): number {
    return Math.floor(this.#core.now / jiffyNs);
  }

  /** set_task_runnable(). */
  runnable(task: number): void {
    this.#waiting[task] = 1;
    this.#order[task] = ++this.#last;
    if (this.#isNew[task] === 0) return;
    this.#isNew[task] = 0;
    const jiffies = this.#jiffies();
    this.#since[task] = jiffies;
    this.#scx.memory.put64(task, taskStruct.offsets.scxRunnableAt, jiffies);
  }

  /** clr_task_runnable(). */
  clear(task: number, hasRun: boolean): void {
    this.#waiting[task] = 0;
    if (hasRun) this.#isNew[task] = 1;
  }

  /** In jiffies. */
  since(task: number): number {
    return this.#since[task]!;
  }

  /** Tasks that wait for this CPU, who came first at the front. */
  waitingOn(cpu: number): number[] {
    const { count, cpu: cpuOf } = this.#core.tasks;
    const tasks: number[] = [];
    for (let task = 0; task < count; task++)
      if (this.#waiting[task] === 1 && cpuOf[task] === cpu) tasks.push(task);
    return tasks.sort((a, b) => this.#order[a]! - this.#order[b]!);
  }

  /** The work item. */
  check(): void {
    const jiffies = this.#jiffies();
    const task = this.#firstLate(jiffies);
    if (task < 0) {
      this.start();
      return;
    }
    const ms = (jiffies - this.#since[task]!) * jiffyMs;
    const text = `${Math.floor(ms / 1000)}.${String(ms % 1000).padStart(3, '0')}s`;
    this.#scx.exitWith(exitKind.errorStall, 0, `${this.#scx.memory.nameOf(task)} failed to run for ${text}`);
  }

  /** Of the tasks that have waited for too long: on the first CPU the one that came first. −1 for none. */
  #firstLate(jiffies: number): number {
    const { count, cpu } = this.#core.tasks;
    let first = -1;
    for (let task = 0; task < count; task++) {
      if (this.#waiting[task] === 0 || jiffies <= this.#since[task]! + this.#timeoutJiffies) continue;
      if (first >= 0 && cpu[task]! > cpu[first]!) continue;
      if (first < 0 || cpu[task]! < cpu[first]! || this.#order[task]! < this.#order[first]!) first = task;
    }
    return first;
  }
}
