// Counters as tests want them: nothing measured but what is given.

import type { Counters, Histogram, TaskCounters } from '../../src/core/counters.ts';
import { elementOf, emptyHistogram } from '../../src/profiles/histogram.ts';

export const ms = 1_000_000;

export function counters(tasks: readonly Partial<TaskCounters>[], rest: Partial<Counters> = {}): Counters {
  return {
    ...{ by: 'probes', observedNs: 1000 * ms, cpus: 4, folded: 0, missing: [] },
    ...rest,
    tasks: tasks.map((task, i) => ({
      tid: 100 + i,
      tgid: 100,
      comm: 'task',
      isKernel: false,
      ranNs: 0,
      ...task,
    })),
  };
}

/** [duration, how many] */
export function histogram(...durations: readonly (readonly [ns: number, count: number])[]): Histogram {
  const out = emptyHistogram();
  for (const [ns, count] of durations) out[elementOf(ns)]! += count;
  return out;
}
