// Recorded calls as a file that ui.perfetto.dev opens: switches and wake-ups as the kernel's own events (CPU tracks, states of threads), the policy's callbacks
// and kfuncs as events on a track for each CPU. Format: perfetto.dev, reference of TracePacket, FtraceEvent and TrackEvent (protos/perfetto/trace).

import { Message } from '../lib/protobuf.ts';
import { type Call, type CallNumber, callShapes, type TaskRef } from './calls.ts';
import { numberText } from './calls-text.ts';

export interface TraceNames {
  /** Of the workload's tasks. */
  readonly comms: readonly string[];
  readonly kernelRelease: string;
  /** What stands over the policy's tracks. */
  readonly title: string;
}

const trace = { packet: 1 } as const;
const packet = {
  ftraceEvents: 1,
  processTree: 2,
  timestamp: 8,
  sequenceId: 10,
  trackEvent: 11,
  sequenceFlags: 13,
  systemInfo: 45,
  trackDescriptor: 60,
} as const;
const bundle = { cpu: 1, event: 2 } as const;
const ftrace = {
  timestamp: 1,
  pid: 2,
  schedSwitch: 4,
  schedWakeup: 17,
  schedWaking: 20,
  schedWakeupNew: 114,
} as const;
const switched = {
  prevComm: 1,
  prevPid: 2,
  prevPrio: 3,
  prevState: 4,
  nextComm: 5,
  nextPid: 6,
  nextPrio: 7,
} as const;
const woken = { comm: 1, pid: 2, prio: 3, success: 4, targetCpu: 5 } as const;
const track = { uuid: 1, name: 2, parent: 5 } as const;
const event = { annotation: 4, type: 9, track: 11, category: 22, name: 23 } as const;
const annotation = { uint: 3, int: 4, string: 6, name: 10 } as const;
const instant = 3;
const stateCleared = 1;

const sequence = 1;
const titleTrack = 1;
const firstCpuTrack = 2;
const priority = 120;
const firstPid = 1000;
const firstOtherPid = 100_000;
/** The file's times begin here: its readers know no negative ones. */
const originNs = 1_000_000_000;
const bundleSize = 500;

/** The bytes of the file. `calls`: in the order of their happening on each CPU. */
export function perfettoTrace(calls: readonly Call[], names: TraceNames): Uint8Array {
  const writer = new Trace(calls, names);
  return writer.bytes();
}

class Trace {
  readonly #calls: readonly Call[];
  readonly #names: TraceNames;
  readonly #out = new Message();
  readonly #others = new Map<string, number>();
  /** ns of a Call that is originNs of the file. */
  readonly #start: number;

  constructor(calls: readonly Call[], names: TraceNames) {
    this.#calls = calls;
    this.#names = names;
    this.#start = calls.reduce((least, { ns }) => Math.min(least, ns), 0);
  }

  bytes(): Uint8Array {
    this.#systemInfo();
    this.#tracks();
    this.#schedule();
    for (const call of this.#calls) if (!call.what.startsWith('sched_')) this.#callback(call);
    this.#mark(0, 'the first round starts');
    this.#processes();
    return this.#out.finish();
  }

  #time(ns: number): number {
    return originNs + ns - this.#start;
  }

  #packet(fill: (message: Message) => void): void {
    const message = new Message();
    fill(message);
    this.#out.message(trace.packet, message);
  }

  /** Readers know the states of tasks by the kernel's release. */
  #systemInfo(): void {
    const name = new Message().string(1, 'Linux').string(3, this.#names.kernelRelease).string(4, 'x86_64');
    this.#packet((message) => message.message(packet.systemInfo, new Message().message(1, name)));
  }

  #tracks(): void {
    const describe = (uuid: number, name: string, parent?: number): void => {
      const descriptor = new Message().integer(track.uuid, uuid).string(track.name, name);
      if (parent !== undefined) descriptor.integer(track.parent, parent);
      this.#packet((message) => {
        if (uuid === titleTrack) message.integer(packet.sequenceFlags, stateCleared);
        message.integer(packet.sequenceId, sequence).message(packet.trackDescriptor, descriptor);
      });
    };
    describe(titleTrack, this.#names.title);
    for (const cpu of [...new Set(this.#calls.map((call) => call.cpu))].sort((a, b) => a - b))
      describe(firstCpuTrack + cpu, `policy on cpu${cpu}`, titleTrack);
  }

  #callback(call: Call): void {
    const { what, task, other, cpu, args, result, ns } = call;
    const message = this.#instant(what, firstCpuTrack + cpu);
    const annotate = (name: string, fill: (value: Message) => void): void => {
      const value = new Message().string(annotation.name, name);
      fill(value);
      message.message(event.annotation, value);
    };
    const who = (name: string, ref: TaskRef): void => {
      if (ref !== null) annotate(name, (value) => value.string(annotation.string, this.#comm(ref)));
    };
    who('task', task);
    who('other', other);
    args.forEach((value, i) => {
      const name = callShapes[what]?.args[i] ?? String(i);
      annotate(name, (message) => putValue(message, name, value));
    });
    if (result !== null) annotate('result', (value) => value.integer(annotation.int, result));
    this.#event(ns, message);
  }

  #mark(ns: number, text: string): void {
    this.#event(ns, this.#instant(text, titleTrack));
  }

  #instant(name: string, on: number): Message {
    return new Message()
      .integer(event.type, instant)
      .integer(event.track, on)
      .string(event.category, 'sched_ext')
      .string(event.name, name);
  }

  #event(ns: number, message: Message): void {
    this.#packet((packed) =>
      packed
        .integer(packet.timestamp, this.#time(ns))
        .integer(packet.sequenceId, sequence)
        .message(packet.trackEvent, message),
    );
  }

  // The kernel's events

  #schedule(): void {
    const bundles = new Map<number, { message: Message; events: number }>();
    const running = new Map<number, number>();
    const add = (call: Call, field: number, inner: Message): void => {
      const { cpu, ns } = call;
      const open = bundles.get(cpu) ?? { message: new Message().integer(bundle.cpu, cpu), events: 0 };
      bundles.set(cpu, open);
      const one = new Message()
        .integer(ftrace.timestamp, this.#time(ns))
        .integer(ftrace.pid, call.what === 'sched_switch' ? this.#pid(call.task) : (running.get(cpu) ?? 0))
        .message(field, inner);
      open.message.message(bundle.event, one);
      if (++open.events === bundleSize) flush(cpu);
    };
    const flush = (cpu: number): void => {
      const open = bundles.get(cpu);
      bundles.delete(cpu);
      if (open !== undefined) this.#packet((message) => message.message(packet.ftraceEvents, open.message));
    };
    const hasWaking = this.#calls.some(({ what }) => what === 'sched_waking');
    for (const call of this.#calls) {
      if (call.what === 'sched_switch') {
        add(call, ftrace.schedSwitch, this.#switch(call));
        running.set(call.cpu, this.#pid(call.other));
      } else if (call.what === 'sched_waking') add(call, ftrace.schedWaking, this.#wake(call));
      else if (call.what.startsWith('sched_wakeup')) {
        const isNew = call.what === 'sched_wakeup_new';
        if (isNew || !hasWaking) add(call, ftrace.schedWaking, this.#wake(call)); // what states are made of
        add(call, isNew ? ftrace.schedWakeupNew : ftrace.schedWakeup, this.#wake(call));
      }
    }
    for (const cpu of [...bundles.keys()]) flush(cpu);
  }

  #switch({ task, other, args }: Call): Message {
    return new Message()
      .string(switched.prevComm, this.#comm(task))
      .integer(switched.prevPid, this.#pid(task))
      .integer(switched.prevPrio, priority)
      .integer(switched.prevState, reported(Number(args[0] ?? 0), args[1] === 1))
      .string(switched.nextComm, this.#comm(other))
      .integer(switched.nextPid, this.#pid(other))
      .integer(switched.nextPrio, priority);
  }

  #wake({ task, args }: Call): Message {
    return new Message()
      .string(woken.comm, this.#comm(task))
      .integer(woken.pid, this.#pid(task))
      .integer(woken.prio, priority)
      .integer(woken.success, 1)
      .integer(woken.targetCpu, args[0] ?? 0);
  }

  /** Every task is a process of its own. */
  #processes(): void {
    const process = (pid: number, name: string): Message =>
      new Message().integer(1, pid).integer(2, 1).string(3, name);
    const tree = new Message();
    this.#names.comms.forEach((comm, task) => {
      tree.message(1, process(firstPid + task, comm));
    });
    for (const [comm, pid] of this.#others) tree.message(1, process(pid, comm));
    this.#packet((message) => message.integer(packet.timestamp, originNs).message(packet.processTree, tree));
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

function putValue(message: Message, name: string, value: CallNumber): void {
  const text = numberText(name, value);
  if (text !== String(value)) message.string(annotation.string, text);
  else if (typeof value === 'number' && value < 0) message.integer(annotation.int, value);
  else message.integer(annotation.uint, value);
}

const state = { uninterruptible: 2, noLoad: 0x400, dead: 0x80 } as const;

/** What the tracepoint prints of a task's state: __trace_sched_switch_state(), include/trace/events/sched.h, and TASK_REPORT, include/linux/sched.h, v6.18. */
function reported(prevState: number, preempted: boolean): number {
  if (preempted) return 0x100;
  if ((prevState & state.dead) !== 0) return 0x10;
  if ((prevState & (state.uninterruptible | state.noLoad)) === (state.uninterruptible | state.noLoad))
    return 0x80;
  return prevState & 0x7f;
}
