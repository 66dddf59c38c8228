// Training of the class models: multinomial logistic regression with L2, by Newton's method (the loss is convex, so there is one answer and no seed).
// Strength of the L2, temperature and threshold come from cross-validation over programs of the training half: all runs of a program are in one fold.

import { type ClassName, classNames } from '../../src/core/profile.ts';
import { assert } from '../../src/lib/assert.ts';
import { createRandom } from '../../src/lib/random.ts';
import { type ClassModel, logits, softmax, standardised } from '../../src/profiles/classes/model.ts';

export interface Example {
  readonly program: string;
  readonly label: ClassName;
  /** A value for each feature; undefined: not measured. */
  readonly values: readonly (number | undefined)[];
}

interface Row {
  readonly x: Float64Array;
  readonly y: number;
  readonly weight: number;
}

type Fitted = Pick<ClassModel, 'mean' | 'deviation' | 'weights'>;

const strengths = [0.3, 1, 3];
const folds = 6;

/** Examples → a model. Deterministic. */
export function train(features: readonly string[], examples: readonly Example[]): ClassModel {
  const scored = strengths.map((strength) => {
    const held = outOfFold(examples, strength);
    const temperature = temperatureOf(held);
    return { strength, held, temperature, loss: lossOf(held, temperature) };
  });
  const best = scored.reduce((one, other) => (other.loss < one.loss ? other : one));
  return {
    classes: classNames,
    features,
    ...learn(examples, best.strength),
    temperature: best.temperature,
    threshold: thresholdOf(best.held, best.temperature),
  };
}

/** Without a PMU little speaks for it: a guess in its favour costs those that compute more than it gains. */
const memoryShare = 0.5;

/** One fit. Every program counts alike within its class, and every class alike, memory-bound half. */
export function learn(examples: readonly Example[], strength: number): Fitted {
  const scale = scaleOf(examples);
  const weightOf = weighing(examples);
  const rows = examples.map((example) => ({
    x: standardised(scale, example.values),
    y: classNames.indexOf(example.label),
    weight: weightOf(example),
  }));
  return { ...scale, weights: newton(rows, classNames.length, strength) };
}

function weighing(examples: readonly Example[]): (example: Example) => number {
  const runs = new Map<string, number>();
  const programs = new Map<ClassName, Set<string>>();
  for (const { program, label } of examples) {
    runs.set(program, (runs.get(program) ?? 0) + 1);
    programs.set(label, (programs.get(label) ?? new Set()).add(program));
  }
  const mean = runs.size / programs.size;
  return ({ program, label }) => {
    const ofClass = label === 'memory-bound' ? memoryShare * mean : mean;
    return ofClass / programs.get(label)!.size / runs.get(program)!;
  };
}

/** Of what was measured. A feature that never was, or never changes, keeps the scale 1. */
function scaleOf(examples: readonly Example[]): Pick<ClassModel, 'mean' | 'deviation'> {
  const width = examples[0]?.values.length ?? 0;
  const mean: number[] = [];
  const deviation: number[] = [];
  for (let i = 0; i < width; i++) {
    const seen = examples.map(({ values }) => values[i]).filter((value) => value !== undefined);
    const middle = seen.length === 0 ? 0 : seen.reduce((sum, value) => sum + value, 0) / seen.length;
    const square = seen.reduce((sum, value) => sum + (value - middle) ** 2, 0) / Math.max(1, seen.length);
    mean.push(middle);
    deviation.push(square > 1e-12 ? Math.sqrt(square) : 1);
  }
  return { mean, deviation };
}

/** Newton's decrement, squared, at which nothing is left to gain. */
const enough = 1e-20;

/**
 * Weights (classes × (features + 1)) that minimise Σ weight · −ln p(y) + strength/2 · Σ w²; constants are not punished, but for a trace that makes the
 * answer one. Steps are halved until the loss falls.
 */
export function newton(rows: readonly Row[], classes: number, strength: number): number[][] {
  const width = (rows[0]?.x.length ?? 0) + 1;
  const size = classes * width;
  let w = new Float64Array(size);
  let loss = objective(rows, w, width, strength);
  for (let round = 0; round < 100; round++) {
    const { gradient, hessian } = derivatives(rows, w, width, strength);
    const step = solve(hessian, gradient);
    if (gradient.reduce((sum, slope, i) => sum + slope * step[i]!, 0) < enough) break;
    let scale = 1;
    let next = w;
    let lower = loss;
    for (; scale > 1e-12; scale /= 2) {
      next = w.map((value, i) => value - scale * step[i]!);
      lower = objective(rows, next, width, strength);
      if (lower < loss) break;
    }
    if (!(lower < loss)) break;
    w = next;
    loss = lower;
  }
  return Array.from({ length: classes }, (_, c) => Array.from(w.subarray(c * width, (c + 1) * width)));
}

const ridge = (strength: number, i: number, width: number): number =>
  i % width === width - 1 ? 1e-4 : strength;

function probabilities({ x }: Row, w: Float64Array, width: number): Float64Array {
  const out = new Float64Array(w.length / width);
  for (let c = 0; c < out.length; c++) {
    let sum = w[(c + 1) * width - 1]!;
    for (let i = 0; i < x.length; i++) sum += w[c * width + i]! * x[i]!;
    out[c] = sum;
  }
  return softmax(out);
}

function objective(rows: readonly Row[], w: Float64Array, width: number, strength: number): number {
  let loss = 0;
  for (const row of rows)
    loss -= row.weight * Math.log(Math.max(1e-300, probabilities(row, w, width)[row.y]!));
  for (let i = 0; i < w.length; i++) loss += (ridge(strength, i, width) / 2) * w[i]! ** 2;
  return loss;
}

/** Curvature that a step would not feel. */
const negligible = 1e-9;

function derivatives(
  rows: readonly Row[],
  w: Float64Array,
  width: number,
  strength: number,
): { gradient: Float64Array; hessian: Float64Array[] } {
  const gradient = Float64Array.from(w, (value, i) => ridge(strength, i, width) * value);
  const hessian = Array.from(w, (_, i) => {
    const line = new Float64Array(w.length);
    line[i] = ridge(strength, i, width);
    return line;
  });
  for (const row of rows) {
    const p = probabilities(row, w, width);
    const x = Float64Array.from({ length: width }, (_, i) => row.x[i] ?? 1);
    for (let c = 0; c < p.length; c++) {
      const slope = row.weight * (p[c]! - (row.y === c ? 1 : 0));
      for (let i = 0; i < width; i++) gradient[c * width + i]! += slope * x[i]!;
      // The lower half, which is all that Cholesky reads.
      for (let d = 0; d <= c; d++) {
        const curve = row.weight * p[c]! * ((c === d ? 1 : 0) - p[d]!);
        if (Math.abs(curve) < negligible) continue;
        for (let i = 0; i < width; i++) {
          const line = hessian[c * width + i]!;
          const much = curve * x[i]!;
          const end = c === d ? i + 1 : width;
          for (let j = 0; j < end; j++) line[d * width + j]! += much * x[j]!;
        }
      }
    }
  }
  return { gradient, hessian };
}

/** a · x = b for a symmetric positive definite a, of which the lower half is read, by Cholesky. */
export function solve(a: readonly Float64Array[], b: Float64Array): Float64Array {
  const n = b.length;
  const l = a.map((line) => Float64Array.from(line));
  for (let i = 0; i < n; i++) {
    const own = l[i]!;
    for (let j = 0; j <= i; j++) {
      const other = l[j]!;
      let sum = own[j]!;
      for (let k = 0; k < j; k++) sum -= own[k]! * other[k]!;
      if (i === j) assert(sum > 0, 'a matrix that is not positive definite');
      own[j] = i === j ? Math.sqrt(sum) : sum / other[j]!;
    }
  }
  const x = Float64Array.from(b);
  for (let i = 0; i < n; i++) {
    for (let k = 0; k < i; k++) x[i]! -= l[i]![k]! * x[k]!;
    x[i]! /= l[i]![i]!;
  }
  for (let i = n - 1; i >= 0; i--) {
    for (let k = i + 1; k < n; k++) x[i]! -= l[k]![i]! * x[k]!;
    x[i]! /= l[i]![i]!;
  }
  return x;
}

/** What models that never saw its program say of an example: logits. */
interface Held {
  readonly example: Example;
  readonly logits: Float64Array;
  readonly weight: number;
}

export function outOfFold(examples: readonly Example[], strength: number): Held[] {
  const foldOf = foldsOf(examples);
  const weightOf = weighing(examples);
  return Array.from({ length: folds }, (_, fold) => {
    const rest = examples.filter(({ program }) => foldOf.get(program) !== fold);
    const fitted = learn(rest, strength);
    return examples
      .filter(({ program }) => foldOf.get(program) === fold)
      .map((example) => ({
        example,
        logits: logits(fitted.weights, standardised(fitted, example.values)),
        weight: weightOf(example),
      }));
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
  return held.reduce((sum, { example, logits: values, weight }) => {
    const p = softmax(values, temperature)[classNames.indexOf(example.label)]!;
    return sum - weight * Math.log(Math.max(p, 1e-12));
  }, 0);
}

/** By golden section over ln T in [ln 0.2, ln 10]. */
function temperatureOf(held: readonly Held[]): number {
  const golden = (Math.sqrt(5) - 1) / 2;
  let [low, high] = [Math.log(0.2), Math.log(10)];
  for (let i = 0; i < 60; i++) {
    const left = high - golden * (high - low);
    const right = low + golden * (high - low);
    if (lossOf(held, Math.exp(left)) <= lossOf(held, Math.exp(right))) high = right;
    else low = left;
  }
  return Math.exp((low + high) / 2);
}

/** Where a right word gains what a wrong one costs: the lowest threshold at which right − wrong, out of fold, is the most. */
function thresholdOf(held: readonly Held[], temperature: number): number {
  const said = held.map(({ example, logits: values, weight }) => {
    const p = softmax(values, temperature);
    const confidence = p.reduce((most, value) => Math.max(most, value), 0);
    const right = classNames[p.indexOf(confidence)] === example.label;
    return { confidence, gain: right ? weight : -weight };
  });
  let best = { threshold: 0.3, gain: Number.NEGATIVE_INFINITY };
  for (let percent = 30; percent <= 70; percent += 1) {
    const gain = said.reduce((sum, one) => sum + (one.confidence >= percent / 100 ? one.gain : 0), 0);
    if (gain > best.gain + 1e-9) best = { threshold: percent / 100, gain };
  }
  return best.threshold;
}
