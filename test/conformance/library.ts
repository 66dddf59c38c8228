// The library's policies as arms, and the standard workloads cut to one round.

import { readdirSync, readFileSync } from 'node:fs';
import type { WorkloadFile } from '../../src/core/workload.ts';
import { openPolicies } from '../../src/knowledge/policies.ts';
import { parseWorkload } from '../../src/workload/read.ts';
import { policyFile, root } from '../support/paths.ts';
import { type ArmWish, byDefault } from './subject.ts';

export const libraryNames: readonly string[] = (await openPolicies(`${root}/policies`).list()).map(
  ({ card }) => card.name,
);

export function libraryArm(name: string): ArmWish {
  return name === 'default' ? byDefault : { name, object: readFileSync(policyFile(name)) };
}

/** One round of each: what they are about shows in it, and a kernel needs seconds for all of them. */
export const standardWorkloads: readonly WorkloadFile[] = readdirSync(`${root}/workloads`)
  .filter((name) => name.endsWith('.json'))
  .map((name) => {
    const file = parseWorkload(readFileSync(`${root}/workloads/${name}`, 'utf8'), name);
    return { ...file, rounds: 1, warmupRounds: 0 };
  });
