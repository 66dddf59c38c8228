// Every policy of the library, and the default scheduler, under every standard workload on two machines, looked at after every event.

import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { costProfiles, type SimulationInput, Simulator } from '../../src/simulator/simulate.ts';
import { expand } from '../../src/workload/expand.ts';
import { libraryNames, standardWorkloads } from '../conformance/library.ts';
import { policyFile } from '../support/paths.ts';
import { watchIntegrity } from './integrity.ts';

/** As a micro-VM, with its costs; and a machine with all that it lacks: two LLCs, SMT, cores of two speeds. */
const machines = {
  'two emulated CPUs': { shape: { cpus: 2, llcs: 2 }, costs: costProfiles.tcg },
  'eight threads, two LLCs, big and small cores': {
    shape: { cpus: 8, llcs: 2, threads: 2, capacities: [1024, 1024, 512, 512] },
    costs: costProfiles.hardware,
  },
} as const;

const simulator = new Simulator();

describe.each(Object.entries(machines))('%s', (_name, machine) => {
  it.each(['default', ...libraryNames])('%s', (arm) => {
    const policy = arm === 'default' ? {} : { policy: { object: readFileSync(policyFile(arm)), maps: [] } };
    for (const workload of standardWorkloads) {
      let checks = (): number => 0;
      const input: SimulationInput = {
        ...machine,
        ...policy,
        expansion: expand(workload, { seed: 1, cpus: machine.shape.cpus }),
        mode: 'checked',
        startOffsetNs: 1_234_567,
        pidOffset: 0,
        seed: 1,
        limitNs: 60e9,
        timeoutMs: 5000,
        prepare: (model) => {
          checks = watchIntegrity(model);
        },
      };
      const { events, finding } = simulator.run(input);
      expect(finding, workload.name).toBeUndefined();
      expect(events, workload.name).toContainEqual({ event: 'done', status: 'ok' });
      expect(checks(), workload.name).toBeGreaterThan(100);
    }
  });
});
