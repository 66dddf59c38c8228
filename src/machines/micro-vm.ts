// The micro-VM: a stock distribution kernel under QEMU. A guest is booted once for each kernel, payload, size and mode, saved when
// it is ready, and restored for every experiment, so that each one starts from the same state of a real kernel.

import { mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Traced } from '../core/calls.ts';
import { canonicalJson, digestOf } from '../core/canonical.ts';
import type { Counters } from '../core/counters.ts';
import { Fault } from '../core/errors.ts';
import type { Blobs, Machine } from '../core/machine.ts';
import type { Experiment, MachineRef, Outcome, WorkloadRef } from '../core/records.ts';
import { type Cache, withScratch } from '../linux/cache.ts';
import { type Tree, writeInitramfs } from '../linux/initramfs.ts';
import type { Kernel } from '../linux/kernel.ts';
import { payload } from '../linux/payload.ts';
import {
  type GuestEnd,
  type GuestSpec,
  type Mode,
  qemuArguments,
  resumeGuest,
  saveGuest,
  startGuest,
} from '../linux/qemu.ts';
import { encodeJob, parseEvents, type Runner, type RunnerEvent, rawTrace } from '../linux/runner.ts';
import type { Tools } from '../linux/tools.ts';
import { watchedCounters } from '../linux/watcher.ts';
import { callsOf } from './calls.ts';
import { survived } from './emulation.ts';
import { checkRoom, checkSize } from './guest-room.ts';
import { composeJob, expansionOf, type Observers } from './jobs.ts';
import { type GuestHost, openGuestHost, type ServeOptions } from './long-guest.ts';
import { toOutcome } from './outcome.ts';

export interface MicroVmParts {
  readonly cache: Cache;
  readonly blobs: Blobs;
  readonly qemu: Tools;
  readonly kernel: Kernel;
  readonly runner: Runner;
  /** CPUs of the host that guests may keep busy. */
  readonly hostCpus: number;
}

export interface MicroVm extends Machine {
  /**
   * As run, and records the calls between the kernel and the policy. `tracer`: the object of probes/trace.bpf.c. Recording takes guest time:
   * the outcome is not data to compare with others.
   */
  runTraced(experiment: Experiment, tracer: Uint8Array, signal?: AbortSignal): Promise<Traced>;
  /**
   * As run, and records what the scheduler does with the workload's tasks. `recorder`: the object of probes/record.bpf.c; `events`: room. `raw`: docs/protocol.md,
   * section 5; empty when the guest did not come so far. Recording takes guest time: the outcome is not data to compare with others.
   */
  record(
    experiment: Experiment,
    recorder: { readonly object: Uint8Array; readonly events: number },
    signal?: AbortSignal,
  ): Promise<{ readonly outcome: Outcome; readonly raw: Uint8Array }>;
  /** As run, and counts what its tasks do. `watcher`: the object of probes/watch.bpf.c. `counters`: undefined when the guest did not come so far. */
  watch(
    experiment: Experiment,
    watcher: Uint8Array,
    signal?: AbortSignal,
  ): Promise<{ readonly outcome: Outcome; readonly counters: Counters | undefined }>;
  /** Boots a guest that lives long, for deployments; its command was packed. Ends with us. */
  serve(options: ServeOptions): Promise<GuestHost>;
  reference(mode: Mode, start: MachineRef['start']): MachineRef;
  /** Packs what a command needs; the digest identifies it. */
  pack(command: string, withPaths: readonly string[], options: PackOptions): Promise<Packed>;
  /** Memory that a guest with this payload needs, in MiB. */
  memoryFor(payloadDigest: string | undefined): number;
  /** Boots a guest in this mode with nothing to do. Undefined when it works, else why not. */
  probe(mode: Mode, limitMs: number, signal?: AbortSignal): Promise<string | undefined>;
}

export interface PackOptions {
  readonly cwd: string;
  readonly path: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

export interface Packed {
  readonly digest: string;
  readonly executable: string;
  readonly bytes: number;
}

/** The smallest guest: kernel, runner and nothing else. */
const smallMiB = 384;

export function openMicroVm(parts: MicroVmParts): MicroVm {
  const payloads = new Map<string, { file: string; bytes: number }>();
  const guests = new Guests(parts);
  const memoryFor = (digest: string | undefined): number => {
    const bytes = digest === undefined ? 0 : (payloads.get(digest)?.bytes ?? 0);
    // The archive and its unpacked copy exist at once, and the root file system may take half of the memory.
    return Math.max(smallMiB, Math.ceil((256 + (2.5 * bytes) / (1 << 20)) / 64) * 64);
  };
  const initramfs = async (workload: WorkloadRef | null): Promise<string> => {
    if (workload?.kind !== 'command') return guests.plainInitramfs();
    const known = payloads.get(workload.payload);
    if (known !== undefined) return known.file;
    throw new Fault(
      'not-found',
      `the files of ${workload.name} have not been packed, or have changed since`,
      {
        next: 'pack the command again before running it',
      },
    );
  };
  const perform = async (experiment: Experiment, observers: Observers, signal?: AbortSignal) => {
    const spec: GuestSpec = {
      kernel: parts.kernel.image,
      initramfs: await initramfs(experiment.workload),
      cpus: experiment.topology.cpus,
      memoryMiB: experiment.topology.memoryMiB,
      mode: modeOf(experiment),
    };
    checkSize(experiment, payloads);
    const job = await composeJob(experiment, parts.blobs, observers);
    const ended = await guests.run(spec, job, experiment.machine.start, hardLimitMs(experiment), signal);
    const outcome = toOutcome(experiment, ended, await expansionOf(experiment, parts.blobs));
    return { outcome, events: ended.events };
  };
  return {
    name: 'micro-vm',
    parallel: parts.hostCpus,
    reference: (mode, start) => ({
      name: 'micro-vm',
      mode,
      start,
      kernel: { release: parts.kernel.release, image: parts.kernel.digest },
      emulator: emulatorVersion(parts.qemu),
      runner: parts.runner.digest,
    }),
    accepts: () => [],
    memoryFor,
    async pack(command, withPaths, options) {
      const packed = await payload(command, withPaths, options);
      checkRoom(packed.bytes, withPaths);
      const stored = await guests.store(packed.tree);
      payloads.set(stored.digest, { file: stored.file, bytes: packed.bytes });
      return { digest: stored.digest, executable: packed.executable, bytes: packed.bytes } satisfies Packed;
    },
    async run(experiment, signal) {
      return (await perform(experiment, {}, signal)).outcome;
    },
    async runTraced(experiment, tracer, signal) {
      const { outcome, events } = await perform(experiment, { tracer }, signal);
      return { outcome, ...callsOf(events) };
    },
    async record(experiment, recorder, signal) {
      const { outcome, events } = await perform(experiment, { recorder }, signal);
      return { outcome, raw: rawTrace(events) };
    },
    async watch(experiment, watcher, signal) {
      const { outcome, events } = await perform(experiment, { watcher }, signal);
      const isTold = events.some(({ event }) => event === 'watched');
      return { outcome, counters: isTold ? watchedCounters(events) : undefined };
    },
    async serve(options) {
      const { cpus, memoryMiB, mode, workload } = options;
      const spec: GuestSpec = {
        ...{ kernel: parts.kernel.image, initramfs: await initramfs(workload), cpus, memoryMiB, mode },
      };
      return await openGuestHost({ ...parts, release: parts.kernel.release }, spec, options);
    },
    async probe(mode, limitMs, signal) {
      const spec = {
        kernel: parts.kernel.image,
        initramfs: await guests.plainInitramfs(),
        cpus: 1,
        memoryMiB: smallMiB,
        mode,
      };
      const job = encodeJob({
        nuisance: { startOffsetNs: 0, pidOffset: 0 },
        wallLimitMs: 1000,
        verifyBudgetMs: 1000,
        timeoutMs: 1000,
        outputLimit: 0,
      });
      const { events, end, console } = await guests.run(spec, job, 'cold', limitMs, signal);
      if (events.some((event) => event.event === 'done')) return undefined;
      return `a probe boot did not work (${end.how}) ${end.detail || console.trim().split('\n').at(-1)}`.trim();
    },
  };
}

/** What came out of one guest. */
export interface GuestRun {
  readonly events: RunnerEvent[];
  readonly end: GuestEnd;
  readonly console: string;
}

/** Saved guests and their initramfs, all of them entries of the cache. */
class Guests {
  private readonly parts: MicroVmParts;
  private plain: Promise<string> | undefined;

  constructor(parts: MicroVmParts) {
    this.parts = parts;
  }

  plainInitramfs(): Promise<string> {
    this.plain ??= this.store(new Map()).then((stored) => stored.file);
    return this.plain;
  }

  /** Writes the initramfs with the runner as /init; identical content is kept once. */
  async store(extra: Tree): Promise<{ digest: string; file: string }> {
    const { cache, kernel, runner } = this.parts;
    const tree: Tree = new Map(extra);
    for (const path of ['/dev', '/proc', '/sys', '/tmp', '/run'])
      tree.set(path, { kind: 'directory', mode: path === '/tmp' ? 0o1777 : 0o755 });
    tree.set('/init', { kind: 'file', from: runner.file, mode: 0o755 });
    if (kernel.config !== undefined) {
      tree.set(`/boot/config-${kernel.release}`, { kind: 'file', from: kernel.config, mode: 0o644 });
    }
    return withScratch(cache, async (directory) => {
      const { digest } = await writeInitramfs(tree, join(directory, 'initramfs'));
      const entry = await cache.entry(`payloads/${digest.slice(0, 32)}`, async (target) => {
        await rename(join(directory, 'initramfs'), join(target, 'initramfs'));
      });
      return { digest, file: join(entry, 'initramfs') };
    });
  }

  async run(
    spec: GuestSpec,
    job: Uint8Array,
    start: MachineRef['start'],
    limitMs: number,
    signal: AbortSignal | undefined,
  ): Promise<GuestRun> {
    await this.parts.cache.use(spec.kernel, spec.initramfs, this.parts.qemu.root);
    const incoming = start === 'restored' ? join(await this.saved(spec, signal), 'state') : undefined;
    const once = async (directory: string): Promise<GuestRun> => {
      const guest = await startGuest(this.parts.qemu, spec, {
        directory,
        job,
        limitMs,
        ...(incoming === undefined ? {} : { incoming }),
        ...(signal === undefined ? {} : { signal }),
      });
      if (incoming !== undefined) await resumeGuest(guest).catch(() => {}); // why it ended is told by its end
      const end = await guest.end;
      if (end.how === 'aborted') throw new Fault('interrupted', 'interrupted while a guest was running');
      return { events: parseEvents(await guest.output()), end, console: await guest.console() };
    };
    return survived(() => withScratch(this.parts.cache, once));
  }

  /** A guest saved when it was ready for a job. */
  private saved(spec: GuestSpec, signal: AbortSignal | undefined): Promise<string> {
    const { cache, qemu, kernel } = this.parts;
    const command = qemuArguments(spec, qemu, '.');
    const identity = { kernel: kernel.digest, emulator: emulatorVersion(qemu), command };
    const key = digestOf(canonicalJson(identity)).slice(0, 32);
    return cache.entry(
      `snapshots/${key}`,
      (target) =>
        withScratch(cache, async (directory) => {
          await bootAndSave(qemu, spec, directory, join(target, 'state'), signal);
          await writeFile(join(target, 'guest.json'), canonicalJson(identity));
        }),
      signal,
    );
  }
}

/** An emulated machine resets now and then while it boots, and not the next time: who fails twice is told why. */
const bootAttempts = 2;

async function bootAndSave(...args: Parameters<typeof bootOnce>): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    const fault = await bootOnce(...args);
    if (fault === undefined) return;
    if (attempt === bootAttempts || fault.code === 'interrupted') throw fault;
  }
}

/** A fault: it ended before it was ready. */
async function bootOnce(
  qemu: Tools,
  spec: GuestSpec,
  directory: string,
  file: string,
  signal: AbortSignal | undefined,
): Promise<Fault | undefined> {
  await mkdir(directory, { recursive: true });
  const limitMs = 180_000;
  const guest = await startGuest(qemu, spec, {
    directory,
    job: new Uint8Array(),
    limitMs,
    ...(signal === undefined ? {} : { signal }),
  });
  let over: GuestEnd | undefined;
  void guest.end.then((end) => {
    over = end;
  });
  try {
    while (!(await guest.output()).includes('\n')) {
      if (over !== undefined) return await bootFault(guest, over);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    await saveGuest(guest, file, limitMs);
    return undefined;
  } finally {
    guest.kill();
    await guest.end;
  }
}

async function bootFault(guest: { console(): Promise<string> }, end: GuestEnd): Promise<Fault> {
  if (end.how === 'aborted') return new Fault('interrupted', 'interrupted while a guest was booting');
  const said = (await guest.console()).trim().split('\n').slice(-8).join('\n');
  return new Fault(
    'unavailable',
    `the guest did not boot (${end.how}, status ${end.status}): ${end.detail}`,
    {
      where: said,
      next: /out of memory|No working init|Initramfs unpacking failed/i.test(said)
        ? 'give the guest more memory with --memory'
        : 'look at the console above; try another kernel with --kernel, or more memory with --memory',
    },
  );
}

/** Wall-clock limit on the whole guest: emulation and a busy host make it slower than its own clock says. */
function hardLimitMs(experiment: Experiment): number {
  return 30_000 + 4 * experiment.limitMs;
}

function modeOf({ machine }: Experiment): Mode {
  const { mode } = machine;
  if (mode !== 'simulated' && mode !== 'native') return mode;
  throw new Fault('unsupported', `a micro-VM has no mode ${mode}`, {
    next: 'run it on the machine that has',
  });
}

function emulatorVersion(qemu: Tools): string {
  const found = qemu.packages.find((item) => item.name === 'qemu-system-x86');
  return found === undefined ? 'QEMU of this machine' : `qemu-system-x86 ${found.version}`;
}
