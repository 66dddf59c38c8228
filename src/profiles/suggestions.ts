// What to try: which policies of the library and which settings of the default scheduler fit a workload, by what the policies say of themselves (policy.json:
// goodFor, badFor) and by what was measured. And whether there is anything to gain at all: who never waits for a CPU cannot be scheduled better.

import type { Profile, Shape } from '../core/profile.ts';
import { duration, percent } from './words.ts';

/** What a policy says of itself. */
export interface PolicyWords {
  readonly name: string;
  readonly summary: string;
  readonly goodFor: readonly string[];
  readonly badFor: readonly string[];
}

export interface Suggestion {
  readonly what: 'policy' | 'setting';
  /** Of the policy, or the setting as it is given: baseSliceNs=1000000. */
  readonly name: string;
  /** Above 0; the larger, the more speaks for it. */
  readonly points: number;
  /** Its own words that fit. */
  readonly fits: readonly string[];
  /** Its own words that speak against it here. */
  readonly against: readonly string[];
  readonly because: readonly string[];
}

export interface Advice {
  /** Delay as a share of the time that tasks ran or could have; undefined where delay was not measured. */
  readonly waiting?: number;
  /** What a scheduler can change at most, in words. */
  readonly headroom: string;
  readonly defaultIsFine: boolean;
  readonly suggestions: readonly Suggestion[];
}

/** Something measured, and the words of policies that speak of it. */
interface Trait {
  readonly points: number;
  readonly because: string;
  readonly good: RegExp;
  readonly bad?: RegExp;
}

const worthIt = 0.03;
const leastPoints = 0.2;
const shown = 4;

export function adviceOf(
  profile: Pick<Profile, 'shape' | 'goal' | 'groups'>,
  policies: readonly PolicyWords[],
): Advice {
  const { shape } = profile;
  const waiting = waitingShare(shape);
  const defaultIsFine = waiting !== undefined && waiting < worthIt && (shape.queued?.mean ?? 0) < 0.1;
  const traits = traitsOf(profile).filter(({ points }) => points > 0);
  const suggestions = [...policies.map((policy) => fitting(policy, traits)), ...settings(profile)]
    .filter(({ points }) => points >= leastPoints)
    .sort((a, b) => b.points - a.points || (a.name < b.name ? -1 : 1))
    .slice(0, shown);
  return {
    ...(waiting !== undefined && { waiting }),
    headroom: headroomText(shape, waiting, defaultIsFine),
    defaultIsFine,
    suggestions,
  };
}

function waitingShare({ time }: Shape): number | undefined {
  const { cpu = 0, delay } = time ?? {};
  return delay === undefined || cpu + delay <= 0 ? undefined : delay / (cpu + delay);
}

function headroomText({ queued, delayNs }: Shape, waiting: number | undefined, isFine: boolean): string {
  if (waiting === undefined)
    return 'how long its tasks wait for CPUs was not measured: whether a scheduler can help is open';
  const queue =
    queued === undefined
      ? ''
      : `, ${queued.mean < 0.01 ? 'hardly anyone' : `${queued.mean.toFixed(2)} tasks`} in queues on average`;
  const worst = delayNs?.p99 === undefined ? '' : `, 99 % of delays within ${duration(delayNs.p99)}`;
  const seen = `${percent(waiting)} of its runnable time is waiting for a CPU${queue}${worst}`;
  return isFine ? `the default scheduler is probably fine: ${seen}` : seen;
}

function traitsOf({ shape, goal, groups }: Pick<Profile, 'shape' | 'goal' | 'groups'>): Trait[] {
  const { runNs, longTail, churn, involuntaryShare, time } = shape;
  const [p50, p99] = [runNs?.p50 ?? 0, runNs?.p99 ?? 0];
  const wants = (name: Profile['goal']['name']): number => (goal.name === name ? goal.confidence : 0);
  const spread = p50 > 0 && p50 < 2e6 && p99 >= 8e6 ? 0.5 : 0;
  const lonely = longTail?.lastShare ?? 0;
  const tail = Math.max(
    (longTail?.topShare ?? 0) > 0.3 ? (longTail?.topShare ?? 0) : 0,
    lonely > 0.1 && lonely < 0.9 ? 0.5 : 0,
  );
  const parts = groups.filter(({ cpuShare }) => cpuShare >= 0.15).length;
  const waits = time?.delay ?? 0;
  return [
    {
      points: wants('tail-latency'),
      because: `its goal is probably ${goal.name}`,
      good: /request|latency class|audio/,
      bad: /^latency\b|open-ended services/,
    },
    {
      points: wants('deadlines'),
      because: `its goal is probably ${goal.name}`,
      good: /periodic|frames|audio|desktop/,
      bad: /^latency\b/,
    },
    {
      points: wants('throughput'),
      because: `its goal is probably ${goal.name}`,
      good: /pipeline|short stages|throughput/,
      bad: /throughput|everything is short/,
    },
    {
      points: p99 > 0 && p99 < 5e5 ? 0.4 : 0,
      because: `all its work is short: 99 % of bursts within ${duration(p99)}`,
      good: /short stages/,
      bad: /everything is short/,
    },
    {
      points: spread,
      because: `short work stands beside long: bursts of ${duration(p50)} and of ${duration(p99)}`,
      good: /beside batch|desktop/,
      bad: /beside hogs/,
    },
    {
      points: wants('makespan') * tail,
      because: `few of its tasks do most of the work, or one is left at the end`,
      good: /jobs much longer|build graphs/,
      bad: /one long job/,
    },
    {
      points: wants('makespan') * (churn ?? 0),
      because: `${percent(churn ?? 0)} of its tasks come and go`,
      good: /build graphs|^batch/,
      bad: /lengths that change/,
    },
    {
      points: wants('makespan') * (tail === 0 && spread === 0 ? 0.5 : 0),
      because: 'its jobs are alike',
      good: /similar jobs/,
    },
    {
      points: waits > 0.2 && p50 > 4e6 ? 0.4 : 0,
      because: `long bursts compete: ${percent(waits)} of its time is delay`,
      good: /share by nice|predictable shares/,
      bad: /much preemption/,
    },
    {
      points: parts >= 2 && waits > 0.05 ? 0.3 : 0,
      because: `it has ${parts} parts with much CPU time each`,
      good: /parts are known|background work|mixed hosts/,
      bad: /without parts/,
    },
    {
      points: (involuntaryShare ?? 0) > 0.5 && waits > 0.1 ? 0.3 : 0,
      because: `${percent(involuntaryShare ?? 0)} of its switches are preemptions`,
      good: /throughput with long slices/,
      bad: /preemption costs cache/,
    },
  ];
}

function fitting(policy: PolicyWords, traits: readonly Trait[]): Suggestion {
  const [fits, against, because] = [new Set<string>(), new Set<string>(), new Set<string>()];
  let points = 0;
  for (const trait of traits) {
    const good = policy.goodFor.filter((word) => trait.good.test(word));
    const bad = policy.badFor.filter((word) => trait.bad?.test(word) === true);
    if (good.length > 0) because.add(trait.because);
    if (good.length > 0) points += trait.points;
    if (bad.length > 0) points -= trait.points;
    for (const word of good) fits.add(word);
    for (const word of bad) against.add(word);
  }
  return {
    what: 'policy',
    name: policy.name,
    points: round(points),
    fits: [...fits],
    against: [...against],
    because: [...because],
  };
}

/** Of the default scheduler (core/records.ts: settingsSchema). */
function settings({ shape, goal }: Pick<Profile, 'shape' | 'goal'>): Suggestion[] {
  const waits = waitingShare(shape) ?? 0;
  const bare = { what: 'setting', fits: [], against: [] } as const;
  const found: Suggestion[] = [];
  if (waits >= worthIt && (goal.name === 'tail-latency' || goal.name === 'deadlines'))
    found.push({
      ...{ ...bare, name: 'baseSliceNs=1000000', points: round(0.4 * goal.confidence + 0.1) },
      because: ['a short slice gives who wakes an earlier deadline; costs some throughput'],
    });
  if (
    waits >= worthIt &&
    (goal.name === 'makespan' || goal.name === 'throughput') &&
    (shape.involuntaryShare ?? 0) > 0.2
  )
    found.push({
      ...{ ...bare, name: 'baseSliceNs=10000000', points: round(0.3 * (shape.involuntaryShare ?? 0) + 0.1) },
      because: [
        `${percent(shape.involuntaryShare ?? 0)} of its switches are preemptions: a longer slice has fewer`,
      ],
    });
  return found;
}

const round = (value: number): number => Math.round(100 * value) / 100;
