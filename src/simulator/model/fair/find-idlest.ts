// The CPU for a new task: the idlest group, level by level, then its idlest CPU. Source: kernel/sched/fair.c (sched_balance_find_dst_cpu,
// sched_balance_find_dst_group, update_pick_idlest, sched_balance_find_dst_group_cpu), v6.18.

import type { CpuGroup, Domain } from './domains.ts';
import { GroupStats, groupKind } from './group-stats.ts';
import type { Machine } from './machine.ts';

export class FindIdlest {
  readonly #machine: Machine;
  readonly #local = new GroupStats();
  readonly #other = new GroupStats();
  readonly #idlest = new GroupStats();

  constructor(machine: Machine) {
    this.#machine = machine;
  }

  /** `here`: where it is created. */
  select(task: number, here: number): number {
    let domain: Domain | undefined = this.#machine.domains[here]!.at(-1);
    let cpu = here;
    while (domain !== undefined) {
      const group = this.#findGroup(domain, task, cpu);
      const next: number = group === undefined ? cpu : this.#idlestCpu(group, task, cpu);
      if (next === cpu) domain = domain.child;
      else {
        const weight: number = domain.cpus.length;
        cpu = next;
        domain = this.#machine.domains[cpu]!.findLast((one) => one.cpus.length < weight);
      }
    }
    return cpu;
  }

  #allows(task: number, group: CpuGroup): boolean {
    const { tasks } = this.#machine.core;
    for (const cpu of group.cpus) if (tasks.allows(task, cpu)) return true;
    return false;
  }

  /** Undefined: it stays in the group of `here`. */
  #findGroup(domain: Domain, task: number, here: number): CpuGroup | undefined {
    const machine = this.#machine;
    const idlest = this.#idlest;
    idlest.group = undefined;
    idlest.kind = groupKind.overloaded;
    idlest.avgLoad = Number.POSITIVE_INFINITY;
    let hasLocal = false;
    const { groups } = domain;
    const local = groups.findIndex((group) => group.cpus.includes(here));
    for (let step = 0; step < groups.length; step++) {
      const group = groups[(local + step) % groups.length]!;
      if (!this.#allows(task, group)) continue;
      const isLocal = step === 0;
      const stats = isLocal ? this.#local : this.#other;
      stats.measureWithout(machine, domain, group, task);
      if (isLocal) hasLocal = true;
      else if (this.#isIdler(stats)) idlest.copy(stats);
    }
    if (idlest.group === undefined) return undefined;
    return !hasLocal || this.#shouldLeave(domain) ? idlest.group : undefined;
  }

  #isIdler(stats: GroupStats): boolean {
    const idlest = this.#idlest;
    if (stats.kind !== idlest.kind) return stats.kind < idlest.kind;
    if (stats.kind === groupKind.overloaded || stats.kind === groupKind.busy)
      return idlest.avgLoad > stats.avgLoad;
    if (stats.kind !== groupKind.spare) return false;
    return (
      stats.idleCpus > idlest.idleCpus || (stats.idleCpus === idlest.idleCpus && stats.util < idlest.util)
    );
  }

  #shouldLeave(domain: Domain): boolean {
    const local = this.#local;
    const idlest = this.#idlest;
    if (local.kind !== idlest.kind) return local.kind > idlest.kind;
    if (local.kind === groupKind.overloaded || local.kind === groupKind.busy) {
      const imbalance = Math.floor((1024 * (domain.imbalancePct - 100)) / 100);
      if (domain.level === 'numa' && idlest.avgLoad + imbalance >= local.avgLoad) return false;
      if (idlest.avgLoad >= local.avgLoad + imbalance) return false;
      return 100 * local.avgLoad > domain.imbalancePct * idlest.avgLoad;
    }
    if (local.kind !== groupKind.spare) return false;
    if (domain.level === 'numa') {
      const difference = Math.abs(local.idleCpus - idlest.idleCpus);
      if (slackened(difference, local.running + 1, domain.numaSlack) === 0) return false;
    }
    return local.idleCpus < idlest.idleCpus;
  }

  #idlestCpu(group: CpuGroup, task: number, here: number): number {
    const machine = this.#machine;
    const { tasks, cpus } = machine.core;
    if (group.cpus.length === 1) return group.cpus[0]!;
    let idle = -1;
    let idleSince = -1;
    let least = here;
    let leastLoad = Number.POSITIVE_INFINITY;
    for (const cpu of group.cpus) {
      if (!tasks.allows(task, cpu)) continue;
      if (machine.isSchedIdle(cpu)) return cpu;
      if (machine.isIdle(cpu)) {
        // The one that went idle last has the warmest caches.
        if (cpus.idleSince[cpu]! > idleSince) {
          idle = cpu;
          idleSince = cpus.idleSince[cpu]!;
        }
      } else if (idle < 0 && machine.loads.cpuLoad(cpu) < leastLoad) {
        least = cpu;
        leastLoad = machine.loads.cpuLoad(cpu);
      }
    }
    return idle >= 0 ? idle : least;
  }
}

/** adjust_numa_imbalance: a small imbalance between nodes is left alone while few tasks run there. */
export function slackened(imbalance: number, running: number, slack: number): number {
  return running > slack || imbalance > 2 ? imbalance : 0;
}
