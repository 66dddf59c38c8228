// Which class a workload is of, from the numbers of its shape alone: no name is looked at. The models were trained on runs of real programs
// (bench/classes: `npm run bench -- classes`, which also says how often they are right on programs that they have not seen).

import { type ClassName, classNames, type Profile, type Shape } from '../core/profile.ts';
import { models } from './classes/coefficients.ts';
import { features } from './classes/features.ts';
import { type ClassModel, spokenFor, tempered, type Values, votes } from './classes/model.ts';

type Classified = Profile['class'];

const reasons = 3;
/** Share that a number must have moved to be named. */
const leastSpoken = 0.01;

/** Any subset of a shape will do; what is missing makes it less sure. Below the model's threshold the answer is "unsure", and `look` says what would settle it. */
export function classify(
  shape: Shape,
  by: Readonly<Record<'events' | 'procfs', ClassModel>> = models,
): Classified {
  const values = features.map((feature) => feature.of(shape));
  if (values.every((value) => value === undefined)) return nothingKnown(shape);
  const model = by[evidenceOf(shape)];
  const p = tempered(votes(model.trees, values), model.temperature);
  const order = [...p.keys()].sort((a, b) => p[b]! - p[a]!);
  const top = order[0]!;
  const confidence = p[top]!;
  const isSure = confidence >= model.threshold;
  return {
    name: isSure ? model.classes[top]! : 'unsure',
    confidence,
    scores: scoresOf(model.classes, p),
    why: whyOf(shape, model, values, top),
    look: isSure
      ? stillOpen(shape, model.classes[top]!)
      : lookAt(shape, model.classes[top]!, model.classes[order[1]!]!),
  };
}

/** From events: those tell who runs at once and who wakes. Else from what procfs tells. */
function evidenceOf({ parallelism, runNs, wakes }: Shape): 'events' | 'procfs' {
  return parallelism !== undefined || runNs !== undefined || wakes !== undefined ? 'events' : 'procfs';
}

function scoresOf(classes: readonly ClassName[], p: Float64Array): Record<ClassName, number> {
  return Object.fromEntries(classes.map((name, i) => [name, p[i]!])) as Record<ClassName, number>;
}

/** The numbers that speak most for a class. */
function whyOf(shape: Shape, model: ClassModel, values: Values, top: number): string[] {
  const spoken = [...spokenFor(model.trees, values, top).entries()]
    .filter(([, much]) => much > leastSpoken)
    .sort(([, a], [, b]) => b - a);
  return [...new Set(spoken.map(([i]) => features[i]!.words(shape)))].slice(0, reasons);
}

const questions: Readonly<Record<ClassName, string>> = {
  'cpu-bound': 'is it faster on a faster core, and by how much? perf stat: instructions per cycle',
  'memory-bound': 'cache misses per instruction, from a PMU (perf stat -e cycles,instructions,cache-misses)',
  'io-bound': 'its block I/O, and whether its tasks wait for the disk when they do not compute',
  'latency-critical':
    'does somebody outside wait for each answer? Its sockets, its timers, and how late it wakes',
  batch: 'is it one of many jobs? The process that starts it, and how many come and go',
  mixed: 'its groups of tasks one by one: which of them computes, which waits, and for what',
  idle: 'a longer observation, while it has work',
};

function lookAt(shape: Shape, first: ClassName, second: ClassName): string[] {
  const blind =
    shape.wakes === undefined && shape.runNs === undefined && (shape.utilisation ?? 0) > 0.001
      ? ['record it: without probes neither the lengths of its runs nor what it waits for is known']
      : [];
  return [`${first} or ${second}`, questions[first], questions[second], ...blind];
}

/** Who computes and who waits for memory look the same from outside the core. */
function stillOpen({ pmu }: Shape, name: ClassName): string[] {
  return name === 'cpu-bound' && pmu === undefined
    ? [`${questions['memory-bound']}; without one, who computes and who waits for memory look the same`]
    : [];
}

function nothingKnown(shape: Shape): Classified {
  return {
    name: 'unsure',
    confidence: 0,
    scores: scoresOf(classNames, new Float64Array(classNames.length).fill(1 / classNames.length)),
    why: [],
    look: ['nothing was measured', ...lookAt(shape, 'idle', 'mixed').slice(3)],
  };
}
