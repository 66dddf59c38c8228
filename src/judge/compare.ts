// One comparison of two arms from pairs of runs with the same seed. The scale is the *gain*: the log-ratio of the paired
// values, turned so that positive is better. Its centre is estimated by Hodges–Lehmann and bounded by the signed-rank
// interval of Walsh averages (Hollander, Wolfe and Chicken, section 3.3). Why this and not a t interval:
//  * with equal arms and a shuffled order the sign of every difference is a fair coin, so the error is exact for any noise;
//  * a wild run counts as one rank, and equal values are harmless: the closed interval only gets safer (Noether 1967,
//    "Wilcoxon confidence intervals for location parameters in the discrete case").
// What it does not see: a rare disaster moves the mean but not this centre. Tails need a tail metric as their goal.
import { hodgesLehmann, signedRankCdf, signedRankCritical, walshAverages } from '../lib/stats.ts';
import type { Effect, Goal } from './types.ts';

export interface Pair {
  readonly value: number;
  readonly base: number;
}

/** Gains on the log scale: positive is better. */
export interface Comparison {
  readonly n: number;
  readonly estimate: number;
  readonly low: number;
  readonly high: number;
  readonly confidence: number;
}

/** One planned look: the interval from Walsh average k to the k-th from the top, and the error it spends. */
export interface Look {
  readonly n: number;
  readonly k: number;
  readonly error: number;
}

/**
 * The looks at which an interval exists. Cumulative error after n of N pairs is at most alpha (n/N)^1.5 (the power family
 * of Kim and DeMets 1987); the errors of the looks are added up (Bonferroni), and what discreteness leaves over goes to
 * the next look. So all intervals of one comparison hold together with 1 − alpha, whichever look ends it.
 */
export function planLooks(counts: readonly number[], alpha: number): Look[] {
  const last = counts.at(-1) ?? 0;
  const looks: Look[] = [];
  let spent = 0;
  for (const n of counts) {
    const critical = signedRankCritical(n, alpha * (n / last) ** 1.5 - spent);
    if (critical === undefined) continue;
    looks.push({ n, ...critical });
    spent += critical.error;
  }
  return looks;
}

/** Rounded to 1e-12, so that values that are equal on paper tie whatever an engine's Math.log does in its last bit. */
export function gainOf(direction: Goal['direction'], pair: Pair): number {
  const gain = Math.log(pair.value) - Math.log(pair.base);
  return Math.round((direction === 'lower' ? -gain : gain) * 1e12) / 1e12 + 0;
}

/** The comparison at a planned look; `confidence` is that of the whole sequence of looks. */
export function compareAt(gains: readonly number[], look: Look, confidence: number): Comparison {
  const averages = walshAverages(gains);
  const estimate = hodgesLehmann(gains);
  const low = averages[look.k]!;
  const high = averages[averages.length - 1 - look.k]!;
  return { n: gains.length, estimate, low, high, confidence };
}

/** The comparison at a fixed number of pairs, at `alpha` or, where n is too small for that, at whatever n gives. */
export function compareFixed(gains: readonly number[], alpha: number): Comparison {
  const n = gains.length;
  const { k, error } = signedRankCritical(n, alpha) ?? { k: 0, error: Math.min(1, 2 * signedRankCdf(n)[0]!) };
  return compareAt(gains, { n, k, error }, 1 - error);
}

/** A gain as a change of the metric, negative being less; the interval keeps low ≤ high. */
export function toEffect(direction: Goal['direction'], c: Comparison): Effect {
  const sign = direction === 'lower' ? -1 : 1;
  const [low, high] = sign < 0 ? [c.high, c.low] : [c.low, c.high];
  const change = (gain: number) => Math.expm1(sign * gain) + 0;
  return { relative: change(c.estimate), low: change(low), high: change(high), confidence: c.confidence };
}

/** The log gain of an improvement by `fraction` (negative: of a loss). */
export function gainFor(direction: Goal['direction'], fraction: number): number {
  return direction === 'lower' ? -Math.log1p(-fraction) : Math.log1p(fraction);
}

/** The improvement as a fraction that a log gain stands for (negative: a loss). */
export function fractionOf(direction: Goal['direction'], gain: number): number {
  return (direction === 'lower' ? -Math.expm1(-gain) : Math.expm1(gain)) + 0;
}
