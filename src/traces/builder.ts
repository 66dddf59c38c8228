// Builds a Trace event by event: columns that grow, tasks by life (a thread id that is used again is another task), order by time. Every reader of recordings
// and the simulator's recorder write through it.

import type { Trace, TraceKind, TraceTask } from '../core/trace.ts';
import { orderTimes } from './time-order.ts';

type Draft = { -readonly [Field in keyof TraceTask]: TraceTask[Field] };

export interface TraceHead {
  readonly source: Trace['source'];
  /** Default: as many as events name. */
  readonly cpus?: number;
  readonly release?: string;
  readonly lost?: number;
  readonly notes?: readonly string[];
  /** On the clock of the events. Default: the first and the last event. */
  readonly startNs?: number;
  readonly endNs?: number;
  /** On the clock of the events. Default: the whole recording. */
  readonly subject?: { readonly name: string; readonly startNs?: number; readonly endNs?: number };
}

const firstCapacity = 1024;

export class TraceBuilder {
  readonly tasks: Draft[] = [];
  count = 0;
  #atNs = new Float64Array(firstCapacity);
  #kind = new Uint8Array(firstCapacity);
  #cpu = new Uint16Array(firstCapacity);
  #task = new Int32Array(firstCapacity);
  #other = new Int32Array(firstCapacity);
  #detail = new Uint8Array(firstCapacity);
  #object = new Uint32Array(firstCapacity);
  /** The life of each thread id that has one. */
  readonly #living = new Map<number, number>();

  /** The task that has this thread id now; one that was not seen before gets a life. −1 for the idle task, tid 0. */
  taskOf(tid: number): number {
    if (tid === 0) return -1;
    return this.#living.get(tid) ?? this.#begin(tid, -1);
  }

  /** Has this thread id a life now? */
  knows(tid: number): boolean {
    return this.#living.has(tid);
  }

  /** A new life: whoever had this thread id before is gone. `parent`: index, −1 unknown. */
  born(tid: number, parent: number): number {
    return this.#begin(tid, parent);
  }

  /** The thread id is free: the task has left its CPU for the last time. */
  gone(tid: number): void {
    this.#living.delete(tid);
  }

  #begin(tid: number, parent: number): number {
    const maker = this.tasks[parent];
    const task = this.tasks.length;
    this.tasks.push({
      tid,
      tgid: tid,
      parent,
      comm: maker?.comm ?? '',
      isKernel: maker?.isKernel ?? false,
      isFollowed: maker?.isFollowed ?? false,
      nice: maker?.nice ?? 0,
      schedClass: maker?.schedClass ?? 0,
    });
    this.#living.set(tid, task);
    return task;
  }

  /** Columns as in Trace; `atNs` on any clock, nearly in order. */
  add(atNs: number, kind: TraceKind, cpu: number, task: number, other = -1, detail = 0, object = 0): void {
    const i = this.count++;
    if (i === this.#kind.length) this.#grow();
    this.#atNs[i] = atNs;
    this.#kind[i] = kind;
    this.#cpu[i] = cpu;
    this.#task[i] = task;
    this.#other[i] = other;
    this.#detail[i] = detail;
    this.#object[i] = object;
  }

  /** `object` of an event that is there already: where a task was woken to is known later than who did it. */
  place(event: number, object: number): void {
    this.#object[event] = object;
  }

  #grow(): void {
    const capacity = 2 * this.#kind.length;
    this.#atNs = larger(this.#atNs, new Float64Array(capacity));
    this.#kind = larger(this.#kind, new Uint8Array(capacity));
    this.#cpu = larger(this.#cpu, new Uint16Array(capacity));
    this.#task = larger(this.#task, new Int32Array(capacity));
    this.#other = larger(this.#other, new Int32Array(capacity));
    this.#detail = larger(this.#detail, new Uint8Array(capacity));
    this.#object = larger(this.#object, new Uint32Array(capacity));
  }

  /** The builder is used up. Events before `startNs` and after `endNs` widen the recording. */
  finish(head: TraceHead): Trace {
    const { count } = this;
    const times = this.#atNs.subarray(0, count);
    const { order, steps } = orderTimes(times);
    const atNs = inOrder(times, order);
    const start = Math.min(head.startNs ?? Number.POSITIVE_INFINITY, atNs[0] ?? head.startNs ?? 0);
    const end = Math.max(head.endNs ?? start, atNs[count - 1] ?? start);
    for (let i = 0; i < count; i++) atNs[i] = Math.round(atNs[i]! - start);
    const durationNs = Math.round(end - start);
    const within = (ns: number): number => Math.min(durationNs, Math.max(0, Math.round(ns - start)));
    const { subject } = head;
    const cpu = inOrder(this.#cpu.subarray(0, count), order);
    return {
      source: head.source,
      cpus: Math.max(head.cpus ?? 0, cpusNamed(cpu)),
      release: head.release ?? '',
      durationNs,
      lost: head.lost ?? 0,
      notes: [...(head.notes ?? []), ...stepNotes(steps)],
      subject: {
        name: subject?.name ?? '',
        startNs: within(subject?.startNs ?? start),
        endNs: within(subject?.endNs ?? end),
      },
      tasks: this.tasks,
      count,
      atNs,
      kind: inOrder(this.#kind.subarray(0, count), order),
      cpu,
      task: inOrder(this.#task.subarray(0, count), order),
      other: inOrder(this.#other.subarray(0, count), order),
      detail: inOrder(this.#detail.subarray(0, count), order),
      object: inOrder(this.#object.subarray(0, count), order),
    };
  }
}

export function stepNotes(steps: number): string[] {
  if (steps === 0) return [];
  return [
    `the clock went back ${steps === 1 ? 'once' : `${steps} times`}: what follows was moved on, and the time between is not known`,
  ];
}

interface Column {
  readonly length: number;
  [index: number]: number;
  slice(): this;
  set(from: ArrayLike<number>): void;
}

function larger<C extends Column>(old: C, room: C): C {
  room.set(old);
  return room;
}

function inOrder<C extends Column>(column: C, order: Uint32Array | undefined): C {
  if (order === undefined) return column;
  const moved = column.slice();
  for (let i = 0; i < order.length; i++) moved[i] = column[order[i]!]!;
  return moved;
}

/** At least one. */
function cpusNamed(cpu: Uint16Array): number {
  let most = 0;
  for (const one of cpu) if (one > most) most = one;
  return most + 1;
}
