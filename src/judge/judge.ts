// Observations in, judgement out (DESIGN.md section 8). Pure: the same plan and observations give the same bytes.
import { median } from '../lib/stats.ts';
import { candidateClaims } from './claims.ts';
import { compareFixed, gainOf, toEffect } from './compare.ts';
import { costClaims } from './cost-range.ts';
import { dropOf, follow, type Progress, pairsOf } from './follow.ts';
import { harmClaims } from './harm.ts';
import type {
  ArmReport,
  ArmSpec,
  Claim,
  Decision,
  Judgement,
  Observation,
  OtherWorkload,
  Plan,
} from './types.ts';

export interface JudgeInput {
  readonly plan: Plan;
  readonly observations: readonly Observation[];
  /** Runs of the chosen arm (`nextBlocks` names it) beside the default elsewhere. None: no harm stays unknown. */
  readonly others?: readonly OtherWorkload[];
}

/** Throws `malformed` on observations that do not belong to the plan. */
export function judge({ plan, observations, others = [] }: JudgeInput): Judgement {
  const progress = follow(plan, observations);
  const chosen = plan.arms.find((arm) => arm.id === progress.stop?.chosen);
  const arm = chosen ?? progress.confirmation?.candidate;
  const elsewhere = others.filter(({ scope }) => scope !== 'costs');
  const ends = others.filter(({ scope }) => scope === 'costs');
  const harm = chosen === undefined ? [] : harmClaims(plan, chosen, progress, elsewhere);
  const costs = chosen === undefined ? [] : costClaims(plan, chosen, ends);
  const claims = arm === undefined ? [] : [...candidateClaims(plan, arm, progress), ...harm, ...costs];
  const { decision, why } = decide(progress, harm, elsewhere.length > 0, costs);
  const gain = arm === undefined ? null : confirmedGain(progress, arm);
  return {
    decision,
    why,
    chosen: decision === 'accepted' ? chosen!.id : null,
    candidate: arm?.id ?? null,
    metric: plan.goal.metric,
    direction: plan.goal.direction,
    unit: plan.goal.unit,
    margin: plan.margin,
    effect: gain && toEffect(plan.goal.direction, gain),
    claims,
    arms: plan.arms.map((spec) => reportArm(plan, spec, progress)),
  };
}

function confirmedGain({ confirmation }: Progress, arm: ArmSpec) {
  if (confirmation === null) return null;
  if (arm.id === confirmation.candidate.id) return confirmation.gain;
  return arm.id === confirmation.settings?.id ? confirmation.settingsGain : null;
}

/** Harm that was shown rejects; harm that was measured and could not be ruled out leaves the question open, as does a gain that costs decide. */
function decide(
  progress: Progress,
  harm: readonly Claim[],
  measured: boolean,
  costs: readonly Claim[],
): { decision: Decision; why: string } {
  const { stop, failed, defaultArm } = progress;
  switch (stop?.reason) {
    case undefined:
      return { decision: 'inconclusive', why: 'the comparison was stopped before its plan ended' };
    case 'default-failed':
      return {
        decision: 'invalid',
        why: `the runs of ${defaultArm.name} failed: ${failed.get(defaultArm.id)}`,
      };
    case 'no-arms-left':
      return {
        decision: 'invalid',
        why: `no arm is left to judge: ${[...new Set(failed.values())].join('; ')}`,
      };
    case 'no-gain':
      return { decision: 'rejected', why: 'the gain is below what is worth a change' };
    case 'futile':
      return { decision: 'inconclusive', why: 'more runs would hardly show a gain' };
    case 'exhausted':
      return { decision: 'inconclusive', why: 'the planned runs do not settle it' };
  }
  const harmed = harm.find((claim) => claim.holds === false);
  if (harmed !== undefined)
    return { decision: 'rejected', why: `better at the goal, but it harms ${harmed.against}` };
  const open = harm.find((claim) => claim.holds === 'unknown');
  if (measured && open !== undefined)
    return {
      decision: 'inconclusive',
      why: `better at the goal, but harm to ${open.against} is not ruled out`,
    };
  const flips = costs.find((claim) => claim.holds === false);
  if (flips !== undefined)
    return {
      decision: 'inconclusive',
      why: `the sign flips within the cost ranges: no gain with ${flips.against}`,
    };
  const untold = costs.find((claim) => claim.holds === 'unknown');
  if (untold !== undefined)
    return { decision: 'inconclusive', why: `whether there is a gain with ${untold.against} is not known` };
  return { decision: 'accepted', why: 'the gain is clear of zero and worth a change' };
}

/** Confirmed arms and the default report confirmation only; the others what screening saw of them. */
function reportArm(plan: Plan, spec: ArmSpec, progress: Progress): ArmReport {
  const { confirmation, screened, defaultArm } = progress;
  const gain = confirmedGain(progress, spec);
  const confirmed = gain !== null || (spec.kind === 'default' && confirmation?.gain != null);
  const rows = confirmed ? confirmation!.rows : screened;
  const pairs = pairsOf(rows, spec.id, defaultArm.id);
  const gains = pairs.map((pair) => gainOf(plan.goal.direction, pair));
  const comparison = gain ?? (gains.length > 0 ? compareFixed(gains, plan.alpha) : null);
  const why = progress.failed.get(spec.id) ?? dropOf(progress, spec.id)?.why ?? passedOver(progress, spec);
  return {
    id: spec.id,
    name: spec.name,
    kind: spec.kind,
    status: progress.failed.has(spec.id) ? 'failed' : why === undefined ? 'ok' : 'dropped',
    ...(why === undefined ? {} : { why }),
    phase: pairs.length === 0 ? null : confirmed ? 'confirm' : 'screen',
    n: pairs.length,
    median: pairs.length === 0 ? null : median(pairs.map((pair) => pair.value)),
    effect: spec.kind === 'default' || comparison === null ? null : toEffect(plan.goal.direction, comparison),
  };
}

function passedOver({ confirmation }: Progress, spec: ArmSpec): string | undefined {
  if (confirmation === null || spec.kind === 'default') return undefined;
  const { candidate, settings } = confirmation;
  if (spec.id === candidate.id || spec.id === settings?.id) return undefined;
  return `${candidate.name} did better in screening`;
}
