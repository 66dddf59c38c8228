// What a machine cannot do, and why. An entry whose case passes all the same is stale, and fails.

import type { MachineRef } from '../../src/core/records.ts';

export interface Limit {
  readonly machine: MachineRef['name'];
  /** A case's name, or the beginning of several. */
  readonly cases: string;
  readonly reason: string;
}

export const limits: readonly Limit[] = [
  {
    machine: 'simulator',
    cases: 'a command',
    reason: 'it executes operations of declared workloads; a command needs a kernel',
  },
  {
    machine: 'simulator',
    cases: 'a program that the verifier rejects',
    reason: 'it has no verifier: what one would refuse is found when it happens, as finding bad-program',
  },
  {
    machine: 'micro-vm',
    cases: '256 hogs on 128 CPUs of 4 LLCs',
    reason: 'the CPUs of a guest share one LLC, and 128 emulated ones do not boot in minutes',
  },
];
