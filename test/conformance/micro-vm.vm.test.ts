// The conformance suite on the micro-VM, with the kernel that the simulator models: 6.18 when it is in the cache, or with SCHEDCP_ALL_KERNELS=1 (fetched,
// 50 MB). Other kernels word some refusals differently. Each library policy runs on a third of the standard workloads and each of those under a third of the policies; with
// SCHEDCP_ALL_CASES=1 all of them under all.

import { availableParallelism } from 'node:os';
import { afterAll, it } from 'vitest';
import { cachedReleases, type Lab, openLab } from '../support/lab.ts';
import type { Subject } from './subject.ts';
import { conformance } from './suite.ts';

const modelled = '6.18';
const isThere =
  process.env.SCHEDCP_ALL_KERNELS === '1' ||
  (await cachedReleases()).some((release) => release.startsWith(`${modelled}.`));

let lab: Lab | undefined;
afterAll(() => lab?.close());

const open = async (): Promise<Subject> => {
  lab = await openLab(modelled, Math.max(2, availableParallelism() - 1));
  return {
    name: 'micro-vm',
    kernel: modelled,
    machine: lab.vm,
    blobs: lab.store.blobs,
    reference: lab.vm.reference('deterministic', 'restored'),
    exact: lab.vm.reference('deterministic', 'cold'),
    memoryMiB: lab.vm.memoryFor(undefined),
  };
};

if (isThere) conformance('micro-vm', open, process.env.SCHEDCP_ALL_CASES === '1' ? 1 : 3);
else {
  console.warn(
    `conformance: skipped, kernel ${modelled} is not in the cache; SCHEDCP_ALL_KERNELS=1 fetches it`,
  );
  it.skip(`conformance on kernel ${modelled}`, () => {});
}
