// Recorded calls as a file that ui.perfetto.dev opens: switches and wake-ups as the kernel's own events (CPU tracks, states of threads), the policy's callbacks
// and kfuncs as events on a track for each CPU.

import { type Call, type CallNumber, callShapes, type TaskRef } from '../core/calls.ts';
import { numberText } from '../core/calls-text.ts';
import type { Message } from '../lib/protobuf.ts';
import {
  annotate,
  eventTypes,
  ftraceKinds,
  type Named,
  PerfettoFile,
  reportedStates,
  switchFields,
  trackEvent,
  wakeFields,
} from './perfetto-file.ts';

export interface TraceNames {
  /** Of the workload's tasks. */
  readonly comms: readonly string[];
  readonly kernelRelease: string;
  /** What stands over the policy's tracks. */
  readonly title: string;
}

const titleTrack = 1;
const firstCpuTrack = 2;
const priority = 120;
const firstPid = 1000;
const firstOtherPid = 100_000;

/** The bytes of the file. `calls`: in the order of their happening on each CPU. */
export function perfettoTrace(calls: readonly Call[], names: TraceNames): Uint8Array {
  const writer = new CallsWriter(calls, names);
  return writer.bytes();
}

class CallsWriter {
  readonly #calls: readonly Call[];
  readonly #names: TraceNames;
  readonly #file = new PerfettoFile();
  readonly #others = new Map<string, number>();
  /** ns of a Call that is 0 in the file. */
  readonly #start: number;

  constructor(calls: readonly Call[], names: TraceNames) {
    this.#calls = calls;
    this.#names = names;
    this.#start = calls.reduce((least, { ns }) => Math.min(least, ns), 0);
  }

  bytes(): Uint8Array {
    this.#file.kernel(this.#names.kernelRelease);
    this.#tracks();
    this.#schedule();
    for (const call of this.#calls) if (!call.what.startsWith('sched_')) this.#callback(call);
    this.#file.event(-this.#start, instant('the first round starts', titleTrack));
    this.#processes();
    return this.#file.bytes();
  }

  #tracks(): void {
    this.#file.track(titleTrack, this.#names.title);
    for (const cpu of [...new Set(this.#calls.map((call) => call.cpu))].sort((a, b) => a - b))
      this.#file.track(firstCpuTrack + cpu, `policy on cpu${cpu}`, titleTrack);
  }

  #callback(call: Call): void {
    const { what, task, other, cpu, args, result, ns } = call;
    const message = instant(what, firstCpuTrack + cpu);
    const who = (name: string, ref: TaskRef): void => {
      if (ref !== null) annotate(message, name, this.#comm(ref));
    };
    who('task', task);
    who('other', other);
    args.forEach((value, i) => {
      const name = callShapes[what]?.args[i] ?? String(i);
      annotate(message, name, shown(name, value));
    });
    if (result !== null) annotate(message, 'result', { int: result });
    this.#file.event(ns - this.#start, message);
  }

  #schedule(): void {
    const running = new Map<number, number>();
    const hasWaking = this.#calls.some(({ what }) => what === 'sched_waking');
    const add = ({ cpu, ns }: Call, pid: number, kind: number, fields: Message): void =>
      this.#file.ftrace(cpu, ns - this.#start, pid, kind, fields);
    const wake = (call: Call, kind: number): void =>
      add(call, running.get(call.cpu) ?? 0, kind, wakeFields(this.#named(call.task), call.args[0] ?? 0));
    for (const call of this.#calls) {
      const { what, task, other, args } = call;
      if (what === 'sched_switch') {
        const state = reported(Number(args[0] ?? 0), args[1] === 1);
        const fields = switchFields(this.#named(task), state, this.#named(other));
        add(call, this.#pid(task), ftraceKinds.switch, fields);
        running.set(call.cpu, this.#pid(other));
      } else if (what === 'sched_waking') wake(call, ftraceKinds.waking);
      else if (what.startsWith('sched_wakeup')) {
        const isNew = what === 'sched_wakeup_new';
        if (isNew || !hasWaking) wake(call, ftraceKinds.waking); // what states are made of
        wake(call, isNew ? ftraceKinds.wakeupNew : ftraceKinds.wakeup);
      }
    }
    this.#file.flush();
  }

  /** Every task is a process of its own. */
  #processes(): void {
    const own = this.#names.comms.map((name, task) => ({ pid: firstPid + task, parent: 1, name }));
    const others = [...this.#others].map(([name, pid]) => ({ pid, parent: 1, name }));
    this.#file.processes([...own, ...others]);
  }

  #named(ref: TaskRef): Named {
    return { comm: this.#comm(ref), pid: this.#pid(ref), prio: priority };
  }

  #comm(ref: TaskRef): string {
    return typeof ref === 'number' ? (this.#names.comms[ref] ?? `task ${ref}`) : (ref ?? '');
  }

  /** Tasks of the workload by their number; those of the machine have got one here. */
  #pid(ref: TaskRef): number {
    if (typeof ref === 'number') return firstPid + ref;
    if (ref === null || ref.startsWith('swapper/')) return 0;
    const known = this.#others.get(ref) ?? firstOtherPid + this.#others.size;
    this.#others.set(ref, known);
    return known;
  }
}

function instant(name: string, on: number): Message {
  return trackEvent(eventTypes.instant, on, 'sched_ext', name);
}

function shown(name: string, value: CallNumber): Parameters<typeof annotate>[2] {
  const text = numberText(name, value);
  if (text !== String(value)) return text;
  return typeof value === 'number' && value < 0 ? { int: value } : { uint: value };
}

const state = { uninterruptible: 2, noLoad: 0x400, dead: 0x80 } as const;

/** What the tracepoint prints of a task's state: __trace_sched_switch_state(), include/trace/events/sched.h, v6.18. */
function reported(prevState: number, preempted: boolean): number {
  if (preempted) return reportedStates.preempted;
  if ((prevState & state.dead) !== 0) return reportedStates.dead;
  const idle = state.uninterruptible | state.noLoad;
  return (prevState & idle) === idle ? reportedStates.idle : prevState & 0x7f;
}
