// When CPUs balance: by interval at their ticks, for idle CPUs at the tick of a busy one, and when they go idle. Source: kernel/sched/fair.c
// (sched_balance_domains, nohz_balancer_kick, _nohz_idle_balance, sched_balance_newidle, get_sd_balance_interval), v6.18, HZ=250, NO_HZ.

import { tickNs } from '../contracts.ts';
import type { Balance } from './balance.ts';
import type { Domain } from './domains.ts';
import { idleness } from './imbalance.ts';
import type { Machine } from './machine.ts';

const busyFactor = 16;
const jiffyMs = tickNs / 1e6;
const migrationCostNs = 500_000;
/** LOAD_AVG_PERIOD. */
const blockedNs = 32_000_000;

export class Triggers {
  readonly #machine: Machine;
  readonly #balance: Balance;
  /** By CPU, ns. */
  readonly #next: Float64Array;
  readonly #averageIdle: Float64Array;
  /** Since when it is idle after looking for tasks in vain; −1 when it is not. */
  readonly #idleStamp: Float64Array;
  readonly #cost: number;
  #nohzNext = 0;
  #nohzNextIsLate = false;
  /** When what idle CPUs had to do is brought up to date next. */
  #nextBlocked = 0;

  /** `newidleNs`: what one look at one domain costs a CPU that goes idle. */
  constructor(machine: Machine, balance: Balance, newidleNs: number) {
    const { cpus } = machine.core.topology;
    this.#machine = machine;
    this.#balance = balance;
    this.#next = new Float64Array(cpus);
    this.#averageIdle = new Float64Array(cpus).fill(2 * migrationCostNs);
    this.#idleStamp = new Float64Array(cpus).fill(-1);
    this.#cost = newidleNs;
  }

  /** A tick of a busy CPU. */
  tick(cpu: number): void {
    const { core, loads } = this.#machine;
    if (core.now >= this.#next[cpu]!) {
      loads.updateBlocked(cpu);
      this.#balanceDomains(cpu, idleness.busy);
    }
    this.#kickIdle(cpu);
  }

  /** A real-time task has been at work, and a tick has come meanwhile. */
  visited(): void {
    this.#updateIdle();
  }

  /** From time to time what idle CPUs had to do is let fade (NOHZ_STATS_KICK). */
  #updateIdle(): void {
    const machine = this.#machine;
    const { now, cpus } = machine.core;
    if (now < this.#nextBlocked) return;
    this.#nextBlocked = now + blockedNs;
    for (let cpu = 0; cpu < cpus.count; cpu++) if (machine.isIdle(cpu)) machine.loads.updateBlocked(cpu);
  }

  /** A busy CPU with several tasks, or in an LLC with several busy CPUs, has an idle one balance for all idle ones. */
  #kickIdle(cpu: number): void {
    const machine = this.#machine;
    const { core } = machine;
    if (core.busy === core.topology.cpus) return;
    if (this.#nohzNextIsLate) this.#bringNohzForward();
    this.#updateIdle();
    if (core.now < this.#nohzNext) return;
    if (machine.running(cpu) < 2 && this.#busyInLlc(cpu) <= 1) return;
    const { count } = core.cpus;
    let balancer = -1;
    for (let other = 0; other < count && balancer < 0; other++)
      if (other !== cpu && machine.isIdle(other)) balancer = other;
    if (balancer < 0) return;
    let next = core.now + 60e9;
    for (let step = 1; step <= count; step++) {
      const other = (balancer + step) % count;
      if (!machine.isIdle(other)) continue;
      machine.loads.updateBlocked(other);
      if (core.now >= this.#next[other]!) {
        this.#balanceDomains(other, idleness.idle);
      }
      next = Math.min(next, this.#next[other]!);
    }
    this.#nohzNext = Math.max(next, core.now + tickNs);
  }

  /** A CPU that has gone idle since may want to balance sooner (NOHZ_NEXT_KICK). */
  #bringNohzForward(): void {
    this.#nohzNextIsLate = false;
    const { count } = this.#machine.core.cpus;
    for (let cpu = 0; cpu < count; cpu++)
      if (this.#machine.isIdle(cpu)) this.#nohzNext = Math.min(this.#nohzNext, this.#next[cpu]!);
  }

  #busyInLlc(cpu: number): number {
    const domain = this.#machine.llcDomain[cpu];
    if (domain === undefined) return 0;
    let busy = 0;
    for (const other of domain.cpus) if (this.#machine.core.cpus.curr[other]! >= 0) busy++;
    return busy;
  }

  #balanceDomains(cpu: number, idle: number): void {
    const machine = this.#machine;
    const { now } = machine.core;
    let next = now + 60e9;
    let state = idle;
    for (const domain of machine.domains[cpu]!) {
      if (now >= domain.lastBalance + this.#intervalNs(domain, cpu, state)) {
        if (this.#balance.pull(cpu, domain, state) > 0)
          state = machine.isIdle(cpu) ? idleness.idle : idleness.busy;
        domain.lastBalance = now;
        if (!this.#balance.goesOn) {
          next = Math.min(next, domain.lastBalance + this.#intervalNs(domain, cpu, state));
          break;
        }
      }
      next = Math.min(next, domain.lastBalance + this.#intervalNs(domain, cpu, state));
    }
    this.#next[cpu] = next;
  }

  #intervalNs(domain: Domain, cpu: number, idle: number): number {
    const machine = this.#machine;
    const isBusy = idle === idleness.busy && !machine.isSchedIdle(cpu);
    let jiffies = Math.ceil((domain.intervalMs * (isBusy ? busyFactor : 1)) / jiffyMs);
    // One less, so that busy levels do not all fall on the same tick.
    if (isBusy) jiffies--;
    const most = Math.floor((250 * machine.core.topology.cpus) / 10);
    return Math.min(Math.max(jiffies, 1), most) * tickNs;
  }

  /** A CPU has nothing to run. True: it has pulled something. */
  newlyIdle(cpu: number): boolean {
    if (this.#pullNewlyIdle(cpu)) return true;
    if (this.#averageIdle[cpu]! >= migrationCostNs && this.#machine.core.now >= this.#nextBlocked) {
      this.#updateIdle();
      this.#machine.loads.updateBlocked(cpu);
    }
    return false;
  }

  #pullNewlyIdle(cpu: number): boolean {
    const machine = this.#machine;
    const { core } = machine;
    this.#idleStamp[cpu] = core.now;
    const domains = machine.domains[cpu]!;
    const averageIdle = this.#averageIdle[cpu]!;
    const [lowest] = domains;
    if (lowest === undefined) return false;
    this.#nohzNextIsLate = true;
    if (!machine.overloaded || averageIdle < lowest.newidleCost) {
      this.#soonerNext(cpu, lowest);
      return false;
    }
    machine.loads.updateBlocked(cpu);
    let spent = 0;
    for (const domain of domains) {
      this.#soonerNext(cpu, domain);
      if (averageIdle < spent + domain.newidleCost) return false;
      core.charge(this.#cost);
      const pulled = this.#balance.pull(cpu, domain, idleness.newlyIdle);
      spent += this.#cost;
      domain.newidleCost = Math.max(domain.newidleCost, this.#cost);
      if (pulled > 0) {
        this.#idleStamp[cpu] = -1;
        return true;
      }
      if (!this.#balance.goesOn) return false;
    }
    return false;
  }

  #soonerNext(cpu: number, domain: Domain): void {
    const due = domain.lastBalance + this.#intervalNs(domain, cpu, idleness.idle);
    if (due < this.#next[cpu]!) this.#next[cpu] = due;
  }

  /** A task wakes on the CPU: how long it was idle is part of what it expects of the next time (ttwu_do_activate). */
  woken(cpu: number): void {
    const since = this.#idleStamp[cpu]!;
    if (since < 0) return;
    this.#idleStamp[cpu] = -1;
    const idle = this.#machine.core.now - since;
    const average = this.#averageIdle[cpu]!;
    this.#averageIdle[cpu] = Math.min(average + Math.trunc((idle - average) / 8), 2 * migrationCostNs);
  }
}
