// The standard workloads: workloads/*.json are declared ones, workloads/programs/*.json are real programs.

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
  tools: z.array(z.enum(['programs', 'perf', 'compiler'])),
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
  list(): Promise<StandardWorkload[]>;
  get(name: string): Promise<StandardWorkload>;
}

export function openWorkloads(directory: string): WorkloadLibrary {
  const list = async (): Promise<StandardWorkload[]> => {
    const declared = await namesOf(directory);
    const programs = await namesOf(join(directory, 'programs'));
    return Promise.all([
      ...declared.map(async (name): Promise<StandardWorkload> => {
        return { kind: 'declared', name, text: await readFile(join(directory, `${name}.json`), 'utf8') };
      }),
      ...programs.map(async (name): Promise<StandardWorkload> => {
        const text = await readFile(join(directory, 'programs', `${name}.json`), 'utf8');
        return { kind: 'program', name, program: programSchema.parse(JSON.parse(text)) };
      }),
    ]);
  };
  return {
    list,
    async get(name) {
      const all = await list();
      const found = all.find((item) => item.name === name);
      if (found !== undefined) return found;
      throw new Fault('not-found', `no workload ${name}`, {
        next: `there are: ${all.map((item) => item.name).join(', ')}; or give the path of a workload file, or a command after --`,
      });
    },
  };
}

async function namesOf(directory: string): Promise<string[]> {
  const files = await readdir(directory).catch(() => []);
  return files
    .filter((file) => file.endsWith('.json'))
    .map((file) => basename(file, '.json'))
    .sort();
}
