// Tasks of one comm together: what a reader wants to see of thousands. A number at the end of a comm (worker-17) does not make another group.

import type { Counters, TaskCounters } from '../core/counters.ts';
import type { Profile } from '../core/profile.ts';
import { joined, quantileIn } from './histogram.ts';
import { livedNs, observedTasks, sumOf } from './tasks.ts';
import { name } from './words.ts';

export type Group = Profile['groups'][number];

const commLength = 24;

/** The most CPU time first; comms are escaped. */
export function groupsOf(counters: Counters): Group[] {
  const tasks = observedTasks(counters);
  const all = sumOf(tasks, (task) => task.ranNs) ?? 0;
  const groups = new Map<string, TaskCounters[]>();
  const label = labels(tasks);
  for (const task of tasks) {
    const key = label(task);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [task]);
    else group.push(task);
  }
  const ran = (group: readonly TaskCounters[]): number => sumOf(group, (task) => task.ranNs) ?? 0;
  return [...groups]
    .map(([comm, group]) => ({ comm, group, ns: ran(group) }))
    .sort((a, b) => b.ns - a.ns || b.group.length - a.group.length || (a.comm < b.comm ? -1 : 1))
    .map(({ comm, group, ns }) => groupOf(comm, group, all > 0 ? ns / all : 0, counters));
}

/** The name of each task's group: worker-# where there are worker-1 and worker-2, cc1 where all are that. */
export function labels(tasks: readonly TaskCounters[]): (task: TaskCounters) => string {
  const stems = new Map<string, string>();
  const first = new Map<string, string>();
  const several = new Set<string>();
  for (const { comm } of tasks) {
    // Thousands of threads have few names.
    if (stems.has(comm)) continue;
    const stem = stemOf(comm);
    stems.set(comm, stem);
    const known = first.get(stem);
    if (known === undefined) first.set(stem, comm);
    else several.add(stem);
  }
  return ({ tid, comm }) => {
    const stem = stems.get(comm) ?? stemOf(comm);
    return tid === -1 ? '(others)' : several.has(stem) && stem !== '#' ? stem : comm;
  };
}

const stemOf = (comm: string): string => comm.replace(/\d+/g, '#');

function groupOf(
  comm: string,
  tasks: readonly TaskCounters[],
  cpuShare: number,
  { observedNs, folded, sampled = 1 }: Counters,
): Group {
  const lived = tasks.reduce((sum, task) => sum + livedNs(task, observedNs), 0);
  const delay = sumOf(tasks, (task) => task.delayNs);
  const wakes = total(tasks.map((task) => task.wakes));
  const runs = joined(tasks.map((task) => task.runs));
  const delays = joined(tasks.map((task) => task.delays));
  const runNsP50 = runs && quantileIn(runs, 0.5);
  const delayNsP99 = delays && quantileIn(delays, 0.99);
  const waitsFor = most(total(tasks.map((task) => task.waits && waitTimes(task.waits))));
  const wokenBy = most(wakes);
  const count = [...wakes.values()].reduce((sum, one) => sum + one, 0);
  return {
    comm: name(comm, commLength),
    tasks: tasks.some((task) => task.tid === -1) ? tasks.length - 1 + folded : tasks.length,
    cpuShare,
    ...(delay !== undefined && lived > 0 && { delayShare: Math.min(1, delay / lived) }),
    ...(runNsP50 !== undefined && { runNsP50 }),
    ...(delayNsP99 !== undefined && { delayNsP99 }),
    ...(wakes.size > 0 && observedNs * sampled > 0 && { wakesPerS: (1e9 * count) / (observedNs * sampled) }),
    ...(waitsFor !== undefined && { waitsFor }),
    ...(wokenBy !== undefined && { wokenBy }),
  };
}

function waitTimes(waits: NonNullable<TaskCounters['waits']>): Record<string, number> {
  return Object.fromEntries(Object.entries(waits).map(([reason, { ns }]) => [reason, ns]));
}

function total(maps: readonly (Readonly<Record<string, number>> | undefined)[]): Map<string, number> {
  const sums = new Map<string, number>();
  for (const map of maps) for (const key in map) sums.set(key, (sums.get(key) ?? 0) + map[key]!);
  return sums;
}

/** The key of the largest amount; undefined where there is none. */
function most(amounts: ReadonlyMap<string, number>): string | undefined {
  let [found, largest]: [string | undefined, number] = [undefined, 0];
  for (const [key, amount] of amounts) if (amount > largest) [found, largest] = [key, amount];
  return found;
}
