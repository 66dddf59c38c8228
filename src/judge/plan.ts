// The stopping rule as data, and what to run next. Two phases: *screen* runs all arms over a few seeds and drops those
// that lose; *confirm* runs the single best on fresh seeds only. Because the data that chose the winner never test it,
// the luck of being the best of many costs nothing, and one two-sided 95 % interval keeps false acceptances at 2.5 %
// (5 % where a candidate fails half-way and the next best gets its turn).
import { Fault } from '../core/errors.ts';
import { assert } from '../lib/assert.ts';
import { planLooks } from './compare.ts';
import { follow, type StopReason } from './follow.ts';
import type { ArmSpec, Block, Goal, Observation, Phase, Plan } from './types.ts';

/** How noisy runs are: per-run spread of 1–2 % under the instruction clock, 5–10 % and outliers in fast mode. */
export type Profile = 'deterministic' | 'fast';

const profiles = {
  deterministic: { screenStages: [3, 6], confirmLooks: [8, 12, 16, 24] },
  fast: { screenStages: [4, 8], confirmLooks: [8, 12, 18, 26, 36] },
} as const;

export interface PlanOptions {
  readonly seed: number;
  readonly goal: Goal;
  readonly arms: readonly ArmSpec[];
  readonly profile: Profile;
  /** Default 0.05. */
  readonly alpha?: number;
  /** Default 0.02. */
  readonly margin?: number;
  /** Limits on pairs per arm; default: the profile's own. */
  readonly maxScreenBlocks?: number;
  readonly maxConfirmBlocks?: number;
  /** Default 3. */
  readonly maxLostBlocks?: number;
}

/** Throws `malformed` where the options leave nothing to compare, or too few pairs for any interval. */
export function createPlan(options: PlanOptions): Plan {
  const { seed, goal, arms, profile, alpha = 0.05, margin = 0.02, maxLostBlocks = 3 } = options;
  const refuse = (message: string, next: string): never => {
    throw new Fault('malformed', message, { tried: 'plan a comparison', next });
  };
  if (arms.filter((arm) => arm.kind === 'default').length !== 1)
    refuse('a comparison needs the default scheduler exactly once', 'name one arm of kind default');
  if (arms.length < 2) refuse('there is nothing to compare the default scheduler with', 'name another arm');
  if (new Set(arms.map((arm) => arm.id)).size !== arms.length)
    refuse('two arms have the same id', 'give every arm its own id');
  if (!(alpha > 0 && alpha < 1)) refuse(`alpha ${alpha} is not between 0 and 1`, 'use 0.05');
  if (!(margin >= 0 && margin < 1)) refuse(`margin ${margin} is not in [0, 1)`, 'use 0.02 for 2 %');

  const screenStages = upTo(profiles[profile].screenStages, options.maxScreenBlocks);
  const wanted = upTo(profiles[profile].confirmLooks, options.maxConfirmBlocks);
  if (screenStages.length === 0) refuse('screening needs at least one block', 'raise the limit on screening');
  if (wanted.at(-1)! > 50) refuse('confirmation is limited to 50 blocks', 'lower the limit on confirmation');
  const confirmLooks = planLooks(wanted, alpha).map((look) => look.n);
  if (confirmLooks.length === 0)
    refuse(
      `${wanted.at(-1) ?? 0} confirming pairs can never give an interval at alpha ${alpha}`,
      'allow at least 6 blocks of confirmation',
    );
  return { version: 1, seed, goal, arms, alpha, margin, screenStages, confirmLooks, maxLostBlocks };
}

/** The planned counts below the limit, then the limit itself. */
function upTo(counts: readonly number[], limit: number = counts.at(-1)!): number[] {
  return [...counts.filter((n) => n < limit), ...(limit >= 1 ? [Math.floor(limit)] : [])];
}

export type Next =
  | { readonly kind: 'run'; readonly phase: Phase; readonly blocks: readonly Block[] }
  /** `chosen` is the arm that passed, before its no-harm runs. */
  | { readonly kind: 'stop'; readonly reason: StopReason; readonly chosen: string | null };

/**
 * What to do after these observations. A pure function: the caller executes the blocks, adds what it observed and asks
 * again. Observations may arrive in any order and any part of a block; what is still missing is asked for again. Throws
 * `malformed` on observations that do not belong to the plan.
 */
export function nextBlocks(plan: Plan, observations: readonly Observation[]): Next {
  const progress = follow(plan, observations);
  if (progress.stop !== null)
    return { kind: 'stop', reason: progress.stop.reason, chosen: progress.stop.chosen };
  assert(progress.pending.length > 0, 'a plan that neither runs nor stops');
  return { kind: 'run', phase: progress.phase, blocks: progress.pending };
}
