// Simulated tunes for the judge's error rates: arms with a known effect, noise of a chosen shape, the real stopping rule.
import { judge } from '../../src/judge/judge.ts';
import { createPlan, type Profile } from '../../src/judge/plan.ts';
import type { ArmSpec, Judgement } from '../../src/judge/types.ts';
import { createRandom, derive, type Random } from '../../src/lib/random.ts';
import { drive } from './drive.ts';

/** One run's factor on top of seed and arm, around 1; `order` is its place in the block. */
export type Noise = (random: Random, order: number) => number;

/** Rounds a metric, for values that tie. */
const quantized = (cv: number, step: number) => ({ noise: gaussian(cv), step });

export const gaussian =
  (cv: number): Noise =>
  (random) =>
    Math.exp(cv * random.normal());

/** One run in 20 takes `factor` times as long. */
export const withOutliers =
  (cv: number, factor: number): Noise =>
  (random) =>
    Math.exp(cv * random.normal()) * (random.below(20) === 0 ? factor : 1);

/** Whoever comes first in a block finds the caches cold. */
export const coldStart =
  (cv: number, cost: number): Noise =>
  (random, order) =>
    Math.exp(cv * random.normal()) * (order === 0 ? cost : 1);

/** Skewed: runs are only ever delayed, as on a busy host. */
export const delayed =
  (cv: number): Noise =>
  (random) =>
    1 + cv * random.exponential();

export interface Shape {
  readonly name: string;
  readonly profile: Profile;
  readonly noise: Noise;
  /** Values are multiples of this part of the base; 0: not rounded. */
  readonly step: number;
}

export const shapes = {
  quiet: { name: 'gaussian 1 %', profile: 'deterministic', noise: gaussian(0.01), step: 0 },
  normal: { name: 'gaussian 2 %', profile: 'deterministic', noise: gaussian(0.02), step: 0 },
  heavy: {
    name: '2 %, 1 in 20 three deviations off more',
    profile: 'deterministic',
    noise: withOutliers(0.02, 1.06),
    step: 0,
  },
  ties: { name: '1.5 % in steps of 1 %', profile: 'deterministic', ...quantized(0.015, 0.01) },
  fewValues: { name: '1 % in steps of 4 %', profile: 'deterministic', ...quantized(0.01, 0.04) },
  zero: { name: 'no noise at all', profile: 'deterministic', noise: () => 1, step: 0 },
  skewed: { name: 'delays of 2 %', profile: 'deterministic', noise: delayed(0.02), step: 0 },
  cold: {
    name: '1 %, first of a block 5 % slower',
    profile: 'deterministic',
    noise: coldStart(0.01, 1.05),
    step: 0,
  },
  fast5: { name: 'fast, 5 %, 1 in 20 x 3', profile: 'fast', noise: withOutliers(0.05, 3), step: 0 },
  fast10: { name: 'fast, 10 %', profile: 'fast', noise: gaussian(0.1), step: 0 },
  fast10wild: { name: 'fast, 10 %, 1 in 20 x 3', profile: 'fast', noise: withOutliers(0.1, 3), step: 0 },
} satisfies Record<string, Shape>;

export interface Tune {
  readonly shape: Shape;
  /** True relative change per policy, −0.05 is 5 % less; policy i is called `p<i>`. */
  readonly effects: readonly number[];
  /** The same for the default with settings, `s<i>`. */
  readonly settings?: readonly number[];
  readonly seed: number;
}

export interface TuneResult {
  readonly judgement: Judgement;
  readonly runs: number;
}

/** The true change of an arm by its id. */
function truthOf({ effects, settings = [] }: Tune, armId: string): number {
  if (armId === 'default') return 0;
  return (armId.startsWith('s') ? settings : effects)[Number(armId.slice(1))]!;
}

export function simulateTune(tune: Tune): TuneResult {
  const { shape, effects, settings = [], seed } = tune;
  const arms: ArmSpec[] = [
    { id: 'default', name: 'default', kind: 'default' },
    ...settings.map((_, i): ArmSpec => ({ id: `s${i}`, name: `s${i}`, kind: 'settings' })),
    ...effects.map((_, i): ArmSpec => ({ id: `p${i}`, name: `p${i}`, kind: 'policy' })),
  ];
  const goal = { metric: 'makespanNs', direction: 'lower', unit: 'ns' } as const;
  const plan = createPlan({ seed, goal, arms, profile: shape.profile });
  const sizes = new Map<number, number>(); // what a seed does to every arm alike
  const observations = drive(plan, (armId, block, order) => {
    const size = sizes.get(block.seed) ?? Math.exp(0.1 * createRandom(block.seed).normal());
    sizes.set(block.seed, size);
    const random = createRandom(derive(block.seed, 'nuisance', armId));
    const exact = size * (1 + truthOf(tune, armId)) * shape.noise(random, order);
    return 1e9 * (shape.step > 0 ? Math.max(1, Math.round(exact / shape.step)) * shape.step : exact);
  });
  return { judgement: judge({ plan, observations }), runs: observations.length };
}

export interface Rates {
  readonly tunes: number;
  /** An arm was accepted that is no better than the default. */
  readonly falselyAccepted: number;
  /** Some arm was accepted. */
  readonly found: number;
  /** … and it was settings, not a policy. */
  readonly foundSettings: number;
  readonly rejected: number;
  readonly inconclusive: number;
  /** Of the tunes with an interval: it contains the confirmed arm's true effect. */
  readonly covered: number;
  readonly intervals: number;
  readonly meanRuns: number;
}

export function measure(tunes: number, tune: (i: number) => Tune): Rates {
  const rates = {
    falselyAccepted: 0,
    found: 0,
    foundSettings: 0,
    rejected: 0,
    inconclusive: 0,
    covered: 0,
    intervals: 0,
  };
  let runs = 0;
  for (let i = 0; i < tunes; i++) {
    const spec = tune(i);
    const result = simulateTune(spec);
    const { decision, candidate, effect } = result.judgement;
    const truth = candidate === null ? 0 : truthOf(spec, candidate);
    runs += result.runs;
    if (decision === 'accepted') {
      rates.found++;
      if (truth >= 0) rates.falselyAccepted++;
      if (candidate!.startsWith('s')) rates.foundSettings++;
    } else if (decision === 'rejected') rates.rejected++;
    else rates.inconclusive++;
    if (effect === null) continue;
    rates.intervals++;
    if (effect.low - 1e-9 <= truth && truth <= effect.high + 1e-9) rates.covered++;
  }
  return { tunes, ...rates, meanRuns: runs / tunes };
}
