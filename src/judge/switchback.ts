// A canary that alternates: default and candidate take turns in blocks of time, each pair of neighbours in an order that a coin decides, and the paired log-ratios are judged like any
// comparison (compare.ts). The coins are the only chance that the interval needs: whatever trend or correlation the work has, a pair's difference without an effect is as likely as its opposite
// (Fisher's randomisation; for switchbacks Bojinov, Simchi-Levi and Zhao 2023). What it does not forgive is an effect that outlasts its block: the
// washout at the start of each block is not measured, and has to be longer than that.
import { Fault } from '../core/errors.ts';
import { createRandom, derive } from '../lib/random.ts';
import { type Comparison, compareAt, gainFor, gainOf, planLooks, toEffect } from './compare.ts';
import { interval, percent } from './text.ts';
import type { Effect, Goal } from './types.ts';

export interface SwitchbackOptions {
  readonly seed: number;
  readonly goal: Goal;
  /** Which step of the canary this is, from 0, and how many there are: the error is shared among them. */
  readonly step: number;
  readonly steps: number;
  /** `no-harm`: go where the loss is below `limit`. `better`: go where the gain is at least `limit` and clear of zero. */
  readonly question: 'no-harm' | 'better';
  /** Default: 0.05 for no harm, 0.02 for a gain. */
  readonly limit?: number;
  readonly blockNs: number;
  readonly washoutNs: number;
  /** No go before so much time, or so many pairs (default 8). */
  readonly dwellNs?: number;
  readonly leastPairs?: number;
  /** At most 50; default 36. */
  readonly mostPairs?: number;
  /** Two-sided error over all steps and looks. Default 0.05. */
  readonly alpha?: number;
  /** Pairs that may be lost to failed measurements. Default 3. */
  readonly maxLostPairs?: number;
}

/** The step as data. */
export interface SwitchbackPlan {
  readonly version: 1;
  readonly seed: number;
  readonly step: number;
  readonly goal: Goal;
  readonly question: SwitchbackOptions['question'];
  readonly limit: number;
  readonly blockNs: number;
  readonly washoutNs: number;
  readonly goPairs: number;
  /** Pairs after which the step may end; the last one ends it. */
  readonly looks: readonly number[];
  /** Of this step. */
  readonly alpha: number;
  readonly maxLostPairs: number;
}

/** One block; times since the start of the step. */
export interface SwitchbackBlock {
  readonly block: number;
  readonly arm: 'default' | 'candidate';
  readonly startNs: number;
  /** End of the washout. */
  readonly measureNs: number;
  readonly endNs: number;
}

export interface MeasuredBlock {
  readonly block: number;
  /** Null where the block gave no number; `why` says why. */
  readonly value: number | null;
  /** The policy itself failed in this block: tripped, was ejected, could not be attached. */
  readonly failed?: boolean;
  readonly why?: string;
}

export interface SwitchbackJudgement {
  readonly decision: 'go' | 'no-go' | 'undecided';
  /** Undecided for good when there is no next block. */
  readonly next: SwitchbackBlock | null;
  readonly n: number;
  /** Of the last look; its interval holds over all looks and steps. */
  readonly effect: Effect | null;
  readonly words: string;
}

const usualLooks = [6, 8, 12, 18, 26, 36, 50];

/** Throws `malformed` where no interval could come of it. */
export function planSwitchback(options: SwitchbackOptions): SwitchbackPlan {
  const { seed, goal, step, steps, question, blockNs, washoutNs, dwellNs = 0 } = options;
  const { leastPairs = 8, mostPairs = 36, alpha = 0.05, maxLostPairs = 3 } = options;
  const limit = options.limit ?? (question === 'better' ? 0.02 : 0.05);
  if (!(blockNs > 0 && washoutNs >= 0 && washoutNs < blockNs))
    throw refuse(`a block of ${blockNs} ns leaves nothing after a washout of ${washoutNs} ns`);
  if (!(Number.isInteger(step) && step >= 0 && step < steps))
    throw refuse(`step ${step} is not one of ${steps}`);
  if (!(limit >= 0 && limit < 1)) throw refuse(`the limit ${limit} is not in [0, 1)`);
  const goPairs = Math.max(leastPairs, Math.ceil(dwellNs / (2 * blockNs)));
  if (goPairs > mostPairs || mostPairs > 50)
    throw refuse(`${goPairs} pairs are needed for the dwell time, ${Math.min(50, mostPairs)} are the most`);
  const counts = [...new Set([...usualLooks.filter((n) => n < mostPairs), goPairs, mostPairs])];
  const looks = planLooks(
    counts.sort((a, b) => a - b),
    alpha / steps,
  ).map(({ n }) => n);
  if (!looks.some((n) => n >= goPairs))
    throw refuse(`${mostPairs} pairs give no interval at alpha ${alpha / steps}`);
  const rest = { goPairs, looks, alpha: alpha / steps, maxLostPairs };
  return { version: 1, seed, step, goal, question, limit, blockNs, washoutNs, ...rest };
}

export function blockOf(plan: SwitchbackPlan, block: number): SwitchbackBlock {
  const heads = createRandom(derive(plan.seed, 'switchback', plan.step, block >> 1)).below(2);
  const startNs = block * plan.blockNs;
  return {
    block,
    arm: (block & 1) === heads ? 'default' : 'candidate',
    startNs,
    measureNs: startNs + plan.washoutNs,
    endNs: startNs + plan.blockNs,
  };
}

/** The number of a block: the mean of its samples after the washout; null where fewer than half of those due are numbers. Times since the start of the step. */
export function blockValue(
  block: SwitchbackBlock,
  samples: readonly { readonly at: number; readonly value: number }[],
  intervalNs: number,
): MeasuredBlock {
  // a sample is about the interval before it
  const values = samples
    .filter(
      ({ at, value }) => at - intervalNs >= block.measureNs && at <= block.endNs && Number.isFinite(value),
    )
    .map(({ value }) => value);
  const due = Math.floor((block.endNs - block.measureNs) / intervalNs);
  if (values.length === 0 || values.length < due / 2)
    return { block: block.block, value: null, why: `${values.length} of ${due} samples were numbers` };
  return { block: block.block, value: values.reduce((a, b) => a + b, 0) / values.length };
}

/** Where the step stands after these blocks, in any order. Throws `malformed` on a block told twice. */
export function judgeSwitchback(
  plan: SwitchbackPlan,
  measured: readonly MeasuredBlock[],
): SwitchbackJudgement {
  const { rows, lost, failed, next } = pairUp(plan, measured);
  const { goal } = plan;
  if (failed !== undefined)
    return {
      decision: 'no-go',
      next: null,
      n: rows.length,
      effect: null,
      words: `the candidate failed: ${failed}`,
    };
  let last: { comparison: Comparison; n: number } | null = null;
  for (const look of planLooks(plan.looks, plan.alpha)) {
    if (rows.length < look.n) break;
    const comparison = compareAt(rows.slice(0, look.n), look, 1 - plan.alpha);
    last = { comparison, n: look.n };
    const decision = decide(plan, comparison, look.n);
    if (decision !== null) return told(plan, decision, null, last);
    if (look.n === plan.looks.at(-1)) return told(plan, 'undecided', null, last);
  }
  if (lost > plan.maxLostPairs)
    return {
      ...told(plan, 'undecided', null, last),
      words: `${lost} pairs of blocks gave no ${goal.metric}`,
    };
  return told(plan, 'undecided', next, last);
}

function decide(plan: SwitchbackPlan, c: Comparison, n: number): 'go' | 'no-go' | null {
  const { direction } = plan.goal;
  if (plan.question === 'better') {
    const margin = gainFor(direction, plan.limit);
    if (c.high < margin) return 'no-go';
    return c.low > 0 && c.estimate >= margin && n >= plan.goPairs ? 'go' : null;
  }
  const limit = gainFor(direction, -plan.limit);
  if (c.high <= limit) return 'no-go';
  return c.low > limit && n >= plan.goPairs ? 'go' : null;
}

/** Gains of the complete pairs in the order of the plan; the block that comes next. */
function pairUp(plan: SwitchbackPlan, measured: readonly MeasuredBlock[]) {
  const seen = new Map<number, MeasuredBlock>();
  for (const one of measured) {
    if (seen.has(one.block)) throw refuse(`block ${one.block} was told twice`);
    seen.set(one.block, one);
  }
  const rows: number[] = [];
  let lost = 0;
  for (let pair = 0; ; pair++) {
    const values = new Map<string, number>();
    for (const index of [2 * pair, 2 * pair + 1]) {
      const block = blockOf(plan, index);
      const one = seen.get(index);
      if (one === undefined) return { rows, lost, failed: undefined, next: block };
      const { value } = one;
      if (value !== null && Number.isFinite(value) && value > 0) values.set(block.arm, value);
      if (block.arm === 'candidate' && one.failed === true)
        return { rows, lost, failed: one.why ?? 'no reason was given', next: null };
    }
    const [value, base] = [values.get('candidate'), values.get('default')];
    if (value === undefined || base === undefined) lost++;
    else rows.push(gainOf(plan.goal.direction, { value, base }));
  }
}

function told(
  plan: SwitchbackPlan,
  decision: SwitchbackJudgement['decision'],
  next: SwitchbackBlock | null,
  last: { comparison: Comparison; n: number } | null,
): SwitchbackJudgement {
  const { metric, direction } = plan.goal;
  const effect = last && toEffect(direction, last.comparison);
  const wanted =
    plan.question === 'better' ? `a gain of ${percent(plan.limit)}` : `a loss below ${percent(plan.limit)}`;
  const shown =
    effect === null
      ? `no look at ${metric} yet`
      : `${metric} changes by ${percent(effect.relative)} (${interval(effect)}) over ${last!.n} pairs of blocks`;
  const answer = {
    go: `${wanted} is shown`,
    'no-go': `${wanted} is ruled out`,
    undecided: next === null ? `${wanted} is neither shown nor ruled out` : `${wanted} is not settled yet`,
  }[decision];
  return { decision, next, n: last?.n ?? 0, effect, words: `${shown}: ${answer}` };
}

function refuse(message: string): Fault {
  return new Fault('malformed', message, {
    tried: 'plan or judge a switchback',
    next: 'change the times or the numbers of pairs',
  });
}
