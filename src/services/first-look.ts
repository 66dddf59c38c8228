// Before a workload is tuned it is looked at once, under the default scheduler: what it is, and, of a command, a recording that the simulator can run under
// every candidate. Declared workloads are looked at in the simulator, commands in the guest that will also decide.

import { Fault } from '../core/errors.ts';
import type { Profile } from '../core/profile.ts';
import type { Goal } from '../judge/types.ts';
import { pagesOf } from '../profiles/pages.ts';
import { countersOfTrace, type Kept, keepProfile } from '../stages/observe.ts';
import { experimentOf, unrecorded } from '../stages/trials.ts';
import { defaultEntrant } from './arms.ts';
import { policyWords, recordCommand } from './observing.ts';
import { type Named, type Setting, trialOf, usualCosts, workloadOf } from './trials.ts';

export interface FirstLook {
  readonly kept?: Kept;
  /** Of a command: its recording as a workload. */
  readonly recorded?: Extract<Named, { kind: 'recorded' }>;
  /** Why there is none of them. */
  readonly why?: string;
}

/** Room of the recording of a command: 32 MB. What comes later is lost, and the replay is that of the first part. */
const events = 1_000_000;
/** More lost events than that, and the replay is another workload. */
const mostLost = 0.001;

/** Never fails because a workload cannot be looked at: it is tuned without. @throws Fault interrupted */
export async function firstLook(setting: Setting, named: Named, seed: number): Promise<FirstLook> {
  setting.call.progress({ text: `looking at ${named.name} under the default scheduler` });
  try {
    if (named.kind === 'command') return await ofCommand(setting, named);
    const trace = named.kind === 'recorded' ? named.trace : await simulated(setting, named, seed);
    const machine = { name: 'simulator', kernel: trace.release, cpus: trace.cpus } as const;
    // what a simulation did is had again from its seed, and is large: only its counters are kept
    const seen = named.kind === 'recorded' ? { trace } : { counters: countersOfTrace(trace) };
    return { kept: await keepProfile(setting.world.store, { subject: subjectOf(named), machine, ...seen }) };
  } catch (error) {
    if (!(error instanceof Fault) || error.code === 'interrupted') throw error;
    setting.call.progress({ text: `it cannot be looked at: ${error.message}` });
    return { why: error.message };
  }
}

function subjectOf(named: Named): Profile['subject'] {
  const what = { command: 'command', declared: 'workload', recorded: 'trace' } as const;
  return { what: what[named.kind], name: named.name };
}

async function ofCommand(setting: Setting, named: Extract<Named, { kind: 'command' }>): Promise<FirstLook> {
  const { world, ready, cpus, memoryMiB, mode, limitMs, call } = setting;
  const size = { cpus, memoryMiB, mode, seconds: limitMs / 1000, events };
  const { trace, machine, output } = await recordCommand(
    world,
    ready,
    { ...named.command, runs: 1 },
    size,
    call,
  );
  const kept = await keepProfile(world.store, {
    subject: subjectOf(named),
    machine,
    trace,
    usage: output?.usage,
  });
  if (trace === undefined || kept.trace === undefined) return { kept };
  if (trace.lost > mostLost * trace.count)
    return { kept, why: `${trace.lost} events of it were lost: it has more than ${events} of them` };
  const recorded = workloadOf(kept.trace.bytes, named.name);
  return recorded.kind === 'recorded' ? { kept, recorded } : { kept };
}

/** One run in the simulator, whatever the machine that decides. */
async function simulated(setting: Setting, named: Exclude<Named, { kind: 'command' }>, seed: number) {
  const { world, call, cpus, shape } = setting;
  const ready = await world.openMachine(
    { machine: 'simulator', costs: usualCosts(named, cpus, shape) },
    call,
  );
  const trial = await trialOf({ ...setting, ready, mode: 'auto', memoryMiB: 0 }, named);
  const experiment = await experimentOf(trial, { arm: defaultEntrant.arm, candidate: unrecorded }, seed);
  const { outcome, trace } = await ready.recorded!({ ...experiment, from: [] }, events, call.signal);
  if (outcome.finding !== null) throw new Fault('unavailable', outcome.finding.message);
  return trace;
}

/** What the simulator is to be asked of the recording of a command; undefined: it has no answer. */
export function goalInReplay(goal: Goal): Goal | undefined {
  return goal.metric === 'elapsedNs' ? { ...goal, metric: 'makespanNs' } : undefined;
}

/** A few lines, before the verdict. */
export async function firstLookText(
  setting: Pick<Setting, 'world'>,
  { kept, why }: FirstLook,
): Promise<string> {
  if (kept === undefined) return why === undefined ? '' : `It could not be looked at beforehand: ${why}\n\n`;
  const { profile, counters, digest } = kept;
  const { brief } = pagesOf({ profile, counters, policies: await policyWords(setting.world) });
  return `${brief}${why === undefined ? '' : `Not replayed: ${why}\n`}more: schedcp show ${digest.slice(0, 12)}\n\n`;
}
