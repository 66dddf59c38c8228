// This machine as a machine: the same job, the same runner and the same events as in a guest, on the kernel that runs us. What a run changes is undone by the runner
// itself, by its keeper, or by its next start (runner/keeper.c, undo.c); a policy that is attached by its holder (hold.c, survivor.c).

import { readFileSync } from 'node:fs';
import { availableParallelism, release, version } from 'node:os';
import type {
  Attached,
  Attachment,
  AttachOptions,
  AttachScope,
  Deploys,
  ForeignScheduler,
} from '../core/attachment.ts';
import { digestOf } from '../core/canonical.ts';
import { Fault } from '../core/errors.ts';
import type { Blobs, Machine } from '../core/machine.ts';
import type { Experiment, Finding, MachineRef, Outcome, Policy } from '../core/records.ts';
import type { Expansion } from '../core/workload.ts';
import { type Capability, lacking } from '../linux/capabilities.ts';
import { connectHold, holdAddresses, newAddress, startHold } from '../linux/hold.ts';
import { converse } from '../linux/recorder.ts';
import { type Runner, type RunnerEvent, rawTrace } from '../linux/runner.ts';
import { gone, readSchedExt, schedulerInCharge } from '../linux/sched-ext.ts';
import { openAttachment } from './attachment.ts';
import { composeJob, expansionOf, holdJob, type Observers } from './jobs.ts';
import { toOutcome } from './outcome.ts';

export interface HostParts {
  readonly blobs: Blobs;
  readonly runner: Runner;
  /** For commands, below what the workload itself says: a command runs here as it does from the user's shell. */
  readonly env?: Readonly<Record<string, string | undefined>>;
}

export interface HostOwn {
  reference(): MachineRef;
  /** Why nothing at all can be run here. */
  refused(): Fault | undefined;
  /** Why no policy can be attached here, whatever it is. */
  attachRefused(): Fault | undefined;
  /** As run, and records what the scheduler does with its tasks; as MicroVm.record(). */
  record(
    experiment: Experiment,
    recorder: { readonly object: Uint8Array; readonly events: number },
    signal?: AbortSignal,
  ): Promise<{ readonly outcome: Outcome; readonly raw: Uint8Array }>;
}
export type HostMachine = Machine & Deploys & HostOwn;

/** A real-time class and locked memory for the runner, so that it is never the policy who decides when it runs. */
const forRuns = ['CAP_IPC_LOCK', 'CAP_SYS_NICE'] as const;
const forPolicies = [...forRuns, 'CAP_SYS_ADMIN', 'CAP_PERFMON', 'CAP_BPF'] as const;

export function openHostMachine(parts: HostParts): HostMachine {
  return {
    name: 'host',
    parallel: 1, // whatever runs beside a run is in its numbers
    reference: () => referenceOf(parts.runner),
    refused: () => privilegeProblem(forRuns)?.fault,
    attachRefused: () => privilegeProblem(forPolicies)?.fault,
    accepts: () => privilegeProblem(forRuns)?.reasons ?? [],
    run: async (experiment, signal) => (await perform(parts, experiment, {}, signal)).outcome,
    async record(experiment, recorder, signal) {
      const { outcome, events } = await perform(parts, experiment, { recorder }, signal);
      return { outcome, raw: rawTrace(events) };
    },
    attach: (policy, scope, options = {}) => attach(parts, policy, scope, options),
    attachments: holdAddresses,
    adopt: (address, signal) => adopt(address, signal),
  };
}

function referenceOf(runner: Runner): MachineRef {
  const image = digestOf(Buffer.from(`${release()} ${version()}`));
  return {
    name: 'host',
    mode: 'native',
    start: 'cold',
    kernel: { release: release(), image },
    emulator: 'none',
    runner: runner.digest,
  };
}

function privilegeProblem(
  needed: readonly Capability[],
): { readonly reasons: string[]; readonly fault: Fault } | undefined {
  if (process.platform !== 'linux') {
    const reason = 'only Linux has the schedulers that this is about';
    return {
      reasons: [reason],
      fault: new Fault('unsupported', reason, { next: 'use --machine simulator' }),
    };
  }
  const missing = lacking(needed);
  if (missing.length === 0) return undefined;
  const reason = `this machine can only be measured with ${missing.join(', ')}, which root has`;
  const next = 'run it as root, or use --machine micro-vm, which needs no privileges';
  return { reasons: [`${reason}: ${next}`], fault: new Fault('not-permitted', reason, { next }) };
}

async function perform(
  { blobs, runner, env = {} }: HostParts,
  experiment: Experiment,
  observers: Observers,
  signal: AbortSignal | undefined,
): Promise<{ readonly outcome: Outcome; readonly events: readonly RunnerEvent[] }> {
  if (signal?.aborted) throw new Fault('interrupted', 'interrupted before a run on this machine');
  const { arm, workload, limitMs, nuisance } = experiment;
  const expansion = await expansionOf(experiment, blobs);
  checkShape(experiment, expansion);
  const own = environmentOf(env);
  const here = workload?.kind === 'command' ? { ...workload, env: { ...own, ...workload.env } } : workload;
  const job = await composeJob({ ...experiment, workload: here }, blobs, observers);
  const problem = privilegeProblem(
    arm.policy === undefined && observers.recorder === undefined ? forRuns : forPolicies,
  );
  if (problem !== undefined) throw problem.fault;
  const refused = refusal(arm.policy !== undefined);
  if (refused !== undefined) return { outcome: toOutcome(experiment, noRun, expansion, refused), events: [] };
  const told = { limitMs: limitMs + nuisance.startOffsetNs / 1e6 + 60_000, what: 'a run on this machine' };
  const events = await converse(runner, job, { ...told, ...(signal && { signal }) });
  return { outcome: toOutcome(experiment, { ...noRun, events }, expansion, unfinished(events)), events };
}

const noRun = { events: [] as RunnerEvent[], end: { how: 'ended', detail: '' }, console: '' };

function environmentOf(env: NonNullable<HostParts['env']>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
}

function checkShape({ topology }: Experiment, expansion: Expansion | undefined): void {
  const { cpus, nodes, llcs, threads, capacities } = topology;
  const there = availableParallelism();
  if (cpus !== there || [nodes, llcs, threads, capacities].some((part) => part !== undefined))
    throw new Fault('unsupported', `this machine has ${there} CPUs in the topology that it has`, {
      next: `use --cpus ${there}, or a micro-VM or the simulator for other machines`,
    });
  const isRealTime = expansion?.tasks.some(({ schedClass }) => schedClass === 'fifo') ?? false;
  if (isRealTime && readText('/proc/sys/kernel/sched_rt_runtime_us') === '-1')
    throw new Fault(
      'unsupported',
      'real-time tasks may take all of this machine’s time (sched_rt_runtime_us is -1)',
      {
        next: 'write 950000 to /proc/sys/kernel/sched_rt_runtime_us, or use a micro-VM',
      },
    );
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return '';
  }
}

/** The expected "no" of this machine. The default scheduler needs nothing of sched_ext, but must be in charge. */
function refusal(wantsPolicy: boolean): Finding | undefined {
  if (readSchedExt() === undefined)
    return wantsPolicy
      ? {
          code: 'host-without-sched-ext',
          message: `this machine's kernel ${release()} has no sched_ext: no policy can be loaded`,
          next: 'boot a kernel with CONFIG_SCHED_CLASS_EXT (6.12 or newer), or use --machine micro-vm; settings of the default scheduler need none',
        }
      : undefined;
  const foreign = schedulerInCharge();
  return foreign && foreignFinding(foreign);
}

function foreignFinding(foreign: ForeignScheduler): Finding {
  const { ops, pid, argv, unit } = foreign;
  const held =
    pid === undefined ? '' : ` (held by process ${pid}${argv === undefined ? '' : `, ${argv.join(' ')}`})`;
  return {
    code: 'foreign-scheduler',
    message: `somebody else's scheduler is loaded: ${ops}${held}`,
    next: unit === undefined ? 'end it first' : `stop it first: systemctl stop ${unit}`,
  };
}

/** A runner that was ended from outside: its keeper says so, unless both were killed. */
function unfinished(events: readonly RunnerEvent[]): Finding | undefined {
  if (events.some(({ event }) => event === 'done')) return undefined;
  return {
    code: 'guest-failed',
    message: 'the runner was killed before it had told what happened',
    next: 'look whether the machine has run out of memory; start it again, which also gives back settings',
  };
}

async function attach(
  { blobs, runner }: HostParts,
  policy: Policy,
  scope: AttachScope,
  options: AttachOptions,
): Promise<Attached> {
  const { heartbeatMs = 3000, timeoutMs = 5000, signal } = options;
  const job = await holdJob(policy, scope, blobs, timeoutMs);
  const problem = privilegeProblem(forPolicies);
  if (problem !== undefined) throw problem.fault;
  const refused = refusal(true);
  if (refused !== undefined) return { ok: false, finding: refused };
  if (signal?.aborted) throw new Fault('interrupted', 'interrupted before a policy was attached');
  const address = newAddress();
  const channel = await startHold(runner, job, { address, heartbeatMs });
  return openAttachment({ ...common(address, signal), channel });
}

/** Needs nothing that has to be built or fetched first. */
export async function adopt(address: string, signal?: AbortSignal): Promise<Attachment> {
  const channel = await connectHold(address);
  const attached = await openAttachment({ ...common(address, signal), channel, limitMs: 10_000 });
  if (attached.ok) return attached.attachment;
  throw new Fault('not-found', `no policy is held at ${address}: ${attached.finding.message}`);
}

const common = (address: string, signal: AbortSignal | undefined) => ({
  address,
  release: release(),
  settled: async (enableSeq: number) => {
    await gone({ enableSeq }, 5000);
  },
  force: (pid: number) => {
    process.kill(pid, 'SIGKILL');
  },
  ...(signal && { signal }),
});
