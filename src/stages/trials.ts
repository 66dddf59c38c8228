// Runs of arms on a machine, each recorded: experiment in, outcome and observation out. Everything random is derived from seeds.

import { Fault } from '../core/errors.ts';
import type { Machine, Records } from '../core/machine.ts';
import type { Arm, Experiment, MachineRef, Outcome, WorkloadRef } from '../core/records.ts';
import type { Block, Observation, Phase } from '../judge/types.ts';
import { createRandom, derive } from '../lib/random.ts';

/** One workload on one machine, ready to be run under any arm with any seed. */
export interface Trial {
  readonly name: string;
  readonly reference: MachineRef;
  readonly topology: Experiment['topology'];
  readonly limitMs: number;
  /** Runs at once: one where runs would disturb each other. */
  readonly parallel: number;
  /** What the seed makes of the workload; the same for every arm. */
  workload(seed: number): Promise<WorkloadRef>;
  /** The arm as it runs with this seed: hints follow what the workload became. */
  armFor(arm: Arm, seed: number): Promise<Arm>;
}

/** The candidate of runs that are looked at, or kept in one record of many, and have none of their own. */
export const unrecorded = '0'.repeat(64);

export interface Contestant {
  readonly arm: Arm;
  /** Digest of its Candidate record. */
  readonly candidate: string;
}

export interface Ran {
  readonly outcome: Outcome;
  readonly digest: string;
}

export interface Lab {
  readonly machine: Machine;
  readonly records: Records;
  readonly signal: AbortSignal;
}

/** What must not matter, drawn from the seed and the arm: where in a tick the run starts, and which process ids it gets. */
export function nuisanceOf(seed: number, armId: string): Experiment['nuisance'] {
  const random = createRandom(derive(seed, 'nuisance', armId));
  return { startOffsetNs: random.below(8_000_000), pidOffset: random.below(64) };
}

export async function experimentOf(trial: Trial, contestant: Contestant, seed: number): Promise<Experiment> {
  return {
    kind: 'experiment',
    version: 1,
    from: [contestant.candidate],
    arm: await trial.armFor(contestant.arm, seed),
    workload: await trial.workload(seed),
    topology: trial.topology,
    machine: trial.reference,
    seed,
    nuisance: nuisanceOf(seed, contestant.arm.id),
    limitMs: trial.limitMs,
  };
}

/** Runs one experiment and records both. */
export async function runRecorded(lab: Lab, experiment: Experiment): Promise<Ran> {
  if (lab.signal.aborted) throw new Fault('interrupted', 'interrupted between two runs');
  await lab.records.put(experiment);
  const outcome = await lab.machine.run(experiment, lab.signal);
  return { outcome, digest: await lab.records.put(outcome) };
}

export interface BlockRun {
  readonly observation: Observation;
  readonly digest: string;
  readonly outcome: Outcome;
}

/** Runs one block: every arm of it with the same seed, in its order, at most `trial.parallel` at once. */
export async function runBlock(
  lab: Lab,
  trial: Trial,
  contestants: readonly Contestant[],
  metric: string,
  phase: Phase,
  block: Block,
): Promise<BlockRun[]> {
  return inOrder(block.order, trial.parallel, async (armId, order) => {
    const contestant = contestants.find((item) => item.arm.id === armId);
    if (contestant === undefined) throw new Error(`bug: the plan names an arm ${armId} that does not exist`);
    const ran = await runRecorded(lab, await experimentOf(trial, contestant, block.seed));
    return {
      ...ran,
      observation: observe(ran.outcome, metric, {
        armId,
        block: block.block,
        phase,
        seed: block.seed,
        order,
      }),
    };
  });
}

function observe(
  outcome: Outcome,
  metric: string,
  place: Pick<Observation, 'armId' | 'block' | 'phase' | 'seed' | 'order'>,
): Observation {
  if (outcome.finding !== null) return { ...place, value: null, valid: false, why: outcome.finding.message };
  const value = outcome.metrics[metric];
  if (value === undefined)
    return { ...place, value: null, valid: false, why: `the run has no metric ${metric}` };
  return { ...place, value, valid: true };
}

/** Maps with at most `width` under way at once, started in order; the first failure stops further starts. */
export async function inOrder<T, R>(
  items: readonly T[],
  width: number,
  work: (item: T, index: number) => Promise<R>,
): Promise<R[]> {
  const results: R[] = new Array(items.length);
  let next = 0;
  let failed = false;
  const lane = async (): Promise<void> => {
    while (next < items.length && !failed) {
      const index = next++;
      try {
        results[index] = await work(items[index] as T, index);
      } catch (error) {
        failed = true;
        throw error;
      }
    }
  };
  const lanes = await Promise.allSettled(
    Array.from({ length: Math.max(1, Math.min(width, items.length)) }, lane),
  );
  const broken = lanes.find((result) => result.status === 'rejected');
  if (broken !== undefined) throw broken.reason;
  return results;
}
