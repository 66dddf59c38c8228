// The classifier as data, and what it says of a vector: multinomial logistic regression over standardised features, its logits divided by a temperature, so
// that a confidence of 0.8 is right in eight cases of ten (Guo et al., "On Calibration of Modern Neural Networks", 2017).

import type { ClassName } from '../../core/profile.ts';

export interface ClassModel {
  readonly classes: readonly ClassName[];
  readonly features: readonly string[];
  readonly mean: readonly number[];
  readonly deviation: readonly number[];
  /** A row for each class: a weight for each feature, then the constant. */
  readonly weights: readonly (readonly number[])[];
  readonly temperature: number;
  /** Below this confidence nothing is claimed. */
  readonly threshold: number;
}

/** What was not measured is taken to be as it is on average: it speaks for no class. */
export function standardised(
  model: Pick<ClassModel, 'mean' | 'deviation'>,
  values: readonly (number | undefined)[],
): Float64Array {
  return Float64Array.from(values, (value, i) =>
    value === undefined || Number.isNaN(value) ? 0 : (value - model.mean[i]!) / model.deviation[i]!,
  );
}

export function logits(weights: ClassModel['weights'], x: Float64Array): Float64Array {
  return Float64Array.from(weights, (row) => {
    let sum = row[x.length]!;
    for (let i = 0; i < x.length; i++) sum += row[i]! * x[i]!;
    return sum;
  });
}

/** Probabilities, all together 1. */
export function softmax(values: Float64Array, temperature = 1): Float64Array {
  const top = values.reduce((most, value) => Math.max(most, value), Number.NEGATIVE_INFINITY);
  const powers = values.map((value) => Math.exp((value - top) / temperature));
  const all = powers.reduce((sum, power) => sum + power, 0);
  return powers.map((power) => power / all);
}
