// Recordings of our probes → Trace. Thread ids become lives, then, when it is known who is a kernel thread and who is observed, waits get their reasons and
// wakes their causes. Format: docs/protocol.md section 5.

import { ended, stillRunnable, type Trace, traceKinds, waitReasons } from '../core/trace.ts';
import { stepNotes, TraceBuilder } from './builder.ts';
import { ProbeRecords, recordBytes, recordKinds } from './probe-records.ts';
import { orderTimes } from './time-order.ts';
import { causeIndex, deadStates, reasonIndex, waitReason, wakeCause } from './wait-reasons.ts';

export interface Recorded {
  readonly cpus: number;
  /** Of the kernel. */
  readonly release: string;
  /** What was observed; default: the name of the root task. */
  readonly name?: string;
}

const flag = { preempted: 1, inIoWait: 2, inHardIrq: 1, inSoftIrq: 2 } as const;
const fileKindShift = 16;
const isAbsolute = 1 << 20;
const inFault = 1 << 21;

/** @throws Fault malformed, naming the offset. A recording that was cut is read as far as it goes, with a note. */
export function readProbeEvents(bytes: Uint8Array, about: Recorded): Trace {
  return new ProbeReader(bytes).read(about);
}

interface Subject {
  /** Thread id; 0: nobody in particular. */
  root: number;
  startNs: number | undefined;
  endNs: number | undefined;
}

class ProbeReader {
  readonly #bytes: Uint8Array;
  readonly #records: ProbeRecords;
  readonly #builder = new TraceBuilder();
  readonly #notes: string[] = [];
  readonly #subject: Subject = { root: 0, startNs: undefined, endNs: undefined };
  /** By record: the lives that its `task` and `other` name. */
  readonly #who: Int32Array;
  readonly #whom: Int32Array;
  #lost: number | undefined;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#records = new ProbeRecords(bytes);
    this.#who = new Int32Array(this.#records.count).fill(-1);
    this.#whom = new Int32Array(this.#records.count).fill(-1);
  }

  read({ cpus, release, name }: Recorded): Trace {
    const { count, atNs } = this.#records;
    const { order, steps } = orderTimes(atNs);
    for (let i = 0; i < count; i++) this.#live(order?.[i] ?? i);
    this.#emit(order);
    this.#missing(steps);
    const { root, startNs, endNs } = this.#subject;
    return this.#builder.finish({
      source: 'probes',
      cpus,
      release,
      lost: this.#lost ?? 0,
      notes: this.#notes,
      ...(startNs !== undefined && { startNs }),
      ...(endNs !== undefined && { endNs }),
      subject: {
        name: name ?? this.#rootName(root),
        ...(startNs !== undefined && { startNs }),
        ...(endNs !== undefined && { endNs }),
      },
    });
  }

  /** The id may have been another's before. */
  #rootName(tid: number): string {
    const lives = this.#builder.tasks.filter((task) => task.tid === tid);
    return (lives.find((task) => task.isFollowed) ?? lives[0])?.comm ?? '';
  }

  #missing(steps: number): void {
    const left = this.#bytes.length % recordBytes;
    if (left > 0)
      this.#notes.push(`the recording is cut: ${left} bytes of an event at its end were left out`);
    else if (this.#lost === undefined) this.#notes.push('the recording is cut: its last event is missing');
    if (this.#lost) this.#notes.push(`${this.#lost} events found no room`);
    this.#notes.push(...stepNotes(steps));
  }

  /** Who it is about, and what it says of them. */
  #live(i: number): void {
    const records = this.#records;
    const tid = records.task(i);
    switch (records.kind(i)) {
      case recordKinds.switch:
        this.#who[i] = this.#builder.taskOf(tid);
        this.#whom[i] = this.#builder.taskOf(records.other(i));
        if ((records.detail(i) & deadStates) !== 0) this.#builder.gone(tid);
        return;
      case recordKinds.wake:
        this.#who[i] = this.#builder.taskOf(tid);
        this.#whom[i] = this.#builder.taskOf(records.other(i));
        return;
      case recordKinds.fork:
        this.#fork(i, tid);
        return;
      case recordKinds.subject:
        this.#observed(i, tid);
        return;
      case recordKinds.lost:
        this.#lost = records.valueHigh(i) * 2 ** 32 + records.valueLow(i);
        return;
      default:
        this.#who[i] = this.#builder.taskOf(tid);
        if (records.kind(i) === recordKinds.name) this.#named(i);
        if (records.kind(i) === recordKinds.about) this.#described(i);
    }
  }

  #fork(i: number, tid: number): void {
    const parent = this.#builder.taskOf(this.#records.other(i));
    if (tid === 0) return; // the idle task of a CPU that comes up
    this.#whom[i] = parent;
    this.#who[i] = this.#builder.born(tid, parent);
    this.#builder.tasks[this.#who[i]!]!.tgid = this.#records.detail(i);
  }

  #observed(i: number, tid: number): void {
    const at = this.#records.atNs[i]!;
    if (this.#records.detail(i) === 0) this.#subject.startNs ??= at;
    else this.#subject.endNs = at;
    if (tid !== 0) this.#subject.root = tid;
  }

  #named(i: number): void {
    const task = this.#builder.tasks[this.#who[i]!];
    if (task !== undefined) task.comm = this.#records.comm(i);
  }

  #described(i: number): void {
    const task = this.#builder.tasks[this.#who[i]!];
    if (task === undefined) return;
    const detail = this.#records.detail(i);
    const parent = this.#records.valueLow(i) | 0;
    task.tgid = this.#records.other(i);
    task.nice = (detail & 0xff) - 20;
    task.schedClass = (detail >>> 8) & 0xff;
    task.isKernel = (detail & (1 << 16)) !== 0;
    task.isFollowed = (detail & (1 << 17)) !== 0;
    if (task.parent < 0 && parent !== task.tid && this.#builder.knows(parent))
      task.parent = this.#builder.taskOf(parent);
  }

  #emit(order: Uint32Array | undefined): void {
    const records = this.#records;
    const builder = this.#builder;
    /** By task: the reason of its wait + 1; 0: awake, or not seen. */
    const waits = new Uint8Array(builder.tasks.length);
    /** A thread that executes a program goes on, without a switch, as the first of its process. */
    const heirs = new Map<number, number>();
    for (let k = 0; k < records.count; k++) {
      const i = order?.[k] ?? k;
      const [atNs, cpu, who, whom] = [records.atNs[i]!, records.cpu(i), this.#who[i]!, this.#whom[i]!];
      switch (records.kind(i)) {
        case recordKinds.switch: {
          const detail = who < 0 ? stillRunnable : this.#whySwitched(i, who);
          if (who >= 0) waits[who] = detail < waitReasons.length ? detail + 1 : 0;
          if (whom >= 0) waits[whom] = 0;
          builder.add(atNs, traceKinds.switch, cpu, who, whom, detail, this.#waitObject(i, detail));
          break;
        }
        case recordKinds.wake: {
          if (who < 0) break;
          const cause = this.#whyWoken(i, who, whom, waits[who]! - 1);
          waits[who] = 0;
          builder.add(atNs, traceKinds.wake, cpu, who, cause === causeIndex.task ? whom : -1, cause);
          break;
        }
        case recordKinds.fork:
          if (who < 0) break;
          builder.add(atNs, traceKinds.fork, cpu, who, whom);
          if (builder.tasks[whom]?.tgid === builder.tasks[who]!.tid) heirs.set(whom, who);
          break;
        case recordKinds.exit: {
          if (who < 0) break;
          builder.add(atNs, traceKinds.exit, cpu, who);
          const heir = heirs.get(who);
          if (heir !== undefined) builder.add(atNs, traceKinds.switch, cpu, who, heir, ended);
          break;
        }
        case recordKinds.migrate:
          if (who >= 0)
            builder.add(atNs, traceKinds.migrate, records.other(i), who, -1, 0, records.detail(i) + 1);
      }
    }
  }

  #whySwitched(i: number, who: number): number {
    const records = this.#records;
    const state = records.detail(i);
    if (state === 0 || (records.flags(i) & flag.preempted) !== 0) return stillRunnable;
    if ((state & deadStates) !== 0) return ended;
    const value = records.valueLow(i);
    const reason = waitReason({
      state,
      inIoWait: (records.flags(i) & flag.inIoWait) !== 0,
      isKernel: this.#builder.tasks[who]!.isKernel,
      call: value & 0xffff,
      fileKind: (value >>> fileKindShift) & 0xf,
      inFault: (value & inFault) !== 0,
    });
    return reasonIndex[reason];
  }

  #waitObject(i: number, detail: number): number {
    switch (detail) {
      case reasonIndex.sleep:
        return (this.#records.valueLow(i) & isAbsolute) === 0 ? 0 : 1;
      case reasonIndex.futex:
      case reasonIndex.pipe:
      case reasonIndex.socket:
        return this.#records.valueHigh(i);
      default:
        return 0;
    }
  }

  #whyWoken(i: number, who: number, whom: number, waits: number): number {
    const { tasks } = this.#builder;
    const flags = this.#records.flags(i);
    const isOurs = (task: number): boolean => task >= 0 && tasks[task]!.isFollowed && !tasks[task]!.isKernel;
    const cause = wakeCause({
      inHardIrq: (flags & flag.inHardIrq) !== 0,
      inSoftIrq: (flags & flag.inSoftIrq) !== 0,
      waitsFor: waitReasons[waits],
      hasCurrent: whom >= 0,
      areTogether: isOurs(who) && isOurs(whom),
    });
    return causeIndex[cause];
  }
}
