// cpu.max: a group may use so much CPU time each 100 ms; its CPUs take it from a pool in pieces of 5 ms. Source: kernel/sched/fair.c
// (account_cfs_rq_runtime, assign_cfs_rq_runtime, throttle_cfs_rq, unthrottle_cfs_rq, do_sched_cfs_period_timer, return_cfs_rq_runtime), v6.18. Here the
// group leaves its queue as a whole, where 6.18 takes its tasks one by one as they return to user mode; and slack is handed on at once, not after 5 ms.

import type { Core } from '../core.ts';
import type { Entities, Queues } from './entities.ts';

const periodNs = 100_000_000;
const pieceNs = 5_000_000;
const keptNs = 1_000_000;

/** Takes a group off the queue above it, and puts it back. */
export interface Levels {
  withdraw(queue: number): void;
  restore(queue: number): void;
}

export class Bandwidth {
  /** No group has a quota: nothing here is ever called. */
  readonly isOff: boolean;
  readonly #core: Core;
  readonly #e: Entities;
  readonly #q: Queues;
  readonly #quota: Float64Array;
  /** By group: what is left of the period's quota; when the next period begins, Infinity while none runs; used since the last one began. */
  readonly #pool: Float64Array;
  readonly #due: Float64Array;
  readonly #wasUsed: Uint8Array;
  /** By queue: what it has taken and not used. */
  readonly #remaining: Float64Array;
  /** Wheel slot of the period timers. */
  #slot = -1;
  hierarchy!: Levels;

  /** `quota`: by group, ns each 100 ms, 0 for none. */
  constructor(core: Core, entities: Entities, queues: Queues, quota: Float64Array) {
    this.#core = core;
    this.#e = entities;
    this.#q = queues;
    this.#quota = quota;
    this.isOff = quota.every((one) => one === 0);
    this.#pool = quota.slice();
    this.#due = new Float64Array(quota.length).fill(Number.POSITIVE_INFINITY);
    this.#wasUsed = new Uint8Array(quota.length);
    this.#remaining = new Float64Array(queues.count);
  }

  useSlot(slot: number): void {
    this.#slot = slot;
  }

  #group(queue: number): number {
    return Math.floor(queue / this.#q.cpus) - 1;
  }

  #isLimited(queue: number): boolean {
    return queue >= this.#q.cpus && this.#quota[this.#group(queue)]! > 0;
  }

  /** The running entity of the queue has run. */
  account(queue: number, ns: number): void {
    if (!this.#isLimited(queue)) return;
    this.#remaining[queue]! -= ns;
    if (this.#remaining[queue]! > 0 || this.#q.throttled[queue] === 1) return;
    if (!this.#take(queue, pieceNs)) this.#core.resched(this.#q.cpu[queue]!);
  }

  /** False: there is none. */
  #take(queue: number, target: number): boolean {
    const group = this.#group(queue);
    if (this.#due[group] === Number.POSITIVE_INFINITY) this.#start(group);
    const amount = Math.min(this.#pool[group]!, target - this.#remaining[queue]!);
    this.#wasUsed[group] = 1;
    if (amount > 0) {
      this.#pool[group]! -= amount;
      this.#remaining[queue]! += amount;
    }
    return this.#remaining[queue]! > 0;
  }

  #start(group: number): void {
    if (this.#slot < 0) throw new Error('bug: groups with quotas need a wheel slot');
    this.#due[group] = this.#core.now + periodNs;
    this.#setTimer();
  }

  #setTimer(): void {
    let next = Number.POSITIVE_INFINITY;
    for (const due of this.#due) next = Math.min(next, due);
    if (next === Number.POSITIVE_INFINITY) this.#core.wheel.clear(this.#slot);
    else this.#core.wheel.set(this.#slot, next);
  }

  /** The first task has come onto an empty queue: it may not run without quota (check_enqueue_throttle). True: now throttled. */
  entered(queue: number): boolean {
    if (!this.#isLimited(queue) || this.#q.throttled[queue] === 1 || this.#q.curr[queue]! >= 0) return false;
    this.account(queue, 0);
    return this.isExhausted(queue) && this.#throttle(queue);
  }

  /** The last has left: what it does not need goes back. */
  left(queue: number): void {
    if (!this.#isLimited(queue) || this.#q.throttled[queue] === 1) return;
    const slack = this.#remaining[queue]! - keptNs;
    if (slack <= 0) return;
    const group = this.#group(queue);
    this.#remaining[queue]! -= slack;
    this.#pool[group]! += slack;
    if (this.#pool[group]! > pieceNs) this.#distribute(group);
  }

  isExhausted(queue: number): boolean {
    return this.#isLimited(queue) && this.#remaining[queue]! <= 0;
  }

  /** Before something of the queue is picked. True: it is throttled now, and is off the queue above. */
  check(queue: number): boolean {
    return this.isExhausted(queue) && (this.#q.throttled[queue] === 1 || this.#throttle(queue));
  }

  /** Some group above the entity is throttled. */
  isThrottled(entity: number): boolean {
    const { queue, parent } = this.#e;
    for (let at = entity; at >= 0; at = parent[at]!) if (this.#q.throttled[queue[at]!] === 1) return true;
    return false;
  }

  #throttle(queue: number): boolean {
    if (this.#take(queue, 1)) return false;
    this.#q.throttled[queue] = 1;
    this.hierarchy.withdraw(queue);
    return true;
  }

  /** The wheel slot rings: groups whose period is over get their quota again. */
  timer(): void {
    const { now } = this.#core;
    for (let group = 0; group < this.#quota.length; group++) {
      if (this.#due[group]! > now) continue;
      this.#pool[group] = this.#quota[group]!;
      const throttled = this.#distribute(group);
      const goesOn = throttled || this.#wasUsed[group] === 1;
      this.#wasUsed[group] = 0;
      this.#due[group] = goesOn ? this.#due[group]! + periodNs : Number.POSITIVE_INFINITY;
    }
    this.#setTimer();
  }

  /** Gives throttled queues as much as makes them run again, in order of CPUs. True: there were some. */
  #distribute(group: number): boolean {
    const { cpus, throttled } = this.#q;
    let any = false;
    for (let cpu = 0; cpu < cpus; cpu++) {
      const queue = cpu + (group + 1) * cpus;
      if (throttled[queue] === 0) continue;
      any = true;
      if (!this.#take(queue, 1)) continue;
      throttled[queue] = 0;
      this.hierarchy.restore(queue);
      if (this.#core.cpus.curr[cpu]! < 0 && this.#q.queued[cpu]! > 0) this.#core.resched(cpu);
    }
    return any;
  }
}
