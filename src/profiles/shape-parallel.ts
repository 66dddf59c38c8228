// How many tasks run and wait at once, from the time that each number lasted.

import type { Counters } from '../core/counters.ts';
import type { Shape } from '../core/profile.ts';

interface ParallelParts {
  parallelism?: Shape['parallelism'] | undefined;
  queued?: Shape['queued'] | undefined;
  overTime?: Shape['overTime'] | undefined;
}

export function parallelParts({ parallelNs, queuedNs, extras, observedNs }: Counters): ParallelParts {
  const ran = levels(parallelNs, observedNs);
  const waited = levels(queuedNs, observedNs);
  return {
    parallelism: ran && { mean: mean(ran), p50: at(ran, 0.5), p95: at(ran, 0.95), max: top(ran) },
    queued: waited && { mean: mean(waited), p95: at(waited, 0.95) },
    overTime: extras?.overTime?.slice(0, 64),
  };
}

interface Levels {
  readonly ns: readonly number[];
  readonly total: number;
}

/** Time that was not counted was spent with nobody. Undefined of no time. */
function levels(ns: readonly number[] | undefined, observedNs: number): Levels | undefined {
  if (ns === undefined) return undefined;
  const counted = ns.reduce((sum, one) => sum + one, 0);
  const missing = Math.max(0, observedNs - counted);
  const [none = 0, ...some] = ns;
  return counted + missing > 0 ? { ns: [none + missing, ...some], total: counted + missing } : undefined;
}

function mean({ ns, total }: Levels): number {
  return ns.reduce((sum, time, level) => sum + time * level, 0) / total;
}

/** The smallest level that holds, with those below it, for `share` of the time. */
function at({ ns, total }: Levels, share: number): number {
  let below = 0;
  for (const [level, time] of ns.entries()) {
    below += time;
    if (below >= share * total - 1e-6) return level;
  }
  return ns.length - 1;
}

function top({ ns }: Levels): number {
  const highest = ns.findLastIndex((time) => time > 0);
  return Math.max(0, highest);
}
