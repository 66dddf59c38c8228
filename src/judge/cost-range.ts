// Whether a verdict of simulated machines survives what is not known of real costs: the chosen arm beside the default at both ends of the ranges.
// A gain that has the other sign there, or none, says nothing of real machines (docs/semantics.md, "Costs").

import { compareFixed, gainOf, toEffect } from './compare.ts';
import type { ArmSpec, Claim, OtherWorkload, Plan } from './types.ts';

/** One claim for each end of the ranges: the arm is better there too. */
export function costClaims(plan: Plan, arm: ArmSpec, ends: readonly OtherWorkload[]): Claim[] {
  return ends.map(({ name, goal, pairs }): Claim => {
    const claim = {
      kind: 'cost-range',
      armId: arm.id,
      against: name,
      n: pairs.length,
      effect: null,
      bound: null,
      limit: 0,
    } as const;
    const failed = pairs.find(({ value, base }) => !isData(value) || !isData(base));
    if (failed !== undefined || pairs.length === 0)
      return { ...claim, holds: 'unknown', why: failed?.why ?? 'no run gave data' };
    const gains = pairs.map((pair) => gainOf(goal.direction, { value: pair.value!, base: pair.base! }));
    const comparison = compareFixed(gains, plan.alpha);
    const effect = toEffect(goal.direction, comparison);
    const isBetter = goal.direction === 'lower' ? effect.relative < 0 : effect.relative > 0;
    return { ...claim, holds: isBetter, effect, bound: Math.abs(effect.relative) };
  });
}

function isData(value: number | null): value is number {
  return value !== null && Number.isFinite(value) && value > 0;
}
