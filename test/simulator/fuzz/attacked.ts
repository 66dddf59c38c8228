// Policies to attack: those of the library, and those with planted bugs in policies/ beside this file.

import { existsSync, readFileSync } from 'node:fs';
import type { Scenario } from '../../../src/core/scenario.ts';
import { openPolicies } from '../../../src/knowledge/policies.ts';
import { generate } from '../../../src/simulator/fuzz/generate.ts';
import { type Ran, runScenario } from '../../../src/simulator/fuzz/run.ts';
import { type AttackedPolicy, type FuzzOptions, type FuzzReport, fuzz } from '../../../src/simulator/fuzz.ts';
import type { Simulator } from '../../../src/simulator/simulate.ts';
import { root } from '../../support/paths.ts';

export const library = await openPolicies(`${root}/policies`).list();

/** By name: planted, of the library, or of the runner's tests. */
export function attacked(name: string): AttackedPolicy {
  const card = library.find((one) => one.card.name === name);
  if (card !== undefined) return { name, object: card.object, ignores: card.card.ignores };
  const places = ['test/simulator/fuzz/policies', 'test/runner/objects', 'test/kernels/objects'];
  const path = places.map((place) => `${root}/${place}/${name}.bpf.o`).find(existsSync);
  if (path === undefined) throw new Error(`no policy ${name}`);
  return { name, object: readFileSync(path), ignores: [] };
}

/** The faults of policies/faulty.bpf.c, in its order. */
export const faults = [
  'none',
  'idles',
  'prefers',
  'dawdles',
  'spins',
  'forgets',
  'wanders',
  'complains',
] as const;

export function search(policy: AttackedPolicy, options: Partial<FuzzOptions> = {}): Promise<FuzzReport> {
  return fuzz(policy, {
    firstSeed: 0,
    seconds: 60,
    clock: () => performance.now(),
    breathe: async () => {},
    ...options,
  });
}

export function scenarioOf(seed: number, parameters: Scenario['parameters'] = {}): Scenario {
  return generate(seed, { hotplug: false, maxCpus: 8, maxTasks: 64, parameters });
}

/** One run without a limit on the wall clock. */
export function run(
  simulator: Simulator,
  policy: AttackedPolicy,
  scenario: Scenario,
  more: Partial<Parameters<typeof runScenario>[3]> = {},
): Ran {
  return runScenario(simulator, policy, scenario, { clock: () => 0, wallMs: 1, ...more });
}
