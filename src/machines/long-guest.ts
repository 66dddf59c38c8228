// A guest that lives long, as a machine that policies are deployed to: its command runs on, attachments are the same as on a host (attachment.ts), and who steers is outside. A policy
// that does not let go of it takes the guest with it.

import { copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { AttachOptions, AttachScope, Deploys } from '../core/attachment.ts';
import { Fault } from '../core/errors.ts';
import type { Blobs } from '../core/machine.ts';
import type { Policy, WorkloadRef } from '../core/records.ts';
import type { Cache } from '../linux/cache.ts';
import { type GuestPresence, type LongGuest, startLongGuest } from '../linux/long-guest.ts';
import type { GuestSpec, Mode } from '../linux/qemu.ts';
import { encodeJob } from '../linux/runner.ts';
import type { Tools } from '../linux/tools.ts';
import { openAttachment } from './attachment.ts';
import { holdJob } from './jobs.ts';

export interface ServeOptions {
  readonly workload: Extract<WorkloadRef, { kind: 'command' }>;
  readonly cpus: number;
  readonly memoryMiB: number;
  readonly mode: Mode;
  /** It ends then at the latest. */
  readonly lifeMs: number;
  readonly signal?: AbortSignal;
  /** For tests: it does what they ask for (`lines`). */
  readonly isTested?: boolean;
  /** The kernel's console is kept there when it has ended. */
  readonly consoleFile?: string;
}

export interface GuestHost extends Deploys {
  readonly name: 'micro-vm';
  /** Kernel release. */
  readonly release: string;
  /** Of the command, in the guest. */
  readonly cgroup: string;
  /** A file of this machine with what the command prints. */
  readonly log: string;
  /** Throws Fault('unavailable'), at once when it is over. */
  presence(): Promise<GuestPresence>;
  end(): Promise<void>;
  readonly over: Promise<string>;
  /** What is said to it, as it is: for tests. */
  readonly lines: LongGuest;
}

export interface GuestHostParts {
  readonly cache: Cache;
  readonly blobs: Blobs;
  readonly qemu: Tools;
  readonly release: string;
}

export async function openGuestHost(
  { cache, blobs, qemu, release }: GuestHostParts,
  spec: GuestSpec,
  { workload, lifeMs, signal, isTested, consoleFile }: ServeOptions,
): Promise<GuestHost> {
  await cache.use(spec.kernel, spec.initramfs, qemu.root);
  const scratch = await cache.scratch();
  const job = encodeJob({
    isServing: true,
    isTested: isTested === true,
    command: { ...workload, runs: 1 },
    nuisance: { startOffsetNs: 0, pidOffset: 0 },
    ...{ wallLimitMs: lifeMs, verifyBudgetMs: 30_000, timeoutMs: 5000, outputLimit: 0 },
  });
  const guest = await startLongGuest(qemu, spec, {
    ...{ directory: scratch.directory, job, lifeMs },
    ...(signal === undefined ? {} : { signal }),
  }).catch(async (error) => {
    await scratch.release();
    throw error;
  });
  void guest.over.then(async () => {
    if (consoleFile !== undefined)
      await copyFile(join(scratch.directory, 'console'), consoleFile).catch(() => {});
    await scratch.release();
  });
  return hostOf(guest, blobs, release);
}

function hostOf(guest: LongGuest, blobs: Blobs, release: string): GuestHost {
  const { cgroup, log, over } = guest;
  return {
    ...{ name: 'micro-vm', release, cgroup, log, over, lines: guest },
    attach: (policy, scope, options = {}) => attach(guest, blobs, release, policy, scope, options),
    attachments: async () => [], // the guest ends with who started it: nobody else comes to adopt one
    adopt: () => Promise.reject(new Fault('not-found', 'nobody else can reach a guest')),
    presence: () => guest.presence(),
    end: () => guest.end(),
  };
}

async function attach(
  guest: LongGuest,
  blobs: Blobs,
  release: string,
  policy: Policy,
  scope: AttachScope,
  { heartbeatMs = 3000, timeoutMs = 5000, signal }: AttachOptions,
) {
  const job = await holdJob(policy, scope, blobs, timeoutMs);
  if (signal?.aborted) throw new Fault('interrupted', 'interrupted before a policy was attached');
  const channel = guest.hold(job, { heartbeatMs, timeoutMs });
  return await openAttachment({ channel, address: 'guest', release, ...(signal && { signal }) });
}
