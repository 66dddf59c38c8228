// A task comes and goes through all levels of groups above it. Source: kernel/sched/fair.c (enqueue_task_fair, dequeue_entities, pick_task_fair,
// put_prev_task_fair, set_next_task_fair, find_matching_se), v6.18.

import { dequeueFlag, enqueueFlag } from '../flags.ts';
import type { Bandwidth } from './bandwidth.ts';
import { type Eevdf, leaveFlag } from './eevdf.ts';
import type { Entities, Queues } from './entities.ts';
import type { Timeline } from './timeline.ts';

/** How #leave ended: the task itself is delayed; it was below a throttled group; all levels know. */
const stays = 0;
const hidden = 1;
const gone = 2;

export class Hierarchy {
  readonly #e: Entities;
  readonly #q: Queues;
  readonly #eevdf: Eevdf;
  readonly #timeline: Timeline;
  readonly #bandwidth: Bandwidth;
  readonly #taskCount: number;

  constructor(
    entities: Entities,
    queues: Queues,
    eevdf: Eevdf,
    timeline: Timeline,
    bandwidth: Bandwidth,
    taskCount: number,
  ) {
    this.#e = entities;
    this.#q = queues;
    this.#eevdf = eevdf;
    this.#timeline = timeline;
    this.#bandwidth = bandwidth;
    this.#taskCount = taskCount;
    bandwidth.hierarchy = this;
  }

  enqueue(task: number, flags: number): void {
    const e = this.#e;
    if ((flags & enqueueFlag.delayed) !== 0) {
      this.#requeueDelayed(task);
      return;
    }
    if (!this.#enter(task, flags, 0, 1, 1 - e.delayed[task]!, e.idle[task]!))
      this.#q.hidden[this.#q.cpu[e.queue[task]!]!]!++;
  }

  /** Puts an entity with so many tasks below it on its queue, and its groups on theirs. False: a throttled group is above it. */
  #enter(
    entity: number,
    flags: number,
    least: number,
    tasks: number,
    runnable: number,
    idle: number,
  ): boolean {
    const e = this.#e;
    const q = this.#q;
    let slice = least;
    let idles = idle;
    let at = entity;
    let flag = flags;
    for (; at >= 0; at = e.parent[at]!) {
      const queue = e.queue[at]!;
      if (e.onRq[at] === 1) {
        if (e.delayed[at] === 1) this.#requeueDelayed(at);
        break;
      }
      if (slice > 0) this.#setSlice(at, slice);
      this.#eevdf.enqueue(queue, at, flag);
      if (!this.#bandwidth.isOff && q.queued[queue] === 1) this.#bandwidth.entered(queue);
      slice = this.#timeline.shortestSlice(queue);
      this.#count(queue, tasks, runnable, idles);
      if (q.throttled[queue] === 1) return false;
      if (this.#isIdle(queue)) idles = tasks;
      flag = enqueueFlag.wakeup;
    }
    for (; at >= 0; at = e.parent[at]!) {
      const queue = e.queue[at]!;
      this.#eevdf.upkeep(queue, at);
      slice = this.#passSlice(at, slice);
      this.#count(queue, tasks, runnable, idles);
      if (q.throttled[queue] === 1) return false;
      if (this.#isIdle(queue)) idles = tasks;
    }
    return true;
  }

  #requeueDelayed(entity: number): void {
    this.#eevdf.requeueDelayed(this.#e.queue[entity]!, entity);
    if (entity < this.#taskCount) this.#countRunnable(entity, 1);
  }

  #countRunnable(entity: number, by: number): void {
    const { queue, parent } = this.#e;
    for (let at = entity; at >= 0; at = parent[at]!) {
      this.#q.hRunnable[queue[at]!]! += by;
      if (this.#q.throttled[queue[at]!] === 1) return;
    }
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
    const isTask = entity < this.#taskCount;
    const cpu = this.#q.cpu[e.queue[entity]!]!;
    const left = isTask
      ? this.#leave(entity, flags, 1, 1 - e.delayed[entity]!, e.idle[entity]!)
      : this.#leave(entity, flags, 0, 0, 0);
    if (left === stays) return false;
    if (left === hidden && isTask) this.#q.hidden[cpu]!--;
    return true;
  }

  /** Takes an entity with so many tasks off its queue, and groups that it leaves empty off theirs. */
  #leave(entity: number, flags: number, tasks: number, runnable: number, idle: number): number {
    const e = this.#e;
    const q = this.#q;
    let slice = 0;
    let idles = idle;
    let at = entity;
    let flag = flags;
    for (; at >= 0; at = e.parent[at]!) {
      const queue = e.queue[at]!;
      if (!this.#eevdf.dequeue(queue, at, flag)) {
        if (at === entity && at < this.#taskCount) {
          this.#countRunnable(at, -1);
          return stays;
        }
        slice = this.#timeline.shortestSlice(queue);
        break;
      }
      if (!this.#bandwidth.isOff && q.queued[queue] === 0) this.#bandwidth.left(queue);
      this.#count(queue, -tasks, -runnable, -idles);
      if (q.throttled[queue] === 1) return hidden;
      if (this.#isIdle(queue)) idles = tasks;
      if (q.queued[queue]! > 0) {
        slice = this.#timeline.shortestSlice(queue);
        at = e.parent[at]!;
        if ((flags & dequeueFlag.sleep) !== 0 && at >= 0) this.setNextBuddy(at);
        break;
      }
      flag = (flag | dequeueFlag.sleep) & ~(leaveFlag.delayed | leaveFlag.special);
    }
    for (; at >= 0; at = e.parent[at]!) {
      const queue = e.queue[at]!;
      this.#eevdf.upkeep(queue, at);
      slice = this.#passSlice(at, slice);
      this.#count(queue, -tasks, -runnable, -idles);
      if (q.throttled[queue] === 1) return hidden;
      if (this.#isIdle(queue)) idles = tasks;
    }
    return gone;
  }

  /** A group has used its quota: it is off the queue above, with all its tasks. */
  withdraw(queue: number): void {
    const { hQueued, hRunnable, hIdle, owner, cpu } = this.#q;
    const entity = owner[queue]!;
    if (this.#e.onRq[entity] === 0) return;
    const flags = dequeueFlag.sleep | (this.#e.delayed[entity] === 1 ? leaveFlag.delayed : leaveFlag.special);
    const tasks = hQueued[queue]!;
    const idle = this.#isIdle(queue) ? tasks : hIdle[queue]!;
    if (this.#leave(entity, flags, tasks, hRunnable[queue]!, idle) === gone)
      this.#q.hidden[cpu[queue]!]! += tasks;
  }

  restore(queue: number): void {
    const { hQueued, hRunnable, hIdle, owner, cpu, queued } = this.#q;
    if (queued[queue] === 0) return;
    const tasks = hQueued[queue]!;
    const idle = this.#isIdle(queue) ? tasks : hIdle[queue]!;
    const slice = this.#timeline.shortestSlice(queue);
    if (this.#enter(owner[queue]!, enqueueFlag.wakeup, slice, tasks, hRunnable[queue]!, idle))
      this.#q.hidden[cpu[queue]!]! -= tasks;
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
        if (!this.#bandwidth.isOff && this.#bandwidth.check(queue)) {
          entity = -1;
          break;
        }
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
