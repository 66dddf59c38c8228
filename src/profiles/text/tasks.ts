// Who the tasks are: by name, who wakes whom, who is left at the end.

import type { Counters, TaskCounters } from '../../core/counters.ts';
import type { Profile, Shape } from '../../core/profile.ts';
import { labels } from '../groups.ts';
import { observedTasks } from '../tasks.ts';
import { digits, duration, escapedName, name, percent } from '../words.ts';
import { columns, type Section } from './section.ts';

export function groupSection(groups: Profile['groups'], most: number): Section | undefined {
  if (groups.length === 0) return undefined;
  const dash = (value: number | undefined, text: (value: number) => string): string =>
    value === undefined ? '-' : text(value);
  const rows = groups
    .slice(0, most)
    .map((group) => [
      escapedName(group.comm, 24),
      digits(group.tasks),
      percent(group.cpuShare),
      dash(group.delayShare, percent),
      dash(group.runNsP50, duration),
      dash(group.delayNsP99, duration),
      dash(group.wakesPerS, digits),
      name(group.waitsFor ?? '-', 10),
      name(group.wokenBy ?? '-', 10),
    ]);
  const header = [
    'comm',
    'tasks',
    'cpu',
    'delay',
    'run p50',
    'delay p99',
    'wakes/s',
    'waits for',
    'woken by',
  ];
  return {
    title: `tasks by name (${groups.length > most ? `${most} of ${groups.length}` : groups.length})`,
    ...columns(header, rows, [7, 8]),
  };
}

/** Edges between names, the strongest first. */
export function edgeSection(counters: Counters | undefined, shape: Shape, most: number): Section | undefined {
  const { edges, tasks } = counters ?? {};
  if (edges === undefined || tasks === undefined || edges.length === 0) return undefined;
  const sums = new Map<string, number>();
  const label = labels(tasks);
  const comms = tasks.map((task) => name(label(task), 20));
  for (const { from, to, count } of edges) {
    const key = `${comms[from] ?? '?'} -> ${comms[to] ?? '?'}`;
    sums.set(key, (sums.get(key) ?? 0) + count);
  }
  const all = [...sums].sort(([a, n], [b, m]) => m - n || (a < b ? -1 : 1));
  const graph = shape.wakeGraph;
  const said =
    graph === undefined
      ? ''
      : `: ${digits(graph.pairs)} pairs, one wakes up to ${digits(graph.fanOut)}, ${percent(graph.mutualShare)} mutual`;
  return {
    title: `who wakes whom${said}`,
    rows: all.slice(0, most).map(([key, count]) => `  ${digits(count).padStart(6)} x ${key}`),
  };
}

export function tailSection(
  { longTail, criticalPath, churn }: Shape,
  counters: Counters | undefined,
): Section | undefined {
  const tasks = counters === undefined ? [] : counters.tasks;
  const longest = (counters?.extras?.criticalPath?.longest ?? []).slice(0, 3);
  const names = longest
    .map(({ task, ns }) => `${name(tasks[task]?.comm ?? '?', 16)} ${duration(ns)}`)
    .join(', ');
  const rows = [
    ...(longTail?.topShare === undefined
      ? []
      : [`the longest tenth of its tasks has ${percent(longTail.topShare)} of the CPU time`]),
    ...(longTail?.lastShare === undefined
      ? []
      : [`in the last ${percent(longTail.lastShare)} of the time at most one task is at work`]),
    ...(criticalPath === undefined
      ? []
      : [
          `critical path: ${duration(criticalPath.ns)} of work, ${percent(criticalPath.share)} of the time, through ${digits(criticalPath.tasks)} tasks${names === '' ? '' : ` (${names})`}`,
        ]),
    ...(churn === undefined ? [] : [`${percent(churn)} of its tasks were born and ended meanwhile`]),
  ];
  return rows.length === 0 ? undefined : { title: 'tail', rows: rows.map((row) => `  ${row}`) };
}

/** Observed tasks, the most CPU time first. */
export function tasksByTime(counters: Counters): TaskCounters[] {
  return [...observedTasks(counters)].sort((a, b) => b.ranNs - a.ranNs);
}
