// The exact statistics of the one-sample signed-rank procedure (Wilcoxon 1945; Hodges and Lehmann 1963; Hollander,
// Wolfe and Chicken, "Nonparametric Statistical Methods", section 3). Small n, no approximations.
import { assert } from './assert.ts';

/** Middle value, or the mean of the two middle values. */
export function median(values: readonly number[]): number {
  assert(values.length > 0, 'median of nothing');
  return middle(Float64Array.from(values).sort());
}

function middle(sorted: Float64Array): number {
  const half = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[half]! : (sorted[half - 1]! + sorted[half]!) / 2;
}

/** All n(n+1)/2 means of two values (a value with itself too), ascending. */
export function walshAverages(values: readonly number[]): Float64Array {
  const n = values.length;
  const out = new Float64Array((n * (n + 1)) / 2);
  let at = 0;
  for (let i = 0; i < n; i++) for (let j = i; j < n; j++) out[at++] = (values[i]! + values[j]!) / 2;
  return out.sort();
}

/** The Hodges–Lehmann estimate of the centre: the median Walsh average. Up to 29 % of wild values do not carry it off. */
export function hodgesLehmann(values: readonly number[]): number {
  assert(values.length > 0, 'estimate of nothing');
  return middle(walshAverages(values));
}

const cumulative = new Map<number, Float64Array>();

/** P(W ≤ w) for w = 0 … n(n+1)/2, where W sums those of the ranks 1 … n whose fair coin shows heads; 1 ≤ n ≤ 50. */
export function signedRankCdf(n: number): Float64Array {
  assert(Number.isInteger(n) && n >= 1 && n <= 50, `signed-rank distribution for n = ${n}`);
  const known = cumulative.get(n);
  if (known !== undefined) return known;
  const sum = (n * (n + 1)) / 2;
  const ways = new Float64Array(sum + 1); // below 2^50, so exact
  ways[0] = 1;
  for (let rank = 1; rank <= n; rank++) for (let w = sum; w >= rank; w--) ways[w]! += ways[w - rank]!;
  for (let w = 1; w <= sum; w++) ways[w]! += ways[w - 1]!;
  const cdf = ways.map((count) => count / 2 ** n);
  cumulative.set(n, cdf);
  return cdf;
}

/**
 * The largest k with 2 P(W ≤ k) ≤ alpha, and the error 2 P(W ≤ k) it really has; undefined where n is too small for any
 * interval at this alpha (n = 5 has none at 0.05).
 */
export function signedRankCritical(n: number, alpha: number): { k: number; error: number } | undefined {
  const cdf = signedRankCdf(n);
  let k = -1;
  while (k + 1 < cdf.length && 2 * cdf[k + 1]! <= alpha) k++;
  return k < 0 ? undefined : { k, error: 2 * cdf[k]! };
}
