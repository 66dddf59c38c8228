// How often the classifier is right: of each class what its programs were called, as text and as a picture. A program counts once, however many runs it has.

import { type ClassName, classNames, type Profile, type Shape } from '../../src/core/profile.ts';
import type { readRuns } from './runs.ts';

type Run = ReturnType<typeof readRuns>[number];
type Called = Profile['class']['name'];
export const calledNames: readonly Called[] = [...classNames, 'unsure'];

export interface Judged {
  readonly run: Run;
  readonly said: Profile['class'];
}

export function judge(
  runs: readonly Run[],
  shapeOf: (run: Run) => Shape,
  classify: (shape: Shape) => Profile['class'],
): Judged[] {
  return runs.map((run) => ({ run, said: classify(shapeOf(run)) }));
}

/** Programs of a class (rows) by what they were called; a program whose runs were called differently is shared among those. */
export function matrixOf(judged: readonly Judged[]): Map<ClassName, Map<Called, number>> {
  const runsOf = new Map<string, number>();
  for (const { run } of judged) runsOf.set(run.program, (runsOf.get(run.program) ?? 0) + 1);
  const matrix = new Map(classNames.map((label) => [label, new Map<Called, number>()]));
  for (const { run, said } of judged) {
    const row = matrix.get(run.label)!;
    row.set(said.name, (row.get(said.name) ?? 0) + 1 / runsOf.get(run.program)!);
  }
  return matrix;
}

/** Right among the programs of some classes. */
export function accuracy(
  judged: readonly Judged[],
  classes: readonly ClassName[],
): { right: number; of: number } {
  const matrix = matrixOf(judged);
  const sum = (values: Iterable<number>): number => [...values].reduce((all, one) => all + one, 0);
  return {
    right: sum(classes.map((label) => matrix.get(label)!.get(label) ?? 0)),
    of: sum(classes.flatMap((label) => [...matrix.get(label)!.values()])),
  };
}

export function confusionText(judged: readonly Judged[]): string {
  const matrix = matrixOf(judged);
  const cell = (text: string): string => text.padStart(9);
  const head = ['called'.padEnd(18), ...calledNames.map((name) => cell(short(name)))].join('');
  const rows = [...matrix].map(([label, row]) =>
    [label.padEnd(18), ...calledNames.map((name) => cell(number(row.get(name) ?? 0)))].join(''),
  );
  return `${[head, ...rows].join('\n')}\n`;
}

export function confusionPicture(title: string, judged: readonly Judged[]): string {
  const [side, left, top] = [64, 150, 110];
  const matrix = matrixOf(judged);
  const parts = [...matrix].flatMap(([label, row], y) => {
    const all = [...row.values()].reduce((sum, value) => sum + value, 0);
    const cells = calledNames.map((name, x) => {
      const value = row.get(name) ?? 0;
      const fill = name === label ? '#2a7f3f' : name === 'unsure' ? '#8a8a8a' : '#b3382c';
      const [px, py, opacity] = [left + x * side, top + y * side, (value / Math.max(1, all)).toFixed(2)];
      const text =
        value === 0
          ? ''
          : `<text x="${px + side / 2}" y="${py + side / 2 + 5}" text-anchor="middle">${number(value)}</text>`;
      return `<rect x="${px}" y="${py}" width="${side}" height="${side}" fill="${fill}" fill-opacity="${opacity}" stroke="#ccc"/>${text}`;
    });
    return [
      ...cells,
      `<text x="${left - 8}" y="${top + y * side + side / 2 + 5}" text-anchor="end">${label}</text>`,
    ];
  });
  const heads = calledNames.map((name, x) => {
    const at = `${left + x * side + side / 2} ${top - 8}`;
    return `<text transform="translate(${at}) rotate(-40)">${name}</text>`;
  });
  const [width, height] = [left + calledNames.length * side + 80, top + classNames.length * side + 20];
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" font-family="sans-serif" font-size="14">`,
    `<title>${title}</title>`,
    '<rect width="100%" height="100%" fill="white"/>',
    `<text x="10" y="22" font-size="16">${title}</text>`,
    ...heads,
    ...parts,
    '</svg>\n',
  ].join('\n');
}

function number(value: number): string {
  return value === 0 ? '.' : String(Number(value.toFixed(1)));
}

function short(name: string): string {
  return name.replace('-bound', '').replace('latency-critical', 'latency');
}
