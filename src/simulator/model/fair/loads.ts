// Averages of tasks, groups and queues: brought up to date, carried along when a task moves, passed up through groups, and made into the groups' shares.
// Source: kernel/sched/fair.c (update_load_avg, attach_entity_load_avg, detach_entity_load_avg, propagate_entity_load_avg, update_tg_load_avg,
// calc_group_shares, post_init_entity_util_avg, task_h_load), v6.18.

import type { Core } from '../core.ts';
import type { Entities, Queues } from './entities.ts';
import { Pelt } from './pelt.ts';
import { UtilEst } from './util-est.ts';

const tgUpdateNs = 1_000_000;

export class Loads {
  readonly pelt: Pelt;
  readonly estimates: UtilEst;
  readonly #core: Core;
  readonly #e: Entities;
  readonly #q: Queues;
  readonly #taskCount: number;
  /** Place of queue 0 in `pelt`; entities come before. */
  readonly queues: number;
  /** Load that has come to or left a queue since its group looked, and whether any has. */
  readonly #carried: Float64Array;
  /** By queue: how many tasks have left it while asleep since it was updated, and the averages that went with them. */
  readonly #removed: Int32Array;
  readonly #removedLoad: Float64Array;
  readonly #removedRunnable: Float64Array;
  readonly #removedUtil: Float64Array;
  readonly #carries: Uint8Array;
  /** By queue: its part of its group's load, and when it was told. */
  readonly contribution: Float64Array;
  readonly #told: Float64Array;
  /** By group: the load of all its queues. */
  readonly groupLoad: Float64Array;

  constructor(core: Core, entities: Entities, queues: Queues) {
    this.#core = core;
    this.#e = entities;
    this.#q = queues;
    this.#taskCount = core.tasks.capacity;
    this.queues = entities.count;
    this.pelt = new Pelt(entities.count + queues.count);
    this.estimates = new UtilEst(core.tasks.capacity, queues.cpus);
    this.#carried = new Float64Array(queues.count);
    this.#removed = new Int32Array(queues.count);
    this.#removedLoad = new Float64Array(queues.count);
    this.#removedRunnable = new Float64Array(queues.count);
    this.#removedUtil = new Float64Array(queues.count);
    this.#carries = new Uint8Array(queues.count);
    this.contribution = new Float64Array(queues.count);
    this.#told = new Float64Array(queues.count).fill(-tgUpdateNs);
    this.groupLoad = new Float64Array(queues.count / queues.cpus);
  }

  /** A task's first averages: as heavy as it can be, half of the CPU's spare utilization (post_init_entity_util_avg). */
  begin(task: number, queue: number): void {
    const { pelt } = this;
    const root = this.queues + queue;
    const capacity = this.#core.topology.capacity[this.#q.cpu[queue]!]!;
    pelt.loadSum[task] = 0;
    pelt.runnableSum[task] = 0;
    pelt.utilSum[task] = 0;
    pelt.contrib[task] = 0;
    pelt.updated[task] = -1;
    pelt.loadAvg[task] = this.#e.weight[task]!;
    const half = Math.trunc((capacity - pelt.utilAvg[root]!) / 2);
    let util = 0;
    if (half > 0)
      util =
        pelt.utilAvg[root] === 0
          ? half
          : Math.min(
              half,
              Math.floor((pelt.utilAvg[root]! * this.#e.weight[task]!) / (pelt.loadAvg[root]! + 1)),
            );
    pelt.utilAvg[task] = util;
    pelt.runnableAvg[task] = util;
    this.estimates.clear(task);
  }

  /** update_load_avg; a task that belongs to no queue yet is attached to this one. */
  update(queue: number, entity: number): void {
    const { pelt } = this;
    if (pelt.updated[entity]! >= 0) this.#updateEntity(queue, entity);
    const ended = this.updateQueue(queue);
    const passed = entity >= this.#taskCount && this.#passUp(queue, entity);
    if (pelt.updated[entity]! < 0) this.attach(queue, entity);
    else if (ended || passed) this.#tellGroup(queue, false);
  }

  #updateEntity(queue: number, entity: number): void {
    const e = this.#e;
    const on = e.onRq[entity]!;
    let runnable = e.delayed[entity] === 1 ? 0 : on;
    if (entity >= this.#taskCount) runnable = this.#q.hRunnable[entity - this.#taskCount + this.#q.cpus]!;
    const running = this.#q.curr[queue] === entity ? 1 : 0;
    if (!this.pelt.update(entity, this.#core.now, on, runnable, running)) return;
    this.pelt.average(entity, e.weight[entity]!);
    if (entity < this.#taskCount) this.estimates.isFresh[entity] = 1;
  }

  updateQueue(queue: number): boolean {
    const { load, hRunnable, curr } = this.#q;
    const place = this.queues + queue;
    const running = curr[queue]! >= 0 ? 1 : 0;
    const someLeft = this.#removed[queue]! > 0;
    if (someLeft) this.#applyRemoved(queue);
    if (!this.pelt.update(place, this.#core.now, load[queue]!, hRunnable[queue]!, running)) return someLeft;
    this.pelt.average(place, 1);
    return true;
  }

  #applyRemoved(queue: number): void {
    const { pelt } = this;
    const place = this.queues + queue;
    const divider = pelt.divider(place);
    const load = this.#removedLoad[queue]!;
    const runnable = this.#removedRunnable[queue]!;
    pelt.subtract(place, load, load * divider, runnable, this.#removedUtil[queue]!);
    this.#carry(queue, -Math.floor((runnable * divider) / 1024));
    this.#removed[queue] = 0;
    this.#removedLoad[queue] = 0;
    this.#removedRunnable[queue] = 0;
    this.#removedUtil[queue] = 0;
  }

  /**
   * A sleeping task goes to another CPU or ends (remove_entity_load_avg): its averages, as old as the queue's, leave the queue when that is updated
   * next, which on a busy CPU may be a tick later.
   */
  remove(queue: number, task: number): void {
    const { pelt } = this;
    if (pelt.updated[task]! < 0) return;
    if (pelt.update(task, pelt.updated[this.queues + queue]!, 0, 0, 0))
      pelt.average(task, this.#e.weight[task]!);
    this.#removed[queue]!++;
    this.#removedLoad[queue]! += pelt.loadAvg[task]!;
    this.#removedRunnable[queue]! += pelt.runnableAvg[task]!;
    this.#removedUtil[queue]! += pelt.utilAvg[task]!;
    pelt.updated[task] = -1;
  }

  /** All queues of a CPU, so that what has left them does not count for ever (sched_balance_update_blocked_averages). */
  updateBlocked(cpu: number): void {
    const { cpus, owner, count } = this.#q;
    for (let queue = cpu + count - cpus; queue >= cpus; queue -= cpus) {
      if (this.updateQueue(queue)) this.#tellGroup(queue, false);
      const entity = owner[queue]!;
      this.update(this.#e.queue[entity]!, entity);
    }
    this.updateQueue(cpu);
  }

  attach(queue: number, entity: number): void {
    const { pelt } = this;
    const place = this.queues + queue;
    const divider = pelt.divider(place);
    const weight = this.#e.weight[entity]!;
    pelt.updated[entity] = pelt.updated[place]!;
    pelt.contrib[entity] = pelt.contrib[place]!;
    pelt.utilSum[entity] = pelt.utilAvg[entity]! * divider;
    pelt.runnableSum[entity] = pelt.runnableAvg[entity]! * divider;
    const sum = pelt.loadAvg[entity]! * divider;
    pelt.loadSum[entity] = weight < sum ? Math.floor(sum / weight) : 1;
    pelt.loadAvg[place]! += pelt.loadAvg[entity]!;
    pelt.loadSum[place]! += weight * pelt.loadSum[entity]!;
    pelt.utilAvg[place]! += pelt.utilAvg[entity]!;
    pelt.utilSum[place]! += pelt.utilSum[entity]!;
    pelt.runnableAvg[place]! += pelt.runnableAvg[entity]!;
    pelt.runnableSum[place]! += pelt.runnableSum[entity]!;
    this.#carry(queue, pelt.loadSum[entity]!);
    this.#tellGroup(queue, false);
  }

  /** The entity's averages leave with it. */
  detach(queue: number, entity: number): void {
    const { pelt } = this;
    if (pelt.updated[entity]! < 0) return;
    this.#updateEntity(queue, entity);
    this.updateQueue(queue);
    pelt.subtract(
      this.queues + queue,
      pelt.loadAvg[entity]!,
      this.#e.weight[entity]! * pelt.loadSum[entity]!,
      pelt.runnableAvg[entity]!,
      pelt.utilAvg[entity]!,
    );
    pelt.updated[entity] = -1;
    this.#carry(queue, -pelt.loadSum[entity]!);
    this.#tellGroup(queue, false);
  }

  /** Before and after a change of weight: what the queue has of the entity. */
  reweighted(queue: number, entity: number, old: number): void {
    const { pelt } = this;
    if (pelt.updated[entity]! < 0) {
      pelt.loadAvg[entity] = this.#e.weight[entity]!;
      return;
    }
    const place = this.queues + queue;
    const weight = this.#e.weight[entity]!;
    pelt.subtract(place, pelt.loadAvg[entity]!, old * pelt.loadSum[entity]!, 0, 0);
    pelt.loadAvg[entity] = Math.floor((weight * pelt.loadSum[entity]!) / pelt.divider(entity));
    pelt.loadAvg[place]! += pelt.loadAvg[entity]!;
    pelt.loadSum[place]! += weight * pelt.loadSum[entity]!;
  }

  #carry(queue: number, loadSum: number): void {
    this.#carries[queue] = 1;
    this.#carried[queue]! += loadSum;
  }

  /** What came to or left the group's own queue shows in the group's entity and in the queue above at once. */
  #passUp(queue: number, entity: number): boolean {
    const own = entity - this.#taskCount + this.#q.cpus;
    if (this.#carries[own] === 0) return false;
    this.#carries[own] = 0;
    const carried = this.#carried[own]!;
    this.#carried[own] = 0;
    this.#carry(queue, carried);
    const { pelt } = this;
    const from = this.queues + own;
    const to = this.queues + queue;
    const divider = pelt.divider(to);
    this.#follow(pelt.utilAvg, pelt.utilSum, from, entity, to, divider);
    this.#follow(pelt.runnableAvg, pelt.runnableSum, from, entity, to, divider);
    if (carried !== 0) this.#followLoad(own, entity, to, carried, divider);
    return true;
  }

  #follow(
    avg: Float64Array,
    sum: Float64Array,
    from: number,
    entity: number,
    to: number,
    divider: number,
  ): void {
    const delta = avg[from]! - avg[entity]!;
    if (delta === 0) return;
    avg[entity] = avg[from]!;
    const before = sum[entity]!;
    sum[entity] = avg[entity]! * divider;
    avg[to] = Math.max(0, avg[to]! + delta);
    sum[to] = Math.max(sum[to]! + sum[entity]! - before, avg[to]! * (divider - 1024));
  }

  #followLoad(own: number, entity: number, to: number, carried: number, divider: number): void {
    const { pelt } = this;
    const weight = this.#e.weight[entity]!;
    let sum = 0;
    if (carried >= 0) sum = Math.min(carried + pelt.loadSum[entity]!, divider);
    else {
      const load = this.#q.load[own]!;
      const mean = load > 0 ? Math.floor(pelt.loadSum[this.queues + own]! / load) : 0;
      sum = Math.min(pelt.loadSum[entity]!, mean);
    }
    sum = Math.max(sum, Math.floor(pelt.utilSum[entity]! / 1024));
    const avg = Math.floor((weight * sum) / divider);
    const delta = avg - pelt.loadAvg[entity]!;
    if (delta === 0) return;
    const deltaSum = weight * (sum - pelt.loadSum[entity]!);
    pelt.loadSum[entity] = sum;
    pelt.loadAvg[entity] = avg;
    pelt.loadAvg[to] = Math.max(0, pelt.loadAvg[to]! + delta);
    pelt.loadSum[to] = Math.max(pelt.loadSum[to]! + deltaSum, pelt.loadAvg[to]! * (divider - 1024));
  }

  #tellGroup(queue: number, now: boolean): void {
    if (queue < this.#q.cpus) return;
    if (!now && this.#core.now - this.#told[queue]! < tgUpdateNs) return;
    const load = this.pelt.loadAvg[this.queues + queue]!;
    const delta = load - this.contribution[queue]!;
    if (Math.abs(delta) <= this.contribution[queue]! / 64) return;
    this.groupLoad[this.#group(queue)]! += delta;
    this.contribution[queue] = load;
    this.#told[queue] = this.#core.now;
  }

  #group(queue: number): number {
    return Math.floor(queue / this.#q.cpus) - 1;
  }

  /** A group's weight on one CPU: its shares in proportion to the load that it has there (calc_group_shares). */
  shares(queue: number, shares: number): number {
    const load = Math.max(this.#q.load[queue]!, this.pelt.loadAvg[this.queues + queue]!);
    const all = this.groupLoad[this.#group(queue)]! - this.contribution[queue]! + load;
    return Math.min(shares, Math.max(2, all > 0 ? Math.floor((shares * load) / all) : shares));
  }

  /** Load of a CPU's root queue, as of its last update. */
  cpuLoad(cpu: number): number {
    return this.pelt.loadAvg[this.queues + cpu]!;
  }

  cpuUtil(cpu: number): number {
    const util = Math.max(this.pelt.utilAvg[this.queues + cpu]!, this.estimates.sum[cpu]!);
    return Math.min(util, this.#core.topology.capacity[cpu]!);
  }

  /** task_util_est. */
  taskUtil(task: number): number {
    return Math.max(this.pelt.utilAvg[task]!, this.estimates.of(task));
  }

  cpuRunnable(cpu: number): number {
    return this.pelt.runnableAvg[this.queues + cpu]!;
  }

  /** A task's part of its CPU's load, through its groups' (task_h_load). */
  taskLoad(task: number): number {
    const { queue, parent } = this.#e;
    let load = this.pelt.loadAvg[task]!;
    for (let at = parent[task]!, below = queue[task]!; at >= 0; below = queue[at]!, at = parent[at]!)
      load = Math.floor((load * this.pelt.loadAvg[at]!) / (this.pelt.loadAvg[this.queues + below]! + 1));
    return load;
  }
}
