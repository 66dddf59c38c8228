// An object of scx without its loader: its weak constants __SCX_… get the kernel's numbers, on a real kernel and in the simulator alike. A policy whose
// tasks only run when they are right (objects/enumerators.bpf.c).

import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openSimulator } from '../../src/machines/simulator.ts';
import { declared, experiment, type Lab, openLab, policyArm } from '../support/lab.ts';
import { root } from '../support/paths.ts';

const workload = JSON.stringify({
  kind: 'declared',
  name: 'two-hogs',
  description: 'Two tasks that share a CPU.',
  goal: { metric: 'makespanNs', direction: 'lower' },
  jitter: { work: 0 },
  groups: [{ name: 'hog', count: 2, phases: [{ run: '50ms' }] }],
});

let lab: Lab;
beforeAll(async () => {
  lab = await openLab();
});
afterAll(() => lab.close());

it('runs', async () => {
  const object = readFileSync(`${root}/test/kernels/objects/enumerators.bpf.o`);
  const arm = await policyArm(lab, 'enumerators', object);
  const wish = { arm, workload: await declared(lab, workload, 1, 1), cpus: 1 };
  const real = await lab.vm.run(experiment(lab, wish));
  expect(real).toMatchObject({ finding: null, status: 'completed', exit: { kind: 64 } });
  const simulator = openSimulator(lab.store.blobs);
  const simulated = await simulator.run({
    ...experiment(lab, wish),
    machine: simulator.reference('tcg'),
    topology: { cpus: 1, memoryMiB: 0 },
  });
  expect(simulated).toMatchObject({ finding: null, status: 'completed', exit: { kind: 64 } });
});
