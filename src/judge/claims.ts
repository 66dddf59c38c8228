// The claims about the arm that was confirmed, from confirmation alone.
import { type Comparison, fractionOf, gainFor, toEffect } from './compare.ts';
import type { Progress } from './follow.ts';
import type { ArmSpec, Claim, ClaimKind, Plan } from './types.ts';

export function candidateClaims(plan: Plan, arm: ArmSpec, progress: Progress): Claim[] {
  const { confirmation, defaultArm } = progress;
  if (confirmation === null) return [];
  const { candidate, settings, lead } = confirmation;
  const gain = arm.id === candidate.id ? confirmation.gain : confirmation.settingsGain;
  const { direction } = plan.goal;
  const margin = gainFor(direction, plan.margin);
  const claim = (kind: ClaimKind, against: string, c: Comparison | null, rest: Partial<Claim>): Claim => ({
    kind,
    armId: arm.id,
    against,
    holds: 'unknown',
    n: c?.n ?? 0,
    effect: c && toEffect(direction, c),
    bound: null,
    limit: plan.margin,
    ...rest,
  });
  const claims = [
    claim('better-than-default', defaultArm.id, gain, gain ? beats(plan, gain, margin) : {}),
    claim('not-distinguishable', defaultArm.id, gain, gain ? indistinct(plan, gain) : { limit: 0 }),
    claim('default-within', defaultArm.id, gain, gain ? within(plan, gain, margin) : {}),
  ];
  if (settings !== null && lead !== null && arm.id === candidate.id)
    claims.push(claim('better-than-settings', settings.id, lead, beats(plan, lead, margin)));
  if (arm.kind === 'policy') claims.push(presence(arm, progress));
  return claims;
}

/** Interval clear of zero and estimate at least the margin; false once the margin is out of reach. */
function beats(plan: Plan, c: Comparison, margin: number): Pick<Claim, 'holds' | 'bound'> {
  const holds = c.low > 0 && c.estimate >= margin ? true : c.high < margin ? false : 'unknown';
  return { holds, bound: fractionOf(plan.goal.direction, c.estimate) };
}

/** The interval contains zero: these runs cannot tell the two apart. Its bound is the larger end. */
function indistinct(plan: Plan, c: Comparison): Pick<Claim, 'holds' | 'bound' | 'limit'> {
  const { low, high } = toEffect(plan.goal.direction, c);
  return { holds: c.low <= 0 && c.high >= 0, bound: Math.max(Math.abs(low), Math.abs(high)), limit: 0 };
}

/** A change gains less than the margin: stop here. Its bound is the most that the arm can gain. */
function within(plan: Plan, c: Comparison, margin: number): Pick<Claim, 'holds' | 'bound'> {
  const holds = c.high < margin ? true : c.low >= margin ? false : 'unknown';
  return { holds, bound: Math.max(0, fractionOf(plan.goal.direction, c.high)) };
}

/** Whether the policy was there is the machine's to say, run by run; a run in which it was not is invalid. */
function presence(arm: ArmSpec, { failed, confirmation, screened, defaultArm }: Progress): Claim {
  const why = failed.get(arm.id);
  const n = [...screened, ...(confirmation?.rows ?? [])].filter((row) => row.has(arm.id)).length;
  const holds = why === undefined ? (n > 0 ? true : 'unknown') : false;
  const rest = { effect: null, bound: null, limit: null, ...(why === undefined ? {} : { why }) };
  return { kind: 'presence', armId: arm.id, against: defaultArm.id, holds, n, ...rest };
}
