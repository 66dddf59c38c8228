// Reads observations in the order of the plan: which block comes next, with which seed and order, what of it is still
// missing, and which arms have failed. A failed run is never data: it takes its arm out of the comparison, and a failed run
// of the default scheduler takes its block out.
import { Fault } from '../core/errors.ts';
import { createRandom, derive, mix32 } from '../lib/random.ts';
import type { ArmSpec, Block, Observation, Phase, Plan } from './types.ts';

/** The values of one usable block, by arm; the default's is always among them. */
export type Row = ReadonlyMap<string, number>;

export interface Ledger {
  readonly defaultArm: ArmSpec;
  /** Arm → why, for the blocks taken so far. The default is in it after more than `maxLostBlocks` failures. */
  readonly failed: ReadonlyMap<string, string>;
  /**
   * Takes the next `count` blocks with the default and `armIds`: the usable rows, or what still has to be run. Nothing is
   * taken while anything is missing.
   */
  take(phase: Phase, armIds: readonly string[], count: number): { rows: Row[] } | { pending: Block[] };
}

/** So many failures of the default in a row, with no run that worked before them, and nobody waits for more. */
const hopeless = 2;

export function openLedger(plan: Plan, observations: readonly Observation[]): Ledger {
  const defaultArm = plan.arms.find((arm) => arm.kind === 'default')!;
  const seen = index(plan, observations);
  const failed = new Map<string, string>();
  let nextBlock = 0;
  let lost = 0;
  let kept = 0;

  function take(phase: Phase, armIds: readonly string[], count: number) {
    const inPlay = new Set([defaultArm.id, ...armIds]);
    const blocks = Array.from({ length: count }, (_, i) => planBlock(plan, nextBlock + i, inPlay));
    const flawed = new Map(failed);
    const flaws = new Map<Observation, string>();
    for (const { block, order } of blocks)
      for (const armId of order) {
        const observation = seen.get(block)?.get(armId);
        if (observation === undefined) continue;
        if (observation.phase !== phase) throw alien(observation, `the plan has it in phase ${phase}`);
        const flaw = flawOf(observation);
        if (flaw === undefined) continue;
        flaws.set(observation, flaw);
        if (armId !== defaultArm.id && !flawed.has(armId)) flawed.set(armId, flaw);
      }

    const usable = (block: number) => {
      const base = seen.get(block)?.get(defaultArm.id);
      return base === undefined || !flaws.has(base);
    };
    const bases = blocks
      .map(({ block }) => seen.get(block)?.get(defaultArm.id))
      .filter((base) => base !== undefined);
    const gone = bases.flatMap((base) => flaws.get(base) ?? []);
    const sound = kept + bases.length - gone.length;
    // With every arm gone, more runs of the default alone would tell nothing.
    const alone = armIds.every((armId) => flawed.has(armId));
    const bad = lost + gone.length;
    if (bad > plan.maxLostBlocks || (sound === 0 && bad >= (alone ? 1 : hopeless))) {
      for (const [armId, why] of flawed) failed.set(armId, why);
      failed.set(defaultArm.id, gone.at(-1)!);
      return { rows: [] };
    }
    const pending = blocks
      .filter(({ block }) => usable(block))
      .map((b) => ({
        ...b,
        order: b.order.filter((armId) => !seen.get(b.block)?.has(armId) && !flawed.has(armId)),
      }))
      .filter(({ order }) => order.length > 0 && !alone);
    if (pending.length > 0) return { pending };

    nextBlock += count;
    for (const [armId, why] of flawed) failed.set(armId, why);
    const rows: Row[] = [];
    for (const { block, order } of blocks) {
      const base = seen.get(block)?.get(defaultArm.id);
      if (base === undefined) continue;
      if (flaws.has(base)) {
        lost++;
        continue;
      }
      kept++;
      const good = order.map((armId) => seen.get(block)?.get(armId)).filter((o) => o && !flaws.has(o));
      rows.push(new Map(good.map((o) => [o!.armId, o!.value!])));
    }
    return { rows };
  }

  return { defaultArm, failed, take };
}

/** Seeds never repeat within a plan (mix32 is a bijection). The order is shuffled, and every second block reverses it. */
function planBlock(plan: Plan, block: number, inPlay: ReadonlySet<string>): Block {
  const shuffled = createRandom(derive(plan.seed, 'order', block >> 1)).shuffle(
    plan.arms.map((arm) => arm.id),
  );
  if (block % 2 === 1) shuffled.reverse();
  return { block, seed: blockSeed(plan, block), order: shuffled.filter((armId) => inPlay.has(armId)) };
}

function blockSeed(plan: Plan, block: number): number {
  return mix32(derive(plan.seed, 'block') + block);
}

/** Why an observation is not data. Ratios need positive, finite values. */
function flawOf({ valid, value, why }: Observation): string | undefined {
  if (!valid) return why ?? 'the run was invalid';
  if (value === null) return why ?? 'the metric was not measured';
  if (!Number.isFinite(value) || value <= 0) return `the metric was ${value}, not a positive number`;
  return undefined;
}

function index(plan: Plan, observations: readonly Observation[]): Map<number, Map<string, Observation>> {
  const ids = new Set(plan.arms.map((arm) => arm.id));
  const seen = new Map<number, Map<string, Observation>>();
  for (const observation of observations) {
    const { block, armId, seed } = observation;
    if (!ids.has(armId)) throw alien(observation, 'the plan has no such arm');
    if (seed !== blockSeed(plan, block))
      throw alien(observation, `the plan has seed ${blockSeed(plan, block)}`);
    const row = seen.get(block) ?? new Map<string, Observation>();
    if (row.has(armId)) throw alien(observation, 'it is there twice');
    seen.set(block, row.set(armId, observation));
  }
  return seen;
}

function alien({ armId, block, seed }: Observation, why: string): Fault {
  return new Fault(
    'malformed',
    `the observation of arm ${armId} in block ${block} with seed ${seed} does not belong to this plan: ${why}`,
    { tried: 'follow a comparison plan', next: 'judge observations only with the plan that asked for them' },
  );
}
