// What the standing watch has counted of a task while it counted in windows (docs/protocol.md, section 6), made to agree with what the kernel
// has counted: each voluntary switch but the last one of a life begins a wait, and waits, CPU time and delays fill the time that a task lives.

import type { Histogram, TaskCounters } from '../core/counters.ts';

/** Of the kernel, so exact; `sleepNs` is the rest of its life, with what switches themselves took. */
interface Known {
  readonly waits: number;
  readonly bursts: number;
  readonly sleepNs: number;
}

type Waits = NonNullable<TaskCounters['waits']>;

/**
 * `task` as seen, where what was seen in one of k windows counts k times. Numbers of waits and bursts, and what histograms hold, become those that the kernel
 * knows of; `waited`: it did when the observation began. Waits of a task that was never seen to begin one are `unknown`. The sum of many tasks (tid -1) stays as estimated.
 */
export function completed(task: TaskCounters, observedNs: number, waited = false): TaskCounters {
  if (task.tid === -1) return task;
  const waits = task.waits ?? {};
  const seen = total(Object.values(waits).map(({ count }) => count));
  const known = knownOf(task, observedNs, waited);
  const finished = known.waits - unfinished(task);
  return {
    ...task,
    bursts: known.bursts,
    waits: seen > 0 ? scaled(waits, seen, known) : neverSeen(known),
    runs: scaledTo(task.runs ?? [], known.bursts),
    sleeps: scaledTo(task.sleeps ?? [], Math.max(0, finished)),
    delays: scaledTo(task.delays ?? [], known.bursts),
  };
}

/** Who lives on has a wait, or a burst and the wait before it, that is not over. */
const unfinished = ({ endedNs }: TaskCounters): number => (endedNs === undefined ? 1 : 0);

function knownOf(task: TaskCounters, observedNs: number, waited: boolean): Known {
  const born = task.bornNs === undefined ? 0 : 1;
  const begun = (task.voluntary ?? 0) - (1 - unfinished(task));
  const waits = Math.max(0, begun + (waited ? 1 : 0));
  const livedNs = (task.endedNs ?? observedNs) - (task.bornNs ?? 0);
  return {
    waits,
    bursts: Math.max(0, waits - unfinished(task) + born),
    sleepNs: Math.max(0, livedNs - task.ranNs - (task.delayNs ?? 0)),
  };
}

function scaled(waits: Waits, seen: number, known: Known): Waits {
  const rows = Object.entries(waits);
  const counts = scaledTo(
    rows.map(([, { count }]) => count),
    known.waits,
  );
  const ns = total(rows.map(([, wait]) => wait.ns));
  const factor = Math.min(known.waits / seen, ns > 0 ? known.sleepNs / ns : 1);
  return Object.fromEntries(
    rows.map(([reason, wait], i) => [reason, { count: counts[i]!, ns: Math.round(wait.ns * factor) }]),
  );
}

function neverSeen({ waits, sleepNs }: Known): Waits {
  return waits > 0 ? { unknown: { count: waits, ns: sleepNs } } : {};
}

/** Whole numbers in the same proportions whose sum is `sum`; zeroes stay zeroes. */
export function scaledTo(counts: Histogram, sum: number): number[] {
  const all = total(counts);
  if (all === 0) return [...counts];
  let [below, given] = [0, 0];
  return counts.map((count) => {
    below += count;
    const until = Math.round((below * sum) / all);
    const own = until - given;
    given = until;
    return own;
  });
}

function total(numbers: readonly number[]): number {
  return numbers.reduce((sum, number) => sum + number, 0);
}
