// One queue and one entity at a time: account, place, enter, leave, start and stop running. Source: kernel/sched/fair.c (update_curr, place_entity,
// enqueue_entity, dequeue_entity, set_next_entity, put_prev_entity, reweight_entity, __pick_eevdf), v6.18.

import { tickNs } from '../contracts.ts';
import type { Core } from '../core.ts';
import { dequeueFlag, enqueueFlag } from '../flags.ts';
import { virtualFactor } from '../weights.ts';
import type { Bandwidth } from './bandwidth.ts';
import type { Entities, Queues } from './entities.ts';
import { type Features, normalizedSliceNs } from './features.ts';
import type { Loads } from './loads.ts';
import type { Timeline } from './timeline.ts';

/** Flags of dequeueEntity beside the core's. */
export const leaveFlag = { special: 0x10, throttle: 0x20, delayed: 0x200 } as const;

export class Eevdf {
  readonly #core: Core;
  readonly #e: Entities;
  readonly #q: Queues;
  readonly #timeline: Timeline;
  readonly #loads: Loads;
  readonly #bandwidth: Bandwidth;
  readonly #shares: Float64Array;
  readonly #features: Features;
  readonly #taskCount: number;
  readonly #sliceNs: number;

  /** `shares`: weight of each group on the whole machine. */
  constructor(
    core: Core,
    entities: Entities,
    queues: Queues,
    timeline: Timeline,
    loads: Loads,
    bandwidth: Bandwidth,
    shares: Float64Array,
    features: Features,
    sliceNs: number,
  ) {
    this.#core = core;
    this.#e = entities;
    this.#q = queues;
    this.#timeline = timeline;
    this.#loads = loads;
    this.#bandwidth = bandwidth;
    this.#shares = shares;
    this.#features = features;
    this.#taskCount = core.tasks.capacity;
    this.#sliceNs = sliceNs;
  }

  /** Accounts what the running entity has run; asks for a reschedule when its request is served or its protection is over. */
  updateCurr(queue: number): void {
    const e = this.#e;
    const curr = this.#q.curr[queue]!;
    if (curr < 0) return;
    const cpu = this.#q.cpu[queue]!;
    const delta = this.#core.now - e.execStart[curr]!;
    if (delta <= 0) return;
    e.execStart[curr] = this.#core.now;
    e.vruntime[curr]! += Math.floor(delta * e.factor[curr]!);
    const served = this.#updateDeadline(curr);
    this.#timeline.advanceReference(queue);
    if (curr < this.#taskCount) this.#core.account(cpu);
    if (!this.#bandwidth.isOff) this.#bandwidth.account(queue, delta);
    if (this.#q.queued[queue] === 1) return;
    if (served || e.vruntime[curr]! >= e.vprot[curr]!) {
      this.#core.reschedLazy(cpu);
      this.clearBuddies(queue, curr);
    }
  }

  #updateDeadline(entity: number): boolean {
    const { vruntime, deadline, slice, customSlice, factor } = this.#e;
    if (vruntime[entity]! < deadline[entity]!) return false;
    if (customSlice[entity] === 0) slice[entity] = this.#sliceNs;
    deadline[entity] = vruntime[entity]! + Math.floor(slice[entity]! * factor[entity]!);
    return true;
  }

  clearBuddies(queue: number, entity: number): void {
    const { next } = this.#q;
    if (next[queue] === entity) next[queue] = -1;
  }

  /** Keeps what it is owed or owes; at most two slices, at least one tick (update_entity_lag). */
  updateLag(queue: number, entity: number): void {
    const { vlag, vruntime, slice, factor } = this.#e;
    const limit = Math.floor(Math.max(2 * slice[entity]!, tickNs) * factor[entity]!);
    const lag = this.#timeline.average(queue) - vruntime[entity]!;
    vlag[entity] = lag > limit ? limit : lag < -limit ? -limit : lag;
  }

  place(queue: number, entity: number, flags: number): void {
    const e = this.#e;
    const q = this.#q;
    const average = this.#timeline.average(queue);
    if (e.customSlice[entity] === 0) e.slice[entity] = this.#sliceNs;
    let request = Math.floor(e.slice[entity]! * e.factor[entity]!);
    let lag = 0;
    if (this.#features.PLACE_LAG && q.queued[queue]! > 0 && e.vlag[entity] !== 0) {
      const curr = q.curr[queue]!;
      let load = q.weights[queue]!;
      if (curr >= 0 && e.onRq[curr] === 1) load += e.weight[curr]!;
      // Its arrival moves the average towards it: the lag is blown up so that what is left of it is what it had.
      if (load > 0) lag = Math.trunc((e.vlag[entity]! * (load + e.weight[entity]!)) / load);
    }
    e.vruntime[entity] = average - lag;
    if (e.relDeadline[entity] === 1) {
      e.deadline[entity]! += e.vruntime[entity]!;
      e.relDeadline[entity] = 0;
      return;
    }
    if (this.#features.PLACE_DEADLINE_INITIAL && (flags & enqueueFlag.initial) !== 0)
      request = Math.floor(request / 2);
    e.deadline[entity] = e.vruntime[entity]! + request;
  }

  enqueue(queue: number, entity: number, flags: number): void {
    const e = this.#e;
    const q = this.#q;
    const isCurr = q.curr[queue] === entity;
    if (isCurr) this.place(queue, entity, flags);
    this.updateCurr(queue);
    this.upkeep(queue, entity);
    if (!isCurr) this.place(queue, entity, flags);
    q.load[queue]! += e.weight[entity]!;
    q.queued[queue]!++;
    if (!isCurr) this.#timeline.add(queue, entity);
    e.onRq[entity] = 1;
  }

  /** Averages, and a group's weight that follows from them. */
  upkeep(queue: number, entity: number): void {
    this.#loads.update(queue, entity);
    this.#updateShares(queue, entity);
  }

  #updateShares(queue: number, entity: number): void {
    if (entity < this.#taskCount) return;
    const { cpus, load } = this.#q;
    const own = entity - this.#taskCount + cpus;
    if (load[own] === 0) return;
    const weight = this.#loads.shares(own, this.#shares[Math.floor(own / cpus) - 1]!);
    if (weight !== this.#e.weight[entity]) this.reweight(queue, entity, weight);
  }

  /** False: it sleeps but is not eligible yet, and competes on until it is (DELAY_DEQUEUE). Flags: dequeueFlag and leaveFlag. */
  dequeue(queue: number, entity: number, flags: number): boolean {
    const e = this.#e;
    const q = this.#q;
    const sleeps = (flags & dequeueFlag.sleep) !== 0;
    this.updateCurr(queue);
    this.clearBuddies(queue, entity);
    if (
      sleeps &&
      (flags & (leaveFlag.delayed | leaveFlag.special | leaveFlag.throttle)) === 0 &&
      this.#features.DELAY_DEQUEUE &&
      !this.#timeline.eligible(queue, e.vruntime[entity]!)
    ) {
      this.#loads.update(queue, entity);
      e.delayed[entity] = 1;
      return false;
    }
    this.#loads.update(queue, entity);
    this.updateLag(queue, entity);
    if (this.#features.PLACE_REL_DEADLINE && !sleeps) {
      e.deadline[entity]! -= e.vruntime[entity]!;
      e.relDeadline[entity] = 1;
    }
    if (q.curr[queue] !== entity) this.#timeline.remove(queue, entity);
    e.onRq[entity] = 0;
    q.load[queue]! -= e.weight[entity]!;
    q.queued[queue]!--;
    this.#updateShares(queue, entity);
    if ((flags & (dequeueFlag.save | dequeueFlag.move)) !== dequeueFlag.save)
      this.#timeline.advanceReference(queue);
    if ((flags & leaveFlag.delayed) !== 0) this.finishDelayed(entity);
    return true;
  }

  /** A delayed entity is off its queue: it may not gain from having waited. */
  finishDelayed(entity: number): void {
    const { delayed, vlag } = this.#e;
    delayed[entity] = 0;
    if (this.#features.DELAY_ZERO && vlag[entity]! > 0) vlag[entity] = 0;
  }

  /** A delayed entity has work again before it left: it stays where it is, or at zero lag when it has waited longer than it had to. */
  requeueDelayed(queue: number, entity: number): void {
    const e = this.#e;
    const q = this.#q;
    if (this.#features.DELAY_ZERO) {
      this.updateLag(queue, entity);
      if (e.vlag[entity]! > 0) {
        const isCurr = q.curr[queue] === entity;
        q.queued[queue]!--;
        if (!isCurr) this.#timeline.remove(queue, entity);
        e.vlag[entity] = 0;
        this.place(queue, entity, 0);
        if (!isCurr) this.#timeline.add(queue, entity);
        q.queued[queue]!++;
      }
    }
    this.#loads.update(queue, entity);
    e.delayed[entity] = 0;
  }

  setNext(queue: number, entity: number): void {
    const e = this.#e;
    this.clearBuddies(queue, entity);
    if (e.onRq[entity] === 1) {
      this.#timeline.remove(queue, entity);
      this.#loads.update(queue, entity);
      this.#protect(queue, entity);
    }
    e.execStart[entity] = this.#core.now;
    this.#q.curr[queue] = entity;
  }

  putPrev(queue: number, entity: number): void {
    if (this.#e.onRq[entity] === 1) {
      this.updateCurr(queue);
      this.#timeline.add(queue, entity);
      this.#loads.update(queue, entity);
    }
    this.#q.curr[queue] = -1;
  }

  /** Who runs is left alone for its request, or for the shortest request that waits. `entity` is in no tree and not curr yet. */
  #protect(queue: number, entity: number): void {
    const { vprot, vruntime, deadline, slice, factor } = this.#e;
    const shortest = this.#features.RUN_TO_PARITY ? this.#timeline.shortestSlice(queue) : normalizedSliceNs;
    vprot[entity] = deadline[entity]!;
    if (shortest < slice[entity]!)
      vprot[entity] = Math.min(deadline[entity]!, vruntime[entity]! + Math.floor(shortest * factor[entity]!));
  }

  /** A request that came meanwhile may be shorter. */
  shortenProtection(queue: number, entity: number): void {
    const { vprot, vruntime, factor } = this.#e;
    const shortest = this.#timeline.shortestSlice(queue);
    vprot[entity] = Math.min(vprot[entity]!, vruntime[entity]! + Math.floor(shortest * factor[entity]!));
  }

  cancelProtection(entity: number): void {
    const { vprot, vruntime } = this.#e;
    if (vruntime[entity]! < vprot[entity]!) vprot[entity] = vruntime[entity]!;
  }

  /** The entity to run, or −1 for none. Without `protects`, what runs has no prerogative. */
  pick(queue: number, protects: boolean): number {
    const e = this.#e;
    const q = this.#q;
    let curr = q.curr[queue]!;
    if (curr >= 0 && e.onRq[curr] === 0) curr = -1;
    if (q.queued[queue] === 1) return curr >= 0 ? curr : q.root[queue]!;
    const next = q.next[queue]!;
    if (this.#features.PICK_BUDDY && next >= 0 && this.#timeline.eligible(queue, e.vruntime[next]!))
      return next;
    if (curr >= 0) {
      if (!this.#timeline.eligible(queue, e.vruntime[curr]!)) curr = -1;
      else if (protects && e.vruntime[curr]! < e.vprot[curr]!) return curr;
    }
    const best = this.#timeline.earliest(queue);
    return best < 0 || (curr >= 0 && e.deadline[curr]! < e.deadline[best]!) ? curr : best;
  }

  /** Gives the entity another weight (scaled down); queued or not, what it is owed stays the same in real time. */
  reweight(queue: number, entity: number, weight: number): void {
    const e = this.#e;
    const q = this.#q;
    const old = e.weight[entity]!;
    const isCurr = q.curr[queue] === entity;
    const queued = e.onRq[entity] === 1;
    if (queued) {
      this.updateCurr(queue);
      this.updateLag(queue, entity);
      e.deadline[entity]! -= e.vruntime[entity]!;
      e.relDeadline[entity] = 1;
      q.queued[queue]!--;
      if (!isCurr) this.#timeline.remove(queue, entity);
      q.load[queue]! -= old;
    }
    e.vlag[entity] = Math.trunc((e.vlag[entity]! * old) / weight);
    if (e.relDeadline[entity] === 1) e.deadline[entity] = Math.trunc((e.deadline[entity]! * old) / weight);
    e.weight[entity] = weight;
    e.factor[entity] = virtualFactor(weight);
    this.#loads.reweighted(queue, entity, old);
    if (!queued) return;
    this.place(queue, entity, 0);
    q.load[queue]! += weight;
    if (!isCurr) this.#timeline.add(queue, entity);
    q.queued[queue]!++;
  }
}
