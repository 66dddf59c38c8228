// An idle CPU in the target's LLC. Source: kernel/sched/fair.c (select_idle_sibling, select_idle_cpu, select_idle_core, select_idle_smt,
// update_idle_core), v6.18.

import type { Machine } from './machine.ts';

export class IdleSibling {
  readonly #machine: Machine;
  readonly #recent: Int32Array;

  constructor(machine: Machine) {
    this.#machine = machine;
    this.#recent = new Int32Array(machine.core.tasks.capacity);
  }

  /** recent_used_cpu of a new task. */
  clear(task: number, cpu: number): void {
    this.#recent[task] = cpu;
  }

  select(task: number, prev: number, target: number): number {
    const machine = this.#machine;
    const { tasks, topology } = machine.core;
    if (machine.isFree(target)) return target;
    if (prev !== target && machine.sharesLlc(prev, target) && machine.isFree(prev)) return prev;
    const recent = this.#recent[task]!;
    this.#recent[task] = prev;
    if (
      recent !== prev &&
      recent !== target &&
      machine.sharesLlc(recent, target) &&
      machine.isFree(recent) &&
      tasks.allows(task, recent)
    )
      return recent;
    const domain = machine.llcDomain[target];
    if (domain === undefined) return target;
    let hasIdleCore = false;
    if (topology.threads > 1) {
      hasIdleCore = machine.idleCores[topology.llcOf[target]!] === 1;
      if (!hasIdleCore && machine.sharesLlc(prev, target)) {
        const sibling = this.#idleThread(task, prev);
        if (sibling >= 0) return sibling;
      }
    }
    const most = machine.features.SIS_UTIL
      ? machine.idleScan[topology.llcOf[target]!]! + 1
      : Number.POSITIVE_INFINITY;
    if (most === 1) return target; // a busy LLC is not looked through, not even for an idle core
    const idle = hasIdleCore
      ? this.#idleCore(task, target, domain.cpus)
      : this.#idleCpu(task, target, domain.cpus, most);
    return idle >= 0 ? idle : target;
  }

  #idleThread(task: number, cpu: number): number {
    const { coreOf, cpus, threads } = this.#machine.core.topology;
    for (let other = coreOf[cpu]!; other < cpus; other += cpus / threads)
      if (other !== cpu && this.#machine.core.tasks.allows(task, other) && this.#machine.isFree(other))
        return other;
    return -1;
  }

  /** Looks at fewer than `most` CPUs. */
  #idleCpu(task: number, target: number, cpus: Int32Array, most: number): number {
    const machine = this.#machine;
    const { tasks } = machine.core;
    let left = most;
    const begin = cpus.indexOf(target) + 1;
    for (let step = 0; step < cpus.length; step++) {
      const cpu = cpus[(begin + step) % cpus.length]!;
      if (!tasks.allows(task, cpu)) continue;
      if (--left <= 0) return -1;
      if (machine.isFree(cpu)) return cpu;
    }
    return -1;
  }

  /** A core all of whose threads are idle, else any idle CPU seen on the way. */
  #idleCore(task: number, target: number, cpus: Int32Array): number {
    const machine = this.#machine;
    const { tasks, topology } = machine.core;
    const begin = cpus.indexOf(target) + 1;
    let idle = -1;
    for (let step = 0; step < cpus.length; step++) {
      const cpu = cpus[(begin + step) % cpus.length]!;
      if (!tasks.allows(task, cpu)) continue;
      const isIdle = machine.isIdle(cpu);
      if (isIdle && machine.isCoreIdle(cpu)) return cpu;
      if (idle < 0 && (isIdle || machine.isSchedIdle(cpu))) idle = cpu;
    }
    machine.idleCores[topology.llcOf[target]!] = 0;
    return idle;
  }

  /** A CPU goes idle: its core may be idle as a whole now. */
  enterIdle(cpu: number): void {
    const { threads, llcOf } = this.#machine.core.topology;
    if (threads > 1 && this.#machine.isCoreIdle(cpu)) this.#machine.idleCores[llcOf[cpu]!] = 1;
  }
}
