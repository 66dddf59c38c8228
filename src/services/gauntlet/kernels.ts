// The gate `kernel`: a real kernel's verifier, then loads that bring out faults, on real sched_ext. Attaching proves nothing: the policy must still be in charge when the loads are over, which
// takes three times the watchdog's timeout at least.

import { Fault } from '../../core/errors.ts';
import {
  type EvidenceOf,
  guestLoads,
  type KernelRun,
  type KnobEnd,
  type LoadName,
} from '../../core/gauntlet.ts';
import type { Outcome } from '../../core/records.ts';
import type { WorkloadFile } from '../../core/workload.ts';
import { type Contestant, experimentOf, inOrder, runRecorded, type Trial } from '../../stages/trials.ts';
import type { Call } from '../service.ts';
import { namedWorkload, type Setting, trialOf } from '../trials.ts';
import type { ReadyMachine, World } from '../world.ts';

/** The loads last 5.2 s at least; the longest wait that a sound policy makes under them is below half of it (test/gauntlet/README.md). */
export const watchdogMs = 1700;

const [limitMs, seed] = [60_000, 1];

/** The policy with its knobs as given, and at each end. */
export interface Moved {
  readonly knobs: KnobEnd;
  readonly contestant: Contestant;
}

/** With the knobs at an end only the declared loads. @throws Fault where there is no such kernel, or no machine. */
export async function kernelGate(
  world: World,
  arms: readonly Moved[],
  wished: readonly LoadName[],
  ready: ReadyMachine,
  call: Call,
): Promise<EvidenceOf<'kernel'>> {
  const machine = ready.machine.name === 'host' ? 'host' : 'micro-vm';
  const setting: Setting = {
    ...{ world, ready, cpus: machine === 'host' ? undefined : 4, memoryMiB: undefined, limitMs },
    // Guests that count instructions do not care how busy this machine is.
    ...{ mode: machine === 'host' ? 'auto' : 'deterministic', hinted: new Set<string>(), call },
  };
  const loads = wished.filter((load) => machine === 'micro-vm' || !guestLoads.has(load));
  if (loads.length === 0)
    throw new Fault('unsupported', `a host has no ${wished.join(', ')}`, {
      next: 'ask for the loads provoke,crowd',
    });
  const trials: { readonly load: LoadName; readonly trial: Trial }[] = [];
  for (const load of loads) {
    const named = await namedWorkload(world, load, call);
    const fitting =
      named.kind === 'declared' ? { ...named, file: folded(named.file, setting.cpus ?? ready.cpus) } : named;
    trials.push({ load, trial: await trialOf(setting, fitting) });
  }
  const { release } = trials[0]!.trial.reference.kernel;
  const [given] = arms;
  call.progress({ text: `${given!.contestant.arm.name} on kernel ${release} under ${loads.join(', ')}` });
  const lab = { machine: ready.machine, records: world.store.records, signal: call.signal };
  const jobs = arms.flatMap((arm) =>
    trials
      .filter(({ load }) => arm.knobs === 'given' || !guestLoads.has(load))
      .map(({ load, trial }) => ({ ...arm, load, trial })),
  );
  const runs = await inOrder(jobs, ready.machine.parallel, async (job): Promise<KernelRun> => {
    const { load, knobs, trial, contestant } = job;
    const experiment = { ...(await experimentOf(trial, contestant, seed)), watchdogMs };
    const { outcome, digest } = await runRecorded(lab, experiment);
    return { load, knobs, outcome: digest, finding: outcome.finding, left: hasLeft(load, outcome) };
  });
  return { gate: 'kernel', release, machine, runs };
}

/** The same load where there are fewer CPUs than its lists name: those are folded onto the ones that there are. */
export function folded(file: WorkloadFile, cpus: number): WorkloadFile {
  const fold = (key: string, value: unknown): unknown =>
    key === 'cpus' && Array.isArray(value) ? [...new Set(value.map((cpu: number) => cpu % cpus))] : value;
  return JSON.parse(JSON.stringify(file), fold) as WorkloadFile;
}

/** SCX_ECODE_ACT_RESTART | SCX_ECODE_RSN_HOTPLUG (include/linux/sched/ext.h, v6.18): what the kernel says when a CPU comes or goes and the policy has no callback for that. */
const restartForHotplug = 2 ** 48 + 2 ** 32;

/** The record of the exit is the policy's own memory, and says what the policy likes: only where a CPU did come or go is it believed. */
export function hasLeft(load: LoadName, { exit }: Pick<Outcome, 'exit'>): boolean {
  return load === 'hotplug' && exit?.kind === 66 && exit.code === restartForHotplug;
}
