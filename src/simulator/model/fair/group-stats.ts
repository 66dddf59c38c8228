// What a group of CPUs looks like to balancing: its load, and whether it has room. Source: kernel/sched/fair.c (struct sg_lb_stats,
// group_classify, update_sg_lb_stats, update_sg_wakeup_stats), v6.18.

import type { CpuGroup, Domain } from './domains.ts';
import type { Machine } from './machine.ts';

/** In order of need: a group of a later kind gives to one of an earlier. */
export const groupKind = { spare: 0, busy: 1, smtBalance: 3, imbalanced: 5, overloaded: 6 } as const;

export class GroupStats {
  kind: number = groupKind.spare;
  group: CpuGroup | undefined;
  load = 0;
  util = 0;
  runnable = 0;
  capacity = 0;
  weight = 0;
  /** Load per capacity, 1024 for a CPU of one nice-0 task; only where kinds need it. */
  avgLoad = 0;
  idleCpus = 0;
  /** Tasks of all classes; fair tasks that are runnable. */
  running = 0;
  fairRunning = 0;
  anyOverloaded = false;

  copy(from: GroupStats): void {
    Object.assign(this, from);
  }

  #clear(group: CpuGroup): void {
    this.group = group;
    this.load = 0;
    this.util = 0;
    this.runnable = 0;
    this.capacity = group.capacity;
    this.weight = group.cpus.length;
    this.avgLoad = 0;
    this.idleCpus = 0;
    this.running = 0;
    this.fairRunning = 0;
    this.anyOverloaded = false;
  }

  /** For balancing: `idle` is that of the CPU that pulls. */
  measure(machine: Machine, domain: Domain, group: CpuGroup, isLocal: boolean, idle: boolean): void {
    this.#clear(group);
    const { loads, queues } = machine;
    for (const cpu of group.cpus) {
      this.load += loads.cpuLoad(cpu);
      this.util += loads.cpuUtil(cpu);
      this.runnable += loads.cpuRunnable(cpu);
      this.fairRunning += queues.hRunnable[cpu]!;
      const running = machine.running(cpu);
      this.running += running;
      if (running > 1) this.anyOverloaded = true;
      if (running === 0 && machine.isIdle(cpu)) this.idleCpus++;
    }
    const smtBalance = !isLocal && idle && group.isSmt && this.fairRunning > 1;
    this.kind = this.#classify(domain.imbalancePct, group.imbalanced, smtBalance);
    if (this.kind === groupKind.overloaded) this.setAvgLoad();
  }

  /** For a task that is new or wakes: without its own part. */
  measureWithout(machine: Machine, domain: Domain, group: CpuGroup, task: number): void {
    this.#clear(group);
    const { loads, queues, core } = machine;
    const { pelt } = loads;
    for (const cpu of group.cpus) {
      const isOwn = core.tasks.cpu[task] === cpu && pelt.updated[task]! >= 0;
      this.load += Math.max(0, loads.cpuLoad(cpu) - (isOwn ? loads.taskLoad(task) : 0));
      this.util += Math.max(0, loads.cpuUtil(cpu) - (isOwn ? pelt.utilAvg[task]! : 0));
      this.runnable += Math.max(0, loads.cpuRunnable(cpu) - (isOwn ? pelt.runnableAvg[task]! : 0));
      this.fairRunning += queues.hRunnable[cpu]!;
      this.running += machine.running(cpu);
      if (machine.isIdle(cpu)) this.idleCpus++;
    }
    this.kind = this.#classify(domain.imbalancePct, group.imbalanced, false);
    if (this.kind === groupKind.overloaded || this.kind === groupKind.busy) this.setAvgLoad();
  }

  setAvgLoad(): void {
    this.avgLoad = Math.floor((this.load * 1024) / this.capacity);
  }

  #classify(pct: number, imbalanced: boolean, smtBalance: boolean): number {
    const full = this.capacity * 100 < this.util * pct || this.capacity * pct < this.runnable * 100;
    if (this.running > this.weight && full) return groupKind.overloaded;
    if (imbalanced) return groupKind.imbalanced;
    if (smtBalance) return groupKind.smtBalance;
    if (this.running < this.weight) return groupKind.spare;
    if (this.capacity * pct < this.runnable * 100) return groupKind.busy;
    return this.capacity * 100 > this.util * pct ? groupKind.spare : groupKind.busy;
  }
}
