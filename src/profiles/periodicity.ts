// The period of the most regular wakeups by timer: of each task, how many of the times between its wakeups by timer lie close to their median; tasks that
// keep the same period count together.

import { type Bursts, wakeCauses } from '../core/trace.ts';
import type { Observed } from './observed.ts';

const timer = wakeCauses.indexOf('timer');
/** Intervals this near to the median keep the period. */
const tolerance = 0.1;
const leastIntervals = 4;

interface Rhythm {
  readonly periodNs: number;
  readonly regular: number;
}

/** Undefined where no task was woken by a timer at least five times. */
export function periodOf(bursts: Bursts, observed: Observed): { ns: number; strength: number } | undefined {
  const intervals = observed.taskOf.map((): number[] => []);
  const lastNs = new Float64Array(observed.taskOf.length).fill(-1);
  for (let i = 0; i < bursts.count; i++) {
    const row = observed.rowOf[bursts.task[i]!]!;
    const at = bursts.readyNs[i]!;
    if (row < 0 || bursts.cause[i] !== timer || at < observed.startNs || at > observed.endNs) continue;
    if (lastNs[row]! >= 0) intervals[row]!.push(at - lastNs[row]!);
    lastNs[row] = at;
  }
  const all = intervals.reduce((sum, list) => sum + list.length, 0);
  const rhythms = intervals.filter((list) => list.length >= leastIntervals).map(rhythmOf);
  const [best] = [...rhythms].sort((a, b) => b.regular - a.regular || a.periodNs - b.periodNs);
  if (best === undefined) return undefined;
  const alike = rhythms.filter(({ periodNs }) => near(periodNs, best.periodNs));
  const regular = alike.reduce((sum, rhythm) => sum + rhythm.regular, 0);
  return { ns: best.periodNs, strength: regular / all };
}

function rhythmOf(intervals: readonly number[]): Rhythm {
  const sorted = Float64Array.from(intervals).sort();
  const periodNs = sorted[sorted.length >> 1]!;
  return { periodNs, regular: intervals.filter((interval) => near(interval, periodNs)).length };
}

const near = (ns: number, periodNs: number): boolean => Math.abs(ns - periodNs) <= tolerance * periodNs;
