// The micro-VM without services around it, over the user's cache: for tests of kernels, where one experiment is one run.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Arm, Experiment, WorkloadRef } from '../../src/core/records.ts';
import { openStore, type Store } from '../../src/knowledge/store.ts';
import { type Cache, openCache } from '../../src/linux/cache.ts';
import { cachedKernels, type Kernel, kernel } from '../../src/linux/kernel.ts';
import { buildRunner, type Runner } from '../../src/linux/runner.ts';
import { tools } from '../../src/linux/tools.ts';
import { readKernelImage } from '../../src/machines/kernel-reading.ts';
import { type MicroVm, openMicroVm } from '../../src/machines/micro-vm.ts';
import { encode } from '../../src/workload/encoding.ts';
import { expand } from '../../src/workload/expand.ts';
import { parseWorkload } from '../../src/workload/read.ts';
import { root } from './paths.ts';

export interface Lab {
  readonly cache: Cache;
  readonly vm: MicroVm;
  readonly kernel: Kernel;
  readonly runner: Runner;
  readonly store: Store;
  close(): void;
}

/** `want`: a version prefix; nothing: the default kernel. `hostCpus`: how many guests may run at once. */
export async function openLab(want?: string, hostCpus = 2): Promise<Lab> {
  const cache = openCache();
  const qemu = await tools(cache, 'qemu');
  const runner = await buildRunner(cache, join(root, 'runner'));
  const image = await kernel(cache, {
    read: readKernelImage,
    zstd: qemu,
    ...(want === undefined ? {} : { want }),
  });
  const directory = mkdtempSync(join(tmpdir(), 'schedcp-lab-'));
  const store = openStore(directory);
  return {
    cache,
    vm: openMicroVm({ cache, blobs: store.blobs, qemu, kernel: image, runner, hostCpus }),
    kernel: image,
    runner,
    store,
    close: () => rmSync(directory, { recursive: true }),
  };
}

/** Releases of the kernels in the user's cache. */
export async function cachedReleases(): Promise<string[]> {
  return (await cachedKernels(openCache())).map((item) => item.release);
}

/** A declared workload as a reference, its expansion in the store. */
export async function declared(lab: Lab, text: string, seed: number, cpus: number): Promise<WorkloadRef> {
  const file = parseWorkload(text, 'workload of a test');
  const expansion = await lab.store.blobs.put(encode(expand(file, { seed, cpus })));
  return { kind: 'declared', name: file.name, file: '0'.repeat(64), expansion };
}

export const defaultArm: Arm = { id: 'default', name: 'default', kind: 'default' };

export async function policyArm(lab: Lab, name: string, object: Uint8Array): Promise<Arm> {
  const policy = { name, object: await lab.store.blobs.put(object), parameters: {} };
  return { id: `policy:${name}`, name, kind: 'policy', policy };
}

export interface Wish {
  readonly arm: Arm;
  readonly workload: WorkloadRef | null;
  readonly start?: 'restored' | 'cold';
  readonly mode?: 'deterministic' | 'fast';
  readonly cpus?: number;
  readonly limitMs?: number;
}

export function experiment(lab: Lab, wish: Wish): Experiment {
  const { arm, workload, start = 'restored', mode = 'deterministic', cpus = 4, limitMs = 20_000 } = wish;
  const payload = workload?.kind === 'command' ? workload.payload : undefined;
  return {
    kind: 'experiment',
    version: 1,
    from: [],
    arm,
    workload,
    topology: { cpus, memoryMiB: lab.vm.memoryFor(payload) },
    machine: lab.vm.reference(mode, start),
    seed: 1,
    nuisance: { startOffsetNs: 1_234_567, pidOffset: 5 },
    limitMs,
  };
}
