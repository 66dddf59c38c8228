// No harm: the upper bound of the loss is below 5 % on other workloads, and for bystanders in the same mix. "No harm
// anywhere" needs every one of these claims, so each may be tested at the full 5 % (intersection–union, Berger 1982).
import {
  type Comparison,
  compareAt,
  compareFixed,
  fractionOf,
  gainFor,
  gainOf,
  planLooks,
  toEffect,
} from './compare.ts';
import type { Progress } from './follow.ts';
import type { ArmSpec, Claim, OtherWorkload, Plan } from './types.ts';

/** The largest loss that is no harm. */
export const harmLimit = 0.05;
/** Of the one-sided bound of the loss. */
const alpha = 0.05;
/** Pairs of runs that a `workload` needs before its bound exists at 95 %; from 6 on it is not the worst pair alone. */
export const harmPairs = { least: 5, usual: 6 } as const;

export function harmClaims(
  plan: Plan,
  arm: ArmSpec,
  progress: Progress,
  others: readonly OtherWorkload[],
): Claim[] {
  if (others.length === 0)
    return [
      {
        ...{ kind: 'no-harm', armId: arm.id, against: 'other workloads', holds: 'unknown', n: 0 },
        ...{ effect: null, bound: null, limit: harmLimit, why: 'no other workload was run' },
      },
    ];
  return others.map((other) =>
    harmClaim(arm, other, (gains) =>
      other.scope === 'workload' ? fixed(gains) : atTheLook(plan, progress.confirmation?.rows.length, gains),
    ),
  );
}

/** The claim about one other workload; `compared`: null where the gains are too few for a bound. */
export function harmClaim(
  arm: Pick<ArmSpec, 'id' | 'name'>,
  other: Pick<OtherWorkload, 'name' | 'goal' | 'pairs'>,
  compared: (gains: readonly number[]) => Comparison | null = fixed,
): Claim {
  const claim = {
    ...({ kind: 'no-harm', armId: arm.id, against: other.name } as const),
    ...{ effect: null, bound: null, limit: harmLimit },
  };
  const usable = other.pairs.filter((pair) => isData(pair.base));
  const failure = usable.find((pair) => pair.value === null);
  if (failure !== undefined)
    return {
      ...claim,
      holds: false,
      n: usable.length,
      why: failure.why ?? `a run under ${arm.name} failed`,
    };
  const gains = usable
    .filter((pair) => isData(pair.value))
    .map((pair) => gainOf(other.goal.direction, { value: pair.value!, base: pair.base! }));
  if (gains.length < usable.length)
    return { ...claim, holds: 'unknown', n: gains.length, why: 'a value was not a positive number' };
  const comparison = compared(gains);
  if (comparison === null)
    return { ...claim, holds: 'unknown', n: gains.length, why: 'too few pairs of runs for a bound' };
  const limit = gainFor(other.goal.direction, -harmLimit);
  return {
    ...claim,
    holds: comparison.low > limit ? true : comparison.high <= limit ? false : 'unknown',
    n: gains.length,
    effect: toEffect(other.goal.direction, comparison),
    bound: Math.max(0, -fractionOf(other.goal.direction, comparison.low)),
  };
}

function isData(value: number | null): boolean {
  return value !== null && Number.isFinite(value) && value > 0;
}

/** Two-sided 90 %, so that each end is a 95 % bound. */
function fixed(gains: readonly number[]): Comparison | null {
  return gains.length < harmPairs.least ? null : compareFixed(gains, 2 * alpha);
}

/** Bystanders stop when the goal does, so their interval is taken at the same look and with the same error. */
function atTheLook(plan: Plan, pairs: number | undefined, gains: readonly number[]): Comparison | null {
  const look = planLooks(plan.confirmLooks, plan.alpha).find(({ n }) => n === pairs);
  return look === undefined || gains.length !== look.n ? null : compareAt(gains, look, 1 - plan.alpha);
}
