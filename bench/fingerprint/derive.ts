// The constants of the fingerprint from runs of known workloads: centre and spread of each feature over workloads, and how well it keeps its value between
// runs of one of them. And the measure of the whole: how many pairs of runs of one workload are nearer to each other than to any other class.

import { type FingerprintScale, featureNames, featuresOf } from '../../src/profiles/features.ts';
import { type Fingerprint, fingerprintOf, likeness } from '../../src/profiles/fingerprint.ts';
import type { FingerprintRun } from './collect.ts';

/** Below these a feature is noise, whatever it says. */
const [leastSpread, leastWeight] = [0.03, 0.1];

export function derive(runs: readonly FingerprintRun[]): FingerprintScale {
  const values = runs.map(({ shape }) => featuresOf(shape));
  const scale = featureNames.map((feature, i) => {
    const groups = grouped(runs, (run, r) => ({ key: run.workload, value: values[r]![i] }));
    const means = groups.map(mean);
    const centre = mean(means.length > 0 ? means : [0]);
    const between = variance(means, centre);
    const within = mean(
      groups
        .filter((one) => one.length > 1)
        .map((one) => variance(one, mean(one)))
        .concat(0),
    );
    const weight = between > 0 ? Math.sqrt(between / (between + 2 * within)) : 0;
    const found = {
      centre: round(centre),
      spread: round(Math.max(leastSpread, Math.sqrt(between))),
      weight: round(weight),
    };
    return [feature, weight < leastWeight ? { ...found, weight: 0 } : found] as const;
  });
  return Object.fromEntries(scale);
}

/** Without a PMU nobody sees whether who computes waits for memory: to the scheduler it is one class. */
const classOf = ({ label, shape }: FingerprintRun): string =>
  (label === 'cpu-bound' || label === 'memory-bound') && shape.pmu === undefined
    ? 'cpu- or memory-bound'
    : label;

function grouped(
  runs: readonly FingerprintRun[],
  of: (run: FingerprintRun, index: number) => { key: string; value: number | undefined },
): number[][] {
  const groups = new Map<string, number[]>();
  for (const [index, run] of runs.entries()) {
    const { key, value } = of(run, index);
    if (value !== undefined) groups.set(key, [...(groups.get(key) ?? []), value]);
  }
  return [...groups.values()];
}

const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;
const variance = (values: readonly number[], centre: number): number =>
  values.length === 0 ? 0 : mean(values.map((value) => (value - centre) ** 2));
const round = (value: number): number => Number(value.toPrecision(4));

export interface Missed {
  readonly pair: string;
  readonly own: number;
  readonly other: string;
  readonly nearest: number;
}

export interface Score {
  readonly pairs: number;
  /** Nearer to each other than to the middle of any other class. */
  readonly right: number;
  /** Nearer to each other than to any single run of another class. */
  readonly rightOfAll: number;
  readonly missed: readonly Missed[];
}

/** Pairs of runs of one workload that `counts` lets through; the first of them against all runs of other classes. */
export function score(
  runs: readonly FingerprintRun[],
  scale: FingerprintScale,
  counts: (a: FingerprintRun, b: FingerprintRun) => boolean = () => true,
): Score {
  const prints = runs.map(({ shape }) => fingerprintOf(shape, scale));
  const missed: Missed[] = [];
  let [pairs, rightOfAll] = [0, 0];
  for (const [i, a] of runs.entries()) {
    const partners = runs.flatMap((b, j) =>
      i !== j && a.workload === b.workload && counts(a, b) ? [j] : [],
    );
    if (partners.length === 0) continue;
    const { nearest, single } = rivals(i, runs, prints);
    for (const j of partners) {
      const own = near(prints[i]!, prints[j]!);
      pairs++;
      if (own > single) rightOfAll++;
      if (own > nearest.near) continue;
      const pair = `${a.workload}: ${named(a)} and ${named(runs[j]!)}`;
      missed.push({ pair, own, other: nearest.label, nearest: nearest.near });
    }
  }
  return { pairs, right: pairs - missed.length, rightOfAll, missed };
}

/** The nearest middle of another class, and how near its nearest single run is. */
function rivals(i: number, runs: readonly FingerprintRun[], prints: readonly Fingerprint[]) {
  const others = runs.flatMap((run, r) => (classOf(run) !== classOf(runs[i]!) ? [r] : []));
  let nearest = { label: '', near: -1 };
  for (const [label, middle] of middlesOf(others, runs, prints)) {
    const found = near(prints[i]!, middle);
    if (found > nearest.near) nearest = { label, near: found };
  }
  return { nearest, single: Math.max(-1, ...others.map((r) => near(prints[i]!, prints[r]!))) };
}

const named = ({ seconds, cpus, simulated }: FingerprintRun): string =>
  `${seconds} s on ${cpus}${simulated ? ' simulated' : ''} CPUs`;
const near = (a: Fingerprint, b: Fingerprint): number => likeness(a, b) ?? -1;

/** The sum of the fingerprints of each class: its direction is their middle. */
function middlesOf(
  chosen: readonly number[],
  runs: readonly FingerprintRun[],
  prints: readonly Fingerprint[],
): Map<string, Fingerprint> {
  const middles = new Map<string, Fingerprint>();
  for (const r of chosen) {
    const label = classOf(runs[r]!);
    const { version, values } = prints[r]!;
    const sum = middles.get(label)?.values ?? values.map(() => 0);
    middles.set(label, { version, values: sum.map((value, i) => value + values[i]!) });
  }
  return middles;
}
