// A trace as text: what it is of, its tasks, its first events, and who ran when. For tests, and for `schedcp show`.

import { cpuTimelineText, durationText, type Slice } from '../core/cpu-timeline.ts';
import { ended, stillRunnable, type Trace, traceKinds, waitReasons, wakeCauses } from '../core/trace.ts';

export interface TraceTextOptions {
  /** How many of each are shown. */
  readonly events?: number;
  readonly tasks?: number;
  readonly cpus?: number;
  /** Width of the timeline. */
  readonly columns?: number;
}

export function traceText(trace: Trace, options: TraceTextOptions = {}): string {
  const { events = 40, tasks = 40, cpus = 16, columns = 100 } = options;
  const shown = Math.min(trace.cpus, cpus);
  const isShown = whoIsShown(trace);
  const timeline = cpuTimelineText(
    {
      cpus: shown,
      slices: traceSlices(trace).filter(({ cpu, task }) => cpu < shown && isShown[task]!),
      names: trace.tasks.map((_, task) => taskName(trace, task)),
      fromNs: 0,
      toNs: trace.durationNs,
    },
    columns,
  );
  return `${[...head(trace), ...taskLines(trace, isShown, tasks), ...eventLines(trace, events)].join('\n')}\n${timeline}${
    shown < trace.cpus ? `(the first ${shown} of ${trace.cpus} CPUs)\n` : ''
  }`;
}

function head(trace: Trace): string[] {
  const { source, cpus, release, durationNs, count, lost, subject, notes } = trace;
  const kernel = release === '' ? '' : `   kernel ${printable(release)}`;
  return [
    `trace by ${source}   ${cpus} CPUs${kernel}   ${durationText(durationNs)}   ${count} events, ${lost} lost`,
    `of ${subject.name === '' ? 'the machine' : printable(subject.name)}, ${ms(subject.startNs)} to ${ms(subject.endNs)} ms`,
    ...notes.map((note) => `note: ${note}`),
  ];
}

function taskLines(trace: Trace, isShown: readonly boolean[], most: number): string[] {
  const followed = trace.tasks.filter((task) => task.isFollowed).length;
  const shown = trace.tasks.flatMap((_, i) => (isShown[i] ? [i] : []));
  const lines = shown.slice(0, most).map((i) => {
    const { tid, tgid, parent, nice, schedClass, isKernel, isFollowed } = trace.tasks[i]!;
    const marks = `${isFollowed ? 'followed' : ''}${isKernel ? 'kernel' : ''}`;
    const by = parent < 0 ? '' : ` of ${taskName(trace, parent)}`;
    const about = [`nice ${nice}`, `class ${schedClass}`, marks].filter((word) => word !== '').join(', ');
    return `  ${taskName(trace, i)}   ${tid}/${tgid}${by}   ${about}`;
  });
  return [
    `${trace.tasks.length} tasks, ${followed} followed`,
    ...lines,
    ...rest(trace.tasks.length - lines.length),
  ];
}

function eventLines(trace: Trace, most: number): string[] {
  const lines = Array.from({ length: Math.min(most, trace.count) }, (_, i) => eventText(trace, i));
  return ['events', ...lines, ...rest(trace.count - most)];
}

function rest(more: number): string[] {
  return more > 0 ? [`  … ${more} more`] : [];
}

/** By task: what is observed; everyone, where nobody is more than others. */
function whoIsShown({ tasks }: Trace): boolean[] {
  const isAny = tasks.some(({ isFollowed }) => isFollowed);
  return tasks.map(({ isFollowed }) => isFollowed || !isAny);
}

/** "   1.234567 ms cpu0  a → b, a waits for pipe 3". */
export function eventText(trace: Trace, i: number): string {
  const name = (task: number): string => taskName(trace, task);
  const [task, other, detail, object] = [trace.task[i]!, trace.other[i]!, trace.detail[i]!, trace.object[i]!];
  const place = object === 0 ? '' : `, for cpu${object - 1}`;
  const what = (): string => {
    switch (trace.kind[i]) {
      case traceKinds.switch:
        return `${name(task)} → ${name(other)}${task < 0 ? '' : `, ${whyLeft(detail, object)}`}`;
      case traceKinds.wake:
        return `${other < 0 ? wakeCauses[detail] : name(other)} wakes ${name(task)}${place}`;
      case traceKinds.fork:
        return `${name(other)} makes ${name(task)}`;
      case traceKinds.exit:
        return `${name(task)} exits`;
      default:
        return `${name(task)} moves${place}`;
    }
  };
  return `  ${ms(trace.atNs[i]!).padStart(14)} cpu${trace.cpu[i]}  ${what()}`;
}

function whyLeft(detail: number, object: number): string {
  if (detail === stillRunnable) return 'runnable';
  if (detail === ended) return 'ended';
  return `waits: ${waitReasons[detail]}${object === 0 ? '' : ` ${object.toString(16)}`}`;
}

/** Its comm and its number: many have the same comm. */
function taskName(trace: Trace, task: number): string {
  return task < 0 ? 'idle' : `${printable(trace.tasks[task]?.comm ?? '')}#${task}`;
}

/** Bytes that are no plain characters as \xNN: names are data. */
export function printable(text: string): string {
  return text.replace(/[^ -[\]-~]/g, (one) => `\\x${one.charCodeAt(0).toString(16).padStart(2, '0')}`);
}

function ms(ns: number): string {
  return (ns / 1e6).toFixed(6);
}

/** Before the first switch of a CPU nothing is known of it. */
const notKnown = -2;

/**
 * Who ran when on each CPU, as far as it is known: who still runs at the end has run until then, who leaves first has run since the start. Where others are
 * not recorded, a CPU may be left by somebody who was not seen to come.
 */
export function traceSlices(trace: Trace): Slice[] {
  const slices: Slice[] = [];
  const running = new Int32Array(trace.cpus).fill(notKnown);
  const since = new Float64Array(trace.cpus);
  const leave = (cpu: number, task: number, toNs: number): void => {
    if (task >= 0) slices.push({ cpu, task, fromNs: since[cpu]!, toNs });
  };
  for (let i = 0; i < trace.count; i++) {
    if (trace.kind[i] !== traceKinds.switch) continue;
    const [cpu, task, atNs] = [trace.cpu[i]!, trace.task[i]!, trace.atNs[i]!];
    if (running[cpu] === task || running[cpu] === notKnown) leave(cpu, task, atNs);
    running[cpu] = trace.other[i]!;
    since[cpu] = atNs;
  }
  for (let cpu = 0; cpu < trace.cpus; cpu++) leave(cpu, running[cpu]!, trace.durationNs);
  return slices;
}
