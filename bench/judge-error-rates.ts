// The judge's error rates by simulation, as a table: npx tsx bench/judge-error-rates.ts [tunes per cell, default 1000]
import { measure, shapes } from '../test/judge/simulation.ts';

const tunes = Number(process.argv[2] ?? 1000);
const nulls = (n: number): number[] => Array(n).fill(0);
const cells = [
  { name: '10 equal', effects: nulls(10) },
  { name: '1 equal', effects: nulls(1) },
  { name: '39 equal', effects: nulls(39) },
  { name: '9 equal, 1 x -5 %', effects: [...nulls(9), -0.05] },
  { name: '9 equal, 1 x -20 %', effects: [...nulls(9), -0.2] },
  { name: '1 x -2 %', effects: [-0.02] },
  { name: '10 worse by 5 %', effects: Array(10).fill(0.05) },
];

const percent = (part: number, whole: number) => (whole === 0 ? '-' : ((100 * part) / whole).toFixed(1));
const print = (row: readonly string[]) => {
  const [shape, arms, ...rest] = row;
  process.stdout.write(
    `${shape!.padEnd(40)}${arms!.padEnd(20)}${rest.map((cell) => cell.padStart(13)).join('')}\n`,
  );
};

print([
  'noise of a run',
  'arms',
  'false acc. %',
  'accepted %',
  'rejected %',
  'inconcl. %',
  'covered %',
  'runs',
]);
for (const shape of Object.values(shapes))
  for (const { name, effects } of cells) {
    const r = measure(tunes, (i) => ({ shape, effects, seed: i }));
    print([
      shape.name,
      name,
      percent(r.falselyAccepted, tunes),
      percent(r.found, tunes),
      percent(r.rejected, tunes),
      percent(r.inconclusive, tunes),
      percent(r.covered, r.intervals),
      r.meanRuns.toFixed(0),
    ]);
  }
