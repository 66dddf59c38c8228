// The classifier as data, and what it says of a vector: a forest of shallow trees (Breiman, "Random Forests", 2001), whose votes are softened or sharpened by a
// temperature, so that a confidence of 0.8 is right in eight cases of ten (Guo et al., "On Calibration of Modern Neural Networks", 2017).

import type { ClassName } from '../../core/profile.ts';

/** A question: is `feature` at most `at`? `known`: the share of what it was learnt from, where the feature was measured, for which the answer was yes. */
export interface Split {
  readonly feature: number;
  readonly at: number;
  readonly known: number;
  readonly yes: Tree;
  readonly no: Tree;
}
/** Or an answer: a share for each class. */
export type Tree = Split | { readonly shares: readonly number[] };

export interface ClassModel {
  readonly classes: readonly ClassName[];
  readonly features: readonly string[];
  readonly trees: readonly Tree[];
  readonly temperature: number;
  /** Below this confidence nothing is claimed. */
  readonly threshold: number;
}

export type Values = readonly (number | undefined)[];

/** What a tree says. Where a feature was not measured both sides are heard, as often as they were right for what was measured. */
export function sharesOf(tree: Tree, values: Values): readonly number[] {
  if ('shares' in tree) return tree.shares;
  const value = values[tree.feature];
  if (value !== undefined) return sharesOf(value <= tree.at ? tree.yes : tree.no, values);
  const [yes, no] = [sharesOf(tree.yes, values), sharesOf(tree.no, values)];
  return yes.map((share, c) => tree.known * share + (1 - tree.known) * no[c]!);
}

/** The mean of what all trees say. */
export function votes(trees: readonly Tree[], values: Values): Float64Array {
  const sum = new Float64Array(sharesOf(trees[0]!, values).length);
  for (const tree of trees) for (const [c, share] of sharesOf(tree, values).entries()) sum[c]! += share;
  return sum.map((share) => share / trees.length);
}

/** No class is ever ruled out. */
const least = 0.005;

/** Probabilities, all together 1. */
export function tempered(shares: Float64Array, temperature: number): Float64Array {
  const powers = shares.map((share) => (share + least) ** (1 / temperature));
  const all = powers.reduce((sum, power) => sum + power, 0);
  return powers.map((power) => power / all);
}

/** How much each feature moved the share of class `c`: along each path, from what was expected before its question to what is expected after it. */
export function spokenFor(trees: readonly Tree[], values: Values, c: number): Float64Array {
  const moved = new Float64Array(values.length);
  for (const tree of trees) {
    let at = tree;
    while (!('shares' in at)) {
      const value = values[at.feature];
      if (value === undefined) break;
      const next = value <= at.at ? at.yes : at.no;
      moved[at.feature]! += (expected(next, c) - expected(at, c)) / trees.length;
      at = next;
    }
  }
  return moved;
}

/** What a tree says of class `c` when nothing is known. */
function expected(tree: Tree, c: number): number {
  if ('shares' in tree) return tree.shares[c]!;
  return tree.known * expected(tree.yes, c) + (1 - tree.known) * expected(tree.no, c);
}

/** As coefficients.ts writes trees. */
export const answer = (...shares: number[]): Tree => ({ shares });
export const question = (feature: number, at: number, known: number, yes: Tree, no: Tree): Tree => ({
  ...{ feature, at, known },
  yes,
  no,
});
