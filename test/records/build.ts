// Records as tests want them: whole and plausible, with the parts that matter replaced.

import type { Arm, Candidate, Experiment, MachineRef, Outcome, WorkloadRef } from '../../src/core/records.ts';

export const digest = (character: string): string => character.repeat(64);

export const defaultArm: Arm = { id: 'default', name: 'default', kind: 'default' };

export function policyArm(name: string): Arm {
  return {
    id: `policy:${name}`,
    name,
    kind: 'policy',
    policy: { name, object: digest('a'), parameters: {} },
  };
}

export const declared: WorkloadRef = {
  kind: 'declared',
  name: 'w',
  file: digest('b'),
  expansion: digest('c'),
};

export function command(patterns: Record<string, string> = {}): WorkloadRef {
  return {
    kind: 'command',
    name: 'make',
    argv: ['/usr/bin/make'],
    cwd: '/',
    env: {},
    with: [],
    payload: digest('d'),
    runs: 1,
    patterns,
  };
}

export function machine(mode: MachineRef['mode'] = 'deterministic'): MachineRef {
  return {
    name: 'micro-vm',
    mode,
    start: 'restored',
    kernel: { release: '6.18.0-test', image: digest('e') },
    emulator: 'an emulator',
    runner: digest('f'),
  };
}

export function experiment(parts: Partial<Experiment> = {}): Experiment {
  return {
    kind: 'experiment',
    version: 1,
    from: [digest('1')],
    arm: defaultArm,
    workload: declared,
    topology: { cpus: 4, memoryMiB: 384 },
    machine: machine(),
    seed: 7,
    nuisance: { startOffsetNs: 0, pidOffset: 0 },
    limitMs: 1000,
    ...parts,
  };
}

export function outcome(parts: Partial<Outcome> = {}): Outcome {
  return {
    kind: 'outcome',
    version: 1,
    from: [digest('2')],
    status: 'completed',
    finding: null,
    metrics: { makespanNs: 1_000_000 },
    exit: null,
    presence: [],
    kernelEvents: {},
    timeline: [],
    output: null,
    notes: [],
    ...parts,
  };
}

export function candidate(arm: Arm): Candidate {
  return { kind: 'candidate', version: 1, from: [], arm, how: 'given', why: 'a test' };
}
