// A trace as a file that ui.perfetto.dev opens: switches, wakes, forks and exits as the kernel's own events, processes with their threads, and a track for
// each observed task that shows what it waits for.

import { ended, stillRunnable, type Trace, traceKinds, waitReasons, wakeCauses } from '../core/trace.ts';
import { Message } from '../lib/protobuf.ts';
import {
  annotate,
  eventTypes,
  ftraceKinds,
  inInterrupt,
  type Named,
  PerfettoFile,
  reportedStates,
  switchFields,
  trackEvent,
  wakeFields,
} from './perfetto-file.ts';

const titleTrack = 1;
const firstTaskTrack = 2;
const nicePriority = 120;
const cloneThread = 0x10000;
const fork = { parentComm: 1, parentPid: 2, childComm: 3, childPid: 4 } as const;
const exit = { comm: 1, pid: 2, tgid: 3, prio: 4 } as const;
const newTask = { pid: 1, comm: 2, flags: 3, score: 4 } as const;

export function perfettoOf(trace: Trace): Uint8Array {
  return new TraceWriter(trace).bytes();
}

class TraceWriter {
  readonly #trace: Trace;
  readonly #file = new PerfettoFile();
  readonly #named: readonly Named[];
  readonly #idle: readonly Named[];
  /** By CPU: who runs. */
  readonly #running: Int32Array;
  /** By task: the reason that its track shows now, + 1. */
  readonly #shown: Uint8Array;
  /** Without anybody who is followed all programs are shown. */
  readonly #isShown: readonly boolean[];

  constructor(trace: Trace) {
    const { tasks, cpus } = trace;
    this.#trace = trace;
    this.#named = tasks.map(({ comm, tid, nice, schedClass }) => ({
      comm,
      pid: tid,
      prio: schedClass === 1 || schedClass === 2 ? 0 : nicePriority + nice,
    }));
    this.#idle = Array.from({ length: cpus }, (_, cpu) => ({
      comm: `swapper/${cpu}`,
      pid: 0,
      prio: nicePriority,
    }));
    this.#running = new Int32Array(cpus).fill(-1);
    this.#shown = new Uint8Array(tasks.length);
    const isAnyFollowed = tasks.some((task) => task.isFollowed);
    this.#isShown = tasks.map((task) => (isAnyFollowed ? task.isFollowed : !task.isKernel));
  }

  bytes(): Uint8Array {
    const { release, subject, notes, count, durationNs, tasks } = this.#trace;
    this.#file.kernel(release);
    this.#file.track(titleTrack, subject.name === '' ? 'recording' : subject.name);
    tasks.forEach(({ comm, tid }, task) => {
      if (this.#isShown[task]) this.#file.track(firstTaskTrack + task, `${comm} ${tid} waits`, titleTrack);
    });
    this.#subject(notes);
    for (let i = 0; i < count; i++) this.#event(i);
    this.#shown.forEach((reason, task) => {
      if (reason !== 0) this.#stops(task, durationNs);
    });
    this.#processes();
    return this.#file.bytes();
  }

  #subject(notes: readonly string[]): void {
    const { startNs, endNs, name } = this.#trace.subject;
    const begin = trackEvent(eventTypes.begin, titleTrack, 'recording', name === '' ? 'recording' : name);
    notes.forEach((note, i) => {
      annotate(begin, `note ${i + 1}`, note);
    });
    this.#file.event(startNs, begin);
    this.#file.event(endNs, trackEvent(eventTypes.end, titleTrack));
  }

  #event(i: number): void {
    const { kind, cpu, task, other, detail, atNs } = this.#trace;
    const [on, who, whom, at] = [cpu[i]!, task[i]!, other[i]!, atNs[i]!];
    switch (kind[i]) {
      case traceKinds.switch:
        this.#switch(i, on, who, whom, at);
        return;
      case traceKinds.wake:
        if (this.#shown[who] !== 0) this.#stops(who, at);
        this.#wake(i, on, who, whom, at, detail[i]!);
        return;
      case traceKinds.fork:
        this.#fork(on, who, whom, at);
        return;
      case traceKinds.exit: {
        const { comm, pid, prio } = this.#name(who, on);
        const { tgid } = this.#trace.tasks[who]!;
        const fields = new Message()
          .string(exit.comm, comm)
          .integer(exit.pid, pid)
          .integer(exit.tgid, tgid)
          .integer(exit.prio, prio);
        this.#file.ftrace(on, at, pid, ftraceKinds.exit, fields);
      }
    }
  }

  #switch(i: number, cpu: number, prev: number, next: number, atNs: number): void {
    const detail = this.#trace.detail[i]!;
    const from = this.#name(prev, cpu);
    this.#file.ftrace(
      cpu,
      atNs,
      from.pid,
      ftraceKinds.switch,
      switchFields(from, stateOf(prev, detail), this.#name(next, cpu)),
    );
    this.#running[cpu] = next;
    if (next >= 0 && this.#shown[next] !== 0) this.#stops(next, atNs); // its wake was lost
    if (prev >= 0 && this.#isShown[prev] && detail < waitReasons.length)
      this.#waits(prev, detail, this.#trace.object[i]!, atNs);
  }

  #waits(task: number, reason: number, object: number, atNs: number): void {
    const begin = trackEvent(eventTypes.begin, firstTaskTrack + task, 'waits', waitReasons[reason]);
    if (object !== 0) annotate(begin, 'object', { uint: object });
    this.#file.event(atNs, begin);
    this.#shown[task] = reason + 1;
  }

  #stops(task: number, atNs: number): void {
    this.#file.event(atNs, trackEvent(eventTypes.end, firstTaskTrack + task));
    this.#shown[task] = 0;
  }

  #wake(i: number, cpu: number, task: number, by: number, atNs: number, cause: number): void {
    const runs = by >= 0 ? by : this.#running[cpu]!;
    const isInterrupt = wakeCauses[cause] === 'timer' || wakeCauses[cause] === 'interrupt';
    const fields = wakeFields(this.#name(task, cpu), Math.max(0, (this.#trace.object[i] || cpu + 1) - 1));
    this.#file.ftrace(
      cpu,
      atNs,
      this.#name(runs, cpu).pid,
      ftraceKinds.waking,
      fields,
      isInterrupt ? inInterrupt : 0,
    );
  }

  #fork(cpu: number, child: number, parent: number, atNs: number): void {
    const [from, to] = [this.#name(parent, cpu), this.#name(child, cpu)];
    const isThread = parent >= 0 && this.#trace.tasks[child]!.tgid === this.#trace.tasks[parent]!.tgid;
    const born = new Message()
      .integer(newTask.pid, to.pid)
      .string(newTask.comm, to.comm)
      .integer(newTask.flags, isThread ? cloneThread : 0)
      .integer(newTask.score, 0);
    const forked = new Message()
      .string(fork.parentComm, from.comm)
      .integer(fork.parentPid, from.pid)
      .string(fork.childComm, to.comm)
      .integer(fork.childPid, to.pid);
    this.#file.ftrace(cpu, atNs, from.pid, ftraceKinds.newTask, born);
    this.#file.ftrace(cpu, atNs, from.pid, ftraceKinds.fork, forked);
    this.#file.ftrace(cpu, atNs, from.pid, ftraceKinds.wakeupNew, wakeFields(to, cpu));
  }

  #name(task: number, cpu: number): Named {
    return task < 0 ? this.#idle[cpu]! : this.#named[task]!;
  }

  /** Whoever leads a process gives it its name; where it was not seen, the first thread. */
  #processes(): void {
    const { tasks } = this.#trace;
    const processes = new Map<number, { pid: number; parent: number; name: string }>();
    for (const { tid, tgid, comm, parent } of tasks)
      if (!processes.has(tgid) || tid === tgid)
        processes.set(tgid, { pid: tgid, parent: tasks[parent]?.tgid ?? 0, name: comm });
    const threads = tasks.map(({ tid, tgid, comm }) => ({ tid, tgid, name: comm }));
    this.#file.processes(processes.values(), threads);
  }
}

function stateOf(task: number, detail: number): number {
  if (task < 0) return reportedStates.runnable;
  if (detail === stillRunnable) return reportedStates.preempted;
  if (detail === ended) return reportedStates.dead;
  switch (waitReasons[detail]) {
    case 'disk':
    case 'fault':
    case 'kernel':
      return reportedStates.uninterruptible;
    case 'idle':
      return reportedStates.idle;
    default:
      return reportedStates.sleeping;
  }
}
