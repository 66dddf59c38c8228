// The data set: what was counted of each run of each program, as shapes, from a recording, the standing watch and procfs at the same time. A file for each class, a line for
// each run. Programs have names there so that they can be split; what the classifier sees are shapes, which have none.

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { ClassName, Shape } from '../../src/core/profile.ts';

export interface ClassRun {
  readonly program: string;
  readonly workers: number;
  /** CPUs that others kept busy meanwhile. */
  readonly others: number;
  readonly recording: Shape;
  readonly watch: Shape;
  readonly procfs: Shape;
  /** Events of the recording, and lost. */
  readonly events: readonly [number, number];
}

export const runsDirectory = fileURLToPath(new URL('runs/', import.meta.url));

export function readRuns(): (ClassRun & { readonly label: ClassName })[] {
  const files = existsSync(runsDirectory) ? readdirSync(runsDirectory).sort() : [];
  return files
    .filter((file) => file.endsWith('.jsonl'))
    .flatMap((file) =>
      readFileSync(runsDirectory + file, 'utf8')
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => ({
          ...(JSON.parse(line) as ClassRun),
          label: file.replace('.jsonl', '') as ClassName,
        })),
    );
}

/** Four digits are enough, and the course over time is not looked at. */
export function compact(shape: Shape): Shape {
  const { overTime: _, ...rest } = shape;
  return JSON.parse(
    JSON.stringify(rest, (_, value: unknown) =>
      typeof value === 'number' ? Number(value.toPrecision(4)) : value,
    ),
  ) as Shape;
}
