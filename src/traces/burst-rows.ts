// The columns of Bursts while they grow, and their order by readiness in the end.

import { type Bursts, open } from '../core/trace.ts';

export const noCpu = 65_535;

export class BurstRows {
  count = 0;
  task: Int32Array;
  readyNs: Float64Array;
  startNs: Float64Array;
  endNs: Float64Array;
  ranNs: Float64Array;
  cpu: Uint16Array;
  preemptions: Uint32Array;
  cause: Uint8Array;
  by: Int32Array;
  byAct: Int32Array;
  end: Uint8Array;
  object: Uint32Array;

  constructor(capacity: number) {
    this.task = new Int32Array(capacity);
    this.readyNs = new Float64Array(capacity);
    this.startNs = new Float64Array(capacity);
    this.endNs = new Float64Array(capacity);
    this.ranNs = new Float64Array(capacity);
    this.cpu = new Uint16Array(capacity);
    this.preemptions = new Uint32Array(capacity);
    this.cause = new Uint8Array(capacity);
    this.by = new Int32Array(capacity);
    this.byAct = new Int32Array(capacity);
    this.end = new Uint8Array(capacity);
    this.object = new Uint32Array(capacity);
  }

  add(task: number, readyNs: number, cause: number, by: number, byAct: number): number {
    const i = this.count++;
    if (i === this.task.length) this.#grow();
    this.task[i] = task;
    this.readyNs[i] = readyNs;
    this.startNs[i] = Number.NaN;
    this.endNs[i] = Number.NaN;
    this.cpu[i] = noCpu;
    this.cause[i] = cause;
    this.by[i] = by;
    this.byAct[i] = byAct;
    this.end[i] = open;
    return i;
  }

  #grow(): void {
    const capacity = 2 * this.task.length;
    const larger = new BurstRows(capacity);
    for (const name of columnNames) larger[name].set(this[name] as never);
    for (const name of columnNames) this[name] = larger[name] as never;
  }

  /** In the order in which they became ready; `moved`: new index by old, when any has moved. */
  finish(): { columns: Omit<Bursts, 'acts'>; moved: Int32Array | undefined } {
    const { count } = this;
    const order = byReadiness(this.readyNs.subarray(0, count));
    const column = <C extends Column>(from: C): C => inOrder(from.subarray(0, count) as C, order);
    const columns = {
      count,
      task: column(this.task),
      readyNs: column(this.readyNs),
      startNs: column(this.startNs),
      endNs: column(this.endNs),
      ranNs: column(this.ranNs),
      cpu: column(this.cpu),
      preemptions: column(this.preemptions),
      cause: column(this.cause),
      by: column(this.by),
      byAct: column(this.byAct),
      end: column(this.end),
      object: column(this.object),
    };
    if (order === undefined) return { columns, moved: undefined };
    const moved = new Int32Array(count);
    for (let i = 0; i < count; i++) moved[order[i]!] = i;
    return { columns, moved };
  }
}

const columnNames = [
  'task',
  'readyNs',
  'startNs',
  'endNs',
  'ranNs',
  'cpu',
  'preemptions',
  'cause',
  'by',
  'byAct',
  'end',
  'object',
] as const;

export class ActRows {
  count = 0;
  burst: Int32Array;
  ranNs: Float64Array;
  isFork: Uint8Array;
  target: Int32Array;
  met: Int32Array;
  metRanNs: Float64Array;

  constructor(capacity: number) {
    this.burst = new Int32Array(capacity);
    this.ranNs = new Float64Array(capacity);
    this.isFork = new Uint8Array(capacity);
    this.target = new Int32Array(capacity);
    this.met = new Int32Array(capacity);
    this.metRanNs = new Float64Array(capacity);
  }

  add(burst: number, ranNs: number, target: number, isFork: number): number {
    const i = this.count++;
    if (i === this.burst.length) this.#grow();
    this.burst[i] = burst;
    this.ranNs[i] = ranNs;
    this.target[i] = target;
    this.isFork[i] = isFork;
    this.met[i] = -1;
    return i;
  }

  #grow(): void {
    const larger = new ActRows(2 * this.burst.length);
    for (const name of actColumns) larger[name].set(this[name] as never);
    for (const name of actColumns) this[name] = larger[name] as never;
  }

  finish(moved: Int32Array | undefined): Bursts['acts'] {
    const { count } = this;
    const burst = this.burst.subarray(0, count);
    const met = this.met.subarray(0, count);
    if (moved !== undefined)
      for (let i = 0; i < count; i++) {
        burst[i] = moved[burst[i]!]!;
        if (met[i]! >= 0) met[i] = moved[met[i]!]!;
      }
    return {
      ...{ count, burst, met },
      ranNs: this.ranNs.subarray(0, count),
      isFork: this.isFork.subarray(0, count),
      target: this.target.subarray(0, count),
      metRanNs: this.metRanNs.subarray(0, count),
    };
  }
}

const actColumns = ['burst', 'ranNs', 'isFork', 'target', 'met', 'metRanNs'] as const;

type Column = Int32Array | Float64Array | Uint16Array | Uint32Array | Uint8Array;

function inOrder<C extends Column>(column: C, order: Uint32Array | undefined): C {
  if (order === undefined) return column;
  const out = column.slice() as C;
  for (let i = 0; i < order.length; i++) out[i] = column[order[i]!]!;
  return out;
}

/** Undefined when they are in order. Few are out of place, and not far: a task that was woken just before it had left its CPU. */
function byReadiness(readyNs: Float64Array): Uint32Array | undefined {
  let descents = 0;
  for (let i = 1; i < readyNs.length; i++) if (readyNs[i]! < readyNs[i - 1]!) descents++;
  if (descents === 0) return undefined;
  const order = Uint32Array.from(readyNs.keys());
  if (descents > mostInserted) return order.sort((a, b) => readyNs[a]! - readyNs[b]! || a - b);
  for (let i = 1; i < order.length; i++) {
    const one = order[i]!;
    const at = readyNs[one]!;
    let to = i;
    for (; to > 0 && readyNs[order[to - 1]!]! > at; to--) order[to] = order[to - 1]!;
    order[to] = one;
  }
  return order;
}

const mostInserted = 100;
