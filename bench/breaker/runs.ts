// One cell of the breaker's matrix: many streams of one kind with a change and without, held against several detectors.

import { type Kpi, openBreaker } from '../../src/judge/breaker.ts';
import { judgeStream } from '../../src/judge/breaker-stream.ts';
import { createRandom, derive } from '../../src/lib/random.ts';
import { type Noise, type Sample, type StreamShape, stream } from '../../test/judge/streams.ts';
import type { Detector } from './peers.ts';

export const lagNs = 50e6;
const beforeNs = 61e9;
const watchNs = 60e9;

/** Our breaker, asked after every sample, each 50 ms late. NaN: a no-go. */
export const breaker: Detector = (kpi, samples) => {
  const { decision, at } = judgeStream({ kpis: [kpi] }, samples, samples.at(-1)!.at, { armAt: 0, lagNs });
  return decision === 'ok' ? null : 'noGo' in decision ? Number.NaN : at;
};

export interface Cell {
  readonly kpi: Kpi;
  readonly noise: Noise;
  /** Factor on the level at the change. */
  readonly factor: number;
}

export interface Tally {
  readonly runs: number;
  /** Of the runs with a change: decided within 2 s of it, before it, never within 5 s. */
  readonly seen: number;
  readonly early: number;
  readonly missed: number;
  /** ns from change to decision, ascending. */
  readonly delays: readonly number[];
  /** Of the runs without a change. */
  readonly falsely: number;
  readonly noGo: number;
}

export function kpiFor(kpi: Kpi, noise: Noise): Kpi {
  return noise.resetNs === undefined ? kpi : { ...kpi, kind: 'counter' };
}

/** A stream whose change comes at a random moment, 5 s after arming at the soonest and 5 s before the end. */
export function changedStream(
  { kpi, noise, factor }: Cell,
  seed: number,
): { samples: Sample[]; atNs: number } {
  const atNs = 5e9 + createRandom(derive(seed, 'change')).uniform() * (watchNs - 10e9);
  const shape: StreamShape = { kpi: kpiFor(kpi, noise), noise, level: 1000, change: { atNs, factor } };
  return { samples: stream(shape, beforeNs, atNs + 5e9, seed), atNs };
}

export function quietStream({ kpi, noise }: Cell, seed: number): Sample[] {
  return stream({ kpi: kpiFor(kpi, noise), noise, level: 1000 }, beforeNs, watchNs, derive(seed, 'quiet'));
}

/** A time of the stream's clock before or after its step, as it would be without. */
function unstepped({ clockStepNs = 0 }: Noise, at: number | null): number | null {
  return at !== null && Math.abs(at) > 1000e9 ? at - clockStepNs : at;
}

export function tally(cell: Cell, detector: Detector, runs: number): Tally {
  const kpi = kpiFor(cell.kpi, cell.noise);
  const delays: number[] = [];
  let [seen, early, falsely, noGo] = [0, 0, 0, 0];
  for (let seed = 0; seed < runs; seed++) {
    const { samples, atNs } = changedStream(cell, seed);
    const at = unstepped(cell.noise, detector(kpi, samples));
    if (Number.isNaN(at)) noGo++;
    else if (at !== null && at < atNs) early++;
    else if (at !== null) {
      delays.push(at - atNs);
      if (at - atNs <= 2e9) seen++;
    }
    const quiet = detector(kpi, quietStream(cell, seed));
    if (Number.isNaN(quiet)) noGo++;
    else if (quiet !== null) falsely++;
  }
  delays.sort((a, b) => a - b);
  return { runs, seen, early, missed: runs - early - delays.length, delays, falsely, noGo };
}

/** An hour's watch with day and night: false trips of several KPIs at once. */
export function longWatch(kpis: readonly Kpi[], noise: Noise, hours: number, seed: number): boolean {
  const ebb = { part: 0.3, periodNs: 24 * 3600e9 };
  const samples = kpis
    .flatMap((kpi) =>
      stream({ kpi, noise: { ...noise, drift: ebb }, level: 1000 }, beforeNs, hours * 3600e9, seed),
    )
    .sort((a, b) => a.at - b.at);
  const watch = openBreaker({ kpis });
  let armed = false;
  for (const { kpi, at, value } of samples) {
    if (!armed && at > 0) armed = watch.arm(0) === 'ok';
    watch.sample(kpi, at, value);
    if (watch.tick(at) !== 'ok') return true;
  }
  return false;
}
