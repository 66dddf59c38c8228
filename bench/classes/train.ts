// Training of the class models: a forest, its temperature and its threshold. The latter two come from cross-validation over programs of the training half: what a
// forest says of a program that it has not seen. Deterministic.

import { type ClassName, classNames } from '../../src/core/profile.ts';
import { createRandom } from '../../src/lib/random.ts';
import {
  type ClassModel,
  type Tree,
  tempered,
  type Values,
  votes,
} from '../../src/profiles/classes/model.ts';
import { grow, type Weighed } from './forest.ts';

export interface Example {
  readonly program: string;
  readonly label: ClassName;
  /** A value for each feature; undefined: not measured. */
  readonly values: Values;
}

const folds = 5;
const wish = { trees: 64, depth: 8, choices: 8, leaf: 0.3, classes: classNames.length, seed: 4 };

/**
 * What a class counts. memory-bound: without a PMU little speaks for it, and a guess in its favour costs those that compute more than it gains.
 * latency-critical: to take such a one for something else is the dearest mistake.
 */
const counts: Readonly<Partial<Record<ClassName, number>>> = { 'memory-bound': 0.6, 'latency-critical': 2 };

/** Examples → a model. */
export function train(features: readonly string[], examples: readonly Example[]): ClassModel {
  const held = outOfFold(examples);
  const temperature = Number(temperatureOf(held).toFixed(2));
  const threshold = thresholdOf(held, temperature);
  return { classes: classNames, features, trees: forestOf(examples), temperature, threshold };
}

function forestOf(examples: readonly Example[]): Tree[] {
  return grow(weighed(examples), wish);
}

/** Every program counts alike within its class, however many runs it has, and every class by what it counts. */
function weighed(examples: readonly Example[]): Weighed[] {
  const runs = new Map<string, number>();
  const programs = new Map<ClassName, Set<string>>();
  for (const { program, label } of examples) {
    runs.set(program, (runs.get(program) ?? 0) + 1);
    programs.set(label, (programs.get(label) ?? new Set()).add(program));
  }
  const mean = runs.size / programs.size;
  return examples.map(({ program, label, values }) => {
    const ofClass = (counts[label] ?? 1) * mean;
    const weight = ofClass / programs.get(label)!.size / runs.get(program)!;
    return { program, values, y: classNames.indexOf(label), weight };
  });
}

/** What a forest that never saw its program says of an example. */
export interface Held {
  readonly example: Example;
  readonly shares: Float64Array;
  readonly weight: number;
}

export function outOfFold(examples: readonly Example[]): Held[] {
  const foldOf = foldsOf(examples);
  const weights = weighed(examples);
  return Array.from({ length: folds }, (_, fold) => {
    const trees = forestOf(examples.filter(({ program }) => foldOf.get(program) !== fold));
    return examples.flatMap((example, i) =>
      foldOf.get(example.program) === fold
        ? [{ example, shares: votes(trees, example.values), weight: weights[i]!.weight }]
        : [],
    );
  }).flat();
}

/** Programs of each class in turn, in a seeded order. */
function foldsOf(examples: readonly Example[]): Map<string, number> {
  const foldOf = new Map<string, number>();
  let next = 0;
  for (const label of classNames) {
    const own = new Set(examples.filter((example) => example.label === label).map(({ program }) => program));
    for (const program of createRandom(1).shuffle([...own].sort())) foldOf.set(program, next++ % folds);
  }
  return foldOf;
}

function lossOf(held: readonly Held[], temperature: number): number {
  return held.reduce((sum, { example, shares, weight }) => {
    return sum - weight * Math.log(tempered(shares, temperature)[classNames.indexOf(example.label)]!);
  }, 0);
}

/** The temperature of least loss among 0.3, 0.35 … 2: none is much better than its neighbours. */
export function temperatureOf(held: readonly Held[]): number {
  const candidates = Array.from({ length: 35 }, (_, i) => 0.3 + 0.05 * i);
  return candidates.reduce((best, one) => (lossOf(held, one) < lossOf(held, best) ? one : best));
}

/** Where a right word gains what a wrong one costs: the lowest threshold, 0.5 at most, at which right − wrong, out of fold, is the most. */
export function thresholdOf(held: readonly Held[], temperature: number): number {
  const said = held.map(({ example, shares, weight }) => {
    const p = tempered(shares, temperature);
    const confidence = p.reduce((most, value) => Math.max(most, value), 0);
    const isRight = classNames[p.indexOf(confidence)] === example.label;
    return { confidence, gain: isRight ? weight : -weight };
  });
  let best = { threshold: 0.3, gain: Number.NEGATIVE_INFINITY };
  for (let percent = 30; percent <= 50; percent++) {
    const gain = said.reduce((sum, one) => sum + (one.confidence >= percent / 100 ? one.gain : 0), 0);
    if (gain > best.gain + 1e-9) best = { threshold: percent / 100, gain };
  }
  return best.threshold;
}
