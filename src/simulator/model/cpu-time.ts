// Time on CPUs: how far the running task has come, what its work is charged, and when a CPU has its next event. Source: kernel/sched/core.c and fair.c,
// v6.18 (update_curr_common, resched_curr). The kernel's own work takes no time of its own: what it costs delays the task that runs there.

import type { Accounts, IdleListener } from './contracts.ts';
import type { Costs } from './costs.ts';
import { Cpus, type Tasks } from './tables.ts';
import type { Topology } from './topology.ts';
import { Wheel } from './wheel.ts';

/** In needResched: once the task enters the kernel. */
export const lazily = 2;
/** A RUN reads its clock after so much of its own work (runner/task.c: CHUNK_NS). */
export const chunkNs = 100_000;

export abstract class CpuTime {
  readonly tasks: Tasks;
  readonly cpus: Cpus;
  readonly topology: Topology;
  readonly costs: Costs;
  readonly wheel: Wheel;
  idleListener: IdleListener | undefined;
  /** Called for every change of sum_exec_runtime: the copy that BPF sees. */
  accounts: Accounts | undefined;

  now = 0;
  /** CPU on which the code of this event runs. */
  execCpu = 0;
  /** CPU on which the player is at work in this event: a real-time task that is no task here. −1: none. */
  visitor = -1;
  /** What the kernel's work of this event has cost so far, ns. */
  cost = 0;
  /** CPUs that run a task. */
  busy = 0;
  #idleExits = 0;
  /** When a task's work will be done is known as soon as it has a CPU: it may be given its work before. */
  readonly plansWork: boolean = true;

  constructor(tasks: Tasks, topology: Topology, costs: Costs, wheelSlots: number) {
    this.tasks = tasks;
    this.topology = topology;
    this.costs = costs;
    this.cpus = new Cpus(topology.cpus, tasks.columns);
    for (let cpu = 0; cpu < topology.cpus; cpu++) this.cpus.speed[cpu] = topology.capacity[cpu]! / 1024;
    this.wheel = new Wheel(wheelSlots, Math.clz32(topology.cpus) - 15, tasks.columns); // the more CPUs, the nearer their events
  }

  /** Sets or clears the timer of a task. */
  setTimer(task: number, atNs: number): void {
    this.wheel.set(this.topology.cpus + task, Math.max(atNs, this.now));
  }

  clearTimer(task: number): void {
    this.wheel.clear(this.topology.cpus + task);
  }

  /** A timer is armed for a time that has passed. True: it rings before the task can leave its CPU. */
  ringsAtOnce(): boolean {
    return false;
  }

  /** The kernel has worked for so long on behalf of this event. */
  charge(ns: number): void {
    this.cost += ns;
  }

  /** How much time passes while the kernel works for so long. */
  elapsed(ns: number): number {
    return ns;
  }

  /** What this event cost delays the task that runs on the CPU. */
  settle(cpu: number): void {
    if (this.cost === 0 || this.cpus.curr[cpu]! < 0) return;
    this.progress(cpu);
    const { segmentStart } = this.cpus;
    segmentStart[cpu] = Math.max(segmentStart[cpu]!, this.now) + Math.round(this.cost);
    this.plan(cpu);
  }

  /** The running task's work up to now is done. */
  protected progress(cpu: number): void {
    const { segmentStart, speed, curr } = this.cpus;
    const task = curr[cpu]!;
    const start = segmentStart[cpu]!;
    if (task < 0 || this.now <= start) return;
    const left = this.tasks.left[task]! - (this.now - start) * speed[cpu]!;
    this.tasks.left[task] = left < 0 ? 0 : left;
    segmentStart[cpu] = this.now;
  }

  /** When the CPU's next event is. */
  protected plan(cpu: number): void {
    const { segmentStart, speed, curr, needResched } = this.cpus;
    if (needResched[cpu] !== 0) return;
    const task = curr[cpu]!;
    if (task < 0) {
      this.wheel.clear(cpu);
      return;
    }
    const start = Math.max(this.now, segmentStart[cpu]!);
    const runNs = Math.ceil(this.tasks.left[task]! / speed[cpu]!);
    const untilServed = this.untilServed(cpu, task);
    if (untilServed === Number.POSITIVE_INFINITY) {
      this.wheel.set(cpu, start + runNs);
      return;
    }
    const early = start + runNs - this.now - untilServed;
    const readNs = this.costs.lookNs / speed[cpu]!;
    // the first of the times at which it reads its clock, counted from its end, by when it will have been served
    if (early < readNs || runNs === 0) this.wheel.set(cpu, start + runNs);
    else {
      const at = start + runNs - Math.floor(Math.floor(Math.min(early, runNs) / readNs) * readNs);
      this.wheel.set(cpu, at > this.now ? at : at + Math.ceil(readNs)); // it has just read it
    }
  }

  /** As a class says of its tasks (sched-class.ts). */
  protected abstract untilServed(cpu: number, task: number): number;

  /** What runs on the CPU may have to go earlier or later than planned. */
  replan(cpu: number): void {
    if (this.cpus.curr[cpu]! < 0 || this.cpus.needResched[cpu] !== 0) return;
    this.progress(cpu);
    this.plan(cpu);
  }

  /** Adds the time since the last account to the running task; returns it (update_curr_common). 0 for idle. */
  account(cpu: number): number {
    const { execStart, curr } = this.cpus;
    const task = curr[cpu]!;
    if (task < 0) return 0;
    const delta = this.now - execStart[cpu]!;
    if (delta <= 0) return 0;
    execStart[cpu] = this.now;
    this.tasks.sumExec[task]! += delta;
    if (this.accounts !== undefined) this.accounts.accounted(task);
    return delta;
  }

  /** resched_curr(): the CPU looks for its next task as soon as it hears of it. */
  resched(cpu: number): void {
    const { needResched, curr, segmentStart } = this.cpus;
    if (needResched[cpu] === 1) return;
    needResched[cpu] = 1;
    let at = this.now + Math.round(this.cost);
    const task = curr[cpu]!;
    if (cpu !== this.execCpu) at += this.costs.ipiNs + (task < 0 ? this.#idleExitNs() : 0);
    if (task >= 0 && segmentStart[cpu]! > at) at = segmentStart[cpu]!;
    this.wheel.set(cpu, at);
  }

  /** Steps of the golden ratio: any few in a row are spread over all values. */
  #idleExitNs(): number {
    const { idleExitsNs, idleExitNs } = this.costs;
    if (idleExitsNs === undefined) return idleExitNs;
    this.#idleExits = (this.#idleExits + 0.6180339887498949) % 1;
    return idleExitsNs[Math.floor(this.#idleExits * idleExitsNs.length)]!;
  }

  /**
   * resched_curr_lazy() of a kernel with lazy preemption: no interrupt is sent, so another CPU looks when its task next enters the kernel.
   * A task that runs does so to read its clock (Costs.lookNs).
   */
  reschedLazy(cpu: number): void {
    const { needResched, curr, segmentStart, speed } = this.cpus;
    const task = curr[cpu]!;
    if (cpu === this.execCpu || task < 0) {
      this.resched(cpu);
      return;
    }
    if (needResched[cpu] !== 0) return;
    this.progress(cpu);
    needResched[cpu] = lazily;
    const untilRead = Math.ceil((this.tasks.left[task]! % this.costs.lookNs) / speed[cpu]!);
    this.wheel.set(cpu, Math.max(this.now, segmentStart[cpu]!) + untilRead);
  }

  /** Code of this event has entered the kernel on the CPU: on its way out the CPU looks. */
  leaveKernel(cpu: number): void {
    if (this.cpus.needResched[cpu] === lazily) this.resched(cpu);
  }

  /** The threads of a core slow one another down. */
  protected shareCore(cpu: number): void {
    const { coreOf, capacity, cpus: count } = this.topology;
    const { curr, speed } = this.cpus;
    let running = 0;
    for (let other = 0; other < count; other++)
      if (coreOf[other] === coreOf[cpu] && curr[other]! >= 0) running++;
    for (let other = 0; other < count; other++) {
      if (coreOf[other] !== coreOf[cpu]) continue;
      this.progress(other);
      speed[other] = (capacity[other]! / 1024) * (running > 1 ? this.costs.smtShare : 1);
      if (other !== cpu) this.plan(other);
    }
  }
}
