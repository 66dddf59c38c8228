// A file that ui.perfetto.dev opens, packet by packet: the kernel's own events in bundles by CPU, tracks with events, processes. Format: perfetto.dev, reference of
// TracePacket, FtraceEvent and TrackEvent (protos/perfetto/trace).

import { Message } from '../lib/protobuf.ts';

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
const event = { timestamp: 1, pid: 2, flags: 5 } as const;
/** Kinds of kernel events: fields of FtraceEvent. */
export const ftraceKinds = {
  switch: 4,
  wakeup: 17,
  waking: 20,
  wakeupNew: 114,
  newTask: 235,
  exit: 238,
  fork: 239,
} as const;
/** TRACE_FLAG_HARDIRQ. */
export const inInterrupt = 8;

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
const onTrack = { annotation: 4, type: 9, track: 11, category: 22, name: 23 } as const;
const annotation = { uint: 3, int: 4, string: 6, name: 10 } as const;
const tree = { process: 1, thread: 2 } as const;
const process = { pid: 1, parent: 2, name: 3 } as const;
const thread = { tid: 1, name: 2, tgid: 3 } as const;
const stateCleared = 1;
const sequence = 1;
const bundleSize = 500;

/** The file's times begin here: its readers know no negative ones. */
const originNs = 1_000_000_000;

/** As the tracepoints name a task. */
export interface Named {
  readonly comm: string;
  readonly pid: number;
  readonly prio: number;
}

/** What the tracepoint prints of a task's state (include/linux/sched.h, TASK_REPORT, v6.18). */
export const reportedStates = {
  runnable: 0,
  sleeping: 1,
  uninterruptible: 2,
  dead: 0x10,
  idle: 0x80,
  preempted: 0x100,
} as const;

export const eventTypes = { begin: 1, end: 2, instant: 3 } as const;

/** Times are ns since the recording's start, not negative. */
export class PerfettoFile {
  readonly #out = new Message();
  readonly #bundles = new Map<number, { message: Message; events: number }>();
  #isFirstTrack = true;

  #packet(fill: (message: Message) => void): void {
    const message = new Message();
    fill(message);
    this.#out.message(trace.packet, message);
  }

  /** Readers know the states of tasks by the kernel's release. */
  kernel(release: string): void {
    const name = new Message().string(1, 'Linux').string(3, release).string(4, 'x86_64');
    this.#packet((message) => message.message(packet.systemInfo, new Message().message(1, name)));
  }

  /** The first one stands for the beginning of the sequence of all. */
  track(uuid: number, name: string, parent?: number): void {
    const descriptor = new Message().integer(track.uuid, uuid).string(track.name, name);
    if (parent !== undefined) descriptor.integer(track.parent, parent);
    this.#packet((message) => {
      if (this.#isFirstTrack) message.integer(packet.sequenceFlags, stateCleared);
      this.#isFirstTrack = false;
      message.integer(packet.sequenceId, sequence).message(packet.trackDescriptor, descriptor);
    });
  }

  /** An event on a track, made by trackEvent(). */
  event(atNs: number, message: Message): void {
    this.#packet((packed) =>
      packed
        .integer(packet.timestamp, originNs + atNs)
        .integer(packet.sequenceId, sequence)
        .message(packet.trackEvent, message),
    );
  }

  /** An event of the kernel's; `pid`: who ran there. */
  ftrace(cpu: number, atNs: number, pid: number, kind: number, fields: Message, flags = 0): void {
    const open = this.#bundles.get(cpu) ?? { message: new Message().integer(bundle.cpu, cpu), events: 0 };
    this.#bundles.set(cpu, open);
    const one = new Message().integer(event.timestamp, originNs + atNs).integer(event.pid, pid);
    if (flags !== 0) one.integer(event.flags, flags);
    open.message.message(bundle.event, one.message(kind, fields));
    if (++open.events === bundleSize) this.#flush(cpu);
  }

  #flush(cpu: number): void {
    const open = this.#bundles.get(cpu);
    this.#bundles.delete(cpu);
    if (open !== undefined) this.#packet((message) => message.message(packet.ftraceEvents, open.message));
  }

  /** The bundles that are not full. */
  flush(): void {
    for (const cpu of [...this.#bundles.keys()]) this.#flush(cpu);
  }

  processes(
    processes: Iterable<{ readonly pid: number; readonly parent: number; readonly name: string }>,
    threads: Iterable<{ readonly tid: number; readonly tgid: number; readonly name: string }> = [],
  ): void {
    const all = new Message();
    for (const { pid, parent, name } of processes)
      all.message(
        tree.process,
        new Message().integer(process.pid, pid).integer(process.parent, parent).string(process.name, name),
      );
    for (const { tid, tgid, name } of threads)
      all.message(
        tree.thread,
        new Message().integer(thread.tid, tid).string(thread.name, name).integer(thread.tgid, tgid),
      );
    this.#packet((message) => message.integer(packet.timestamp, originNs).message(packet.processTree, all));
  }

  bytes(): Uint8Array {
    this.flush();
    return this.#out.finish();
  }
}

export function switchFields(prev: Named, state: number, next: Named): Message {
  return new Message()
    .string(switched.prevComm, prev.comm)
    .integer(switched.prevPid, prev.pid)
    .integer(switched.prevPrio, prev.prio)
    .integer(switched.prevState, state)
    .string(switched.nextComm, next.comm)
    .integer(switched.nextPid, next.pid)
    .integer(switched.nextPrio, next.prio);
}

export function wakeFields({ comm, pid, prio }: Named, targetCpu: number | string): Message {
  return new Message()
    .string(woken.comm, comm)
    .integer(woken.pid, pid)
    .integer(woken.prio, prio)
    .integer(woken.success, 1)
    .integer(woken.targetCpu, targetCpu);
}

/** `type`: of eventTypes. The end of a slice has no name. */
export function trackEvent(type: number, on: number, category?: string, name?: string): Message {
  const message = new Message().integer(onTrack.type, type).integer(onTrack.track, on);
  if (category !== undefined) message.string(onTrack.category, category);
  return name === undefined ? message : message.string(onTrack.name, name);
}

export function annotate(
  message: Message,
  name: string,
  value: string | { int: number | bigint | string } | { uint: number | bigint | string },
): void {
  const inner = new Message().string(annotation.name, name);
  if (typeof value === 'string') inner.string(annotation.string, value);
  else if ('int' in value) inner.integer(annotation.int, value.int);
  else inner.integer(annotation.uint, value.uint);
  message.message(onTrack.annotation, inner);
}
