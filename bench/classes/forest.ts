// Growing a forest: trees of a few questions, each over a random choice of features and a random weight for each program (Rubin's Bayesian bootstrap, by program
// and not by run), so that no tree trusts a single program. Deterministic from the seed.

import { createRandom, derive, type Random } from '../../src/lib/random.ts';
import type { Tree, Values } from '../../src/profiles/classes/model.ts';

export interface Weighed {
  readonly program: string;
  readonly values: Values;
  readonly y: number;
  readonly weight: number;
}

export interface ForestWish {
  readonly trees: number;
  readonly depth: number;
  /** Features that each question may choose from. */
  readonly choices: number;
  /** Weight that must stay on each side of a question. */
  readonly leaf: number;
  readonly classes: number;
  readonly seed: number;
}

/** An example in a node; one whose feature was not measured goes both ways, in parts. */
interface Part {
  readonly values: Values;
  readonly y: number;
  readonly weight: number;
}

export function grow(examples: readonly Weighed[], wish: ForestWish): Tree[] {
  return Array.from({ length: wish.trees }, (_, index) => {
    const random = createRandom(derive(wish.seed, 'tree', index));
    const luck = new Map<string, number>();
    for (const { program } of examples) if (!luck.has(program)) luck.set(program, random.exponential());
    const parts = examples.map(({ program, values, y, weight }) => ({
      values,
      y,
      weight: weight * luck.get(program)!,
    }));
    return node(parts, wish, random, wish.depth);
  });
}

function node(parts: readonly Part[], wish: ForestWish, random: Random, depth: number): Tree {
  const sums = sumsOf(parts, wish.classes);
  const all = sums.reduce((sum, weight) => sum + weight, 0);
  const top = sums.reduce((most, weight) => Math.max(most, weight), 0);
  const width = parts[0]?.values.length ?? 0;
  if (depth > 0 && top < 0.999 * all && all >= 2 * wish.leaf) {
    const chosen = random.shuffle(Array.from({ length: width }, (_, i) => i)).slice(0, wish.choices);
    const best = bestOf(chosen.map((feature) => questionOf(parts, feature, wish)));
    if (best !== undefined) {
      const [yes, no] = divided(parts, best);
      const at = { feature: best.feature, at: best.at, known: Number(best.known.toFixed(3)) };
      return { ...at, yes: node(yes, wish, random, depth - 1), no: node(no, wish, random, depth - 1) };
    }
  }
  return {
    shares: Array.from(sums, (weight) => Number((all > 0 ? weight / all : 1 / wish.classes).toFixed(3))),
  };
}

function sumsOf(parts: readonly Part[], classes: number): Float64Array {
  const sums = new Float64Array(classes);
  for (const { y, weight } of parts) sums[y]! += weight;
  return sums;
}

interface Question {
  readonly feature: number;
  readonly at: number;
  readonly known: number;
  /** Gini impurity that it removes. */
  readonly gain: number;
}

function bestOf(questions: readonly (Question | undefined)[]): Question | undefined {
  return questions.reduce(
    (best, one) => (one !== undefined && one.gain > (best?.gain ?? 1e-9) ? one : best),
    undefined,
  );
}

/** The best threshold of a feature. */
function questionOf(parts: readonly Part[], feature: number, wish: ForestWish): Question | undefined {
  const known = parts
    .flatMap(({ values, y, weight }) => {
      const value = values[feature];
      return value === undefined ? [] : [{ value, y, weight }];
    })
    .sort((a, b) => a.value - b.value);
  const right = sumsOf(
    known.map(({ y, weight }) => ({ values: [], y, weight })),
    wish.classes,
  );
  const left = new Float64Array(wish.classes);
  const all = right.reduce((sum, weight) => sum + weight, 0);
  const before = squares(right) / all;
  let [leftAll, best]: [number, Question | undefined] = [0, undefined];
  for (let i = 0; i + 1 < known.length; i++) {
    const { value, y, weight } = known[i]!;
    left[y]! += weight;
    right[y]! -= weight;
    leftAll += weight;
    const next = known[i + 1]!.value;
    const at = Number(((value + next) / 2).toPrecision(5));
    if (!(value <= at && at < next) || leftAll < wish.leaf || all - leftAll < wish.leaf) continue;
    const gain = squares(left) / leftAll + squares(right) / (all - leftAll) - before;
    if (gain > (best?.gain ?? 0)) best = { feature, at, known: leftAll / all, gain };
  }
  return best;
}

function squares(values: Float64Array): number {
  let sum = 0;
  for (const value of values) sum += value * value;
  return sum;
}

function divided(parts: readonly Part[], { feature, at, known }: Question): [Part[], Part[]] {
  const [yes, no]: [Part[], Part[]] = [[], []];
  for (const part of parts) {
    const value = part.values[feature];
    if (value === undefined) {
      yes.push({ ...part, weight: known * part.weight });
      no.push({ ...part, weight: (1 - known) * part.weight });
    } else (value <= at ? yes : no).push(part);
  }
  return [yes, no];
}
