// Ranking of simulated candidates, and which of them are worth a run on a real kernel. A proposal, not evidence: what it chooses is judged afterwards on
// fresh seeds, so the luck of being the best of many costs nothing.

import { median } from '../lib/stats.ts';
import type { Goal } from './types.ts';

/** One arm and its values on the first seeds of a screening; null where the run failed. */
export interface Screened {
  readonly id: string;
  /** Arms of one policy that differ in parameters only. */
  readonly family: string;
  /** Parameters away from their defaults. */
  readonly changes: number;
  readonly values: readonly (number | null)[];
}

/** What a change of a parameter must gain to be worth it; else the simpler arm is the better one. */
const worthOfChange = 0.005;

export interface Ranked extends Screened {
  /** Median of the paired relative changes against the default scheduler, negative is better whatever the goal; null: it failed on some seed. */
  readonly gain: number | null;
}

/** Best first; what failed comes last. `base` holds the default scheduler's values for at least as many seeds. */
export function rank(goal: Goal, base: Screened, arms: readonly Screened[]): Ranked[] {
  const sign = goal.direction === 'lower' ? 1 : -1;
  const gainOf = ({ values }: Screened): number | null => {
    const changes = values.map((value, seed) => {
      const reference = base.values[seed];
      return value === null || reference === null || reference === undefined || reference === 0
        ? null
        : (sign * (value - reference)) / Math.abs(reference);
    });
    return changes.length === 0 || changes.includes(null) ? null : median(changes as number[]);
  };
  const ranked = arms.map((arm) => ({ ...arm, gain: gainOf(arm) }));
  const order = ({ gain, changes }: Ranked): number =>
    gain === null ? Number.POSITIVE_INFINITY : gain + worthOfChange * changes;
  return ranked.sort((a, b) => {
    const [x, y] = [order(a), order(b)];
    return x === y ? 0 : x - y;
  });
}

/** The first `count` of a ranking, at most `perFamily` of a family: the model may be wrong about a whole policy. */
export function choose(ranked: readonly Ranked[], count: number, perFamily: number): Ranked[] {
  const taken = new Map<string, number>();
  const chosen: Ranked[] = [];
  for (const arm of ranked) {
    const before = taken.get(arm.family) ?? 0;
    if (arm.gain === null || before >= perFamily || chosen.length >= count) continue;
    taken.set(arm.family, before + 1);
    chosen.push(arm);
  }
  return chosen;
}
