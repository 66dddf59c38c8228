// The policy library: policies/<name>/ with source, built object and policy.json.

import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { digestOf } from '../core/canonical.ts';
import { Fault } from '../core/errors.ts';
import { parameterValueSchema } from '../core/policy.ts';
import { ignoredSchema } from '../core/scenario.ts';

export const policyCardSchema = z.strictObject({
  name: z.string().regex(/^[a-z][a-z0-9_]*$/),
  summary: z.string(),
  goodFor: z.array(z.string()),
  badFor: z.array(z.string()),
  parameters: z.array(
    z.strictObject({
      name: z.string(),
      unit: z.string(),
      min: parameterValueSchema,
      max: parameterValueSchema,
      default: parameterValueSchema,
      description: z.string(),
      values: z.array(parameterValueSchema).optional(),
      /** A knob: it may be set while the policy runs, from low to high, and the policy passes the gauntlet at both ends. */
      moves: z.strictObject({ low: parameterValueSchema, high: parameterValueSchema }).optional(),
    }),
  ),
  hints: z.boolean(),
  /** What it does not promise: checkers of attack mode that have nothing to say about it. */
  ignores: z.array(ignoredSchema).default([]),
  kernel: z.strictObject({ min: z.string() }),
});
export type PolicyCard = z.infer<typeof policyCardSchema>;

export interface LibraryPolicy {
  readonly card: PolicyCard;
  readonly object: Uint8Array;
}

export interface PolicyLibrary {
  list(): Promise<LibraryPolicy[]>;
  /** Throws Fault('not-found') that lists the names. */
  get(name: string): Promise<LibraryPolicy>;
  /** The card of this very object, by its SHA-256, wherever it was read from and whatever it is called there. */
  cardOf(digest: string): Promise<PolicyCard | undefined>;
}

export function openPolicies(directory: string): PolicyLibrary {
  let loaded: Promise<LibraryPolicy[]> | undefined;
  const list = (): Promise<LibraryPolicy[]> => {
    loaded ??= load(directory);
    return loaded;
  };
  return {
    list,
    async cardOf(digest) {
      return (await list()).find(({ object }) => digestOf(object) === digest)?.card;
    },
    async get(name) {
      const all = await list();
      const found = all.find((policy) => policy.card.name === name);
      if (found !== undefined) return found;
      throw new Fault('not-found', `no policy ${name} in the library`, {
        next: `there are: ${all.map((policy) => policy.card.name).join(', ')}; or give the path of an object`,
      });
    },
  };
}

async function load(directory: string): Promise<LibraryPolicy[]> {
  const entries = await readdir(directory, { withFileTypes: true });
  const names = entries
    .filter((entry) => entry.isDirectory() && entry.name !== 'include')
    .map((entry) => entry.name)
    .sort();
  return Promise.all(
    names.map(async (name) => {
      const text = await readFile(join(directory, name, 'policy.json'), 'utf8');
      const card = policyCardSchema.parse(JSON.parse(text));
      return { card, object: await readFile(join(directory, name, `${name}.bpf.o`)) };
    }),
  );
}
