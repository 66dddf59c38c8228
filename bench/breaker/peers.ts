// What the breaker is measured against: a plain threshold, a textbook CUSUM on raw samples, an e-detector on blocks, and what no test can beat.
import type { Kpi } from '../../src/judge/breaker.ts';
import { median } from '../../src/lib/stats.ts';
import type { Noise, Sample } from '../../test/judge/streams.ts';

/** When a stream trips, on its own clock; null: never. Times before 0 are the reference. */
export type Detector = (kpi: Kpi, samples: readonly Sample[]) => number | null;

const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;
/** In their order, whatever the clock does; counters as rates per second, without what a reset makes of them. */
function split(kpi: Kpi, samples: readonly Sample[]): { before: number[]; after: Sample[] } {
  const armed = samples.findIndex(({ at }) => at > 0);
  const rates = samples.map((sample, i) => {
    const last = samples[i - 1];
    const rate = ((sample.value - (last?.value ?? Number.NaN)) * 1e9) / (sample.at - (last?.at ?? 0));
    return { ...sample, value: kpi.kind === 'counter' ? (rate >= 0 ? rate : Number.NaN) : sample.value };
  });
  const usable = (part: readonly Sample[]): Sample[] => part.filter(({ value }) => Number.isFinite(value));
  return {
    before: usable(rates.slice(0, armed)).map(({ value }) => value),
    after: usable(rates.slice(armed)),
  };
}

/** The mean of the last second below 0.8 of the reference's mean; above 1.5 of it where lower is better. */
export const plainThreshold: Detector = (kpi, samples) => {
  const { before, after } = split(kpi, samples);
  const base = mean(before);
  const most = Math.max(1, Math.round(1e9 / kpi.intervalNs));
  for (let i = most - 1; i < after.length; i++) {
    const last = mean(after.slice(i - most + 1, i + 1).map(({ value }) => value));
    if (kpi.better === 'higher' ? last < 0.8 * base : last > 1.5 * base) return after[i]!.at;
  }
  return null;
};

/** Page's CUSUM as in Montgomery, "Statistical Quality Control": standardised samples, k = 0.5, h = 5. */
export const textbookCusum: Detector = (kpi, samples) => {
  const { before, after } = split(kpi, samples);
  const base = mean(before);
  const deviation = Math.sqrt(mean(before.map((value) => (value - base) ** 2))) || base * 1e-9;
  let sum = 0;
  for (const { at, value } of after) {
    const worse = (kpi.better === 'higher' ? base - value : value - base) / deviation - 0.5;
    sum = Math.max(0, sum + worse);
    if (sum > 5) return at;
  }
  return null;
};

/**
 * A CUSUM of likelihood ratios of block means (half a second) for the loss that is looked for, with the blocks' variance from the reference: an e-detector for normal blocks (Shin, Ramdas and Rinaldo
 * 2022). Threshold 1 / error with 100 minutes between false trips on average.
 */
export const blockDetector: Detector = (kpi, samples) => {
  const { before, after } = split(kpi, samples);
  const base = median(before);
  const sign = kpi.better === 'higher' ? 1 : -1;
  const gain = (value: number): number => Math.max(-1, Math.min(1, sign * Math.log(value / base)));
  const inBlock = Math.max(2, Math.round(0.5e9 / kpi.intervalNs));
  const blocksOf = (values: readonly number[]): number[] =>
    Array.from({ length: Math.floor(values.length / inBlock) }, (_, i) =>
      mean(values.slice(i * inBlock, (i + 1) * inBlock)),
    );
  const reference = blocksOf(before.map(gain));
  const centre = mean(reference);
  const variance = mean(reference.map((one) => (one - centre) ** 2)) || 1e-12;
  const shift = kpi.better === 'higher' ? -Math.log(0.7) : Math.log(2);
  const threshold = Math.log(6000e9 / 0.5e9);
  let sum = 0;
  for (let i = inBlock; i <= after.length; i += inBlock) {
    const block = mean(after.slice(i - inBlock, i).map(({ value }) => gain(value))) - centre;
    sum = Math.max(0, sum) + (-shift * block - (shift * shift) / 2) / variance;
    if (sum > threshold) return after[i - 1]!.at;
  }
  return null;
};

/**
 * The most that any test can see within `withinNs` whose false trips are 1 in 100 minutes: Neyman and Pearson's test of a change at a known moment with known noise, the false trips shared
 * by the windows of a minute. A bound for AR(1) noise without tails, pauses or drift; null for others.
 */
export function bestPossible(kpi: Kpi, noise: Noise, withinNs: number): number | null {
  if (noise.drift || noise.dips || noise.stalls || noise.tail || noise.missing || noise.resetNs) return null;
  const rho = (noise.rho ?? 0) ** (kpi.intervalNs / 100e6);
  const shift = kpi.better === 'higher' ? -Math.log(0.7) : Math.log(2);
  // whole samples after the change, on average
  const n = withinNs / kpi.intervalNs - 0.5;
  const innovation = noise.sigma * Math.sqrt(1 - rho * rho);
  const distance = (shift / innovation) * Math.sqrt(1 + (n - 1) * (1 - rho) ** 2);
  return normalCdf(distance - normalQuantile(0.01 / (60e9 / withinNs)));
}

/** Upper tail p. */
function normalQuantile(p: number): number {
  let [low, high] = [0, 10];
  for (let i = 0; i < 60; i++) {
    const z = (low + high) / 2;
    if (1 - normalCdf(z) > p) low = z;
    else high = z;
  }
  return low;
}

/** Abramowitz and Stegun 26.2.17, error below 1e-7. */
function normalCdf(z: number): number {
  if (z < 0) return 1 - normalCdf(-z);
  const t = 1 / (1 + 0.2316419 * z);
  const tail =
    t * (0.31938153 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))));
  return 1 - (Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI)) * tail;
}
