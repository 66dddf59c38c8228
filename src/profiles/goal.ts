// What a workload seems to want, guessed from the shape of its load by rules that can be read: each goal gets points between 0 and 1 for what speaks for
// it, as a product of ramps, and the one with the most is named, with its reasons. A guess: the user's word counts more.

import type { Profile, Shape } from '../core/profile.ts';
import { digits, duration, percent } from './words.ts';

export type Goal = Profile['goal'];
type GoalName = Goal['name'];

export interface GoalHints {
  /** It was started, and ended by itself within the observation. */
  readonly endsByItself?: boolean;
}

/** How far something speaks for a goal, from 0 to 1, and why. */
interface Evidence {
  readonly points: number;
  readonly reasons: readonly string[];
}

/** What can be measured of any workload, recorded ones included (core/metrics.ts). Where it has series of its own, theirs say more. */
const metrics: Readonly<Record<GoalName, Pick<Goal, 'metric' | 'direction'>>> = {
  makespan: { metric: 'makespanNs', direction: 'lower' },
  'tail-latency': { metric: 'runDelayNsP99', direction: 'lower' },
  throughput: { metric: 'makespanNs', direction: 'lower' },
  deadlines: { metric: 'runDelayNsP99', direction: 'lower' },
  energy: { metric: 'runDelayNsP99', direction: 'lower' },
};
const measuredAs: Readonly<Partial<Record<GoalName, string>>> = {
  throughput: 'measured as the time that the same messages take',
  deadlines: 'measured as the delay of those who wait longest for a CPU',
  energy: 'no metric here measures energy; what can be watched is that nobody waits longer for a CPU',
};

/** Rules guess. */
const mostSure = 0.95;

const nothing: Evidence = { points: 0, reasons: [] };

export function goalOf(shape: Shape, hints: GoalHints = {}): Goal {
  const evidence: Readonly<Record<GoalName, Evidence>> = {
    deadlines: deadlines(shape),
    'tail-latency': tailLatency(shape),
    throughput: throughput(shape),
    makespan: makespan(shape, hints),
    energy: energy(shape, hints),
  };
  const ranked = (Object.keys(evidence) as GoalName[]).sort(
    (a, b) => evidence[b].points - evidence[a].points,
  );
  const [best = 'makespan', second = 'energy'] = ranked;
  const { points, reasons } = evidence[best];
  if (points < 0.05)
    return {
      ...{ name: 'makespan', ...metrics.makespan, confidence: 0.1 },
      reasons: ['nothing was measured that speaks for another goal than being done soon'],
    };
  const rival = evidence[second].points / points;
  const doubt = rival > 0.7 ? [`${second} is nearly as likely`] : [];
  return {
    ...{ name: best, ...metrics[best] },
    confidence: round(mostSure * points * (1 - 0.5 * rival)),
    reasons: [...reasons, ...(measuredAs[best] === undefined ? [] : [measuredAs[best]]), ...doubt],
  };
}

/** 0 up to `low`, 1 from `high` on; falling where low > high. */
function ramp(value: number, low: number, high: number): number {
  return Math.min(1, Math.max(0, (value - low) / (high - low)));
}

const logRamp = (value: number, low: number, high: number): number =>
  ramp(Math.log(Math.max(value, 1e-9)), Math.log(low), Math.log(high));

const round = (value: number): number => Math.round(100 * value) / 100;

/** CPUs used on average. */
const used = ({ utilisation, cpus }: Shape): number | undefined =>
  utilisation === undefined || cpus === undefined ? undefined : utilisation * cpus;

/** Timers at a steady pace, and short work at each. */
function deadlines({ wakes, period, runNs, sleepNs }: Shape): Evidence {
  const timer = wakes?.timer ?? 0;
  const run = runNs?.mean ?? runNs?.p50;
  if (timer === 0 || run === undefined) return nothing;
  const pace = period?.ns ?? sleepNs?.p50;
  if (pace === undefined) return nothing;
  const steady =
    period !== undefined
      ? ramp(period.strength, 0.3, 0.8)
      : 0.7 * ramp((sleepNs?.p90 ?? 4) / (sleepNs?.p50 ?? 1), 4, 1.5);
  const points = ramp(timer, 0.25, 0.6) * steady * logRamp(pace, 1e9, 2e8) * logRamp(run / pace, 1, 0.4);
  const how =
    period === undefined
      ? `waits of about ${duration(pace)}`
      : `${percent(period.strength)} of them every ${duration(pace)}`;
  return {
    points,
    reasons: [
      `${percent(timer)} of its wakeups are by timer, ${how}`,
      `its work at each is short: ${duration(run)} on average`,
    ],
  };
}

/** Woken from outside for short work, with CPUs to spare. */
function tailLatency({ wakes, waits, time, runNs, utilisation }: Shape): Evidence {
  const run = runNs?.p50;
  if (run === undefined || wakes === undefined) return nothing;
  const reasons = waits ?? time;
  const network = (reasons?.socket ?? 0) + (reasons?.poll ?? 0);
  const disk = (reasons?.disk ?? 0) + (reasons?.fault ?? 0);
  const outside = (wakes.interrupt ?? 0) * (network + disk > 0 ? network / (network + disk) : 0.5);
  const asked = Math.max(ramp(outside, 0.1, 0.5), 0.8 * ramp(network, 0.3, 0.8));
  const points = asked * logRamp(run, 2e7, 1e6) * (0.4 + 0.6 * ramp(utilisation ?? 0.5, 1, 0.7));
  return {
    points,
    reasons: [
      `${percent(wakes.interrupt ?? 0)} of its wakeups come from devices or the network, ${percent(network)} of its waits are for sockets or events`,
      `its answers are short: half of its bursts within ${duration(run)}`,
      ...(utilisation === undefined ? [] : [`it uses ${percent(utilisation)} of the CPUs`]),
    ],
  };
}

/** Tasks that wake one another all the time. */
function throughput({ wakes, waits, time, burstsPerS, churn }: Shape): Evidence {
  const byTasks = wakes?.task ?? 0;
  if (byTasks === 0 || burstsPerS === undefined) return nothing;
  const reasons = waits ?? time;
  const messages = (reasons?.pipe ?? 0) + (reasons?.futex ?? 0) + (reasons?.socket ?? 0);
  const known = reasons?.pipe === undefined ? 0.6 : ramp(messages, 0.2, 0.6);
  const points =
    0.9 * ramp(byTasks, 0.3, 0.7) * known * logRamp(burstsPerS, 20, 300) * ramp(churn ?? 0, 0.8, 0.3);
  return {
    points,
    reasons: [
      `${percent(byTasks)} of its wakeups are by its own tasks, ${percent(messages)} of its waits for messages or locks`,
      `each task works ${digits(burstsPerS)} times a second`,
    ],
  };
}

/** Jobs that end, or computing without pause. */
function makespan(shape: Shape, { endsByItself }: GoalHints): Evidence {
  const { churn, time, longTail } = shape;
  const busy = time?.cpu === undefined ? 0 : time.cpu / Math.max(1e-9, 1 - Math.min(time.delay ?? 0, 0.999));
  const cpus = used(shape) ?? 0;
  const parts: [number, string][] = [
    [endsByItself === true ? 0.6 : 0, 'it ends by itself'],
    [0.8 * ramp(churn ?? 0, 0.1, 0.6), `${percent(churn ?? 0)} of its tasks were born and ended meanwhile`],
    [
      0.6 * ramp(busy, 0.5, 0.95) * ramp(cpus, 0.1, 0.5),
      `its tasks compute ${percent(busy)} of the time that they have a choice`,
    ],
  ];
  const speaking = parts.filter(([points]) => points > 0);
  const silent = speaking.reduce((rest, [points]) => rest * (1 - points), 1);
  const tail = longTail?.lastShare ?? 0;
  return {
    points: 1 - silent,
    reasons: [
      ...speaking.map(([, reason]) => reason),
      ...(tail > 0.15 && tail < 0.9
        ? [`in the last ${percent(tail)} of its time one task is left at work`]
        : []),
    ],
  };
}

/** Next to nothing to do. */
function energy(shape: Shape, { endsByItself }: GoalHints): Evidence {
  const cpus = used(shape);
  if (cpus === undefined) return nothing;
  const points = 0.8 * logRamp(cpus, 0.1, 0.01) * (endsByItself === true ? 0.3 : 1);
  return { points, reasons: [`it uses ${digits(cpus)} CPUs on average: nearly idle`] };
}
