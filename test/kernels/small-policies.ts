// Policies of test/kernels/objects that only run when one thing is right, and a run of them in the simulator.

import { readFileSync } from 'node:fs';
import { costProfiles, type Simulated, Simulator } from '../../src/simulator/simulate.ts';
import { expand } from '../../src/workload/expand.ts';
import { parseWorkload } from '../../src/workload/read.ts';
import { root } from '../support/paths.ts';

export const names = ['enumerators', 'groups', 'last'] as const;

/** Two tasks share a CPU, then one has it for itself. */
export const workload = JSON.stringify({
  kind: 'declared',
  name: 'two-hogs',
  description: 'Two tasks share a CPU, then one has it for itself.',
  goal: { metric: 'makespanNs', direction: 'lower' },
  jitter: { work: 0 },
  groups: [
    { name: 'short', count: 1, phases: [{ run: '20ms' }] },
    { name: 'long', count: 1, phases: [{ run: '50ms' }] },
  ],
});

export function simulated(name: (typeof names)[number]): Simulated {
  const object = new Uint8Array(readFileSync(`${root}/test/kernels/objects/${name}.bpf.o`));
  return new Simulator().run({
    expansion: expand(parseWorkload(workload, name), { seed: 1, cpus: 1 }),
    shape: { cpus: 1, llcs: 1 },
    costs: costProfiles.tcg,
    mode: 'checked',
    startOffsetNs: 0,
    pidOffset: 0,
    seed: 1,
    limitNs: 30e9,
    timeoutMs: 5000,
    policy: { object, maps: [] },
  });
}
