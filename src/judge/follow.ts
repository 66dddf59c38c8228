// Replays a plan over its observations: where the comparison stands, and whether it is over. Planning and judging both
// stand on this one function, so a judgement can use no datum that the stopping rule did not foresee.
import { hodgesLehmann } from '../lib/stats.ts';
import { type Comparison, compareAt, gainFor, gainOf, type Pair, planLooks } from './compare.ts';
import { type Ledger, openLedger, type Row } from './ledger.ts';
import type { ArmSpec, Block, Observation, Phase, Plan } from './types.ts';

export type StopReason =
  /** An arm is better than the default by the margin. */
  | 'accepted'
  /** The candidate's gain is below the margin. */
  | 'no-gain'
  /** More blocks would hardly change that no gain can be shown. */
  | 'futile'
  | 'exhausted'
  | 'default-failed'
  | 'no-arms-left';

export interface Stop {
  readonly reason: StopReason;
  readonly chosen: string | null;
}

/** The confirmation of one candidate, at its last complete look; the comparisons are null before the first. */
export interface Confirmation {
  readonly candidate: ArmSpec;
  /** The best settings of the default, where they looked good enough to be preferred to a policy. */
  readonly settings: ArmSpec | null;
  rows: readonly Row[];
  /** Candidate against default, settings against default, candidate against settings. */
  gain: Comparison | null;
  settingsGain: Comparison | null;
  lead: Comparison | null;
}

/** Holds as long as the winner has not failed. */
export interface Drop {
  readonly winner: ArmSpec;
  readonly why: string;
}

export interface Progress {
  phase: Phase;
  pending: readonly Block[];
  stop: Stop | null;
  readonly defaultArm: ArmSpec;
  readonly failed: ReadonlyMap<string, string>;
  readonly dropped: Map<string, Drop>;
  readonly screened: Row[];
  confirmation: Confirmation | null;
}

/** A candidate that fails while being confirmed gives its turn to the next best, on fresh seeds again; once. */
const maxAttempts = 2;

/** Observations beyond the plan's end do not count. Throws `malformed` on those that do not belong to it. */
export function follow(plan: Plan, observations: readonly Observation[]): Progress {
  const ledger = openLedger(plan, observations);
  const { defaultArm, failed } = ledger;
  const progress: Progress = {
    phase: 'screen',
    pending: [],
    stop: null,
    defaultArm,
    failed,
    dropped: new Map(),
    screened: [],
    confirmation: null,
  };
  const halted = () => progress.pending.length > 0 || progress.stop !== null;
  screen(plan, ledger, progress);
  for (let attempt = 1; attempt <= maxAttempts && !halted(); attempt++) confirm(plan, ledger, progress);
  if (!halted()) progress.stop = { reason: 'no-arms-left', chosen: null };
  return progress;
}

/** The pairs of an arm against another one, from the blocks in which both are usable. */
export function pairsOf(rows: readonly Row[], armId: string, baseId: string): Pair[] {
  return rows
    .filter((row) => row.has(armId) && row.has(baseId))
    .map((row) => ({ value: row.get(armId)!, base: row.get(baseId)! }));
}

function gainsOf(plan: Plan, rows: readonly Row[], armId: string, baseId: string): number[] {
  return pairsOf(rows, armId, baseId).map((pair) => gainOf(plan.goal.direction, pair));
}

/** Fills `rows` up to `wanted`, unless something is pending, `done` says so or the default fails too often. */
function gather(
  ledger: Ledger,
  progress: Progress,
  rows: Row[],
  wanted: number,
  armIds: readonly string[],
  done: () => boolean,
): boolean {
  while (rows.length < wanted && !done()) {
    const taken = ledger.take(progress.phase, armIds, wanted - rows.length);
    if ('pending' in taken) progress.pending = taken.pending;
    else if (ledger.failed.has(ledger.defaultArm.id))
      progress.stop = { reason: 'default-failed', chosen: null };
    else rows.push(...taken.rows);
    if (progress.pending.length > 0 || progress.stop !== null) return false;
  }
  return !done();
}

function inPlay(plan: Plan, progress: Progress): ArmSpec[] {
  return plan.arms.filter(
    ({ id, kind }) => kind !== 'default' && !progress.failed.has(id) && dropOf(progress, id) === undefined,
  );
}

export function dropOf({ dropped, failed }: Progress, armId: string): Drop | undefined {
  const drop = dropped.get(armId);
  return drop === undefined || failed.has(drop.winner.id) ? undefined : drop;
}

/** With a single arm there is nothing to choose from, and confirmation comes at once. */
function screen(plan: Plan, ledger: Ledger, progress: Progress): void {
  if (plan.arms.length === 2) return;
  for (const stage of plan.screenStages) {
    const arms = inPlay(plan, progress).map((arm) => arm.id);
    const none = () => inPlay(plan, progress).length === 0;
    if (!gather(ledger, progress, progress.screened, stage, arms, none)) return;
    if (stage !== plan.screenStages.at(-1)) dropLosers(plan, progress);
  }
}

/**
 * Drops every arm that lost in every single block to the default, or to the best arm (settings only to settings: they are
 * wanted for comparison). The best arm always stays, and a drop is void when its winner fails. No error is controlled here; confirmation does that.
 */
function dropLosers(plan: Plan, progress: Progress): void {
  const { screened, defaultArm, dropped } = progress;
  if (screened.length < 3) return;
  const ranked = rank(plan, progress);
  const loses = (arm: ArmSpec, to: ArmSpec) =>
    gainsOf(plan, screened, arm.id, to.id).every((gain) => gain < 0);
  for (const arm of ranked.slice(1)) {
    const leader = ranked.find(({ kind }) => arm.kind === 'policy' || kind === 'settings')!;
    const winner = [defaultArm, leader].find((other) => other !== arm && loses(arm, other));
    if (winner !== undefined)
      dropped.set(arm.id, {
        winner,
        why: `worse than ${winner.name} in all ${screened.length} screening blocks`,
      });
  }
}

/** Arms in play, best screening gain first; on a tie settings before policies, then as in the plan. */
function rank(plan: Plan, progress: Progress): ArmSpec[] {
  const gain = new Map(inPlay(plan, progress).map(({ id }) => [id, screenedGain(plan, progress, id)]));
  const simple = (arm: ArmSpec) => (arm.kind === 'settings' ? 0 : 1);
  return inPlay(plan, progress).sort((a, b) => gain.get(b.id)! - gain.get(a.id)! || simple(a) - simple(b));
}

function screenedGain(plan: Plan, progress: Progress, armId: string): number {
  const gains = gainsOf(plan, progress.screened, armId, progress.defaultArm.id);
  return gains.length === 0 ? 0 : hodgesLehmann(gains);
}

/**
 * Returns with nothing halted where the candidate failed. Settings ride along with a policy when they too look worth it;
 * they are tested after the policy (fixed sequence), so acceptance of either still has one comparison's error.
 */
function confirm(plan: Plan, ledger: Ledger, progress: Progress): void {
  const [candidate, ...others] = rank(plan, progress);
  if (candidate === undefined) return;
  const margin = gainFor(plan.goal.direction, plan.margin);
  const settings =
    candidate.kind === 'settings'
      ? undefined
      : others.find(({ id, kind }) => kind === 'settings' && screenedGain(plan, progress, id) >= margin);
  const confirmation: Confirmation = {
    candidate,
    settings: settings ?? null,
    rows: [],
    gain: null,
    settingsGain: null,
    lead: null,
  };
  progress.phase = 'confirm';
  progress.confirmation = confirmation;
  const rows: Row[] = [];
  const looks = planLooks(plan.confirmLooks, plan.alpha);
  const lost = () => progress.failed.has(candidate.id);
  for (const look of looks) {
    const arms = [candidate, settings].filter((arm) => arm !== undefined && !progress.failed.has(arm.id));
    const ids = arms.map((arm) => arm!.id);
    if (!gather(ledger, progress, rows, look.n, ids, lost)) return;
    const compare = (a: ArmSpec, b: ArmSpec) =>
      compareAt(gainsOf(plan, rows, a.id, b.id), look, 1 - plan.alpha);
    const rival = settings !== undefined && !progress.failed.has(settings.id) ? settings : null;
    confirmation.rows = [...rows];
    confirmation.gain = compare(candidate, progress.defaultArm);
    confirmation.settingsGain = rival && compare(rival, progress.defaultArm);
    confirmation.lead = rival && compare(candidate, rival);
    progress.stop = decide(confirmation, margin, look.n / looks.at(-1)!.n);
    if (progress.stop !== null) return;
  }
}

/** The rule at a look; `part` of all the pairs that there may be have been seen. */
function decide(confirmation: Confirmation, margin: number, part: number): Stop | null {
  const { candidate, settings, settingsGain, lead } = confirmation;
  const gain = confirmation.gain!;
  const passes = (c: Comparison) => c.low > 0 && c.estimate >= margin;
  if (gain.high < margin) return { reason: 'no-gain', chosen: null };
  if (!passes(gain)) {
    if (part === 1) return { reason: 'exhausted', chosen: null };
    return isFutile(gain, margin, part) ? { reason: 'futile', chosen: null } : null;
  }
  const choose = (arm: ArmSpec): Stop => ({ reason: 'accepted', chosen: arm.id });
  if (settings === null || settingsGain === null || lead === null) return choose(candidate);
  if (settingsGain.high < margin || passes(lead)) return choose(candidate);
  if (passes(settingsGain) && lead.high < margin) return choose(settings);
  if (part < 1) return null;
  return choose(passes(settingsGain) ? settings : candidate);
}

/**
 * The final estimate, predicted from this one, stays below the margin with 95 %: half the half-width stands for the
 * standard error (an overestimate at early looks, so this gives up late rather than early). Stopping for futility can only
 * lower the chance of acceptance.
 */
function isFutile(gain: Comparison, margin: number, part: number): boolean {
  const standardError = (gain.high - gain.low) / 4;
  return gain.estimate + 1.645 * standardError * Math.sqrt(1 - part) < margin;
}
