// Follows a plan to its end with made-up runs, as the product does with real ones.
import { nextBlocks } from '../../src/judge/plan.ts';
import type { Block, Observation, Plan } from '../../src/judge/types.ts';

/** A run's metric, or why it is none. */
export type MadeUpRun = (armId: string, block: Block, order: number) => number | string;

export function observe(block: Block, phase: Observation['phase'], run: MadeUpRun): Observation[] {
  return block.order.map((armId, order) => {
    const value = run(armId, block, order);
    const where = { armId, block: block.block, phase, seed: block.seed, order };
    return typeof value === 'number'
      ? { ...where, value, valid: true }
      : { ...where, value: null, valid: false, why: value };
  });
}

/** All observations until the plan stops, or until there are `limit` of them; asks again after `blocks` blocks. */
export function drive(
  plan: Plan,
  run: MadeUpRun,
  limit = Number.POSITIVE_INFINITY,
  blocks = Number.POSITIVE_INFINITY,
): Observation[] {
  const observations: Observation[] = [];
  for (;;) {
    const next = nextBlocks(plan, observations);
    if (next.kind === 'stop') return observations;
    for (const block of next.blocks.slice(0, blocks))
      for (const observation of observe(block, next.phase, run)) {
        if (observations.length >= limit) return observations;
        observations.push(observation);
      }
  }
}
