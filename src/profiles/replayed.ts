// Counters of a simulated replay, told in the words of its recording. A replay knows two kinds of waits, for a time and for another task (traces/replay.ts); what
// each task had waited for, and who had woken it, is taken from the recording in the shares that it has there. So the two can be compared.

import type { Counters, TaskCounters } from '../core/counters.ts';
import {
  type Bursts,
  ended,
  type Trace,
  type WaitReason,
  type WakeCause,
  waitReasons,
  wakeCauses,
} from '../core/trace.ts';
import { begins, type Links, links } from '../traces/replay-links.ts';

/** As SimulatedTrace numbers tasks, by their place in the expansion. */
const firstTid = 1000;

type Amounts = Map<WaitReason, { count: number; ns: number }>;

/** What a task did in the recording. */
interface Said {
  readonly forTime: Amounts;
  readonly forTasks: Amounts;
  readonly woken: Map<WakeCause, number>;
  readonly hasEnded: boolean;
}

/** `replayed`: of a run of the expansion of `recorded`, whose bursts are `all`. */
export function inWordsOf(replayed: Counters, recorded: Trace, all: Bursts): Counters {
  const chosen = links(recorded, all);
  const tasks = replayed.tasks.map((task) => {
    const origin = chosen.tasks[task.tid - firstTid];
    return origin === undefined ? task : inWords(task, saidOf(all, chosen, origin));
  });
  return { ...replayed, tasks };
}

function saidOf(all: Bursts, { first, list, begin }: Links, task: number): Said {
  const said = { forTime: new Map(), forTasks: new Map(), woken: new Map() } as Omit<Said, 'hasEnded'>;
  for (let at = first[task]! + 1; at < first[task + 1]!; at++) {
    const [burst, before] = [list[at]!, list[at - 1]!];
    const reason = waitReasons[all.end[before]!];
    if (reason === undefined) continue;
    const isForTask = begin[burst] === begins.wait;
    const amounts = isForTask ? said.forTasks : said.forTime;
    const sum = amounts.get(reason) ?? { count: 0, ns: 0 };
    const ns = Math.max(0, all.readyNs[burst]! - all.endNs[before]!);
    amounts.set(reason, { count: sum.count + 1, ns: sum.ns + ns });
    const cause = wakeCauses[all.cause[burst]!]!;
    if (!isForTask) said.woken.set(cause, (said.woken.get(cause) ?? 0) + 1);
  }
  const last = list[first[task + 1]! - 1]!;
  return { ...said, hasEnded: all.end[last] === ended };
}

function inWords(task: TaskCounters, { forTime, forTasks, woken, hasEnded }: Said): TaskCounters {
  const waits: Partial<Record<WaitReason, { count: number; ns: number }>> = {};
  const wakes: Partial<Record<WakeCause, number>> = {};
  for (const [reason, wait] of Object.entries(task.waits ?? {})) {
    if (reason === 'other') continue; // the start line
    const amounts =
      reason === 'sleep' ? forTime : reason === 'futex' || reason === 'pipe' ? forTasks : new Map();
    const [counts, ns] = [sumOf(amounts, 'count'), sumOf(amounts, 'ns')];
    if (counts === 0) put(waits, reason as WaitReason, wait.count, wait.ns);
    for (const [was, amount] of amounts)
      put(waits, was, (wait.count * amount.count) / counts, ns > 0 ? (wait.ns * amount.ns) / ns : 0);
  }
  const all = [...woken.values()].reduce((sum, count) => sum + count, 0);
  for (const [cause, count] of Object.entries(task.wakes ?? {}) as [WakeCause, number][]) {
    if (cause !== 'timer' || all === 0) wakes[cause] = (wakes[cause] ?? 0) + count;
    else for (const [was, times] of woken) wakes[was] = (wakes[was] ?? 0) + (count * times) / all;
  }
  const { endedNs, ...rest } = task;
  return { ...rest, waits, wakes, ...(hasEnded && endedNs !== undefined && { endedNs }) };
}

function sumOf(amounts: Amounts, what: 'count' | 'ns'): number {
  let sum = 0;
  for (const amount of amounts.values()) sum += amount[what];
  return sum;
}

function put(
  waits: Partial<Record<WaitReason, { count: number; ns: number }>>,
  reason: WaitReason,
  count: number,
  ns: number,
): void {
  const sum = waits[reason] ?? { count: 0, ns: 0 };
  waits[reason] = { count: sum.count + count, ns: sum.ns + ns };
}
