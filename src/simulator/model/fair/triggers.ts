// When CPUs balance: by interval at their ticks, for idle CPUs at the tick of a busy one, and when they go idle. Source: kernel/sched/fair.c
// (sched_balance_domains, nohz_balancer_kick, _nohz_idle_balance, nohz_newidle_balance, get_sd_balance_interval), v6.18, HZ=250, NO_HZ.

import { tickNs } from '../contracts.ts';
import type { Balance } from './balance.ts';
import type { Domain } from './domains.ts';
import { idleness } from './imbalance.ts';
import type { Machine } from './machine.ts';
import { migrationCostNs, type NewIdle } from './newidle.ts';

const busyFactor = 16;
const jiffyMs = tickNs / 1e6;
const farAway = 15_000; // a minute
/** LOAD_AVG_PERIOD. */
const blockedJiffies = 8;

export class Triggers {
  readonly #machine: Machine;
  readonly #balance: Balance;
  readonly #newidle: NewIdle;
  /** By CPU, jiffies: when it balances next. Below, for all idle CPUs. */
  readonly #next: Float64Array;
  #nohzNext = 0;
  #nohzNextIsLate = false;
  /** When what idle CPUs had to do is brought up to date next. */
  #nextBlocked = 0;

  constructor(machine: Machine, balance: Balance, newidle: NewIdle) {
    this.#machine = machine;
    this.#balance = balance;
    this.#newidle = newidle;
    this.#next = new Float64Array(machine.core.topology.cpus);
  }

  #jiffies(): number {
    return Math.floor(this.#machine.core.now / tickNs);
  }

  /** A tick of a busy CPU. */
  tick(cpu: number): void {
    if (this.#jiffies() >= this.#next[cpu]!) {
      this.#machine.loads.updateBlocked(cpu);
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
    const { count } = machine.core.cpus;
    if (this.#jiffies() < this.#nextBlocked) return;
    this.#nextBlocked = this.#jiffies() + blockedJiffies;
    for (let cpu = 0; cpu < count; cpu++) if (machine.isIdle(cpu)) machine.loads.updateBlocked(cpu);
  }

  /** A busy CPU with several tasks, or in an LLC with several busy CPUs, has an idle one balance for all idle ones. */
  #kickIdle(cpu: number): void {
    const machine = this.#machine;
    const { core } = machine;
    if (core.busy === core.topology.cpus) return;
    if (this.#nohzNextIsLate) this.#bringNohzForward();
    this.#updateIdle();
    if (this.#jiffies() < this.#nohzNext) return;
    if (machine.running(cpu) < 2 && this.#busyInLlc(cpu) <= 1) return;
    const { count } = core.cpus;
    for (let other = 0; other < count; other++) {
      if (other === cpu || !machine.isIdle(other)) continue;
      this.#balanceIdle(other);
      return;
    }
  }

  /** `balancer` does it for all idle CPUs, for itself last. */
  #balanceIdle(balancer: number): void {
    const machine = this.#machine;
    const { count } = machine.core.cpus;
    const now = this.#jiffies();
    let next = now + farAway;
    this.#nextBlocked = now + blockedJiffies;
    for (let step = 1; step <= count; step++) {
      const cpu = (balancer + step) % count;
      if (!machine.isIdle(cpu)) continue;
      machine.loads.updateBlocked(cpu);
      if (now >= this.#next[cpu]!) this.#balanceDomains(cpu, idleness.idle);
      next = Math.min(next, this.#next[cpu]!);
    }
    this.#nohzNext = Math.max(next, now + 1);
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
    const now = this.#jiffies();
    this.#newidle.decay(cpu);
    let next = now + farAway;
    let state = idle;
    for (const domain of machine.domains[cpu]!) {
      let goesOn = true;
      if (now >= domain.lastBalance + this.#interval(domain, cpu, state)) {
        if (this.#balance.pull(cpu, domain, state) > 0)
          state = machine.isIdle(cpu) ? idleness.idle : idleness.busy;
        domain.lastBalance = now;
        goesOn = this.#balance.goesOn;
      }
      next = Math.min(next, domain.lastBalance + this.#interval(domain, cpu, state));
      if (!goesOn) break;
    }
    this.#next[cpu] = next;
  }

  /** Jiffies. */
  #interval(domain: Domain, cpu: number, idle: number): number {
    const machine = this.#machine;
    const isBusy = idle === idleness.busy && !machine.isSchedIdle(cpu);
    let jiffies = Math.ceil((domain.intervalMs * (isBusy ? busyFactor : 1)) / jiffyMs);
    // One less, so that busy levels do not all fall on the same tick.
    if (isBusy) jiffies--;
    const most = Math.floor((250 * machine.core.topology.cpus) / 10);
    return Math.min(Math.max(jiffies, 1), most);
  }

  /** A CPU has nothing to run. True: it has pulled something. */
  newlyIdle(cpu: number): boolean {
    this.#nohzNextIsLate = true;
    if (this.#newidle.pull(cpu, this.#comeBy)) return true;
    if (this.#newidle.averageIdle[cpu]! >= migrationCostNs && this.#jiffies() >= this.#nextBlocked) {
      this.#updateIdle();
      this.#machine.loads.updateBlocked(cpu);
    }
    return false;
  }

  /** An idle CPU balances sooner than the busy one that it was. */
  readonly #comeBy = (cpu: number, domain: Domain): void => {
    const due = domain.lastBalance + this.#interval(domain, cpu, idleness.idle);
    if (due < this.#next[cpu]!) this.#next[cpu] = due;
  };

  woken(cpu: number): void {
    this.#newidle.woken(cpu);
  }
}
