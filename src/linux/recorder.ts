// Recording what the scheduler of this very machine does: the runner with probes/record.bpf.c, on a command of ours or on what runs already. Nothing
// about how the machine schedules is changed, and nothing stays behind. Formats: docs/protocol.md, sections 2, 3 and 5.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { Fault } from '../core/errors.ts';
import { lacking } from './capabilities.ts';
import { interrupted, tied } from './process.ts';
import { encodeJob, eventBatches, type Follow, type Runner, type RunnerEvent, rawTrace } from './runner.ts';

/** Whom to record: a command that is started for it, or what runs already. */
export type RecordTarget =
  | Follow
  | {
      readonly kind: 'command';
      readonly argv: readonly string[];
      readonly env: Readonly<Record<string, string>>;
      readonly cwd: string;
      /** Times that it runs, one after the other. Default 1. */
      readonly runs?: number;
    };

export interface RecordOptions {
  /** The object of probes/record.bpf.c. */
  readonly object: Uint8Array;
  /** Room, 32 bytes each. What comes when it is full is lost, and counted. Default 1,000,000. */
  readonly events?: number;
  /** A command is killed after so long; what runs already is recorded for so long at most. Default 10 minutes. */
  readonly limitMs?: number;
  /** Bytes of the command's stdout and of its stderr that are kept, the last ones. Default 65,536. */
  readonly outputLimit?: number;
  /** Ends the recording early, and properly. */
  readonly stop?: AbortSignal;
  /** Gives it up: Fault('interrupted'). */
  readonly signal?: AbortSignal;
}

export interface Recording {
  /** Events of 32 bytes: docs/protocol.md, section 5. */
  readonly raw: Uint8Array;
  /** What else the runner said: `run` for each run of the command, `recorded`, a `limit` that was hit. */
  readonly events: readonly RunnerEvent[];
  /** Events that found no room. */
  readonly lost: number;
}

/** Why this process cannot record on this machine, as far as can be told beforehand. */
export function whyNotRecord(
  paths: { readonly status: string; readonly btf: string } = here,
): Fault | undefined {
  const next = 'record in a micro-VM (--machine micro-vm), or go without probes: procfs tells less';
  if (!existsSync(paths.status)) return new Fault('unsupported', 'only Linux can be recorded', { next });
  if (!existsSync(paths.btf))
    return new Fault('unsupported', 'the kernel of this machine has no BTF (CONFIG_DEBUG_INFO_BTF)', {
      next,
    });
  const missing = lacking(needed, paths.status);
  if (missing.length === 0) return undefined;
  return new Fault('not-permitted', `recording on this machine needs root: ${missing.join(', ')} missing`, {
    next: `run it as root; or ${next}`,
  });
}

const here = { status: '/proc/self/status', btf: '/sys/kernel/btf/vmlinux' };

/** Probes, a real-time class and locked memory for the runner. */
const needed = ['CAP_IPC_LOCK', 'CAP_SYS_ADMIN', 'CAP_SYS_NICE', 'CAP_PERFMON', 'CAP_BPF'] as const;

/**
 * Records. Throws Fault: not-permitted (no root), unsupported (no BTF, a kernel that refuses the probe), not-found (no such process, cgroup or program),
 * interrupted. A command that fails, or hits a limit, is no fault: its events say so.
 */
export async function record(
  runner: Runner,
  target: RecordTarget,
  options: RecordOptions,
): Promise<Recording> {
  const refused = whyNotRecord();
  if (refused !== undefined) throw refused;
  if (options.signal?.aborted) throw interrupted('a recording');
  const events = await converse(runner, jobOf(target, options), options);
  for (const event of events) {
    if (event.event !== 'fault') continue;
    if (event.code === 'interrupted' && options.stop?.aborted) continue; // a command that we ended
    const detail = event.next === undefined ? {} : { next: event.next };
    throw new Fault(event.code ?? 'unavailable', event.message, detail);
  }
  const recorded = events.find((event) => event.event === 'recorded');
  if (recorded === undefined)
    throw new Fault('unavailable', 'the runner ended before it had told what it recorded', {
      next: 'look whether the machine has run out of memory; record fewer events',
    });
  return {
    raw: rawTrace(events),
    events: events.filter((event) => event.event !== 'trace'),
    lost: recorded.lost,
  };
}

const defaultLimitMs = 600_000;

function jobOf(target: RecordTarget, options: RecordOptions): Uint8Array {
  const limitMs = options.limitMs ?? defaultLimitMs;
  const isCommand = target.kind === 'command';
  return encodeJob({
    recorder: { object: options.object, events: options.events ?? 1_000_000 },
    ...(isCommand ? { command: { ...target, runs: target.runs ?? 1 } } : { follow: target }),
    nuisance: { startOffsetNs: isCommand ? 0 : limitMs * 1_000_000, pidOffset: 0 },
    wallLimitMs: isCommand ? limitMs : limitMs + 60_000, // only in case that its clock stands still
    verifyBudgetMs: 5000,
    timeoutMs: 5000,
    outputLimit: options.outputLimit ?? 65_536,
  });
}

/** How long the runner may take to tell what it has recorded, from when it was asked to end. */
const graceMs = 30_000;

/** A keeper that is killed leaves a ward that ends in order within seconds; when both are, a task of theirs may have their output open for as long as it lives. */
const muteMs = 15_000;

/** A job's answers; its end is asked for when `stop` says so, or the limit is over. Throws Fault('interrupted'). */
export async function converse(
  runner: Runner,
  job: Uint8Array,
  options: Pick<RecordOptions, 'limitMs' | 'stop' | 'signal'> & { readonly what?: string },
): Promise<RunnerEvent[]> {
  const { command, args } = tied(runner.file, ['run']);
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'ignore'], detached: true });
  const limits: NodeJS.Timeout[] = [];
  const end = (): void => {
    child.kill('SIGTERM');
    limits.push(setTimeout(() => child.kill('SIGKILL'), graceMs));
  };
  limits.push(setTimeout(end, (options.limitMs ?? defaultLimitMs) + graceMs));
  const ends = [options.stop, options.signal].filter((signal) => signal !== undefined);
  for (const signal of ends) signal.addEventListener('abort', end, { once: true });
  if (ends.some((signal) => signal.aborted)) end();
  child.stdin.on('error', () => {}); // it may end without reading all of its job
  child.stdin.end(job);
  let isMute = false;
  child.once('exit', () => {
    const giveUp = (): void => {
      isMute = true;
      child.stdout.destroy();
    };
    limits.push(setTimeout(giveUp, muteMs));
  });
  try {
    const events: RunnerEvent[] = [];
    try {
      for await (const batch of eventBatches(child.stdout)) for (const event of batch) events.push(event);
    } catch (error) {
      if (!isMute) throw error;
    }
    if (child.exitCode === null && child.signalCode === null) await once(child, 'close');
    if (options.signal?.aborted) throw interrupted(options.what ?? 'a recording');
    return events;
  } finally {
    for (const signal of ends) signal.removeEventListener('abort', end);
    for (const limit of limits) clearTimeout(limit);
    child.kill('SIGKILL');
  }
}
