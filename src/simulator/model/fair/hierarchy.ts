// A task comes and goes through all levels of groups above it. Source: kernel/sched/fair.c (enqueue_task_fair, dequeue_entities, pick_task_fair,
// put_prev_task_fair, set_next_task_fair, find_matching_se), v6.18.

import { dequeueFlag, enqueueFlag } from '../flags.ts';
import { type Eevdf, leaveFlag } from './eevdf.ts';
import type { Entities, Queues } from './entities.ts';
import type { Timeline } from './timeline.ts';

export class Hierarchy {
  readonly #e: Entities;
  readonly #q: Queues;
  readonly #eevdf: Eevdf;
  readonly #timeline: Timeline;
  readonly #taskCount: number;

  constructor(entities: Entities, queues: Queues, eevdf: Eevdf, timeline: Timeline, taskCount: number) {
    this.#e = entities;
    this.#q = queues;
    this.#eevdf = eevdf;
    this.#timeline = timeline;
    this.#taskCount = taskCount;
  }

  enqueue(task: number, flags: number): void {
    const e = this.#e;
    if ((flags & enqueueFlag.delayed) !== 0) {
      this.#requeueDelayed(task);
      return;
    }
    const runnable = e.delayed[task] === 1 ? 0 : 1;
    let idle = e.idle[task]!;
    let slice = 0;
    let at = task;
    let flag = flags;
    for (; at >= 0; at = e.parent[at]!) {
      const queue = e.queue[at]!;
      if (e.onRq[at] === 1) {
        if (e.delayed[at] === 1) this.#requeueDelayed(at);
        break;
      }
      if (slice > 0) this.#setSlice(at, slice);
      this.#eevdf.enqueue(queue, at, flag);
      slice = this.#timeline.shortestSlice(queue);
      this.#count(queue, 1, runnable, idle);
      if (this.#isIdle(queue)) idle = 1;
      flag = enqueueFlag.wakeup;
    }
    for (; at >= 0; at = e.parent[at]!) {
      this.#eevdf.upkeep(e.queue[at]!, at);
      slice = this.#passSlice(at, slice);
      this.#count(e.queue[at]!, 1, runnable, idle);
      if (this.#isIdle(e.queue[at]!)) idle = 1;
    }
  }

  #requeueDelayed(entity: number): void {
    this.#eevdf.requeueDelayed(this.#e.queue[entity]!, entity);
    if (entity < this.#taskCount) this.#countRunnable(entity, 1);
  }

  #countRunnable(entity: number, by: number): void {
    const { queue, parent } = this.#e;
    for (let at = entity; at >= 0; at = parent[at]!) this.#q.hRunnable[queue[at]!]! += by;
  }

  #count(queue: number, queued: number, runnable: number, idle: number): void {
    const { hQueued, hRunnable, hIdle } = this.#q;
    hQueued[queue]! += queued;
    hRunnable[queue]! += runnable;
    hIdle[queue]! += idle;
  }

  #isIdle(queue: number): boolean {
    const owner = this.#q.owner[queue]!;
    return owner >= 0 && this.#e.idle[owner] === 1;
  }

  /** A group asks for as little at once as the least that its members ask for. */
  #setSlice(entity: number, slice: number): void {
    this.#e.slice[entity] = slice;
    this.#e.customSlice[entity] = 1;
  }

  #passSlice(entity: number, slice: number): number {
    const queue = this.#e.queue[entity]!;
    this.#e.slice[entity] = slice;
    if (this.#q.curr[queue] !== entity) this.#timeline.refresh(entity);
    return this.#timeline.shortestSlice(queue);
  }

  /** False: the task itself stays for the time being. `entity`: a task, or a delayed group that is picked. */
  dequeue(entity: number, flags: number): boolean {
    const e = this.#e;
    const q = this.#q;
    const isTask = entity < this.#taskCount;
    const wasDelayed = e.delayed[entity] === 1;
    const queued = isTask ? 1 : 0;
    const runnable = isTask && !wasDelayed ? 1 : 0;
    let idle = isTask ? e.idle[entity]! : 0;
    let slice = 0;
    let at = entity;
    let flag = flags;
    for (; at >= 0; at = e.parent[at]!) {
      const queue = e.queue[at]!;
      if (!this.#eevdf.dequeue(queue, at, flag)) {
        if (at === entity && isTask) {
          this.#countRunnable(at, -1);
          return false;
        }
        slice = this.#timeline.shortestSlice(queue);
        break;
      }
      this.#count(queue, -queued, -runnable, -idle);
      if (this.#isIdle(queue)) idle = queued;
      if (q.queued[queue]! > 0) {
        slice = this.#timeline.shortestSlice(queue);
        at = e.parent[at]!;
        if ((flags & dequeueFlag.sleep) !== 0 && at >= 0) this.setNextBuddy(at);
        break;
      }
      flag = (flag | dequeueFlag.sleep) & ~(leaveFlag.delayed | leaveFlag.special);
    }
    for (; at >= 0; at = e.parent[at]!) {
      this.#eevdf.upkeep(e.queue[at]!, at);
      slice = this.#passSlice(at, slice);
      this.#count(e.queue[at]!, -queued, -runnable, -idle);
      if (this.#isIdle(e.queue[at]!)) idle = queued;
    }
    return true;
  }

  setNextBuddy(entity: number): void {
    const { onRq, idle, queue, parent } = this.#e;
    for (let at = entity; at >= 0; at = parent[at]!) {
      if (onRq[at] === 0 || idle[at] === 1) return;
      this.#q.next[queue[at]!] = at;
    }
  }

  /** The task that the CPU should run, or −1. `left` is told of delayed tasks that leave on the way. */
  pick(root: number, left: (task: number) => void): number {
    const q = this.#q;
    while (q.queued[root]! > 0) {
      let queue = root;
      let entity = -1;
      do {
        const curr = q.curr[queue]!;
        if (curr >= 0 && this.#e.onRq[curr] === 1) this.#eevdf.updateCurr(queue);
        entity = this.#eevdf.pick(queue, true);
        if (this.#e.delayed[entity] === 1) {
          this.dequeue(entity, dequeueFlag.sleep | leaveFlag.delayed);
          if (entity < this.#taskCount) left(entity);
          entity = -1;
          break;
        }
        queue = this.ownQueue(entity);
      } while (queue >= 0);
      if (entity >= 0) return entity;
    }
    return -1;
  }

  /** The queue that a group owns; −1 for tasks. */
  ownQueue(entity: number): number {
    return entity < this.#taskCount ? -1 : entity - this.#taskCount + this.#q.cpus;
  }

  /** `next`: the task of this CPU that runs next, or −1; levels that both share go on. */
  putPrev(task: number, next: number): void {
    const { queue, parent, depth } = this.#e;
    let other = next;
    for (let at = task; at >= 0; at = parent[at]!) {
      while (other >= 0 && depth[other]! > depth[at]!) other = parent[other]!;
      this.#eevdf.putPrev(queue[at]!, at);
      if (other >= 0 && queue[other] === queue[at]) return;
    }
  }

  setNext(task: number): void {
    const { queue, parent } = this.#e;
    for (let at = task; at >= 0 && this.#q.curr[queue[at]!] !== at; at = parent[at]!)
      this.#eevdf.setNext(queue[at]!, at);
  }
}
