// What a machine cannot do, and why. An entry whose case passes all the same is stale, and fails.

import type { MachineRef } from '../../src/core/records.ts';

export interface Limit {
  readonly machine: MachineRef['name'];
  /** A case's name, or the beginning of several. */
  readonly cases: string;
  readonly reason: string;
  /** Not even tried: it would cost the machine, or comes out either way. */
  readonly never?: true;
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
  {
    machine: 'host',
    cases: '256 hogs on 128 CPUs of 4 LLCs',
    reason: 'a host has the CPUs that it has',
  },
  {
    machine: 'host',
    cases: 'the same experiment twice',
    reason: 'it goes on from where the run before has left it; only guests and simulations begin alike',
  },
  {
    machine: 'host',
    cases: 'an outcome is a record of its experiment',
    reason: 'its kernel goes on counting the policies that it has had (enable_seq)',
  },
  {
    machine: 'host',
    cases: 'kicks: two CPUs that wait for one another',
    reason: 'a kernel of 6.18 hangs for good; only a guest can be lost',
    never: true,
  },
  {
    machine: 'host',
    cases: 'journal: cgroups',
    reason: 'the policy is told of all cgroups, and the machine has others than the workload’s',
  },
  {
    machine: 'host',
    cases: 'journal: an urgent task from another CPU',
    reason:
      'its last entries depend on where in a tick it begins, which a guest that is restored decides and a host does not',
    never: true,
  },
  {
    machine: 'host',
    cases: 'journal: a synchronous wake-up',
    reason: 'it is tried with CPUs taken off (hotplug), after which 6.18.15 answers now so, now so',
    never: true,
  },
  {
    machine: 'host',
    cases: 'attach: the right hotplug number',
    reason: 'it is tried with CPUs taken off and on, which the number counts',
  },
  {
    machine: 'host',
    cases: 'attach: another hotplug number',
    reason: 'it is tried with CPUs taken off and on, which the number counts',
  },
  {
    machine: 'host',
    cases: 'relocations: fields of a task',
    reason: 'it is tried with CPUs taken off (hotplug), which stay in a task’s mask',
  },
];
