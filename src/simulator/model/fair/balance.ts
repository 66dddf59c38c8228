// One pass of balancing: a CPU pulls from the busiest CPU of the busiest group of one of its domains. Source: kernel/sched/fair.c (sched_balance_rq,
// should_we_balance, sched_balance_find_src_rq, detach_tasks, can_migrate_task, task_hot, need_active_balance, active_load_balance_cpu_stop), v6.18.

import { schedPolicy } from '../flags.ts';
import type { CpuGroup, Domain } from './domains.ts';
import { Imbalance, idleness, moveKind } from './imbalance.ts';
import type { Machine } from './machine.ts';

const migrationCostNs = 500_000;
const mostTasks = 32;
const maxPinnedIntervalMs = 512;

export class Balance {
  readonly #machine: Machine;
  readonly #imbalance: Imbalance;
  readonly #excluded: Uint8Array;
  /** Of the pass at hand. */
  #allPinned = false;
  #somePinned = false;
  /** should_we_balance said no: another CPU of the group does it at this level and above. */
  goesOn = true;

  constructor(machine: Machine) {
    this.#machine = machine;
    this.#imbalance = new Imbalance(machine);
    this.#excluded = new Uint8Array(machine.core.topology.cpus);
  }

  /** Tasks that `cpu` has pulled. */
  pull(cpu: number, domain: Domain, idle: number): number {
    this.goesOn = true;
    if (!this.#isOurs(cpu, domain, idle)) {
      this.goesOn = false;
      return 0;
    }
    this.#excluded.fill(0);
    this.#allPinned = false;
    for (;;) {
      const group = this.#imbalance.find(domain, idle);
      const source = group === undefined ? -1 : this.#busiestCpu(group);
      if (source < 0 || source === cpu) return this.#balanced(domain, idle);
      this.#allPinned = true;
      this.#somePinned = false;
      let moved = 0;
      if (this.#machine.running(source) > 1) {
        moved = this.#move(source, cpu, domain, idle);
        if (this.#somePinned && this.#imbalance.amount > 0) this.#tellParent(domain);
        if (this.#allPinned) {
          this.#excluded[source] = 1;
          if (this.#hasOthers(domain)) continue;
          return this.#pinned(domain, idle);
        }
      }
      if (moved > 0) domain.failed = 0;
      else {
        if (idle !== idleness.newlyIdle) domain.failed++;
        const isHopeless = domain.failed > domain.cacheNiceTries + 2;
        if (isHopeless && this.#imbalance.kind === moveKind.task && !this.#push(source, cpu, domain))
          return this.#longerInterval(domain, idle);
      }
      domain.intervalMs = domain.minIntervalMs;
      return moved;
    }
  }

  /** The first idle CPU of the group balances, the first of all when none is. */
  #isOurs(cpu: number, domain: Domain, idle: number): boolean {
    const machine = this.#machine;
    if (idle === idleness.newlyIdle) return machine.running(cpu) === 0;
    const { cpus } = domain.groups[domain.local]!;
    let idleThread = -1;
    for (const other of cpus) {
      if (!machine.isIdle(other)) continue;
      if (domain.level !== 'smt' && !machine.isCoreIdle(other)) {
        if (idleThread < 0) idleThread = other;
      } else return other === cpu;
    }
    return (idleThread >= 0 ? idleThread : cpus[0]!) === cpu;
  }

  /** Active balance: the stopper moves a task, the running one if it must. False: what runs may not go there. */
  #push(source: number, cpu: number, domain: Domain): boolean {
    const { core, list } = this.#machine;
    const { tasks } = core;
    const running = core.cpus.curr[source]!;
    if (running >= 0 && !tasks.allows(running, cpu)) return false;
    if (running >= 0 && core.mustMove[running] === 1) return true; // it is on its way already
    for (let task = list.last[source]!; task >= 0; task = list.before[task]!) {
      if (!tasks.allows(task, cpu) || tasks.migrationDisabled[task] === 1) continue;
      domain.failed = 0;
      if (task === running) core.push(task, cpu);
      else core.moveQueued(task, cpu);
      break;
    }
    return true;
  }

  #tellParent(domain: Domain): void {
    const parent = domain.parent;
    if (parent !== undefined) parent.groups[parent.local]!.imbalanced = true;
  }

  #hasOthers(domain: Domain): boolean {
    const own = domain.groups[domain.local]!.cpus;
    for (const cpu of domain.cpus) if (this.#excluded[cpu] === 0 && !own.includes(cpu)) return true;
    return false;
  }

  #balanced(domain: Domain, idle: number): number {
    const parent = domain.parent;
    if (parent !== undefined && !this.#allPinned) parent.groups[parent.local]!.imbalanced = false;
    return this.#pinned(domain, idle);
  }

  #pinned(domain: Domain, idle: number): number {
    domain.failed = 0;
    return this.#longerInterval(domain, idle);
  }

  #longerInterval(domain: Domain, idle: number): number {
    if (idle === idleness.newlyIdle) return 0;
    if (
      (this.#allPinned && domain.intervalMs < maxPinnedIntervalMs) ||
      domain.intervalMs < 2 * domain.minIntervalMs
    )
      domain.intervalMs *= 2;
    return 0;
  }

  #busiestCpu(group: CpuGroup): number {
    const { loads, queues, core } = this.#machine;
    const { capacity } = core.topology;
    const { kind, amount } = this.#imbalance;
    let busiest = -1;
    let most = 0;
    let mostCapacity = 1;
    for (const cpu of group.cpus) {
      const running = queues.hRunnable[cpu]!;
      if (this.#excluded[cpu] === 1 || running === 0) continue;
      let value = running;
      let own = 1;
      if (kind === moveKind.load) {
        value = loads.cpuLoad(cpu);
        own = capacity[cpu]!;
        if (running === 1 && value > amount) continue;
      } else if (kind === moveKind.util) {
        if (running <= 1) continue;
        value = Math.min(Math.max(loads.cpuUtil(cpu), loads.cpuRunnable(cpu)), capacity[cpu]!);
      }
      if (value * mostCapacity <= most * own) continue;
      busiest = cpu;
      most = value;
      mostCapacity = own;
    }
    return busiest;
  }

  /** detach_tasks and attach_tasks. */
  #move(source: number, cpu: number, domain: Domain, idle: number): number {
    const { core, list } = this.#machine;
    const imbalance = this.#imbalance;
    const machine = this.#machine;
    const tries = Math.min(mostTasks, machine.running(source));
    let moved = 0;
    for (let tried = 0; tried < tries && list.last[source]! >= 0; tried++) {
      if (idle !== idleness.busy && machine.running(source) <= 1) break;
      const task = list.last[source]!;
      if (!this.#canMove(task, source, cpu, domain) || !this.#fits(task, domain)) {
        list.toFront(source, task);
        continue;
      }
      core.moveQueued(task, cpu);
      moved++;
      if (idle === idleness.newlyIdle || imbalance.amount <= 0) break;
    }
    return moved;
  }

  #fits(task: number, domain: Domain): boolean {
    const { loads, features } = this.#machine;
    const imbalance = this.#imbalance;
    if (imbalance.kind === moveKind.task) {
      imbalance.amount--;
      return true;
    }
    const isLoad = imbalance.kind === moveKind.load;
    const amount = isLoad ? Math.max(1, loads.taskLoad(task)) : loads.taskUtil(task);
    if (isLoad && features.LB_MIN && amount < 16 && domain.failed === 0) return false;
    // The longer it fails, the more may move at once.
    if (Math.floor(amount / 2 ** Math.min(domain.failed, 31)) > imbalance.amount) return false;
    imbalance.amount -= amount;
    return true;
  }

  #canMove(task: number, source: number, cpu: number, domain: Domain): boolean {
    const { core, entities, bandwidth } = this.#machine;
    const { tasks } = core;
    if (entities.delayed[task] === 1 && this.#imbalance.kind !== moveKind.load) return false;
    if (!bandwidth.isOff && bandwidth.isThrottled(task)) return false;
    if (!tasks.allows(task, cpu) || tasks.migrationDisabled[task] === 1) {
      this.#somePinned = true;
      return false;
    }
    this.#allPinned = false;
    if (core.cpus.curr[source] === task) return false;
    return !this.#isHot(task, cpu, domain) || domain.failed > domain.cacheNiceTries;
  }

  #isHot(task: number, cpu: number, domain: Domain): boolean {
    const { core, entities, queues, features } = this.#machine;
    if (core.tasks.policy[task] === schedPolicy.idle || domain.level === 'smt') return false;
    if (
      features.CACHE_HOT_BUDDY &&
      this.#machine.running(cpu) > 0 &&
      queues.next[entities.queue[task]!] === task
    )
      return true;
    return core.now - entities.execStart[task]! < migrationCostNs;
  }
}
