// Between which groups there is an imbalance, and how much of what should move. Source: kernel/sched/fair.c (update_sd_lb_stats,
// update_sd_pick_busiest, sched_balance_find_src_group, calculate_imbalance, sibling_imbalance, update_idle_cpu_scan), v6.18.

import type { CpuGroup, Domain } from './domains.ts';
import { slackened } from './find-idlest.ts';
import { GroupStats, groupKind } from './group-stats.ts';
import type { Machine } from './machine.ts';

export const idleness = { busy: 0, idle: 1, newlyIdle: 2 } as const;
export const moveKind = { load: 0, util: 1, task: 2 } as const;

/** What a balancing pass has found: how much of which kind to move. */
export class Imbalance {
  amount = 0;
  kind: number = moveKind.task;
  readonly #machine: Machine;
  readonly #local = new GroupStats();
  readonly #busiest = new GroupStats();
  readonly #other = new GroupStats();
  #totalLoad = 0;
  #totalCapacity = 0;
  #meanLoad = 0;

  constructor(machine: Machine) {
    this.#machine = machine;
  }

  /** The group to pull from; undefined when there is none. */
  find(domain: Domain, idle: number): CpuGroup | undefined {
    this.#measure(domain, idle);
    if (this.#busiest.group === undefined || !this.#isWorthIt(domain, idle)) return undefined;
    this.amount = 0;
    this.kind = moveKind.task;
    this.#calculate(domain, idle);
    return this.amount > 0 ? this.#busiest.group : undefined;
  }

  #measure(domain: Domain, idle: number): void {
    const machine = this.#machine;
    const busiest = this.#busiest;
    busiest.group = undefined;
    busiest.kind = groupKind.spare;
    busiest.idleCpus = Number.POSITIVE_INFINITY;
    busiest.running = 0;
    busiest.avgLoad = 0;
    this.#totalLoad = 0;
    this.#totalCapacity = 0;
    let util = 0;
    let overloaded = false;
    const { groups, local } = domain;
    for (let step = 0; step < groups.length; step++) {
      const group = groups[(local + step) % groups.length]!;
      const stats = step === 0 ? this.#local : this.#other;
      stats.measure(machine, domain, group, step === 0, idle !== idleness.busy);
      if (step > 0 && this.#isBusier(stats)) busiest.copy(stats);
      this.#totalLoad += stats.load;
      this.#totalCapacity += stats.capacity;
      util += stats.util;
      if (stats.anyOverloaded) overloaded = true;
    }
    if (domain.parent === undefined) machine.overloaded = overloaded;
    if (idle !== idleness.newlyIdle) this.#updateIdleScan(domain, util);
  }

  /** The busier an LLC, the fewer of its CPUs a wakeup looks at. */
  #updateIdleScan(domain: Domain, util: number): void {
    const machine = this.#machine;
    const size = machine.llcSize;
    if (!machine.features.SIS_UTIL || domain.cpus.length !== size || !domain.sharesLlc) return;
    const mean = Math.floor(util / size);
    const taken = Math.min(1024, Math.floor((mean * mean * domain.imbalancePct ** 2) / (10_000 * 1024)));
    machine.idleScan[machine.core.topology.llcOf[domain.cpus[0]!]!] = Math.floor(
      ((1024 - taken) * size) / 1024,
    );
  }

  #isBusier(stats: GroupStats): boolean {
    const busiest = this.#busiest;
    if (stats.fairRunning === 0) return false;
    if (stats.kind !== busiest.kind) return stats.kind > busiest.kind;
    if (stats.kind === groupKind.overloaded) return stats.avgLoad > busiest.avgLoad;
    if (stats.kind === groupKind.imbalanced) return false;
    if (
      stats.kind === groupKind.busy ||
      (stats.kind === groupKind.smtBalance && stats.idleCpus === 0 && busiest.idleCpus === 0)
    )
      return busiest.group?.isSmt !== true;
    return (
      stats.idleCpus < busiest.idleCpus ||
      (stats.idleCpus === busiest.idleCpus && stats.running > busiest.running)
    );
  }

  #isWorthIt(domain: Domain, idle: number): boolean {
    const local = this.#local;
    const busiest = this.#busiest;
    if (busiest.kind === groupKind.imbalanced) return true;
    if (local.kind > busiest.kind) return false;
    if (local.kind === groupKind.overloaded) {
      if (local.avgLoad >= busiest.avgLoad) return false;
      this.#meanLoad = Math.floor((this.#totalLoad * 1024) / this.#totalCapacity);
      if (local.avgLoad >= this.#meanLoad) return false;
      if (100 * busiest.avgLoad <= domain.imbalancePct * local.avgLoad) return false;
    }
    if (this.#prefersSibling() && local.kind === groupKind.spare && this.#siblings(idle) > 1) return true;
    if (busiest.kind === groupKind.overloaded) return true;
    if (idle === idleness.busy) return false;
    if (busiest.kind === groupKind.smtBalance && local.group!.isSmt !== busiest.group!.isSmt) return true;
    if (busiest.weight > 1 && local.idleCpus <= busiest.idleCpus + 1) return false;
    return busiest.fairRunning !== 1;
  }

  #prefersSibling(): boolean {
    return this.#busiest.group!.prefersSibling;
  }

  /** By how many tasks the busiest is ahead, relative to cores. */
  #siblings(idle: number): number {
    const local = this.#local;
    const busiest = this.#busiest;
    if (idle === idleness.busy || busiest.running === 0) return 0;
    const coresHere = local.group!.cores;
    const coresThere = busiest.group!.cores;
    if (coresHere === coresThere) return Math.max(0, busiest.running - local.running);
    let imbalance = Math.max(0, coresHere * busiest.running - coresThere * local.running);
    imbalance = Math.floor((2 * imbalance + coresHere + coresThere) / (coresHere + coresThere));
    return imbalance <= 1 && local.running === 0 && busiest.running > 1 ? 2 : imbalance;
  }

  #calculate(domain: Domain, idle: number): void {
    const local = this.#local;
    const busiest = this.#busiest;
    if (busiest.kind === groupKind.smtBalance || busiest.kind === groupKind.imbalanced) this.amount = 1;
    else if (local.kind === groupKind.spare) this.#fillSpare(domain, idle);
    else this.#evenLoad();
  }

  #fillSpare(domain: Domain, idle: number): void {
    const local = this.#local;
    const busiest = this.#busiest;
    if (busiest.kind > groupKind.busy && !domain.sharesLlc) {
      this.kind = moveKind.util;
      this.amount = Math.max(local.capacity, local.util) - local.util;
      if (idle !== idleness.busy && this.amount === 0) {
        this.kind = moveKind.task;
        this.amount = 1;
      }
      return;
    }
    let tasks =
      busiest.weight === 1 || this.#prefersSibling()
        ? this.#siblings(idle)
        : Math.max(0, local.idleCpus - busiest.idleCpus);
    if (domain.level === 'numa') tasks = slackened(tasks, local.running + 1, domain.numaSlack);
    this.amount = tasks >> 1;
  }

  #evenLoad(): void {
    const local = this.#local;
    const busiest = this.#busiest;
    if (local.kind < groupKind.overloaded) {
      local.setAvgLoad();
      if (local.avgLoad >= busiest.avgLoad) return;
      this.#meanLoad = Math.floor((this.#totalLoad * 1024) / this.#totalCapacity);
      if (local.avgLoad >= this.#meanLoad) return;
    }
    this.kind = moveKind.load;
    this.amount = Math.floor(
      Math.min(
        (busiest.avgLoad - this.#meanLoad) * busiest.capacity,
        (this.#meanLoad - local.avgLoad) * local.capacity,
      ) / 1024,
    );
  }
}
