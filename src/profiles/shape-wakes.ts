// Who makes tasks runnable, and the graph of who wakes whom.

import type { Counters, TaskCounters } from '../core/counters.ts';
import type { Shape } from '../core/profile.ts';

const causes = ['task', 'timer', 'interrupt', 'fork'] as const;

export function wakeParts(
  tasks: readonly TaskCounters[],
  { edges }: Counters,
): {
  wakes?: Shape['wakes'] | undefined;
  wakeGraph?: Shape['wakeGraph'] | undefined;
  ownWakes?: number | undefined;
} {
  const counts = causes.map((cause) => tasks.reduce((sum, task) => sum + (task.wakes?.[cause] ?? 0), 0));
  const all = counts.reduce((sum, count) => sum + count, 0);
  const shares = causes.map((cause, i) => [cause, counts[i]! / all]);
  return {
    wakes: all === 0 ? undefined : Object.fromEntries(shares),
    wakeGraph: edges === undefined ? undefined : graphOf(edges),
    ownWakes: edges === undefined || all === 0 ? undefined : Math.min(1, ownOf(edges) / all),
  };
}

function ownOf(edges: NonNullable<Counters['edges']>): number {
  return edges.reduce((sum, edge) => sum + edge.count, 0);
}

function graphOf(edges: NonNullable<Counters['edges']>): Shape['wakeGraph'] {
  const wakees = new Map<number, Set<number>>();
  let all = 0;
  for (const { from, to, count } of edges) {
    if (!wakees.has(from)) wakees.set(from, new Set());
    wakees.get(from)!.add(to);
    all += count;
  }
  const mutual = edges.filter(({ from, to }) => from !== to && wakees.get(to)?.has(from) === true);
  return {
    pairs: edges.length,
    fanOut: Math.max(0, ...[...wakees.values()].map((set) => set.size)),
    mutualShare: all === 0 ? 0 : mutual.reduce((sum, edge) => sum + edge.count, 0) / all,
  };
}
