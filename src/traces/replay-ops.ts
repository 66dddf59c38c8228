// The operations of one replayed task: CPU time between what it did to others, and its waits by what ended them.

import { type Bursts, ended, type Trace, waitReasons } from '../core/trace.ts';
import { type Op, type OpCode, opCodes } from '../core/workload.ts';
import { actUses, begins, type Links } from './replay-links.ts';

const [sleep, child] = [waitReasons.indexOf('sleep'), waitReasons.indexOf('child')];
const untilAbsolute = 1;

/** What each burst does and meets, in order: acts by burst, those that meet it early among them. */
interface Happenings {
  readonly first: Int32Array;
  readonly acts: Int32Array;
}

export class Operations {
  readonly #trace: Trace;
  readonly #all: Bursts;
  readonly #links: Links;
  readonly #happenings: Happenings;
  /** By task: children that ended while it was awake, which it finds dead when it next looks, in order of their end. */
  readonly #reaped: ReadonlyMap<number, readonly Reaped[]>;
  readonly #waits: Op[] = [];
  readonly #signals: Op[] = [];
  readonly #reads: Op[] = [];
  readonly #writes: Op[] = [];

  constructor(trace: Trace, all: Bursts, chosen: Links) {
    this.#trace = trace;
    this.#all = all;
    this.#links = chosen;
    this.#happenings = happeningsOf(all, chosen);
    this.#reaped = reapedOf(trace, all, chosen);
  }

  /** `factor`: of its CPU time. */
  of(task: number, factor: number): Op[] {
    const { first, list, placeOf } = this.#links;
    const draft = new Draft(factor);
    const reaped = this.#reaped.get(task) ?? [];
    let next = 0;
    for (let at = first[task]!; at < first[task + 1]!; at++) {
      const burst = list[at]!;
      const begin = this.#begin(burst, at > first[task]! ? list[at - 1]! : -1);
      if (begin !== undefined) draft.add(begin);
      this.#work(burst, draft);
      const end = this.#all.end[burst]!;
      if (end !== child && end !== ended) continue;
      for (; next < reaped.length && reaped[next]!.atNs <= this.#all.endNs[burst]!; next++)
        draft.add({ code: opCodes.JOIN, a: placeOf[reaped[next]!.task]!, b: 0n });
    }
    return draft.end();
  }

  #begin(burst: number, before: number): Op | undefined {
    const { begin } = this.#links;
    const { byAct, readyNs, endNs, end, object } = this.#all;
    if (begin[burst] === begins.wait) return this.#wait(byAct[burst]!);
    if (begin[burst] !== begins.pass) return undefined;
    const ready = readyNs[burst]!;
    const isUntil = end[before] === sleep && object[before] === untilAbsolute;
    if (isUntil) return timed(opCodes.UNTIL, ready - this.#trace.subject.startNs);
    return timed(opCodes.SLEEP, ready - endNs[before]!);
  }

  #work(burst: number, draft: Draft): void {
    const { first, acts } = this.#happenings;
    let done = 0;
    for (let at = first[burst]!; at < first[burst + 1]!; at++) {
      const act = acts[at]!;
      const isMet = this.#all.acts.met[act] === burst && this.#links.use[act] === actUses.early;
      const ran = isMet ? this.#all.acts.metRanNs[act]! : this.#all.acts.ranNs[act]!;
      draft.run(Math.max(0, ran - done));
      done = Math.max(done, ran);
      draft.add(this.#act(act, isMet));
    }
    draft.run(Math.max(0, this.#all.ranNs[burst]! - done));
  }

  #act(act: number, isMet: boolean): Op {
    const { use, placeOf } = this.#links;
    if (use[act] === actUses.fork)
      return { code: opCodes.FORK, a: placeOf[this.#all.acts.target[act]!]!, b: 0n };
    return isMet ? this.#wait(act) : this.#signal(act);
  }

  #wait(act: number): Op {
    const { channel, isPipe } = this.#links;
    const a = channel[act]!;
    if (isPipe[act] === 1) return known(this.#reads, opCodes.READ, a, 1n);
    return known(this.#waits, opCodes.WAIT, a, 0n);
  }

  #signal(act: number): Op {
    const { channel, isPipe } = this.#links;
    const a = channel[act]!;
    if (isPipe[act] === 1) return known(this.#writes, opCodes.WRITE, a, 1n);
    return known(this.#signals, opCodes.SIGNAL, a, 1n);
  }
}

/** One object for equal operations. */
function known(ops: Op[], code: OpCode, a: number, b: bigint): Op {
  ops[a] ??= { code, a, b };
  return ops[a];
}

/** A task's list; CPU time is put together until something else comes. */
class Draft {
  readonly #ops: Op[] = [];
  readonly #factor: number;
  #owedNs = 0;

  constructor(factor: number) {
    this.#factor = factor;
  }

  run(ns: number): void {
    this.#owedNs += this.#factor * ns;
  }

  add(op: Op): void {
    this.#flush();
    this.#ops.push(op);
  }

  end(): Op[] {
    this.#flush();
    return this.#ops;
  }

  #flush(): void {
    const ns = Math.round(this.#owedNs);
    if (ns > 0) this.#ops.push({ code: opCodes.RUN, a: 0, b: BigInt(ns) });
    this.#owedNs -= ns;
  }
}

function timed(code: OpCode, ns: number): Op {
  return { code, a: 0, b: BigInt(Math.max(0, Math.round(ns))) };
}

function happeningsOf(all: Bursts, { use }: Links): Happenings {
  const { acts } = all;
  const first = new Int32Array(all.count + 1);
  for (let act = 0; act < acts.count; act++) {
    if (use[act] === actUses.none) continue;
    first[acts.burst[act]! + 1]!++;
    if (use[act] === actUses.early) first[acts.met[act]! + 1]!++;
  }
  for (let burst = 0; burst < all.count; burst++) first[burst + 1]! += first[burst]!;
  const list = new Int32Array(first[all.count]!);
  const next = first.slice();
  for (let act = 0; act < acts.count; act++) {
    if (use[act] === actUses.none) continue;
    list[next[acts.burst[act]!]!++] = act;
    if (use[act] === actUses.early) list[next[acts.met[act]!]!++] = act;
  }
  return { first, acts: list };
}

interface Reaped {
  readonly task: number;
  readonly atNs: number;
}

/** Processes that ended without waking their parent: it was awake, or waited for something else. */
function reapedOf(trace: Trace, all: Bursts, { tasks, placeOf, first, list, use }: Links) {
  const reaped = new Map<number, Reaped[]>();
  const tells = new Uint8Array(all.count);
  for (let act = 0; act < use.length; act++) {
    const { burst, target } = all.acts;
    const isOfParent = target[act] === trace.tasks[all.task[burst[act]!]!]!.parent;
    if (isOfParent && (use[act] === actUses.signal || use[act] === actUses.early)) tells[burst[act]!] = 1;
  }
  for (const task of tasks) {
    const { parent, tgid } = trace.tasks[task]!;
    const last = list[first[task + 1]! - 1]!;
    const isProcess = parent >= 0 && placeOf[parent]! >= 0 && trace.tasks[parent]!.tgid !== tgid;
    if (!isProcess || all.end[last] !== ended || tells[last] === 1) continue;
    const own = reaped.get(parent) ?? [];
    reaped.set(parent, own);
    own.push({ task, atNs: all.endNs[last]! });
  }
  for (const own of reaped.values()) own.sort((a, b) => a.atNs - b.atNs || a.task - b.task);
  return reaped;
}
