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
    const groups = grouped(runs, (run, r) => ({ key: keyOf(run), value: values[r]![i] }));
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

/** Runs of one workload in one world: real, or simulated. */
export const keyOf = ({ workload, simulated }: FingerprintRun): string =>
  `${workload}${simulated ? ', simulated' : ''}`;

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

/** Pairs of the workloads that `counts` lets through, against all runs of the same world. */
export function score(
  runs: readonly FingerprintRun[],
  scale: FingerprintScale,
  counts: (run: FingerprintRun) => boolean = () => true,
): Score {
  const prints = runs.map(({ shape }) => fingerprintOf(shape, scale));
  const missed: Missed[] = [];
  let [pairs, rightOfAll] = [0, 0];
  for (const [i, a] of runs.entries()) {
    if (!counts(a)) continue;
    const others = runs.flatMap((run, r) =>
      run.simulated === a.simulated && classOf(run) !== classOf(a) ? [r] : [],
    );
    const middles = [...middlesOf(others, runs, prints)].map(([label, print]) => ({
      label,
      near: near(prints[i]!, print),
    }));
    const nearest = middles.sort((x, y) => y.near - x.near)[0] ?? { label: '', near: -1 };
    const single = Math.max(-1, ...others.map((r) => near(prints[i]!, prints[r]!)));
    for (const [j, b] of runs.entries()) {
      if (i === j || keyOf(a) !== keyOf(b)) continue;
      const own = near(prints[i]!, prints[j]!);
      pairs++;
      if (own > single) rightOfAll++;
      if (own <= nearest.near)
        missed.push({
          pair: `${keyOf(a)}: ${named(a)} and ${named(b)}`,
          own,
          other: nearest.label,
          nearest: nearest.near,
        });
    }
  }
  return { pairs, right: pairs - missed.length, rightOfAll, missed };
}

const named = ({ seconds, cpus }: FingerprintRun): string => `${seconds} s on ${cpus} CPUs`;
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
