// Follows the observed tasks of a trace through time: running, ready or neither. From that come CPU time and delay of each, how many run and wait at once,
// and whether the end belongs to one task alone.

import { type Bursts, stillRunnable, type Trace, traceKinds, wakeCauses } from '../core/trace.ts';
import { addTo, emptyHistogram } from './histogram.ts';
import type { Observed } from './observed.ts';

export const buckets = 64;
const overlapAllowed = 0.05;
const [away, ready, running] = [0, 1, 2];
const causeStart = wakeCauses.indexOf('start');

export interface TaskOccupancy {
  ranNs: number;
  delayNs: number;
  voluntary: number;
  involuntary: number;
  migrations: number;
  readonly delays: number[];
}

export interface Occupancy {
  readonly tasks: readonly TaskOccupancy[];
  readonly parallelNs: readonly number[];
  readonly queuedNs: readonly number[];
  readonly overTime: readonly number[];
  readonly lastShare: number;
  /** CPU time of everyone, observed or not. */
  readonly busyNs: number;
}

export function occupancyOf(trace: Trace, bursts: Bursts, observed: Observed): Occupancy {
  const follower = new Follower(trace, observed);
  let burst = 0;
  const readyUntil = (atNs: number): void => {
    for (; burst < bursts.count && bursts.readyNs[burst]! <= atNs; burst++) {
      const row = observed.rowOf[bursts.task[burst]!]!;
      const readyNs = bursts.readyNs[burst]!;
      const onCpu = bursts.cause[burst] === causeStart && bursts.startNs[burst]! <= readyNs;
      if (row >= 0) follower.becomesReady(row, readyNs, onCpu ? bursts.cpu[burst]! : -1);
    }
  };
  for (let i = 0; i < trace.count; i++) {
    if (trace.kind[i] !== traceKinds.switch) continue;
    const atNs = trace.atNs[i]!;
    readyUntil(atNs);
    follower.switches(atNs, trace.cpu[i]!, trace.task[i]!, trace.other[i]!, trace.detail[i]!);
  }
  readyUntil(observed.endNs);
  return follower.result();
}

class Follower {
  readonly #observed: Observed;
  readonly #tasks: TaskOccupancy[];
  readonly #state: Uint8Array;
  readonly #wokenEarly: Uint8Array;
  readonly #sinceNs: Float64Array;
  readonly #lastCpu: Int32Array;
  readonly #busySince: Float64Array;
  readonly #busyNow: Uint8Array;
  readonly #time: Time;
  #busyNs = 0;

  constructor(trace: Trace, observed: Observed) {
    this.#observed = observed;
    const size = observed.taskOf.length;
    this.#tasks = observed.taskOf.map(() => ({
      ...{ ranNs: 0, delayNs: 0, voluntary: 0, involuntary: 0, migrations: 0 },
      delays: emptyHistogram(),
    }));
    this.#state = new Uint8Array(size);
    this.#wokenEarly = new Uint8Array(size);
    this.#sinceNs = new Float64Array(size);
    this.#lastCpu = new Int32Array(size).fill(-1);
    const cpus = trace.cpu.reduce((most, cpu) => Math.max(most, cpu + 1), trace.cpus);
    this.#busySince = new Float64Array(cpus).fill(observed.startNs);
    this.#busyNow = new Uint8Array(cpus).fill(2); // not known yet
    this.#time = new Time(observed.startNs, observed.endNs);
  }

  /** `cpu`: it is on that one already; -1: it waits for one. */
  becomesReady(row: number, atNs: number, cpu: number): void {
    if (this.#state[row] !== away) {
      this.#wokenEarly[row] = 1; // woken on its way out: it goes on after its switch
      return;
    }
    if (cpu >= 0) this.#lastCpu[row] = cpu;
    this.#enter(row, cpu >= 0 ? running : ready, atNs);
  }

  switches(atNs: number, cpu: number, from: number, to: number, detail: number): void {
    this.#busy(atNs, cpu, from, to);
    const { rowOf } = this.#observed;
    const [leaves, comes] = [from < 0 ? -1 : rowOf[from]!, to < 0 ? -1 : rowOf[to]!];
    const within = atNs >= this.#observed.startNs && atNs <= this.#observed.endNs;
    if (leaves >= 0) {
      const kept = detail === stillRunnable || this.#wokenEarly[leaves] === 1;
      const task = this.#tasks[leaves]!;
      if (within && detail === stillRunnable) task.involuntary++;
      else if (within) task.voluntary++;
      this.#wokenEarly[leaves] = 0;
      this.#enter(leaves, kept ? ready : away, atNs);
    }
    if (comes >= 0) {
      const task = this.#tasks[comes]!;
      if (within && this.#state[comes] === ready) addTo(task.delays, atNs - this.#sinceNs[comes]!);
      if (within && this.#lastCpu[comes] !== -1 && this.#lastCpu[comes] !== cpu) task.migrations++;
      this.#lastCpu[comes] = cpu;
      this.#enter(comes, running, atNs);
    }
  }

  result(): Occupancy {
    const { endNs } = this.#observed;
    for (const row of this.#tasks.keys()) this.#enter(row, away, endNs);
    for (const [cpu, now] of this.#busyNow.entries())
      if (now === 1) this.#busyNs += this.#clipped(this.#busySince[cpu]!, endNs);
    return { tasks: this.#tasks, busyNs: this.#busyNs, ...this.#time.result() };
  }

  #enter(row: number, state: number, atNs: number): void {
    const before = this.#state[row]!;
    const task = this.#tasks[row]!;
    if (before === running) task.ranNs += this.#clipped(this.#sinceNs[row]!, atNs);
    else if (before === ready) task.delayNs += this.#clipped(this.#sinceNs[row]!, atNs);
    this.#time.advance(atNs);
    this.#time.running += Number(state === running) - Number(before === running);
    this.#time.ready += Number(state === ready) - Number(before === ready);
    this.#state[row] = state;
    this.#sinceNs[row] = atNs;
  }

  #busy(atNs: number, cpu: number, from: number, to: number): void {
    if (this.#busyNow[cpu] === 1 || (this.#busyNow[cpu] === 2 && from >= 0))
      this.#busyNs += this.#clipped(this.#busySince[cpu]!, atNs);
    this.#busyNow[cpu] = to >= 0 ? 1 : 0;
    this.#busySince[cpu] = atNs;
  }

  #clipped(fromNs: number, toNs: number): number {
    return Math.max(0, Math.min(toNs, this.#observed.endNs) - Math.max(fromNs, this.#observed.startNs));
  }
}

/** The elapsed time by how many tasks are running and ready. */
class Time {
  running = 0;
  ready = 0;
  #atNs: number;
  readonly #startNs: number;
  readonly #endNs: number;
  readonly #parallelNs: number[] = [];
  readonly #queuedNs: number[] = [];
  readonly #ran = new Float64Array(buckets);
  /** Where two or more are at work: start and end by turns. */
  readonly #together: number[] = [];

  constructor(startNs: number, endNs: number) {
    this.#atNs = startNs;
    this.#startNs = startNs;
    this.#endNs = endNs;
  }

  advance(toNs: number): void {
    const until = Math.min(toNs, this.#endNs);
    const dt = until - this.#atNs;
    if (dt <= 0) return;
    this.#parallelNs[this.running] = (this.#parallelNs[this.running] ?? 0) + dt;
    this.#queuedNs[this.ready] = (this.#queuedNs[this.ready] ?? 0) + dt;
    if (this.running > 0) this.#fill(this.#atNs, until);
    if (this.running + this.ready >= 2) {
      if (this.#together.at(-1) === this.#atNs) this.#together.pop();
      else this.#together.push(this.#atNs);
      this.#together.push(until);
    }
    this.#atNs = until;
  }

  result(): Pick<Occupancy, 'parallelNs' | 'queuedNs' | 'overTime' | 'lastShare'> {
    this.advance(this.#endNs);
    const width = (this.#endNs - this.#startNs) / buckets;
    return {
      parallelNs: Array.from(this.#parallelNs, (ns) => ns ?? 0),
      queuedNs: Array.from(this.#queuedNs, (ns) => ns ?? 0),
      overTime: Array.from(this.#ran, (ns) => (width > 0 ? Math.round((1000 * ns) / width) / 1000 : 0)),
      lastShare: lastAlone(this.#together, this.#startNs, this.#endNs),
    };
  }

  #fill(fromNs: number, toNs: number): void {
    const width = (this.#endNs - this.#startNs) / buckets;
    let at = fromNs;
    for (let bucket = Math.floor((at - this.#startNs) / width); bucket < buckets && at < toNs; bucket++) {
      const until = Math.min(toNs, this.#startNs + (bucket + 1) * width);
      this.#ran[bucket]! += Math.max(0, until - at) * this.running;
      at = Math.max(at, until);
    }
  }
}

/**
 * Share of the time from start to end: its longest last part of which two or more are at work for at most a twentieth. Short overlaps (a child that ends
 * while its parent wakes) do not end it.
 */
export function lastAlone(together: readonly number[], startNs: number, endNs: number): number {
  if (endNs <= startNs) return 0;
  let [longestNs, togetherNs] = [0, 0];
  const consider = (fromNs: number): void => {
    if (togetherNs <= overlapAllowed * (endNs - fromNs)) longestNs = endNs - fromNs;
  };
  for (let i = together.length - 2; i >= 0; i -= 2) {
    consider(together[i + 1]!);
    togetherNs += together[i + 1]! - together[i]!;
    consider(together[i]!);
  }
  consider(startNs);
  return longestNs / (endNs - startNs);
}
