// Made-up streams of KPIs for the breaker's error rates: a level, noise of a chosen kind, what happens to real streams besides, and a change at a chosen moment.
// A sample stands for the interval before it, so the one in which the change falls has a part of it.

import type { Kpi } from '../../src/judge/breaker.ts';
import { createRandom, derive, type Random } from '../../src/lib/random.ts';

export interface Noise {
  readonly name: string;
  /** Deviation of a sample on the log scale, and correlation with the next one 100 ms later (for other intervals: its power). */
  readonly sigma: number;
  readonly rho?: number;
  /** One sample in 20 has so many times the deviation. */
  readonly tail?: number;
  /** Sinusoidal drift of the level: part of it up and down, period. */
  readonly drift?: { readonly part: number; readonly periodNs: number };
  /** Pauses of a garbage collector: every so often, so long, so much less work. */
  readonly dips?: { readonly everyNs: number; readonly lengthNs: number; readonly part: number };
  /** Stalls at random, hardly any work in them: how often on average, mean length (from half to one and a half of it). */
  readonly stalls?: { readonly everyNs: number; readonly lengthNs: number };
  /** Parts of the samples that never come, and that are NaN. */
  readonly missing?: number;
  readonly nan?: number;
  /** The KPI is told as a counter that starts again every so often. */
  readonly resetNs?: number;
  /** The clock jumps so far, 20 s after arming. */
  readonly clockStepNs?: number;
}

export interface Change {
  readonly atNs: number;
  /** Factor on the level from then on. */
  readonly factor: number;
}

export interface Sample {
  readonly kpi: string;
  readonly at: number;
  readonly value: number;
}

export interface StreamShape {
  readonly kpi: Kpi;
  readonly noise: Noise;
  readonly level: number;
  readonly change?: Change;
}

/** Samples from −`beforeNs` to `untilNs`; 0 is the moment of arming. */
export function stream(shape: StreamShape, beforeNs: number, untilNs: number, seed: number): Sample[] {
  const { kpi, noise, level, change } = shape;
  const random = createRandom(derive(seed, kpi.name));
  const { intervalNs } = kpi;
  const start = -beforeNs - Math.floor(random.uniform() * intervalNs);
  const pauses = pausesOf(noise, random, start, untilNs);
  const phase = random.uniform() * 2 * Math.PI;
  const ar = arProcess(noise, intervalNs, random);
  const worse = kpi.better === 'higher' ? (left: number) => left : (left: number) => Math.min(5, 1 / left);
  const samples: Sample[] = [];
  let [counter, resets, pause] = [0, 0, 0];
  for (let at = start + intervalNs; at <= untilNs; at += intervalNs) {
    const after = change === undefined ? 0 : clamp((at - change.atNs) / intervalNs);
    while (pause < pauses.length && pauses[pause]!.end <= at - intervalNs) pause++;
    const lost = lostIn(pauses, pause, at - intervalNs, at);
    let value = level * Math.exp(ar()) * (1 + after * ((change?.factor ?? 1) - 1)) * worse(1 - lost);
    if (noise.drift !== undefined)
      value *= 1 + noise.drift.part * Math.sin((2 * Math.PI * at) / noise.drift.periodNs + phase);
    if (noise.resetNs !== undefined) {
      counter += (value * intervalNs) / 1e9;
      const now = Math.floor(at / noise.resetNs);
      if (now !== resets) [counter, resets] = [0, now];
      value = counter;
    }
    if (random.uniform() < (noise.nan ?? 0)) value = Number.NaN;
    const step = noise.clockStepNs !== undefined && at > 20e9 ? noise.clockStepNs : 0;
    if (random.uniform() >= (noise.missing ?? 0)) samples.push({ kpi: kpi.name, at: at + step, value });
  }
  return samples;
}

interface Pause {
  readonly start: number;
  readonly end: number;
  readonly part: number;
}

function pausesOf({ dips, stalls }: Noise, random: Random, start: number, until: number): Pause[] {
  const pauses: Pause[] = [];
  if (dips !== undefined)
    for (let at = start + random.uniform() * dips.everyNs; at < until; at += dips.everyNs)
      pauses.push({ start: at, end: at + dips.lengthNs, part: dips.part });
  if (stalls !== undefined)
    for (let at = start; at < until; ) {
      at += stalls.everyNs * random.exponential();
      const end = at + stalls.lengthNs * (0.5 + random.uniform());
      pauses.push({ start: at, end, part: 0.95 });
      at = end;
    }
  return pauses.sort((a, b) => a.start - b.start);
}

/** Part of the work of an interval that pauses took. */
function lostIn(pauses: readonly Pause[], from: number, start: number, end: number): number {
  let lost = 0;
  for (let i = from; i < pauses.length && pauses[i]!.start < end; i++) {
    const pause = pauses[i]!;
    lost += pause.part * Math.max(0, Math.min(end, pause.end) - Math.max(start, pause.start));
  }
  return Math.min(0.99, lost / (end - start));
}

function arProcess(noise: Noise, intervalNs: number, random: Random): () => number {
  const rho = (noise.rho ?? 0) ** (intervalNs / 100e6);
  const draw = (): number =>
    random.normal() * noise.sigma * (noise.tail !== undefined && random.below(20) === 0 ? noise.tail : 1);
  let x = draw();
  return () => {
    x = rho * x + Math.sqrt(1 - rho * rho) * draw();
    return x;
  };
}

function clamp(part: number): number {
  return Math.min(1, Math.max(0, part));
}

const minute = 60e9;
const gc = { everyNs: 5e9, lengthNs: 150e6, part: 0.6 };
const slowDrift = { part: 0.1, periodNs: minute };

/** Kinds of noise, from what a quiet service shows to what nobody can see through. */
export const noises: readonly Noise[] = [
  { name: 'lognormal 3 %', sigma: 0.03 },
  { name: 'lognormal 10 %', sigma: 0.1 },
  { name: 'lognormal 20 %', sigma: 0.2 },
  { name: 'lognormal 25 %', sigma: 0.25 },
  { name: 'lognormal 30 %', sigma: 0.3 },
  { name: 'AR(1) 0.5, 10 %', sigma: 0.1, rho: 0.5 },
  { name: 'AR(1) 0.5, 15 %', sigma: 0.15, rho: 0.5 },
  { name: 'AR(1) 0.8, 5 %', sigma: 0.05, rho: 0.8 },
  { name: 'AR(1) 0.8, 8 %', sigma: 0.08, rho: 0.8 },
  { name: 'AR(1) 0.8, 10 %', sigma: 0.1, rho: 0.8 },
  { name: 'AR(1) 0.8, 15 %', sigma: 0.15, rho: 0.8 },
  { name: 'AR(1) 0.8, 25 %', sigma: 0.25, rho: 0.8 },
  { name: '10 %, 1 sample in 20 thrice', sigma: 0.1, tail: 3 },
  { name: '8 %, stalls of 0.2 s every 10 s', sigma: 0.08, stalls: { everyNs: 10e9, lengthNs: 200e6 } },
  { name: '8 %, drift ±10 % in a minute', sigma: 0.08, drift: slowDrift },
  { name: '8 %, collector: 150 ms of −60 % every 5 s', sigma: 0.08, dips: gc },
  { name: '8 %, 20 % missing, 5 % NaN', sigma: 0.08, missing: 0.2, nan: 0.05 },
  { name: '8 %, clock an hour forward', sigma: 0.08, clockStepNs: 3600e9 },
  { name: '8 %, clock an hour back', sigma: 0.08, clockStepNs: -3600e9 },
  { name: '8 %, counter, reset every 7 s', sigma: 0.08, resetNs: 7e9 },
  {
    name: 'AR(1) 0.6, 6 %, drift, collector, 5 % missing',
    sigma: 0.06,
    rho: 0.6,
    drift: slowDrift,
    dips: gc,
    missing: 0.05,
  },
];

export const throughput: Kpi = { name: 'throughput', better: 'higher', unit: '1/s', intervalNs: 100e6 };
export const tail: Kpi = { name: 'p99', better: 'lower', unit: 'ns', intervalNs: 250e6 };
