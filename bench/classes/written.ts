// The models as a source file, and how far two models are from each other.

import type { ClassModel, Tree } from '../../src/profiles/classes/model.ts';

type Models = Readonly<Record<'events' | 'procfs', ClassModel>>;
const kinds = ['events', 'procfs'] as const;

export function modelText(models: Models): string {
  const text = ({ classes, features, trees, temperature, threshold }: ClassModel): string =>
    [
      `    classes: ${JSON.stringify(classes)},`,
      `    features: ${JSON.stringify(features)},`,
      `    temperature: ${temperature},`,
      `    threshold: ${threshold},`,
      '    trees: [',
      ...trees.map((tree) => `      ${treeText(tree)},`),
      '    ],',
    ].join('\n');
  return `// biome-ignore-all format: rows of numbers
// biome-ignore-all lint: rows of numbers
// What \`npm run bench -- classes --write\` has learnt: one model for shapes made of events, one for those made of procfs alone. A tree is a row. Not to be edited.

import { answer as a, type ClassModel, question as q } from './model.ts';

export const models: Readonly<Record<'events' | 'procfs', ClassModel>> = {
${kinds.map((kind) => `  ${kind}: {\n${text(models[kind])}\n  },`).join('\n')}
};
`;
}

function treeText(tree: Tree): string {
  if ('shares' in tree) return `a(${tree.shares.join()})`;
  return `q(${tree.feature},${tree.at},${tree.known},${treeText(tree.yes)},${treeText(tree.no)})`;
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

function flat({ trees, temperature, threshold }: ClassModel): number[] {
  return [...trees.flatMap(numbersOf), temperature, threshold];
}

function numbersOf(tree: Tree): number[] {
  if ('shares' in tree) return [...tree.shares];
  return [tree.feature, tree.at, tree.known, ...numbersOf(tree.yes), ...numbersOf(tree.no)];
}
