// Standing observation of this very machine: the runner with probes/watch.bpf.c counts in the kernel what tasks do, for as long as it is wanted and at a
// cost that can be left on. Nothing about how the machine schedules is changed, and nothing stays behind. Formats: docs/protocol.md, sections 2 and 6.

import type { Counters } from '../core/counters.ts';
import { Fault } from '../core/errors.ts';
import { firstPidNamespace } from './host/capabilities.ts';
import { readLink } from './host/surfaces.ts';
import { interrupted } from './process.ts';
import { converse, type RecordTarget, whyNotRecord } from './recorder.ts';
import { encodeJob, type Runner, type RunnerEvent } from './runner.ts';
import { countersOf } from './watched.ts';

export interface WatchOptions {
  /** The object of probes/watch.bpf.c. */
  readonly object: Uint8Array;
  /** How long what runs already is observed; a command is killed after so long. Default: a minute, for a command ten. */
  readonly seconds?: number;
  /** Share of the used CPU time that observing may cost, as estimated; wakeups, and where that is not enough switches, are sampled to keep it. Default 0.01. */
  readonly budget?: number;
  /** For tests: one of so many windows (at most 20) is open, whatever it costs; 1: switches are always counted. Default: by the budget. */
  readonly windows?: number;
  /** Tasks that are kept apart; the others are one sum. Default: by the machine's memory. */
  readonly tasks?: number;
  /** Bytes of the command's stdout and of its stderr that are kept, the last ones. Default 65,536. */
  readonly outputLimit?: number;
  /** Ends the observation early, and properly. */
  readonly stop?: AbortSignal;
}

export interface Watching {
  readonly counters: Counters;
  /** What else the runner said: `run` for each run of the command, a `limit` that was hit; and `watched`, with what the kernel accounted for the programs. */
  readonly events: readonly RunnerEvent[];
}

/** Why a target cannot be watched from here: the probe knows processes by the numbers of the first pid namespace, which another one hides. */
export function whyNotWatch(
  target: RecordTarget,
  namespace = readLink('/proc/self/ns/pid'),
): Fault | undefined {
  if (target.kind !== 'pid' || namespace === undefined || namespace === firstPidNamespace) return undefined;
  return new Fault('unsupported', 'a pid namespace hides which process is to be watched', {
    next: 'record it, or go without probes (procfs); or watch from outside the container',
  });
}

/**
 * Observes. Throws Fault: not-permitted (no root), unsupported (no BTF, a kernel that refuses the probe, a process in a pid namespace), not-found (no such process, cgroup or program),
 * interrupted (`signal`). A command that fails, or hits a limit, is no fault: its events say so.
 */
export async function watch(
  runner: Runner,
  target: RecordTarget,
  options: WatchOptions,
  signal?: AbortSignal,
): Promise<Watching> {
  const refused = whyNotRecord() ?? whyNotWatch(target);
  if (refused !== undefined) throw refused;
  if (signal?.aborted) throw interrupted('an observation');
  const limitMs = 1000 * (options.seconds ?? (target.kind === 'command' ? 600 : 60));
  const events = await converse(runner, jobOf(target, options, limitMs), {
    limitMs,
    ...(options.stop === undefined ? {} : { stop: options.stop }),
    ...(signal === undefined ? {} : { signal }),
  });
  for (const event of events) {
    if (event.event !== 'fault') continue;
    const detail = event.next === undefined ? {} : { next: event.next };
    throw new Fault(event.code ?? 'unavailable', event.message, detail);
  }
  return {
    counters: watchedCounters(events),
    events: events.filter(({ event }) => event !== 'watchedTasks'),
  };
}

/** The counters among what a runner has said. Throws Fault('unavailable') when it had not come so far. */
export function watchedCounters(events: readonly RunnerEvent[]): Counters {
  const whole = events.find((event) => event.event === 'watched');
  if (whole === undefined)
    throw new Fault('unavailable', 'the runner ended before it had told what it counted', {
      next: 'look whether the machine has run out of memory; observe a shorter time',
    });
  const rows = events.flatMap((event) => (event.event === 'watchedTasks' ? event.tasks : []));
  const runs = events.flatMap((event) => (event.event === 'run' ? [event.maxRssKiB] : []));
  return countersOf(rows, whole, runs.length > 0 ? Math.max(...runs) : undefined);
}

function jobOf(target: RecordTarget, options: WatchOptions, limitMs: number): Uint8Array {
  const isCommand = target.kind === 'command';
  return encodeJob({
    watcher: options.object,
    ...(options.tasks === undefined ? {} : { watchTasks: options.tasks }),
    ...(options.budget === undefined ? {} : { watchBudget: options.budget }),
    ...(options.windows === undefined ? {} : { watchWindows: options.windows }),
    ...(isCommand ? { command: { ...target, runs: target.runs ?? 1 } } : { follow: target }),
    nuisance: { startOffsetNs: isCommand ? 0 : limitMs * 1_000_000, pidOffset: 0 },
    wallLimitMs: isCommand ? limitMs : limitMs + 60_000, // only in case that its clock stands still
    verifyBudgetMs: 5000,
    timeoutMs: 5000,
    outputLimit: options.outputLimit ?? 65_536,
  });
}
