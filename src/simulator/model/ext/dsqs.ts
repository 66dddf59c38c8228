// Dispatch queues: the local one of each CPU, the global one of each node, and those that a policy makes. A queue is a list in the order of dispatch;
// one ordered by vtime has a tree beside it that finds the place. Source: kernel/sched/ext.c, v6.18 (struct scx_dispatch_q, dispatch_enqueue,
// scx_dsq_priq_less, nldsq_next_task).

import { taskStruct } from '../../kernel/structs.ts';
import { Columns } from '../columns.ts';
import type { TaskMemory } from './task-memory.ts';

const vtimeAt = taskStruct.offsets.scxDsqVtime;
const none = -1;
const smallIds = 4096;
/** Places in a node of the tree: its neighbours there (−1 for none), its lot, and a copy of the task's vtime. */
const node = { left: 0, right: 1, parent: 2, lot: 3, low: 4, high: 5 } as const;
const nodeWords = 8;

/** A walk over a queue that survives what happens to the queue meanwhile; `iters` of Dsqs. */
export interface Cursor {
  dsq: number;
  reverse: boolean;
  /** The task that was returned last, or the neighbour that took its place; −1: at the end it started from. */
  at: number;
  /** Tasks queued later than this are not seen. */
  untilSeq: number;
  isOpen: boolean;
}

export class Dsqs {
  readonly cpus: number;
  /** First user queue; below are the local ones, then the global ones. */
  readonly firstUser: number;
  readonly capacity: number;
  /** By queue. */
  readonly nr: Int32Array;
  readonly idLow: Int32Array;
  readonly idHigh: Int32Array;
  readonly exists: Uint8Array;
  readonly head: Int32Array;
  readonly tail: Int32Array;
  readonly #root: Int32Array;
  readonly #seq: Float64Array;
  /** By task: its queue or −1, its neighbours, when it came. */
  readonly of: Int32Array;
  readonly next: Int32Array;
  readonly previous: Int32Array;
  readonly seq: Float64Array;
  /** By task: 1 when it is in the tree of its queue. The key is a copy: programs may write dsq_vtime while it waits. */
  readonly inTree: Uint8Array;
  /** By task, side by side: its node of the tree (`node`). */
  readonly #nodes: Int32Array;
  readonly cursors: Cursor[] = [];
  readonly #memory: TaskMemory;
  readonly #small: Int32Array;
  readonly #large = new Map<number, Map<number, number>>();
  #lot = 1;

  constructor(
    cpus: number,
    nodes: number,
    tasks: number,
    memory: TaskMemory,
    capacity = 4096,
    columns = new Columns(),
  ) {
    this.cpus = cpus;
    this.firstUser = cpus + nodes;
    this.capacity = this.firstUser + capacity;
    this.#memory = memory;
    this.#small = columns.ints(smallIds, none);
    const byQueue = (): Int32Array => columns.ints(this.capacity, none);
    const byTask = (): Int32Array => columns.ints(tasks, none);
    this.nr = columns.ints(this.capacity);
    this.idLow = columns.ints(this.capacity);
    this.idHigh = columns.ints(this.capacity);
    this.exists = columns.bytes(this.capacity).fill(1, 0, this.firstUser);
    this.head = byQueue();
    this.tail = byQueue();
    this.#root = byQueue();
    this.#seq = columns.times(this.capacity);
    this.of = byTask();
    this.next = byTask();
    this.previous = byTask();
    this.seq = columns.times(tasks);
    this.inTree = columns.bytes(tasks);
    this.#nodes = columns.ints(tasks * nodeWords);
    for (let cpu = 0; cpu < cpus; cpu++) this.#setId(cpu, 2, 0x80000000 | 0);
    for (let node = 0; node < nodes; node++) this.#setId(cpus + node, 1, 0x80000000 | 0);
  }

  #setId(dsq: number, low: number, high: number): void {
    this.idLow[dsq] = low;
    this.idHigh[dsq] = high;
  }

  isLocal(dsq: number): boolean {
    return dsq < this.cpus;
  }

  isBuiltin(dsq: number): boolean {
    return dsq < this.firstUser;
  }

  isEmpty(dsq: number): boolean {
    return this.head[dsq]! < 0;
  }

  /** User queue of that id, −1 when there is none. */
  find(low: number, high: number): number {
    if (high === 0 && low >>> 0 < smallIds) return this.#small[low]!;
    return this.#large.get(high)?.get(low) ?? none;
  }

  /** 0 or −errno: −17 (EEXIST), −12 (ENOMEM). */
  create(low: number, high: number): number {
    if (this.find(low, high) >= 0) return -17;
    const dsq = this.exists.indexOf(0, this.firstUser);
    if (dsq < 0) return -12;
    this.exists[dsq] = 1;
    this.#setId(dsq, low, high);
    if (high === 0 && low >>> 0 < smallIds) this.#small[low] = dsq;
    else {
      const byLow = this.#large.get(high) ?? new Map<number, number>();
      this.#large.set(high, byLow.set(low, dsq));
    }
    return 0;
  }

  /** Forgets an empty user queue. */
  destroy(dsq: number): void {
    const low = this.idLow[dsq]!;
    const high = this.idHigh[dsq]!;
    if (high === 0 && low >>> 0 < smallIds) this.#small[low] = none;
    else this.#large.get(high)?.delete(low);
    this.exists[dsq] = 0;
    this.#seq[dsq] = 0;
  }

  hasTree(dsq: number): boolean {
    return this.#root[dsq]! >= 0;
  }

  /** At the head, or at the tail. */
  insert(dsq: number, task: number, atHead: boolean): void {
    const other = atHead ? this.head[dsq]! : this.tail[dsq]!;
    this.#link(dsq, task, atHead ? none : other, atHead ? other : none);
    this.inTree[task] = 0;
  }

  /** Behind all whose vtime is not after this task's. */
  insertByVtime(dsq: number, task: number): void {
    const nodes = this.#nodes;
    const own = task * nodeWords;
    nodes[own + node.low] = this.#memory.get(task, vtimeAt);
    nodes[own + node.high] = this.#memory.get(task, vtimeAt + 4);
    this.inTree[task] = 1;
    let parent = none;
    let isLeft = false;
    const first = this.head[dsq]!;
    const last = this.tail[dsq]!;
    if (last >= 0 && this.inTree[last] === 1 && !this.#isBefore(task, last)) parent = last;
    else if (first >= 0 && this.inTree[first] === 1 && this.#isBefore(task, first)) {
      parent = first;
      isLeft = true;
    } else
      for (let at = this.#root[dsq]!; at >= 0; ) {
        parent = at;
        isLeft = this.#isBefore(task, at);
        at = nodes[at * nodeWords + (isLeft ? node.left : node.right)]!;
      }
    if (parent < 0) this.#link(dsq, task, none, this.head[dsq]!);
    else if (isLeft) this.#link(dsq, task, this.previous[parent]!, parent);
    else this.#link(dsq, task, parent, this.next[parent]!);
    this.#attach(dsq, task, parent, isLeft);
  }

  remove(task: number): void {
    const dsq = this.of[task]!;
    const before = this.previous[task]!;
    const after = this.next[task]!;
    if (this.cursors.length > 0) this.#moveCursors(task, before, after);
    if (before >= 0) this.next[before] = after;
    else this.head[dsq] = after;
    if (after >= 0) this.previous[after] = before;
    else this.tail[dsq] = before;
    this.nr[dsq]!--;
    this.of[task] = none;
    if (this.inTree[task] === 1) this.#detach(dsq, task);
  }

  /** The queue that knows a walk puts the cursor back where it was, so that it goes on with the right task. */
  #moveCursors(task: number, before: number, after: number): void {
    for (const cursor of this.cursors) if (cursor.at === task) cursor.at = cursor.reverse ? after : before;
  }

  /** The next task of a walk, −1 at its end. */
  advance(cursor: Cursor): number {
    const { dsq, reverse } = cursor;
    const start = reverse ? this.tail[dsq]! : this.head[dsq]!;
    let task = cursor.at < 0 ? start : reverse ? this.previous[cursor.at]! : this.next[cursor.at]!;
    while (task >= 0 && this.seq[task]! > cursor.untilSeq)
      task = reverse ? this.previous[task]! : this.next[task]!;
    if (task >= 0) cursor.at = task;
    return task;
  }

  seqOf(dsq: number): number {
    return this.#seq[dsq]!;
  }

  #link(dsq: number, task: number, before: number, after: number): void {
    this.previous[task] = before;
    this.next[task] = after;
    if (before >= 0) this.next[before] = task;
    else this.head[dsq] = task;
    if (after >= 0) this.previous[after] = task;
    else this.tail[dsq] = task;
    this.of[task] = dsq;
    this.nr[dsq]!++;
    this.seq[task] = ++this.#seq[dsq]!;
  }

  /** time_before64(): keys wrap. */
  #isBefore(a: number, b: number): boolean {
    const nodes = this.#nodes;
    const nodeA = a * nodeWords;
    const nodeB = b * nodeWords;
    const borrow = nodes[nodeA + node.low]! >>> 0 < nodes[nodeB + node.low]! >>> 0 ? 1 : 0;
    return ((nodes[nodeA + node.high]! - nodes[nodeB + node.high]! - borrow) | 0) < 0;
  }

  // A treap: a binary search tree by key that is a heap by lot. Seidel and Aragon, "Randomized Search Trees" (1996).

  #attach(dsq: number, task: number, parent: number, isLeft: boolean): void {
    const nodes = this.#nodes;
    const own = task * nodeWords;
    const lot = (Math.imul(this.#lot, 1664525) + 1013904223) | 0;
    this.#lot = lot;
    nodes[own + node.left] = none;
    nodes[own + node.right] = none;
    nodes[own + node.parent] = parent;
    nodes[own + node.lot] = lot;
    if (parent < 0) this.#root[dsq] = task;
    else nodes[parent * nodeWords + (isLeft ? node.left : node.right)] = task;
    const ownLot = nodes[own + node.lot]!;
    for (
      let above = parent;
      above >= 0 && ownLot > nodes[above * nodeWords + node.lot]!;
      above = nodes[own + node.parent]!
    )
      this.#rotateUp(dsq, task, above);
  }

  #detach(dsq: number, task: number): void {
    const nodes = this.#nodes;
    const own = task * nodeWords;
    let left = nodes[own + node.left]!;
    let right = nodes[own + node.right]!;
    while (left >= 0 && right >= 0) {
      const isLeft = nodes[left * nodeWords + node.lot]! > nodes[right * nodeWords + node.lot]!;
      this.#rotateUp(dsq, isLeft ? left : right, task);
      left = nodes[own + node.left]!;
      right = nodes[own + node.right]!;
    }
    this.#replace(dsq, nodes[own + node.parent]!, task, left >= 0 ? left : right);
    this.inTree[task] = 0;
  }

  #replace(dsq: number, parent: number, old: number, child: number): void {
    const nodes = this.#nodes;
    if (child >= 0) nodes[child * nodeWords + node.parent] = parent;
    if (parent < 0) this.#root[dsq] = child;
    else {
      const left = parent * nodeWords + node.left;
      nodes[nodes[left] === old ? left : left - node.left + node.right] = child;
    }
  }

  #rotateUp(dsq: number, child: number, parent: number): void {
    const nodes = this.#nodes;
    const up = parent * nodeWords;
    const down = child * nodeWords;
    this.#replace(dsq, nodes[up + node.parent]!, parent, child);
    const isLeft = nodes[up + node.left] === child;
    const toChild = up + (isLeft ? node.left : node.right);
    const toInner = down + (isLeft ? node.right : node.left);
    const inner = nodes[toInner]!;
    nodes[toChild] = inner;
    nodes[toInner] = parent;
    if (inner >= 0) nodes[inner * nodeWords + node.parent] = parent;
    nodes[up + node.parent] = child;
  }
}
