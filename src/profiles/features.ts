// What a fingerprint is made of: numbers of a shape that say what a workload is and little of how long or on how many CPUs it ran. So delay, which more CPUs
// would take away, is left out of shares of time; rates are per CPU time; durations and rates are logarithms (base 10), shares square roots, so that
// small ones count too.

import type { Shape } from '../core/profile.ts';

type Feature = (shape: Shape) => number | undefined;
type Reason = 'sleep' | 'futex' | 'pipe' | 'socket' | 'poll' | 'disk' | 'child' | 'fault' | 'other';

const root = (share: number | undefined): number | undefined =>
  share === undefined ? undefined : Math.sqrt(share);
const log = (value: number | undefined, least: number): number | undefined =>
  value === undefined ? undefined : Math.log10(Math.max(value, least));

/** Of the time that its tasks had a choice: without delay. */
function chosen(shape: Shape, what: 'cpu' | Reason): number | undefined {
  const share = shape.time?.[what];
  return share === undefined ? undefined : Math.min(1, share / Math.max(1e-6, 1 - (shape.time?.delay ?? 0)));
}

/** Per second of CPU time. */
function perCpu({ utilisation, cpus }: Shape, perS: number | undefined): number | undefined {
  const used = (utilisation ?? 0) * (cpus ?? 0);
  return perS === undefined || used <= 0 ? undefined : perS / used;
}

const time =
  (reason: Reason): Feature =>
  (shape) =>
    root(chosen(shape, reason));
const waits =
  (reason: Reason): Feature =>
  (shape) =>
    root(shape.waits?.[reason]);
const wakes =
  (cause: 'task' | 'timer' | 'interrupt' | 'fork'): Feature =>
  (shape) =>
    root(shape.wakes?.[cause]);

/** The logarithm of a / b. */
function spread(of: Shape['runNs'], a: 'p90' | 'p99'): number | undefined {
  const [high, low] = [of?.[a], of?.p50];
  return high === undefined || low === undefined
    ? undefined
    : Math.log10(Math.max(high, 1) / Math.max(low, 1));
}

/** Where no burst ended in the time, each is at least as long as what its task has run. */
function run(shape: Shape, quantile: 'p50' | 'p90' | 'mean'): number | undefined {
  const { runNs, cpuNs, tasks } = shape;
  if (runNs !== undefined) return log(runNs[quantile], 1000);
  return cpuNs === undefined || tasks === undefined || tasks === 0 || cpuNs === 0
    ? undefined
    : log(cpuNs / tasks, 1000);
}

function workable({ parallelism, queued }: Shape): number | undefined {
  return parallelism === undefined ? undefined : parallelism.mean + (queued?.mean ?? 0);
}

/** In the order of the vector: whoever changes it raises the version in fingerprint.ts. */
export const features: Readonly<Record<string, Feature>> = {
  'time on CPUs': (shape) => chosen(shape, 'cpu'),
  'time in sleep': time('sleep'),
  'time for futex': time('futex'),
  'time for pipe': time('pipe'),
  'time for socket': time('socket'),
  'time for poll': time('poll'),
  'time for disk': time('disk'),
  'time for child': time('child'),
  'waits in sleep': waits('sleep'),
  'waits for futex': waits('futex'),
  'waits for pipe': waits('pipe'),
  'waits for socket': waits('socket'),
  'waits for poll': waits('poll'),
  'waits for disk': waits('disk'),
  'waits for child': waits('child'),
  'waits for fault': waits('fault'),
  'waits for other': waits('other'),
  'run p50': (shape) => run(shape, 'p50'),
  'run p90': (shape) => run(shape, 'p90'),
  'run mean': (shape) => run(shape, 'mean'),
  'run spread': ({ runNs }) => spread(runNs, 'p99'),
  'sleep p50': ({ sleepNs }) => log(sleepNs?.p50, 1000),
  'sleep spread': ({ sleepNs }) => spread(sleepNs, 'p90'),
  'wakes by task': wakes('task'),
  'wakes by timer': wakes('timer'),
  'wakes by interrupt': wakes('interrupt'),
  'wakes by fork': wakes('fork'),
  'mutual wakes': ({ wakeGraph }) => wakeGraph?.mutualShare,
  'fan-out': ({ wakeGraph }) => log(wakeGraph?.fanOut, 1),
  churn: ({ churn }) => root(churn),
  'forks per CPU time': (shape) => log(perCpu(shape, shape.forksPerS), 0.01),
  'faults per CPU time': (shape) => log(perCpu(shape, shape.faultsPerS), 1),
  'system share': ({ systemShare }) => root(systemShare),
  workable: (shape) => log(workable(shape), 0.001),
  'CPUs used': ({ utilisation, cpus }) =>
    log(utilisation === undefined ? undefined : utilisation * (cpus ?? 1), 0.001),
  'longest tenth': ({ longTail }) => longTail?.topShare,
  'lonely end': ({ longTail }) => longTail?.lastShare,
  'serial share': ({ criticalPath, cpuNs }) =>
    criticalPath === undefined || cpuNs === undefined || cpuNs <= 0
      ? undefined
      : Math.min(1, criticalPath.ns / cpuNs),
  regularity: ({ period }) => period?.strength,
  'block operations per CPU time': (shape) => log(perCpu(shape, shape.blockIo?.opsPerS), 0.1),
};

export const featureNames = Object.keys(features);

/** In their order; undefined where the shape lacks what is needed. */
export function featuresOf(shape: Shape): (number | undefined)[] {
  return Object.values(features).map((feature) => feature(shape));
}

/** Of one feature: (value − centre) / spread, at most ±limit, times weight. */
export interface FeatureScale {
  readonly centre: number;
  readonly spread: number;
  readonly weight: number;
}
export type FingerprintScale = Readonly<Record<string, FeatureScale>>;
