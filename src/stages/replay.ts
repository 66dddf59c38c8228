// Replay: from a record alone to the same answer. A verdict is judged again from its own plan and observations; an experiment or an
// outcome is run again and its metrics are held against the recorded ones.

import { z } from 'zod';
import { canonicalJson } from '../core/canonical.ts';
import { Fault } from '../core/errors.ts';
import { type GauntletPlan, gateEvidenceSchema, gauntletPlanSchema } from '../core/gauntlet.ts';
import type { Records } from '../core/machine.ts';
import {
  type Experiment,
  experimentSchema,
  type Outcome,
  outcomeSchema,
  type Verdict,
} from '../core/records.ts';
import { judgeGauntlet } from '../judge/gauntlet.ts';
import { judge } from '../judge/judge.ts';
import type { Observation, OtherWorkload, Plan } from '../judge/types.ts';
import { type Lab, runRecorded } from './trials.ts';

export interface Difference {
  readonly what: string;
  readonly recorded: number | string | null;
  readonly now: number | string | null;
}

/**
 * Judges a verdict again, and checks that each of its observations is what the outcome on record says: of that arm, with that seed.
 * Returns every difference; none means that the verdict follows from its records.
 */
export async function replayVerdict(verdict: Verdict, records: Records): Promise<Difference[]> {
  const gauntlet = gauntletPlanSchema.safeParse(verdict.plan);
  if (gauntlet.success) return replayGauntlet(verdict, gauntlet.data, records);
  const plan = verdict.plan as Plan;
  const observations = verdict.observations as Observation[];
  const differences: Difference[] = [];
  const count = { recorded: observations.length, now: verdict.outcomes.length };
  if (count.recorded !== count.now) differences.push({ what: 'observations with an outcome', ...count });
  for (const [index, digest] of verdict.outcomes.entries()) {
    const observation = observations[index];
    if (observation === undefined) break;
    const outcome = outcomeSchema.parse(await records.get(digest));
    const { arm, seed } = await experimentBehind(outcome, records);
    const what = `observation ${index} (outcome ${digest.slice(0, 12)})`;
    const value = outcome.finding === null ? (outcome.metrics[plan.goal.metric] ?? null) : null;
    const held: [string, Difference['recorded'], Difference['now']][] = [
      [what, observation.value, value],
      [`${what}, arm`, observation.armId, arm.id],
      [`${what}, seed`, observation.seed, seed],
    ];
    for (const [name, recorded, now] of held)
      if (recorded !== now) differences.push({ what: name, recorded, now });
  }
  const others = verdict.others as OtherWorkload[];
  for (const other of others) differences.push(...(await replayOther(other, records)));
  const again = judge({ plan, observations, others });
  const [was, is] = [canonicalJson(verdict.judgement), canonicalJson(again)];
  if (was !== is) differences.push({ what: 'judgement', recorded: was, now: is });
  return differences;
}

/** A verdict of the gauntlet: what kernels said against their outcomes, and the judgement from the evidence. */
async function replayGauntlet(
  { candidates, observations, judgement }: Verdict,
  plan: GauntletPlan,
  records: Records,
): Promise<Difference[]> {
  const evidence = z.array(gateEvidenceSchema).parse(observations);
  const differences: Difference[] = [];
  for (const { load, outcome: digest, finding } of evidence.flatMap((one) =>
    one.gate === 'kernel' ? one.runs : [],
  )) {
    const outcome = outcomeSchema.parse(await records.get(digest));
    const [recorded, now] = [finding?.message ?? null, outcome.finding?.message ?? null];
    const what = `${load} (outcome ${digest.slice(0, 12)})`;
    if (recorded !== now) differences.push({ what, recorded, now });
  }
  const [armId = ''] = Object.keys(candidates);
  const [was, is] = [canonicalJson(judgement), canonicalJson(judgeGauntlet(plan, armId, evidence))];
  if (was !== is) differences.push({ what: 'judgement', recorded: was, now: is });
  return differences;
}

/** The pairs of a no-harm claim against the outcomes that they name. */
async function replayOther(other: OtherWorkload, records: Records): Promise<Difference[]> {
  const differences: Difference[] = [];
  for (const [index, pair] of other.pairs.entries()) {
    for (const [side, recorded] of [pair.value, pair.base].entries()) {
      const digest = pair.outcomes?.[side];
      if (digest === undefined) continue;
      const outcome = outcomeSchema.parse(await records.get(digest));
      const now = outcome.metrics[other.goal.metric] ?? null;
      if (now !== recorded)
        differences.push({
          what: `${other.name}, pair ${index} (outcome ${digest.slice(0, 12)})`,
          recorded,
          now,
        });
    }
  }
  return differences;
}

/** The experiment behind an outcome, or the experiment itself. */
export async function experimentBehind(record: Experiment | Outcome, records: Records): Promise<Experiment> {
  if (record.kind === 'experiment') return record;
  const [digest] = record.from;
  if (digest === undefined) throw new Fault('malformed', 'the outcome names no experiment');
  return experimentSchema.parse(await records.get(digest));
}

/** Relative difference up to which a metric of a run again counts as the same: restored guests repeat within 1 %. */
export const tolerance = { simulated: 0, deterministic: 0.01, fast: 0.5, kvm: 0.5, native: 0.5 } as const;

/** Runs an experiment again and lists the metrics that differ by more than the mode's tolerance. */
export async function replayExperiment(
  lab: Lab,
  experiment: Experiment,
  recorded: Outcome | undefined,
): Promise<{ again: Outcome; digest: string; differences: Difference[] }> {
  const { outcome, digest } = await runRecorded(lab, experiment);
  if (recorded === undefined) return { again: outcome, digest, differences: [] };
  const differences: Difference[] = [];
  if (recorded.status !== outcome.status || recorded.finding?.code !== outcome.finding?.code) {
    differences.push({
      what: 'status',
      recorded: recorded.finding?.code ?? recorded.status,
      now: outcome.finding?.code ?? outcome.status,
    });
  }
  const allowed = tolerance[experiment.machine.mode];
  for (const [name, value] of Object.entries(recorded.metrics)) {
    const now = outcome.metrics[name] ?? null;
    if (now === null || Math.abs(now - value) > allowed * Math.abs(value))
      differences.push({ what: name, recorded: value, now });
  }
  return { again: outcome, digest, differences };
}
