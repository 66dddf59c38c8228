// Exported directories as tests want them: one that is whole for each object, and some in which one thing is not what was exported.

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { canonicalJson } from '../../src/core/canonical.ts';
import type { Blobs } from '../../src/core/machine.ts';
import type { Arm, Policy } from '../../src/core/records.ts';
import { exportedFiles, type Manifest } from '../../src/deployment/manifest.ts';
import type { Store } from '../../src/knowledge/store.ts';
import { fillDirectory } from '../../src/linux/new-directory.ts';
import { keptJob } from '../../src/machines/jobs.ts';
import { candidate, experiment, machine, outcome } from '../records/build.ts';

export interface ExportsWish {
  readonly blobs: Blobs;
  readonly runner: string;
  readonly release: string;
}

/** One export of an object without parameters. */
export async function exportOf(
  { blobs, runner, release }: ExportsWish,
  directory: string,
  name: string,
  object: string,
): Promise<void> {
  const policy = { name, object: await blobs.put(readFileSync(object)), parameters: {} };
  const parts = { ...(await keptJob(policy, blobs)), runner: readFileSync(runner) };
  const grant = { policy, verdict: '0'.repeat(64), releases: [release] };
  const { files } = exportedFiles(grant, parts, { covers: 'release', nowMs: 0 });
  await fillDirectory(directory, files);
}

/** Records of an accepted verdict of the gauntlet, as far as a deployment reads it, measured on this release; the verdict's digest. */
export async function acceptedVerdict(
  { records, blobs }: Pick<Store, 'records' | 'blobs'>,
  name: string,
  object: string,
  release: string,
  parameters: Policy['parameters'] = {},
): Promise<string> {
  const policy = { name, object: await blobs.put(readFileSync(object)), parameters };
  const arm: Arm = { id: `policy:${name}`, name, kind: 'policy', policy };
  const place = machine();
  const run = experiment({ arm, machine: { ...place, kernel: { ...place.kernel, release } } });
  return records.put({
    ...{ kind: 'verdict', version: 1, from: [], plan: {}, observations: [], others: [] },
    outcomes: [await records.put(outcome({ from: [await records.put(run)] }))],
    candidates: { [arm.id]: await records.put(candidate(arm)) },
    judgement: { kind: 'gauntlet', decision: 'accepted', chosen: arm.id },
  });
}

/** Parameters of objects/half.bpf.c: good while it takes turns with the default scheduler; once it stays, bad enough for any machine's noise: a quarter of two CPUs is left. */
export const goesBad: Policy['parameters'] = { good_ns: 3_000_000_000, delay_ns: 1_000_000 };

/** Copies of the export in `directory`/fifo with another member in the manifest, or another job. Returns all files. */
export function spoiledExports(directory: string): void {
  const read = (name: string): Buffer => readFileSync(join(directory, 'fifo', name));
  const manifest = JSON.parse(read('manifest.json').toString()) as Manifest;
  const spoiled = (name: string, changed: Manifest, job: Uint8Array = read('policy.job')): void => {
    mkdirSync(join(directory, name));
    writeFileSync(join(directory, name, 'manifest.json'), canonicalJson(changed));
    writeFileSync(join(directory, name, 'policy.job'), job);
  };
  const job = read('policy.job');
  job[job.length - 100] = (job.at(-100) ?? 0) ^ 1;
  spoiled('other-kernel', { ...manifest, releases: ['5.4.0-1-amd64'] });
  spoiled('other-job', manifest, job);
  spoiled('other-object', { ...manifest, loads: '1'.repeat(64) });
  const files = { ...manifest.files, 'schedcp-runner': '2'.repeat(64) };
  spoiled('other-runner', { ...manifest, files });
}
