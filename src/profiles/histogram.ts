// Histograms by powers of two: adding, joining, and quantiles read out of them. A quantile is off by at most the width of its element, a factor of two, and
// in practice much less: within an element values are taken to be spread evenly on a logarithmic scale.

import { type Histogram, histogramSize } from '../core/counters.ts';

export function emptyHistogram(): number[] {
  return new Array<number>(histogramSize).fill(0);
}

/** The element that counts a duration: floor(log2), whole bits (Math.log2 rounds up just below large powers of two). */
export function elementOf(ns: number): number {
  if (!(ns >= 2)) return 0;
  const high = Math.floor(ns / 2 ** 32);
  const element = high > 0 ? 63 - Math.clz32(high) : 31 - Math.clz32(ns);
  return Math.min(element, histogramSize - 1);
}

export function addTo(histogram: number[], ns: number): void {
  histogram[elementOf(ns)]! += 1;
}

/** Element by element; undefined where nothing was measured. */
export function joined(histograms: Iterable<Histogram | undefined>): number[] | undefined {
  let sum: number[] | undefined;
  for (const histogram of histograms) {
    if (histogram === undefined) continue;
    sum ??= emptyHistogram();
    const size = Math.min(histogram.length, histogramSize);
    for (let i = 0; i < size; i++) sum[i]! += histogram[i]!;
  }
  return sum;
}

export function countIn(histogram: Histogram): number {
  let count = 0;
  for (const one of histogram) count += one;
  return count;
}

/** Undefined of nothing. `share` in (0, 1]. */
export function quantileIn(histogram: Histogram, share: number): number | undefined {
  const count = countIn(histogram);
  if (count === 0) return undefined;
  const rank = share * count;
  let below = 0;
  for (const [element, here] of histogram.entries()) {
    if (here > 0 && below + here >= rank) return Math.round(2 ** (element + (rank - below) / here));
    below += here;
  }
  return 2 ** histogram.length;
}

export interface Quantiles {
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly mean: number;
}

/** `totalNs`: the sum of what was counted, where it is known; else the mean is the histogram's. */
export function quantilesOf(histogram: Histogram | undefined, totalNs?: number): Quantiles | undefined {
  const count = histogram === undefined ? 0 : countIn(histogram);
  if (histogram === undefined || count === 0) return undefined;
  const at = (share: number): number => quantileIn(histogram, share)!;
  // the mean of 2^(i + u) for u even in [0, 1) is 2^i / ln 2
  const sum =
    totalNs ?? histogram.reduce((total, here, element) => total + (here * 2 ** element) / Math.LN2, 0);
  return { p50: at(0.5), p90: at(0.9), p99: at(0.99), mean: Math.round(sum / count) };
}
