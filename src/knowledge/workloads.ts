// The standard workloads: workloads/*.json are declared ones, workloads/programs/*.json are real programs. Beside them workloads/gauntlet/*.json: loads that bring out
// faults, of either kind, which measure nothing.

import { readdir, readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { z } from 'zod';
import { Fault } from '../core/errors.ts';

/** A real program. `{qemu}`-like words in braces name groups of fetched tools and stand for their root directories. */
export const programSchema = z.strictObject({
  kind: z.literal('program'),
  name: z.string(),
  description: z.string(),
  goal: z.strictObject({ metric: z.string(), direction: z.enum(['lower', 'higher']) }),
  tools: z.array(z.enum(['programs', 'perf', 'compiler', 'stress'])),
  /** A source package to unpack, as `{source}`. */
  source: z.string().optional(),
  argv: z.array(z.string()).min(1),
  with: z.array(z.string()).default([]),
  env: z.record(z.string(), z.string()).default({}),
  cwd: z.string().default('/tmp'),
  patterns: z.record(z.string(), z.string()).default({}),
  runs: z.number().int().min(1).default(1),
});
export type Program = z.infer<typeof programSchema>;

/** A declared workload's file, not yet read by the room `workload`, or a program. */
export type StandardWorkload =
  | { readonly kind: 'declared'; readonly name: string; readonly text: string }
  | { readonly kind: 'program'; readonly name: string; readonly program: Program };

export interface WorkloadLibrary {
  /** The standard set. */
  list(): Promise<StandardWorkload[]>;
  /** One of the standard set, or a load of the gauntlet. */
  get(name: string): Promise<StandardWorkload>;
}

export function openWorkloads(directory: string): WorkloadLibrary {
  const list = async (): Promise<StandardWorkload[]> => [
    ...(await readAll(directory, () => false)),
    ...(await readAll(join(directory, 'programs'), () => true)),
  ];
  return {
    list,
    async get(name) {
      const standard = await list();
      const loads = await readAll(join(directory, 'gauntlet'), (text) => /"kind": "program"/.test(text));
      const found = [...standard, ...loads].find((item) => item.name === name);
      if (found !== undefined) return found;
      throw new Fault('not-found', `no workload ${name}`, {
        next: `there are: ${standard.map((item) => item.name).join(', ')}; or give the path of a workload file, or a command`,
      });
    },
  };
}

/** Files of a directory by name, none where it is not there. */
async function readAll(directory: string, isProgram: (text: string) => boolean): Promise<StandardWorkload[]> {
  return Promise.all(
    (await namesOf(directory)).map(async (name): Promise<StandardWorkload> => {
      const text = await readFile(join(directory, `${name}.json`), 'utf8');
      if (!isProgram(text)) return { kind: 'declared', name, text };
      return { kind: 'program', name, program: programSchema.parse(JSON.parse(text)) };
    }),
  );
}

async function namesOf(directory: string): Promise<string[]> {
  const files = await readdir(directory).catch(() => []);
  return files
    .filter((file) => file.endsWith('.json'))
    .map((file) => basename(file, '.json'))
    .sort();
}
