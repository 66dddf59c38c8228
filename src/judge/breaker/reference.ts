// What a KPI was like before: level, noise and memory of the noise, from the samples of the reference period. The scale is the *gain*: log-ratio to the median,
// positive is better (compare.ts). Gains are clipped, so that a stall of a few samples counts as a few bad samples and not as a disaster (Huber 1964); the standard error of a window's
// mean follows from an AR(1) fit, or from means of whole windows where those vary more than the fit says (overlapping batch means, Meketon and Schmeiser 1984).
import { median } from '../../lib/stats.ts';
import { gainOf } from '../compare.ts';
import type { Goal } from '../types.ts';

export interface Reference {
  /** Median of the samples. */
  readonly value: number;
  /** Mean of the clipped gains, clip, standard deviation and first autocorrelation. */
  readonly centre: number;
  readonly clip: number;
  readonly deviation: number;
  readonly correlation: number;
  /** Variance of windows' means over what the AR(1) fit says; at least 1. */
  readonly excess: number;
  readonly n: number;
  /** When it ended, in steady time. */
  readonly endNs: number;
}

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
  if (!(value > 0)) return undefined;
  const gains = values.map((one) => gainOf(direction, { value: one, base: value }));
  const spread = 1.4826 * median(gains.map((gain) => Math.min(Math.abs(gain), 1e3)));
  const clip = clipAt * Math.max(tolerated, spread);
  const clipped = gains.map((gain) => clipTo(gain, clip));
  const n = clipped.length;
  const centre = sum(clipped) / n;
  const deviation = Math.sqrt(sum(clipped.map((gain) => (gain - centre) ** 2)) / (n - 1));
  const correlation = correlationOf(clipped, centre, deviation);
  const fit = { deviation, correlation };
  const seen = batchVariance(clipped, centre, windowSamples);
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

/** Independent samples that the reference's variance is worth (Bartlett 1946, for an AR(1)). */
export function freedomOf({ n, correlation }: Reference): number {
  const square = correlation * correlation;
  return Math.max(4, (n * (1 - square)) / (1 + square) - 1);
}

/** Variance of the mean of n values in a row of an AR(1). */
export function varianceOfMean(noise: { deviation: number; correlation: number }, n: number): number {
  const r = noise.correlation;
  const factor = (1 + r) / (1 - r) - (2 * r * (1 - r ** n)) / (n * (1 - r) ** 2);
  return (noise.deviation ** 2 * factor) / n;
}

/** Corrected for the bias of short series (Kendall 1954); never below 0, so that noise that swings is not taken for less noise. */
function correlationOf(values: readonly number[], centre: number, deviation: number): number {
  if (deviation === 0) return 0;
  const n = values.length;
  let products = 0;
  for (let i = 1; i < n; i++) products += (values[i]! - centre) * (values[i - 1]! - centre);
  const r = products / ((n - 1) * deviation ** 2);
  return Math.min(0.98, Math.max(0, r + (1 + 3 * r) / n));
}

/** Variance of the means of all windows of w values around the centre; 0 where fewer than eight windows would fit side by side. */
function batchVariance(values: readonly number[], centre: number, w: number): number {
  const n = values.length;
  if (w * 8 > n) return 0;
  let mean = sum(values.slice(0, w)) / w;
  let squares = (mean - centre) ** 2;
  for (let i = w; i < n; i++) {
    mean += (values[i]! - values[i - w]!) / w;
    squares += (mean - centre) ** 2;
  }
  return squares / (n - w + 1) / (1 - w / n);
}

function clipTo(gain: number, clip: number): number {
  return Math.min(clip, Math.max(-clip, gain));
}

function sum(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0);
}
