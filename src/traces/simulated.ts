// What the simulator's recorder is told → Trace: a declared workload, run under some scheduler, as if it had been recorded, with the true reasons and
// causes. The model's kernel threads are not in it: where they run, nobody does.

import { ended, stillRunnable, type Trace, traceKinds, type WaitReason } from '../core/trace.ts';
import { type Expansion, opCodes, schedClasses } from '../core/workload.ts';
import { TraceBuilder } from './builder.ts';
import { causeIndex, reasonIndex } from './wait-reasons.ts';

export interface Simulation {
  /** Of the workload. */
  readonly name: string;
  readonly cpus: number;
  readonly release: string;
}

const startLine = 0;
const firstTid = 1000;
/** Locks and semaphores are both futexes. */
const firstLock = 1 << 16;

const reasons: Readonly<Record<number, WaitReason>> = {
  [startLine]: 'other',
  [opCodes.SLEEP]: 'sleep',
  [opCodes.UNTIL]: 'sleep',
  [opCodes.WAIT]: 'futex',
  [opCodes.LOCK]: 'futex',
  [opCodes.READ]: 'pipe',
  [opCodes.WRITE]: 'pipe',
  [opCodes.JOIN]: 'child',
};

/** Has the shape of the simulator's Recorder; tasks are positions in the expansion, −1 is idle. */
export class SimulatedTrace {
  readonly #builder = new TraceBuilder();
  readonly #expansion: Expansion;
  readonly #simulation: Simulation;
  readonly #isBorn: Uint8Array;
  /** What each task waits for: an operation + 1; 0: nothing. */
  readonly #waits: Uint8Array;
  readonly #objects: Float64Array;
  readonly #hasEnded: Uint8Array;
  readonly #lastCpu: Int32Array;
  /** By CPU. */
  readonly #running: Int32Array;
  #startNs: number | undefined;
  #endNs: number | undefined;

  constructor(expansion: Expansion, simulation: Simulation) {
    const count = expansion.tasks.length;
    this.#expansion = expansion;
    this.#simulation = simulation;
    this.#isBorn = new Uint8Array(count);
    this.#waits = new Uint8Array(count);
    this.#objects = new Float64Array(count);
    this.#hasEnded = new Uint8Array(count);
    this.#lastCpu = new Int32Array(count).fill(-1);
    this.#running = new Int32Array(simulation.cpus).fill(-1);
    expansion.tasks.forEach(({ comm, nice, schedClass }, i) => {
      const task = this.#builder.tasks[this.#builder.born(firstTid + i, -1)]!;
      Object.assign(task, { comm, nice, schedClass: schedClasses[schedClass], isFollowed: true });
    });
  }

  switched(cpu: number, prev: number, next: number, atNs: number): void {
    if (prev < 0 && next < 0) return; // a kernel thread
    if (next >= 0) {
      this.#moves(next, cpu, atNs);
      this.#waits[next] = 0;
    }
    this.#running[cpu] = next;
    const detail = this.#whySwitched(prev);
    this.#builder.add(atNs, traceKinds.switch, cpu, prev, next, detail, this.#waitObject(prev, detail));
  }

  #whySwitched(task: number): number {
    if (task < 0) return stillRunnable;
    if (this.#hasEnded[task] === 1) return ended;
    const waits = this.#waits[task]!;
    return waits === 0 ? stillRunnable : reasonIndex[reasons[waits - 1] ?? 'unknown'];
  }

  #waitObject(task: number, detail: number): number {
    if (detail === stillRunnable || detail === ended) return 0;
    const object = this.#objects[task]!;
    switch (this.#waits[task]! - 1) {
      case opCodes.UNTIL:
        return 1;
      case opCodes.WAIT:
      case opCodes.READ:
      case opCodes.WRITE:
        return 1 + object;
      case opCodes.LOCK:
        return firstLock + object;
      default:
        return 0;
    }
  }

  #moves(task: number, cpu: number, atNs: number): void {
    const last = this.#lastCpu[task]!;
    if (last >= 0 && last !== cpu) this.#builder.add(atNs, traceKinds.migrate, last, task, -1, 0, cpu + 1);
    this.#lastCpu[task] = cpu;
  }

  woke(task: number, cpu: number, atNs: number, from: number): void {
    const maker = this.#running[from]!;
    const waits = this.#waits[task]! - 1;
    this.#waits[task] = 0;
    if (this.#isBorn[task] === 0 && this.#expansion.tasks[task]!.forked && maker >= 0) {
      this.#isBorn[task] = 1;
      this.#builder.tasks[task]!.parent = maker;
      this.#lastCpu[task] = cpu;
      this.#builder.add(atNs, traceKinds.fork, from, task, maker);
      return;
    }
    const cause = this.#whyWoken(task, waits, maker);
    this.#isBorn[task] = 1;
    if (waits === startLine) this.#startNs ??= atNs;
    this.#moves(task, cpu, atNs);
    const by = cause === causeIndex.task ? maker : -1;
    this.#builder.add(atNs, traceKinds.wake, from, task, by, cause, cpu + 1);
  }

  #whyWoken(task: number, waits: number, maker: number): number {
    if (this.#isBorn[task] === 0 || waits === startLine) return causeIndex.start;
    if (waits === opCodes.SLEEP || waits === opCodes.UNTIL) return causeIndex.timer;
    return maker >= 0 && maker !== task ? causeIndex.task : causeIndex.interrupt;
  }

  blocks(task: number, operation: number, object: number): void {
    this.#waits[task] = operation + 1;
    this.#objects[task] = object;
  }

  stays(task: number): void {
    this.#waits[task] = 0;
  }

  exits(task: number, atNs: number): void {
    this.#hasEnded[task] = 1;
    if (!this.#expansion.tasks[task]!.background) this.#endNs = atNs;
    this.#builder.add(atNs, traceKinds.exit, Math.max(0, this.#lastCpu[task]!), task);
  }

  /** The run was over. The subject is the workload: from the start of its first task to the end of the last one that is not in the background. */
  finish(atNs: number): Trace {
    const { name, cpus, release } = this.#simulation;
    const [startNs, endNs] = [this.#startNs, this.#endNs];
    return this.#builder.finish({
      source: 'simulator',
      cpus,
      release,
      endNs: atNs,
      subject: { name, ...(startNs !== undefined && { startNs }), ...(endNs !== undefined && { endNs }) },
    });
  }
}
