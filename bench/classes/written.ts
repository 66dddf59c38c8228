// The models as a source file, and how far two models are from each other.

import type { ClassModel } from '../../src/profiles/classes/model.ts';

type Models = Readonly<Record<'events' | 'procfs', ClassModel>>;
const kinds = ['events', 'procfs'] as const;

export function modelText(models: Models): string {
  const numbers = (values: readonly number[]): string =>
    `[${values.map((value) => String(Number(value.toPrecision(13)))).join(', ')}]`;
  const text = ({
    classes,
    features,
    mean,
    deviation,
    weights,
    temperature,
    threshold,
  }: ClassModel): string =>
    [
      `    classes: ${JSON.stringify(classes)},`,
      `    features: ${JSON.stringify(features)},`,
      `    mean: ${numbers(mean)},`,
      `    deviation: ${numbers(deviation)},`,
      '    weights: [',
      ...weights.map((row) => `      ${numbers(row)},`),
      '    ],',
      `    temperature: ${Number(temperature.toPrecision(13))},`,
      `    threshold: ${threshold},`,
    ].join('\n');
  return `// biome-ignore-all format: rows of numbers
// biome-ignore-all lint: rows of numbers
// What \`npm run bench -- classes --write\` has learnt: one model for shapes made of events, one for those made of procfs alone. Not to be edited.

import type { ClassModel } from './model.ts';

export const models: Readonly<Record<'events' | 'procfs', ClassModel>> = {
${kinds.map((kind) => `  ${kind}: {\n${text(models[kind])}\n  },`).join('\n')}
};
`;
}

/** The largest difference of any number, against its size where that is above 1. */
export function weightsApart(one: Models, other: Models): number {
  let most = 0;
  const compare = (a: number, b: number | undefined): void => {
    const apart = b === undefined ? Number.POSITIVE_INFINITY : Math.abs(a - b) / Math.max(1, Math.abs(a));
    most = Math.max(most, apart);
  };
  for (const kind of kinds) {
    const [a, b] = [flat(one[kind]), flat(other[kind])];
    if (a.length !== b.length || one[kind].features.join() !== other[kind].features.join())
      return Number.POSITIVE_INFINITY;
    for (const [i, value] of a.entries()) compare(value, b[i]);
  }
  return most;
}

function flat({ mean, deviation, weights, temperature, threshold }: ClassModel): number[] {
  return [...mean, ...deviation, ...weights.flat(), temperature, threshold];
}
