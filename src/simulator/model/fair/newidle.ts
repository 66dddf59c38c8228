// A CPU that has nothing to run looks for tasks elsewhere, when that has paid so far and does not last longer than it is idle as a rule. Source:
// kernel/sched/fair.c (sched_balance_newidle, update_newidle_cost, update_newidle_stats) and core.c (ttwu_do_activate), v6.18.15, which has the
// dice of NI_RANDOM ("sched/fair: Proportional newidle balance").

import type { Random } from '../../../lib/random.ts';
import type { Balance } from './balance.ts';
import type { Domain } from './domains.ts';
import { idleness } from './imbalance.ts';
import type { Machine } from './machine.ts';

export const migrationCostNs = 500_000;
const decayNs = 1_000_000_000;

export class NewIdle {
  readonly #machine: Machine;
  readonly #balance: Balance;
  readonly #random: Random;
  readonly #lookNs: number;
  /** By CPU, ns: how long it is idle as a rule; the most that looking for tasks has taken. */
  readonly averageIdle: Float64Array;
  readonly #mostNs: Float64Array;
  /** Since when it is idle after looking for tasks in vain; −1 when it is not. */
  readonly #idleStamp: Float64Array;

  /** `lookNs`: what a look at one domain costs. */
  constructor(machine: Machine, balance: Balance, random: Random, lookNs: number) {
    const { cpus } = machine.core.topology;
    this.#machine = machine;
    this.#balance = balance;
    this.#random = random;
    this.#lookNs = lookNs;
    this.averageIdle = new Float64Array(cpus).fill(2 * migrationCostNs);
    this.#mostNs = new Float64Array(cpus).fill(migrationCostNs);
    this.#idleStamp = new Float64Array(cpus).fill(-1);
  }

  /** True: it has pulled something. `seen` is told of each domain that it comes by. */
  pull(cpu: number, seen: (cpu: number, domain: Domain) => void): boolean {
    const machine = this.#machine;
    this.#idleStamp[cpu] = machine.core.now;
    const domains = machine.domains[cpu]!;
    const averageIdle = this.averageIdle[cpu]!;
    if (domains.length === 0) return false;
    if (!machine.overloaded || averageIdle < domains[0]!.newidleCost) {
      seen(cpu, domains[0]!);
      return false;
    }
    machine.loads.updateBlocked(cpu);
    let spent = 0;
    let pulled = 0;
    for (const domain of domains) {
      seen(cpu, domain);
      if (averageIdle < spent + domain.newidleCost) break;
      const weight = this.#throwDice(domain);
      if (weight === 0) continue;
      const cost = machine.core.elapsed(this.#lookNs);
      machine.core.charge(this.#lookNs);
      pulled = this.#balance.pull(cpu, domain, idleness.newlyIdle);
      spent += cost;
      if (cost > 0) this.#count(domain, pulled > 0 ? weight : 0);
      this.#noteCost(domain, cost);
      if (pulled > 0 || !this.#balance.goesOn) break;
    }
    if (spent > this.#mostNs[cpu]!) this.#mostNs[cpu] = spent;
    if (pulled > 0) this.#idleStamp[cpu] = -1;
    return pulled > 0;
  }

  /** The less it has paid, the rarer; what it gives then counts for the times between. 0: not this time. */
  #throwDice(domain: Domain): number {
    if (!this.#machine.features.NI_RANDOM) return 1;
    const chance = 1 + domain.newidleRatio;
    if (this.#random.below(1024) > chance) {
      this.#count(domain, 0);
      return 0;
    }
    return Math.floor((1024 + (chance >> 1)) / chance);
  }

  #count(domain: Domain, success: number): void {
    domain.newidleCalls++;
    domain.newidleSuccess += success;
    if (domain.newidleCalls < 1024) return;
    domain.newidleRatio = domain.newidleSuccess;
    domain.newidleCalls >>= 1;
    domain.newidleSuccess >>= 1;
  }

  /** Costs are forgotten by 1 % a second. True: just now. */
  #noteCost(domain: Domain, cost: number): boolean {
    const { now } = this.#machine.core;
    if (cost > domain.newidleCost) {
      domain.newidleCost = cost;
      domain.newidleDecayedAt = now;
    } else if (now > domain.newidleDecayedAt + decayNs) {
      domain.newidleCost = Math.floor((domain.newidleCost * 253) / 256);
      domain.newidleDecayedAt = now;
      return true;
    }
    return false;
  }

  /** The regular visit to the domains of a CPU. */
  decay(cpu: number): void {
    let sum = 0;
    let decayed = false;
    for (const domain of this.#machine.domains[cpu]!) {
      if (this.#noteCost(domain, 0)) decayed = true;
      sum += domain.newidleCost;
    }
    if (decayed) this.#mostNs[cpu] = Math.max(migrationCostNs, sum);
  }

  /** A task wakes on the CPU: how long it was idle is part of what it expects of the next time. */
  woken(cpu: number): void {
    const since = this.#idleStamp[cpu]!;
    if (since < 0) return;
    this.#idleStamp[cpu] = -1;
    const idle = this.#machine.core.now - since;
    const average = this.averageIdle[cpu]!;
    this.averageIdle[cpu] = Math.min(average + Math.trunc((idle - average) / 8), 2 * this.#mostNs[cpu]!);
  }
}
