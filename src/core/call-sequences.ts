// Recorded calls as one sequence for each task of the workload: what was said about it, in its order. Sequences of tasks are what two runs can be expected to
// share; how those of different tasks interleave depends on every microsecond. Semantics of the calls: kernel/sched/ext.c, v6.18.

import { type Call, type CallNumber, callShapes, type TaskRef } from './calls.ts';
import { numberText } from './calls-text.ts';

/** How much of a call is compared: names, queues, flags and answers; also CPUs; also slices and virtual times. */
export const levels = ['order', 'cpus', 'numbers'] as const;
export type Level = (typeof levels)[number];

/** One call of a task's sequence. */
export interface Step {
  /** Position in all calls. */
  readonly at: number;
  readonly call: Call;
  /** Equal for calls that count as the same. */
  readonly word: string;
}

/**
 * By task. Besides calls that name the task, kfuncs that name none belong to the task whose callback called them. Ticks are left out (they
 * come with the clock), and so is being interrupted by a task of the machine that leaves the task its place.
 */
export function sequencesOf(calls: readonly Call[], level: Level): Map<number, Step[]> {
  const found = new Map<number, Step[]>();
  const add = (task: number, at: number, call: Call): void => {
    const steps = found.get(task) ?? [];
    found.set(task, steps);
    steps.push({ at, call, word: wordOf(call, task, level) });
  };
  /** By CPU: the task of the callback that runs there. */
  const inCallback = new Map<number, number>();
  calls.forEach((call, at) => {
    const { what, task, other, cpu } = call;
    if (what === 'sched_switch') {
      inCallback.delete(cpu);
      if (typeof task === 'number') add(task, at, call);
      if (typeof other === 'number') add(other, at, call);
      return;
    }
    if (what.startsWith('sched_')) {
      inCallback.delete(cpu);
      if (what.startsWith('sched_wakeup') && typeof task === 'number') add(task, at, call);
      return;
    }
    const isOp = what.startsWith('ops.');
    if (isOp) inCallback.delete(cpu);
    if (what === 'ops.tick' || what === 'ops.dispatch') return;
    if (isOp && typeof task === 'number') inCallback.set(cpu, task);
    const about = isOp || task !== null ? task : (inCallback.get(cpu) ?? null);
    if (typeof about === 'number') add(about, at, call);
  });
  for (const [task, steps] of found) found.set(task, withoutInterruptions(steps));
  return found;
}

/**
 * A task that is interrupted by a task of the machine, not of the workload, and goes on with the rest of its slice; and one that is woken before it has left its
 * CPU: nothing was decided.
 */
function withoutInterruptions(steps: readonly Step[]): Step[] {
  const kept: Step[] = [];
  let isOn = false;
  for (let i = 0; i < steps.length; i++) {
    const { word } = steps[i]!;
    const length = kept.at(-1)?.word.startsWith('on') === true ? interruption(steps, i) : 0;
    if (word.startsWith('on') || word.startsWith('off')) isOn = word.startsWith('on');
    if (length > 0) {
      i += length - 1;
      isOn = true;
    } else if (!isOn || !word.startsWith('sched_wakeup')) kept.push(steps[i]!);
  }
  return kept;
}

/** How many steps from `from` on tell of one; the task runs before them. */
function interruption(steps: readonly Step[], from: number): number {
  const names = steps.slice(from, from + 4).map(({ word }) => word.split(' ', 1)[0]);
  const isPause = /^(ops\.stopping )?off (ops\.running )?on( |$)/.test(names.join(' '));
  const away = steps[from + names.indexOf('off')]?.call;
  return isPause && away?.args[0] === 0 && isOfMachine(away.other) ? names.indexOf('on') + 1 : 0;
}

/** Neither of the workload nor idle. */
export function isOfMachine(task: TaskRef): boolean {
  return typeof task === 'string' && !task.startsWith('swapper/');
}

function wordOf(call: Call, about: number, level: Level): string {
  const { what, args, result } = call;
  const hasCpus = level !== 'order';
  if (what === 'sched_switch') {
    const direction = call.task === about ? `off ${args[0] === 0 ? 'runnable' : 'blocked'}` : 'on';
    return hasCpus ? `${direction} cpu${call.cpu}` : direction;
  }
  const names = callShapes[what]?.args ?? [];
  const shown = args.map((value, i) => argumentWord(names[i] ?? '', value, level));
  return [what, ...shown, resultWord(what, result, hasCpus)].filter((word) => word !== '').join(' ');
}

function argumentWord(name: string, value: CallNumber, level: Level): string {
  if (level === 'order' && /cpu$|^cpumask$/.test(name)) return '';
  const text = numberText(name, value);
  if (level !== 'numbers' && (name === 'vtime' || (name === 'slice' && text !== 'INF'))) return '';
  return `${name}=${level === 'order' ? text.replace(/^(LOCAL_ON)\|\d+$/, '$1') : text}`;
}

/** Of calls that answer with a CPU, whether there is one; which one only where CPUs are compared. */
function resultWord(what: string, result: number | null, hasCpus: boolean): string {
  if (result === null) return '';
  if (hasCpus || !/select_cpu|pick_(idle|any)_cpu/.test(what)) return `= ${result}`;
  return result < 0 ? '= none' : '= a CPU';
}
