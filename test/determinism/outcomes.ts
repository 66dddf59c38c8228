// Simulations whose outcomes must be the same bytes wherever and however often they run: policies and the default scheduler on standard workloads, two
// seeds, both cost profiles. As a program (node --import tsx outcomes.ts) it prints their digests as JSON.

import { argv } from 'node:process';
import { pathToFileURL } from 'node:url';
import { canonicalJson, digestOf } from '../../src/core/canonical.ts';
import { openSimulator } from '../../src/machines/simulator.ts';
import type { CostProfile } from '../../src/simulator/simulate.ts';
import { libraryArm, libraryNames, standardWorkloads } from '../conformance/library.ts';
import { experimentOf, memoryBlobs } from '../conformance/subject.ts';

const workloads = ['long-tail-lock', 'web-poisson', 'message-worker', 'pipes'];
const profiles: readonly CostProfile[] = ['tcg', 'hardware'];

/** "vtime pipes tcg 1", in a fixed order. */
export const names: readonly string[] = ['default', ...libraryNames].flatMap((arm) =>
  workloads.flatMap((workload) =>
    profiles.flatMap((profile) => [1, 2].map((seed) => `${arm} ${workload} ${profile} ${seed}`)),
  ),
);

/** Digest of the canonical JSON of each outcome, by name; all on one machine, one after the other as listed. */
export async function outcomeDigests(
  wanted: readonly string[],
  mode: 'checked' | 'fast' = 'checked',
): Promise<Record<string, string>> {
  const blobs = memoryBlobs();
  const machine = openSimulator(blobs);
  const digests: Record<string, string> = {};
  for (const name of wanted) {
    const [arm, workloadName, profile, seed] = name.split(' ') as [string, string, CostProfile, string];
    const workload = standardWorkloads.find((one) => one.name === workloadName);
    if (workload === undefined) throw new Error(`no workload ${workloadName}`);
    const reference = machine.reference(profile);
    const subject = { name: 'simulator', kernel: '6.18', machine, blobs, memoryMiB: 0 } as const;
    const experiment = await experimentOf(
      { ...subject, reference, exact: reference },
      { workload, arm: libraryArm(arm), cpus: 4, seed: Number(seed) },
    );
    // `from` names the experiment: it would tell the same outcomes apart
    digests[name] = digestOf(canonicalJson({ ...(await machine.observe(experiment, { mode })), from: [] }));
  }
  return digests;
}

if (argv[1] !== undefined && import.meta.url === pathToFileURL(argv[1]).href)
  process.stdout.write(JSON.stringify(await outcomeDigests(names)));
