// SCHED_FIFO at one priority: who has the CPU keeps it until it sleeps or yields; others of the class go to CPUs without one. Source: kernel/sched/rt.c,
// v6.18 (select_task_rq_rt, pull_rt_task, yield_task_rt), reduced to the one priority that workloads use. No throttling.

import type { Core } from './core.ts';
import type { SchedClass } from './sched-class.ts';

export class RtClass implements SchedClass {
  readonly #core: Core;
  /** Tasks that wait for this CPU, first come first served. */
  readonly #queues: number[][];
  #waiting = 0;
  /** 1: what runs there lets those go first who wait. */
  readonly #yields: Uint8Array;

  constructor(core: Core) {
    this.#core = core;
    this.#yields = core.tasks.columns.bytes(core.topology.cpus);
    this.#queues = Array.from({ length: core.topology.cpus }, () => []);
  }

  enqueue(cpu: number, task: number): void {
    if (this.#core.cpus.curr[cpu] === task) return;
    this.#queues[cpu]!.push(task);
    this.#waiting++;
  }

  dequeue(cpu: number, task: number): boolean {
    if (this.#core.cpus.curr[cpu] === task) this.#core.account(cpu);
    this.#remove(cpu, task);
    return true;
  }

  #remove(cpu: number, task: number): void {
    const queue = this.#queues[cpu]!;
    const at = queue.indexOf(task);
    if (at < 0) return;
    queue.splice(at, 1);
    this.#waiting--;
  }

  pick(cpu: number, prev: number): number {
    const { tasks } = this.#core;
    const first = this.#queues[cpu]![0];
    if (prev >= 0 && tasks.onRq[prev] === 1 && this.#core.classes[tasks.schedClass[prev]!] === this) {
      if (this.#yields[cpu] === 1 && first !== undefined) return first;
      this.#yields[cpu] = 0;
      return prev;
    }
    if (this.#waiting === 0) return -1;
    return first ?? this.#pull(cpu);
  }

  /** A task that waits elsewhere and may run here comes over. */
  #pull(cpu: number): number {
    for (const queue of this.#queues) {
      const task = queue.find(
        (one) => this.#core.mayUse(one, cpu) && this.#core.tasks.migrationDisabled[one] === 0,
      );
      if (task === undefined) continue;
      this.#core.moveQueued(task, cpu);
      return task;
    }
    return -1;
  }

  putPrev(cpu: number, task: number): void {
    this.updateCurr(cpu);
    const yields = this.#yields[cpu] === 1;
    this.#yields[cpu] = 0;
    if (this.#core.tasks.onRq[task] === 0) return;
    if (yields) this.#queues[cpu]!.push(task);
    else this.#queues[cpu]!.unshift(task);
    this.#waiting++;
  }

  setNext(cpu: number, task: number): void {
    this.#remove(cpu, task);
  }

  updateCurr(cpu: number): void {
    this.#core.account(cpu);
  }

  tick(cpu: number): void {
    this.#core.account(cpu);
  }

  wakeupPreempt(): void {}

  select(task: number, prevCpu: number): number {
    if (!this.#hasRt(prevCpu) && this.#core.mayUse(task, prevCpu)) return prevCpu;
    for (let cpu = 0; cpu < this.#core.topology.cpus; cpu++)
      if (!this.#hasRt(cpu) && this.#core.mayUse(task, cpu)) return cpu;
    return prevCpu;
  }

  #hasRt(cpu: number): boolean {
    const curr = this.#core.cpus.curr[cpu]!;
    const runs = curr >= 0 && this.#core.classes[this.#core.tasks.schedClass[curr]!] === this;
    return runs || this.#queues[cpu]!.length > 0;
  }

  untilServed(): number {
    return Number.POSITIVE_INFINITY;
  }

  /** yield_task_rt(): it goes behind all others. */
  yieldTask(cpu: number): void {
    this.#yields[cpu] = 1;
  }

  visited(): void {}
  fork(): void {}
  dead(): void {}
  enter(): void {}
  leave(): void {}
  reweighted(): void {}
  affinityChanged(): void {}
  migrate(): void {}
  online(): void {}
}
