// The standard set, for tests.
import { readdirSync, readFileSync } from 'node:fs';
import type { WorkloadFile } from '../../src/core/workload.ts';
import { parseWorkload } from '../../src/workload/read.ts';

const folder = new URL('../../workloads/', import.meta.url);

/** Declared workloads of `workloads/` by name; files of commands are others' business. */
export function standardSet(): WorkloadFile[] {
  return readdirSync(folder)
    .sort()
    .filter((name) => name.endsWith('.json'))
    .flatMap((name) => {
      const text = readFileSync(new URL(name, folder), 'utf8');
      return (JSON.parse(text) as { kind?: unknown }).kind === 'declared' ? [parseWorkload(text, name)] : [];
    });
}

export function standard(name: string): WorkloadFile {
  const found = standardSet().find((file) => file.name === name);
  if (found === undefined) throw new Error(`no standard workload ${name}`);
  return found;
}
