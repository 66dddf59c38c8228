// Follows a trace once and says what each task did between waking and waiting, who made it ready, and whom it woke or made (core/trace.ts: Bursts). What a
// recording lacks or has in the wrong order is bridged, never refused. Source of the orders that occur: kernel/sched/core.c, v6.18: __schedule(), try_to_wake_up().

import { type Bursts, ended, stillRunnable, type Trace, traceKinds, wakeCauses } from '../core/trace.ts';
import { ActRows, BurstRows } from './burst-rows.ts';

const phase = { unseen: 0, waiting: 1, ready: 2, running: 3, ended: 4 } as const;

const causeStart = wakeCauses.indexOf('start');
const causeFork = wakeCauses.indexOf('fork');
const causeTask = wakeCauses.indexOf('task');
const unknown = -2;

/** Any columns give bursts; those of a trace that keeps its contract have no two of one task at once. */
export function bursts(trace: Trace): Bursts {
  const follower = new Follower(trace);
  follower.begin();
  for (let i = 0; i < trace.count; i++) follower.event(i);
  return follower.finish();
}

class Follower {
  readonly #trace: Trace;
  readonly #tasks: number;
  readonly #rows: BurstRows;
  readonly #acts: ActRows;
  readonly #phase: Uint8Array;
  /** Of each task: its burst at hand or the last one, the CPU that it is on, since when. */
  readonly #burst: Int32Array;
  readonly #on: Int32Array;
  readonly #since: Float64Array;
  /** A wake-up that found the task on its CPU: either it no longer waits, or it was about to leave and needs no other one. NaN: none. */
  readonly #earlyNs: Float64Array;
  readonly #earlyCause: Uint8Array;
  readonly #earlyBy: Int32Array;
  readonly #earlyAct: Int32Array;
  /** Who is on each CPU: -1 idle, -2 not known. */
  readonly #current = new Int32Array(65_536).fill(unknown);

  constructor(trace: Trace) {
    const count = trace.tasks.length;
    this.#trace = trace;
    this.#tasks = count;
    this.#rows = new BurstRows(Math.max(16, trace.count >> 2));
    this.#acts = new ActRows(Math.max(16, trace.count >> 2));
    this.#phase = new Uint8Array(count);
    this.#burst = new Int32Array(count).fill(-1);
    this.#on = new Int32Array(count).fill(-1);
    this.#since = new Float64Array(count);
    this.#earlyNs = new Float64Array(count).fill(Number.NaN);
    this.#earlyCause = new Uint8Array(count);
    this.#earlyBy = new Int32Array(count);
    this.#earlyAct = new Int32Array(count);
  }

  /** Who is the first to be seen at work on a CPU, and nowhere before, has been there from the start. */
  begin(): void {
    const { count, cpus, kind, cpu, task, other } = this.#trace;
    const seen = new Uint8Array(this.#tasks);
    let open = cpus;
    const isKnown = new Uint8Array(65_536);
    for (let i = 0; i < count && open > 0; i++) {
      const [a, b] = [this.#known(task[i]!), this.#known(other[i]!)];
      const isSwitch = kind[i] === traceKinds.switch;
      const current = isSwitch || kind[i] === traceKinds.exit ? a : b;
      if (isKnown[cpu[i]!] === 0 && (isSwitch || (current >= 0 && kind[i] !== traceKinds.migrate))) {
        isKnown[cpu[i]!] = 1;
        open--;
        if (current >= 0 && seen[current] === 0) {
          this.#begin(current, 0, causeStart, -1, -1);
          this.#run(current, cpu[i]!, 0);
          this.#current[cpu[i]!] = current;
        }
      }
      if (a >= 0) seen[a] = 1;
      if (b >= 0) seen[b] = 1;
    }
  }

  #known(task: number): number {
    return task >= 0 && task < this.#tasks ? task : -1;
  }

  event(i: number): void {
    const { kind, cpu, task, other, atNs, detail, object } = this.#trace;
    const [a, b] = [this.#known(task[i]!), this.#known(other[i]!)];
    if (kind[i] === traceKinds.switch) this.#switch(cpu[i]!, a, b, atNs[i]!, detail[i]!, object[i]!);
    else if (kind[i] === traceKinds.wake && a >= 0) this.#wake(a, b, atNs[i]!, detail[i]!);
    else if (kind[i] === traceKinds.fork && a >= 0) this.#fork(a, b, atNs[i]!);
  }

  #switch(cpu: number, prev: number, next: number, at: number, detail: number, object: number): void {
    const believed = this.#current[cpu]!;
    if (believed >= 0 && believed !== prev) this.#lose(believed);
    if (prev >= 0) this.#leave(prev, cpu, at, detail, object);
    this.#current[cpu] = Math.max(next, -1);
    if (next >= 0) this.#arrive(next, cpu, at);
  }

  /** Its switch was lost: it is not where it was, and nobody knows since when. */
  #lose(task: number): void {
    this.#current[this.#on[task]!] = unknown;
    this.#on[task] = -1;
    this.#phase[task] = phase.ready;
  }

  #leave(task: number, cpu: number, at: number, detail: number, object: number): void {
    if (this.#phase[task] === phase.running && this.#on[task] !== cpu) this.#lose(task);
    if (this.#phase[task] !== phase.running) {
      if (this.#phase[task] !== phase.ready) this.#begin(task, at, causeStart, -1, -1);
      this.#run(task, cpu, at);
    }
    const burst = this.#burst[task]!;
    this.#rows.ranNs[burst]! += Math.max(0, at - this.#since[task]!);
    this.#on[task] = -1;
    if (detail === stillRunnable) {
      this.#rows.preemptions[burst]!++;
      this.#phase[task] = phase.ready;
      return;
    }
    this.#rows.endNs[burst] = at;
    this.#rows.end[burst] = detail;
    this.#rows.object[burst] = object;
    this.#phase[task] = detail === ended ? phase.ended : phase.waiting;
  }

  #arrive(task: number, cpu: number, at: number): void {
    const now = this.#phase[task]!;
    if (now === phase.running) this.#lose(task);
    else if (now === phase.waiting && !Number.isNaN(this.#earlyNs[task]!)) this.#wokenBefore(task);
    else if (now !== phase.ready) this.#begin(task, at, causeStart, -1, -1);
    this.#run(task, cpu, at);
  }

  /** The waker was seen before the task had left its CPU (it says so before it looks whether the task has). */
  #wokenBefore(task: number): void {
    const ready = this.#rows.endNs[this.#burst[task]!]!;
    const act = this.#earlyAct[task]!;
    this.#begin(task, ready, this.#earlyCause[task]!, this.#earlyBy[task]!, act);
    this.#meet(act, this.#burst[task]!, 0);
  }

  #run(task: number, cpu: number, at: number): void {
    const burst = this.#burst[task]!;
    if (Number.isNaN(this.#rows.startNs[burst]!)) {
      this.#rows.startNs[burst] = at;
      this.#rows.cpu[burst] = cpu;
    }
    this.#phase[task] = phase.running;
    this.#on[task] = cpu;
    this.#since[task] = at;
  }

  #begin(task: number, readyNs: number, cause: number, by: number, act: number): void {
    this.#burst[task] = this.#rows.add(task, readyNs, cause, by, act);
    this.#phase[task] = phase.ready;
    this.#earlyNs[task] = Number.NaN;
  }

  #wake(task: number, by: number, at: number, cause: number): void {
    const act = by >= 0 && cause === causeTask ? this.#act(by, at, task, 0) : -1;
    const now = this.#phase[task]!;
    if (now === phase.ready || now === phase.running) {
      this.#meet(act, this.#burst[task]!, this.#ranUntil(task, at));
      if (now !== phase.running) return;
      this.#earlyNs[task] = at;
      this.#earlyCause[task] = cause;
      this.#earlyBy[task] = by;
      this.#earlyAct[task] = act;
      return;
    }
    this.#begin(task, at, cause, cause === causeTask ? by : -1, act);
    this.#meet(act, this.#burst[task]!, 0);
  }

  #fork(child: number, parent: number, at: number): void {
    const act = parent >= 0 ? this.#act(parent, at, child, 1) : -1;
    if (this.#phase[child] !== phase.unseen) return;
    this.#begin(child, at, causeFork, parent, act);
    this.#meet(act, this.#burst[child]!, 0);
  }

  /** -1 when who acts is not known to be on a CPU. */
  #act(by: number, at: number, target: number, isFork: number): number {
    if (this.#phase[by] !== phase.running) return -1;
    return this.#acts.add(this.#burst[by]!, this.#ranUntil(by, at), target, isFork);
  }

  #meet(act: number, burst: number, ranNs: number): void {
    if (act < 0) return;
    this.#acts.met[act] = burst;
    this.#acts.metRanNs[act] = ranNs;
  }

  /** CPU time of its burst so far. */
  #ranUntil(task: number, at: number): number {
    const ran = this.#rows.ranNs[this.#burst[task]!]!;
    return this.#phase[task] === phase.running ? ran + Math.max(0, at - this.#since[task]!) : ran;
  }

  finish(): Bursts {
    const { durationNs } = this.#trace;
    for (let task = 0; task < this.#tasks; task++) {
      const burst = this.#burst[task]!;
      if (this.#phase[task] !== phase.running && this.#phase[task] !== phase.ready) continue;
      this.#rows.ranNs[burst] = this.#ranUntil(task, durationNs);
      this.#rows.endNs[burst] = durationNs;
    }
    const { columns, moved } = this.#rows.finish();
    return { ...columns, acts: this.#acts.finish(moved) };
  }
}
