// Text of `perf script` and `perf sched script` → Trace. It comes in chunks, is read as bytes, and only names become strings. What perf does not say (what a
// task waits for, whether a wake came from an interrupt) stays unknown, and is said in the notes.

import { ended, stillRunnable, type Trace, traceKinds, type WaitReason } from '../core/trace.ts';
import { TraceBuilder } from './builder.ts';
import { malformed } from './malformed.ts';
import { type PerfEvent, PerfLine, perfEvents } from './perf-line.ts';
import { PerfTasks } from './perf-tasks.ts';
import { causeIndex, reasonIndex } from './wait-reasons.ts';

export interface PerfOptions {
  /** Thread ids of what is observed; default: the command of perf itself, else every program. */
  readonly follow?: readonly number[];
  readonly name?: string;
}

const newline = 10;
const [tab, hash] = [9, 35];
/** No line of the scheduler is longer. */
const longestLine = 4096;

/** perf's letters for states that are waits (TASK_STATE_TO_CHAR_STR, and libtraceevent's older ones); '+' means preempted. */
const reasonOfState: Readonly<Record<string, WaitReason>> = {
  S: 'unknown',
  D: 'unknown',
  I: 'idle',
  W: 'idle',
  T: 'other',
  t: 'other',
  P: 'idle',
};
const letters = { runnable: 'R'.charCodeAt(0), preempted: '+'.charCodeAt(0) } as const;
const deadLetters = new Set(['X', 'Z', 'x']);

/** @throws Fault malformed, when no line of it is an event of the scheduler. */
export function readPerfScript(chunks: Iterable<Uint8Array>, options: PerfOptions = {}): Trace {
  const reader = new PerfScriptReader(options);
  for (const chunk of chunks) reader.push(chunk);
  return reader.finish();
}

export async function readPerfStream(
  chunks: AsyncIterable<Uint8Array>,
  options: PerfOptions = {},
): Promise<Trace> {
  const reader = new PerfScriptReader(options);
  for await (const chunk of chunks) reader.push(chunk);
  return reader.finish();
}

export class PerfScriptReader {
  readonly #options: PerfOptions;
  readonly #builder = new TraceBuilder();
  readonly #tasks: PerfTasks;
  readonly #line = new PerfLine();
  #rest: Uint8Array = new Uint8Array();
  #lines = 0;
  #notUnderstood = 0;
  #firstNotUnderstood = 0;
  #unknownStates = 0;
  #events = 0;
  #lost = 0;
  #release = '';
  #cpus = 0;
  #firstSecond: number | undefined;
  #lastNs = 0;
  /** By CPU: who runs, −1 idle, absent not known; and since when. */
  readonly #running: number[] = [];
  readonly #idleSince: number[] = [];
  /** Switches from idle that were missing. */
  #mended = 0;
  /** perf saw other thread ids than the kernel: it ran in a pid namespace. */
  #hasOtherIds = false;
  /** By task: position of its sched_waking that has had no sched_wakeup yet, + 1. */
  readonly #waking: number[] = [];
  readonly #rootEnds = new Map<number, number>();

  constructor(options: PerfOptions = {}) {
    this.#options = options;
    this.#tasks = new PerfTasks(this.#builder, options.follow ?? []);
  }

  push(chunk: Uint8Array): void {
    let from = 0;
    for (;;) {
      const end = chunk.indexOf(newline, from);
      if (end < 0) break;
      if (this.#rest.length === 0) this.#read(chunk, from, end);
      else {
        const whole = Buffer.concat([this.#rest, chunk.subarray(from, end)]);
        this.#rest = new Uint8Array();
        this.#read(whole, 0, whole.length);
      }
      from = end + 1;
    }
    const left = chunk.subarray(from);
    // of a line without end enough is kept to know that it is too long
    if (left.length > 0 && this.#rest.length <= longestLine)
      this.#rest = Buffer.concat([this.#rest, left.subarray(0, longestLine + 1)]);
  }

  finish(): Trace {
    const isCut = this.#rest.length > 0;
    if (this.#events === 0)
      malformed(
        'the text of perf script',
        'line',
        Math.max(1, this.#firstNotUnderstood),
        'no line is an event of the scheduler',
      );
    this.#tasks.follow();
    const roots = [...this.#tasks.roots.keys()];
    const startNs = Math.min(...this.#tasks.roots.values());
    const hasEnded = roots.length > 0 && roots.every((root) => this.#rootEnds.has(root));
    const endNs = hasEnded ? Math.max(...this.#rootEnds.values()) : undefined;
    return this.#builder.finish({
      source: 'perf',
      cpus: this.#cpus,
      release: this.#release,
      lost: this.#lost,
      notes: this.#notes(isCut),
      endNs: this.#lastNs,
      subject: {
        name: this.#options.name ?? this.#builder.tasks[roots[0] ?? -1]?.comm ?? '',
        ...(roots.length > 0 && { startNs }),
        ...(endNs !== undefined && { endNs }),
      },
    });
  }

  #notes(isCut: boolean): string[] {
    const notes = [
      'perf does not record what tasks wait for, nor whether a wake comes from an interrupt: a timer that rings while a task runs looks like a wake by that task',
    ];
    if (this.#notUnderstood > 0)
      notes.push(
        `${this.#notUnderstood} of ${this.#lines} lines were not understood, the first is line ${this.#firstNotUnderstood}`,
      );
    if (this.#mended > 0)
      notes.push(
        `${this.#mended} switches from idle were missing: they stand where the task's runtime says, and who woke it is not known`,
      );
    if (this.#unknownStates > 0) notes.push(`${this.#unknownStates} switches have states that are not known`);
    if (isCut) notes.push('the text is cut: its last line has no end, and was left out');
    return notes;
  }

  #read(bytes: Uint8Array, from: number, to: number): void {
    this.#lines++;
    if (to === from) return;
    if (bytes[from] === hash) {
      this.#comment(bytes.subarray(from, to));
      return;
    }
    if (bytes[from] === tab) return; // of a call chain
    const line = this.#line;
    const event = to - from > longestLine ? perfEvents.unknown : line.read(bytes, from, to);
    if (event === perfEvents.unknown) {
      this.#notUnderstood++;
      if (this.#firstNotUnderstood === 0) this.#firstNotUnderstood = this.#lines;
    } else if (event === perfEvents.other) this.#note(bytes.subarray(from, to));
    else {
      if (event !== perfEvents.runtime) this.#events++;
      this.#firstSecond ??= line.seconds;
      const atNs = (line.seconds - this.#firstSecond) * 1e9 + line.ns;
      if (this.#running[line.cpu] === -1 && line.tid > 0 && !this.#hasOtherIds) this.#mend(event, atNs);
      this.#event(event, atNs);
    }
  }

  /** perf's header: "# os release : 6.18.15", "# nrcpus online : 4". */
  #comment(bytes: Uint8Array): void {
    const text = Buffer.from(bytes).toString('latin1');
    const [, key, value] = /^# ([a-z ]+?) : (.*)$/.exec(text) ?? [];
    if (key === 'os release' && value !== undefined) this.#release = value;
    if (key === 'nrcpus online' && Number(value) <= 65_536) this.#cpus = Number(value);
  }

  /** "PERF_RECORD_LOST lost 13". */
  #note(bytes: Uint8Array): void {
    if (bytes.indexOf(80) < 0) return;
    const lost = /PERF_RECORD_LOST\w* lost (\d{1,15})/.exec(Buffer.from(bytes).toString('latin1'))?.[1];
    if (lost !== undefined) this.#lost += Number(lost);
  }

  /**
   * Where the CPU was idle somebody runs: the switch is missing. On some machines perf hears nothing from idle tasks. How long the task has run, where
   * that is said, tells when it came.
   */
  #mend(event: PerfEvent, atNs: number): void {
    const { cpu, tid, one, runtimeNs } = this.#line;
    const ran = event === perfEvents.runtime && one.pid === tid ? runtimeNs : 0;
    const sinceNs = Math.max(this.#idleSince[cpu]!, atNs - ran);
    const task = this.#builder.taskOf(tid);
    this.#mended++;
    this.#running[cpu] = task;
    this.#builder.add(sinceNs, traceKinds.switch, cpu, -1, task, stillRunnable);
  }

  #event(event: PerfEvent, atNs: number): void {
    const line = this.#line;
    if (event === perfEvents.runtime) return;
    this.#lastNs = Math.max(this.#lastNs, atNs);
    switch (event) {
      case perfEvents.switch:
        this.#switch(atNs);
        return;
      case perfEvents.waking:
      case perfEvents.wakeup:
      case perfEvents.wakeupNew:
        this.#wake(event, atNs);
        return;
      case perfEvents.fork: {
        const parent = this.#tasks.of(line.one, line.bytes, atNs);
        if (line.two.pid === 0) return;
        this.#builder.born(line.two.pid, parent);
        const task = this.#tasks.of(line.two, line.bytes, atNs);
        this.#builder.add(atNs, traceKinds.fork, line.cpu, task, parent);
        return;
      }
      default: {
        const task = this.#tasks.of(line.one, line.bytes, atNs);
        if (task < 0) return;
        if (event === perfEvents.exit) this.#builder.add(atNs, traceKinds.exit, line.cpu, task);
        else this.#builder.add(atNs, traceKinds.migrate, line.cpu, task, -1, 0, line.toCpu + 1);
      }
    }
  }

  #switch(atNs: number): void {
    const line = this.#line;
    const { cpu, one, two, bytes } = line;
    const prev = this.#tasks.of(one, bytes, atNs);
    const next = this.#tasks.of(two, bytes, atNs);
    if (line.tid > 0 && line.tid !== one.pid) this.#hasOtherIds = true;
    if (line.tid === one.pid && line.tgid > 0) this.#builder.tasks[prev]!.tgid = line.tgid;
    const detail = prev < 0 ? stillRunnable : this.#whySwitched(prev);
    this.#builder.add(atNs, traceKinds.switch, cpu, prev, next, detail);
    this.#running[cpu] = next;
    this.#idleSince[cpu] = atNs;
    if (detail !== ended) return;
    if (this.#tasks.roots.has(prev)) this.#rootEnds.set(prev, atNs);
    this.#builder.gone(one.pid);
  }

  #whySwitched(task: number): number {
    const { bytes, state } = this.#line;
    let reason: WaitReason | undefined;
    for (let at = state.from; at < state.to; at++) {
      const byte = bytes[at]!;
      if (byte === letters.preempted || byte === letters.runnable) return stillRunnable;
      const letter = String.fromCharCode(byte);
      if (deadLetters.has(letter)) return ended;
      reason ??= reasonOfState[letter];
    }
    if (reason === undefined) this.#unknownStates++;
    if (reason === 'unknown' && this.#builder.tasks[task]!.isKernel && bytes[state.from] === 83)
      reason = 'idle';
    return reasonIndex[reason ?? 'unknown'];
  }

  #wake(event: PerfEvent, atNs: number): void {
    const line = this.#line;
    const { cpu, one, toCpu, bytes } = line;
    const isKnown = this.#builder.knows(one.pid);
    const task = this.#tasks.of(one, bytes, atNs);
    if (task < 0) return;
    // the target of sched_waking is where the task was
    const place = event === perfEvents.waking ? 0 : toCpu + 1;
    const waking = this.#waking[task] ?? 0;
    this.#waking[task] = 0;
    if (event === perfEvents.wakeup && waking > 0) {
      this.#builder.place(waking - 1, place);
      return;
    }
    const by = this.#current(cpu);
    if (event === perfEvents.wakeupNew) {
      if (!isKnown) this.#builder.add(atNs, traceKinds.wake, cpu, task, by, causeIndex.fork, place);
      return; // its fork was seen
    }
    const cause = by < 0 ? causeIndex.interrupt : causeIndex.task;
    if (event === perfEvents.waking) this.#waking[task] = this.#builder.count + 1;
    this.#builder.add(atNs, traceKinds.wake, cpu, task, by, cause, place);
  }

  /** Who ran where the event happened. */
  #current(cpu: number): number {
    const { tid } = this.#line;
    if (tid < 0 || this.#hasOtherIds) return Math.max(-1, this.#running[cpu] ?? -1);
    return this.#builder.taskOf(tid);
  }
}
