// The queue of EEVDF: a tree ordered by deadline that also knows each subtree's least vruntime, so that the earliest deadline among the eligible is
// found in O(log n). Source: kernel/sched/fair.c (__enqueue_entity, avg_vruntime, vruntime_eligible, __pick_eevdf), v6.18; the balance here is that of a
// treap (Seidel and Aragon, "Randomized search trees", 1996) with priorities hashed from the entity's number.

import { mix32 } from '../../../lib/random.ts';
import type { Entities, Queues } from './entities.ts';

export class Timeline {
  readonly #e: Entities;
  readonly #q: Queues;
  readonly #priority: Uint32Array;

  constructor(entities: Entities, queues: Queues) {
    this.#e = entities;
    this.#q = queues;
    this.#priority = Uint32Array.from({ length: entities.count }, (_, entity) => mix32(entity + 1));
  }

  /** Equal deadlines stay in the order in which they came. */
  add(queue: number, entity: number): void {
    const { left, right, up, deadline, minVruntime, minSlice, vruntime, slice, weight } = this.#e;
    const { root, weighted, weights, minVruntime: reference } = this.#q;
    const w = weight[entity]!;
    weighted[queue]! += (vruntime[entity]! - reference[queue]!) * w;
    weights[queue]! += w;
    left[entity] = -1;
    right[entity] = -1;
    minVruntime[entity] = vruntime[entity]!;
    minSlice[entity] = slice[entity]!;
    const due = deadline[entity]!;
    let parent = -1;
    let isLeft = false;
    for (let at = root[queue]!; at >= 0; at = isLeft ? left[at]! : right[at]!) {
      parent = at;
      isLeft = due < deadline[at]!;
    }
    up[entity] = parent;
    if (parent < 0) root[queue] = entity;
    else if (isLeft) left[parent] = entity;
    else right[parent] = entity;
    this.#raise(queue, entity);
  }

  remove(queue: number, entity: number): void {
    const { left, right, up, vruntime, weight } = this.#e;
    const { root, weighted, weights, minVruntime: reference } = this.#q;
    const priority = this.#priority;
    let child = this.#higher(left[entity]!, right[entity]!, priority);
    while (child >= 0) {
      this.#rotate(queue, child);
      child = this.#higher(left[entity]!, right[entity]!, priority);
    }
    const parent = up[entity]!;
    if (parent < 0) root[queue] = -1;
    else if (left[parent] === entity) left[parent] = -1;
    else right[parent] = -1;
    up[entity] = -1;
    this.refresh(parent);
    const w = weight[entity]!;
    weights[queue]! -= w;
    weighted[queue]! -= (vruntime[entity]! - reference[queue]!) * w;
    if (root[queue]! < 0) weighted[queue] = 0;
  }

  #higher(a: number, b: number, priority: Uint32Array): number {
    if (a < 0) return b;
    return b < 0 || priority[a]! > priority[b]! ? a : b;
  }

  /** Rotates the new leaf up to its place, then mends the summaries above it. */
  #raise(queue: number, entity: number): void {
    const { up } = this.#e;
    const own = this.#priority[entity]!;
    for (let parent = up[entity]!; parent >= 0 && this.#priority[parent]! < own; parent = up[entity]!)
      this.#rotate(queue, entity);
    this.refresh(up[entity]!);
  }

  /** `child` takes the place of its parent. */
  #rotate(queue: number, child: number): void {
    const { left, right, up } = this.#e;
    const parent = up[child]!;
    const above = up[parent]!;
    const moved = left[parent] === child ? right[child]! : left[child]!;
    if (left[parent] === child) {
      left[parent] = moved;
      right[child] = parent;
    } else {
      right[parent] = moved;
      left[child] = parent;
    }
    if (moved >= 0) up[moved] = parent;
    up[parent] = child;
    up[child] = above;
    if (above < 0) this.#q.root[queue] = child;
    else if (left[above] === parent) left[above] = child;
    else right[above] = child;
    this.#summarize(parent);
    this.#summarize(child);
  }

  #summarize(entity: number): boolean {
    const { left, right, minVruntime, minSlice, vruntime, slice } = this.#e;
    const a = left[entity]!;
    const b = right[entity]!;
    let least = vruntime[entity]!;
    let shortest = slice[entity]!;
    if (a >= 0) {
      if (minVruntime[a]! < least) least = minVruntime[a]!;
      if (minSlice[a]! < shortest) shortest = minSlice[a]!;
    }
    if (b >= 0) {
      if (minVruntime[b]! < least) least = minVruntime[b]!;
      if (minSlice[b]! < shortest) shortest = minSlice[b]!;
    }
    if (minVruntime[entity] === least && minSlice[entity] === shortest) return false;
    minVruntime[entity] = least;
    minSlice[entity] = shortest;
    return true;
  }

  /** The summaries of `entity` and above it, after its slice has changed. */
  refresh(entity: number): void {
    for (let at = entity; at >= 0 && this.#summarize(at); ) at = this.#e.up[at]!;
  }

  /** V: the vruntime at which an entity has had what it should, rounded down so that it is eligible itself (avg_vruntime). */
  average(queue: number): number {
    const { vruntime, weight, onRq } = this.#e;
    const { curr, weighted, weights, minVruntime } = this.#q;
    let sum = weighted[queue]!;
    let load = weights[queue]!;
    const running = curr[queue]!;
    if (running >= 0 && onRq[running] === 1) {
      sum += (vruntime[running]! - minVruntime[queue]!) * weight[running]!;
      load += weight[running]!;
    }
    return load === 0 ? minVruntime[queue]! : minVruntime[queue]! + Math.floor(sum / load);
  }

  /** Whether an entity at this vruntime has had no more than it should: Σ w × (v − v₀) ≥ (v − v₀) × Σ w. */
  eligible(queue: number, at: number): boolean {
    const { vruntime, weight, onRq } = this.#e;
    const { curr, weighted, weights, minVruntime } = this.#q;
    const reference = minVruntime[queue]!;
    let sum = weighted[queue]!;
    let load = weights[queue]!;
    const running = curr[queue]!;
    if (running >= 0 && onRq[running] === 1) {
      sum += (vruntime[running]! - reference) * weight[running]!;
      load += weight[running]!;
    }
    return sum >= (at - reference) * load;
  }

  /** Of the tree: the eligible entity with the earliest deadline, or −1. */
  earliest(queue: number): number {
    const { left, right, minVruntime, vruntime, weight, onRq } = this.#e;
    const { curr, root, weighted, weights, minVruntime: references } = this.#q;
    const reference = references[queue]!;
    let sum = weighted[queue]!;
    let load = weights[queue]!;
    const running = curr[queue]!;
    if (running >= 0 && onRq[running] === 1) {
      sum += (vruntime[running]! - reference) * weight[running]!;
      load += weight[running]!;
    }
    for (let at = root[queue]!; at >= 0; ) {
      const earlier = left[at]!;
      if (earlier >= 0 && sum >= (minVruntime[earlier]! - reference) * load) at = earlier;
      else if (sum >= (vruntime[at]! - reference) * load) return at;
      else at = right[at]!;
    }
    return -1;
  }

  /** Moves the reference of the sums up to the least vruntime of all that is queued (update_min_vruntime). */
  advanceReference(queue: number): void {
    const { vruntime, onRq, minVruntime: leastOf } = this.#e;
    const { curr, root, weighted, weights, minVruntime } = this.#q;
    const running = curr[queue]!;
    const top = root[queue]!;
    let least = minVruntime[queue]!;
    const runs = running >= 0 && onRq[running] === 1;
    if (runs) least = vruntime[running]!;
    if (top >= 0 && (!runs || leastOf[top]! < least)) least = leastOf[top]!;
    const delta = least - minVruntime[queue]!;
    if (delta <= 0) return;
    weighted[queue]! -= weights[queue]! * delta;
    minVruntime[queue] = least;
  }

  /** The shortest slice of all that is queued (cfs_rq_min_slice); Infinity when nothing is. */
  shortestSlice(queue: number): number {
    const { slice, onRq, minSlice } = this.#e;
    const running = this.#q.curr[queue]!;
    const top = this.#q.root[queue]!;
    let shortest = running >= 0 && onRq[running] === 1 ? slice[running]! : Number.POSITIVE_INFINITY;
    if (top >= 0 && minSlice[top]! < shortest) shortest = minSlice[top]!;
    return shortest;
  }
}
