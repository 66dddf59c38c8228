// What a KPI was like before: level, noise and memory of the noise, from the samples of the reference period. The scale is the *gain*: log-ratio to the median,
// positive is better (compare.ts). Gains are clipped, so that a stall of a few samples counts as a few bad samples and not as a disaster (Huber 1964); the standard error of a window's
// mean follows from an AR(1) fit, or from means of whole windows where those vary more than the fit says (overlapping batch means, Meketon and Schmeiser 1984).
import { median } from '../../lib/stats.ts';
import { gainOf } from '../compare.ts';
import type { Goal } from '../types.ts';

export interface Reference {
  /** Median of the samples. */
  readonly value: number;
  /** Mean of the clipped gains, and the clip. */
  readonly centre: number;
  readonly clip: number;
  /** Standard deviation and first autocorrelation, a trend taken off. */
  readonly deviation: number;
  readonly correlation: number;
  /** Variance of windows' means over what the AR(1) fit says, where that is beyond chance; at least 1. */
  readonly excess: number;
  readonly n: number;
  /** When it ended, in steady time. */
  readonly endNs: number;
}

/** Windows' means of independent noise vary by so much more than they should in one reference of thirty seconds out of ten. */
const beyondChance = 1.4;

/** Clips at so many tolerated losses, or robust deviations where the noise is wide. */
const clipAt = 2.5;

/** `windowSamples`: samples of the shortest window. Undefined where the median is not a positive number. */
export function referenceOf(
  values: readonly number[],
  direction: Goal['direction'],
  tolerated: number,
  windowSamples: number,
  endNs: number,
): Reference | undefined {
  const value = median(values);
  if (!(value > 0 && value < Number.POSITIVE_INFINITY)) return undefined;
  const gains = values.map((one) => gainOf(direction, { value: one, base: value }));
  const spread = 1.4826 * median(gains.map((gain) => Math.min(Math.abs(gain), 1e3)));
  const clip = clipAt * Math.max(tolerated, spread);
  const clipped = gains.map((gain) => clipTo(gain, clip));
  const n = clipped.length;
  const centre = sum(clipped) / n;
  const noise = detrended(clipped);
  const fit = fitOf(noise);
  const seen = batchVariance(noise, windowSamples) / beyondChance;
  const expected = varianceOfMean(fit, windowSamples);
  const excess = expected > 0 ? Math.max(1, seen / expected) : 1;
  return { value, centre, clip, ...fit, excess, n, endNs };
}

/** The gain of one sample against the reference, its centre taken off. */
export function gainAgainst(reference: Reference, direction: Goal['direction'], value: number): number {
  return clipTo(gainOf(direction, { value, base: reference.value }), reference.clip) - reference.centre;
}

/** Standard error of the difference between a mean of n samples and the reference. */
export function standardError(reference: Reference, n: number): number {
  const { excess } = reference;
  return Math.sqrt(excess * (varianceOfMean(reference, n) + varianceOfMean(reference, reference.n)));
}

/** Degrees of freedom of the standard error: as many as the reference has independent samples, for a mean's variance hangs on the correlation's estimate too. */
export function freedomOf({ n, correlation: r }: Reference): number {
  return Math.max(4, (n * (1 - r)) / (1 + r) - 1);
}

/** Variance of the mean of n values in a row of an AR(1). */
export function varianceOfMean(noise: { deviation: number; correlation: number }, n: number): number {
  const r = noise.correlation;
  const factor = (1 + r) / (1 - r) - (2 * r * (1 - r ** n)) / (n * (1 - r) ** 2);
  return (noise.deviation ** 2 * factor) / n;
}

/** What is left after a parabola: what the level does over tens of seconds is drift, which is tolerated, and no noise of samples. */
function detrended(values: readonly number[]): number[] {
  const n = values.length;
  const line = values.map((_, i) => (2 * i - n + 1) / n);
  const bend = mean(line.map((x) => x * x));
  const basis = [values.map(() => 1), line, line.map((x) => x * x - bend)];
  return basis.reduce<number[]>(
    (left, one) => {
      const part = sum(left.map((x, i) => x * one[i]!)) / Math.max(1e-300, sum(one.map((x) => x * x)));
      return left.map((x, i) => x - part * one[i]!);
    },
    [...values],
  );
}

/**
 * An AR(1) by its first autocorrelation, corrected for the bias of short series (Kendall 1954, and as much again for each coefficient of the parabola), and for the variance that the parabola took. The correlation
 * is never below 0, so that noise that swings is not taken for less noise.
 */
function fitOf(noise: readonly number[]): { deviation: number; correlation: number } {
  const n = noise.length;
  const squares = sum(noise.map((x) => x * x));
  if (squares < n * 1e-18) return { deviation: 0, correlation: 0 };
  let products = 0;
  for (let i = 1; i < n; i++) products += noise[i]! * noise[i - 1]!;
  const r = (products / squares) * (n / (n - 1));
  const correlation = Math.min(0.98, Math.max(0, r + (3 + 5 * r) / n));
  const taken = Math.min(n / 2, (3 * (1 + correlation)) / (1 - correlation));
  return { deviation: Math.sqrt(squares / (n - taken)), correlation };
}

/** Variance of the means of all windows of w values; 0 where fewer than eight windows would fit side by side. */
function batchVariance(noise: readonly number[], w: number): number {
  const n = noise.length;
  if (w * 8 > n) return 0;
  let average = sum(noise.slice(0, w)) / w;
  let squares = average ** 2;
  for (let i = w; i < n; i++) {
    average += (noise[i]! - noise[i - w]!) / w;
    squares += average ** 2;
  }
  return squares / (n - w + 1) / (1 - w / n);
}

function mean(values: readonly number[]): number {
  return sum(values) / values.length;
}

function clipTo(gain: number, clip: number): number {
  return Math.min(clip, Math.max(-clip, gain));
}

function sum(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0);
}
