// Small policies, each of which keeps its tasks running only if the machine does one thing right (objects/NAME.bpf.c says which): on a real kernel. In the
// simulator: small-policies.test.ts.

import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { declared, experiment, type Lab, openLab, policyArm } from '../support/lab.ts';
import { root } from '../support/paths.ts';
import { names, workload } from './small-policies.ts';

let lab: Lab;
beforeAll(async () => {
  lab = await openLab();
});
afterAll(() => lab.close());

describe.each(names)('%s', (name) => {
  it('on a kernel', async () => {
    const arm = await policyArm(lab, name, readFileSync(`${root}/test/kernels/objects/${name}.bpf.o`));
    const wish = { arm, workload: await declared(lab, workload, 1, 1), cpus: 1 };
    const outcome = await lab.vm.run(experiment(lab, wish));
    expect(outcome).toMatchObject({ finding: null, status: 'completed', exit: { kind: 64 } });
  });
});
