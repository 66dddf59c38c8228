// The conformance suite on the micro-VM: on 6.18, which the simulator models, when it is in the cache, or with SCHEDCP_ALL_KERNELS=1 (fetched,
// 50 MB); else on the default kernel.

import { afterAll } from 'vitest';
import { cachedReleases, type Lab, openLab } from '../support/lab.ts';
import { conformance } from './suite.ts';

let lab: Lab | undefined;
afterAll(() => lab?.close());

conformance('micro-vm', async () => {
  const releases = await cachedReleases();
  const modelled =
    process.env.SCHEDCP_ALL_KERNELS === '1' || releases.some((release) => release.startsWith('6.18.'));
  lab = await openLab(modelled ? '6.18' : undefined);
  return {
    name: 'micro-vm',
    kernel: /^\d+\.\d+/.exec(lab.kernel.release)![0],
    machine: lab.vm,
    blobs: lab.store.blobs,
    reference: lab.vm.reference('deterministic', 'restored'),
    exact: lab.vm.reference('deterministic', 'cold'),
    memoryMiB: lab.vm.memoryFor(undefined),
  };
});
