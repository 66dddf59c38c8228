// What a class is told from: numbers of a shape, brought to scales on which differences count alike, each with words for a reader. No names. Time that a
// task waits for a CPU counts as time that it would have run: how busy the others are is not what a workload is.

import type { Shape } from '../../core/profile.ts';
import { digits, duration, percent } from '../words.ts';

export interface Feature {
  readonly name: string;
  /** Undefined where it was not measured. */
  of(shape: Shape): number | undefined;
  /** The value as a reader would say it. Only called where `of` gives something. */
  words(shape: Shape): string;
}

type Maybe = number | undefined;

/** Decades, with a floor: below it all is "none". */
function decades(value: Maybe, floor: number): Maybe {
  return value === undefined ? undefined : Math.log10(Math.max(value, floor) / floor);
}

function when(value: Maybe, then: (value: number) => number): Maybe {
  return value === undefined ? undefined : then(value);
}

const cpusUsed = (shape: Shape): Maybe =>
  shape.utilisation === undefined || shape.cpus === undefined ? undefined : shape.utilisation * shape.cpus;

/** CPUs that it would use if it got them at once. */
function cpusWanted(shape: Shape): Maybe {
  const { cpu, delay } = shape.time ?? {};
  const used = cpusUsed(shape);
  if (used === undefined || cpu === undefined || delay === undefined || cpu <= 0) return used;
  return used * (1 + delay / cpu);
}

/** Times that its tasks wait of themselves, per second. */
function waitsPerS({ switchesPerS, involuntaryShare }: Shape): Maybe {
  if (switchesPerS === undefined || involuntaryShare === undefined) return undefined;
  return switchesPerS * (1 - involuntaryShare);
}

/** CPU time between two waits, in seconds, at most a minute. */
function workPerWait(shape: Shape): Maybe {
  const [used, waits] = [cpusUsed(shape), waitsPerS(shape)];
  return used === undefined || waits === undefined ? undefined : Math.min(60, used / Math.max(waits, 1 / 60));
}

/** The number has a floor of waits below it; what is said does not go beyond what was seen. */
function workWords(shape: Shape): string {
  const { cpuNs = 0 } = shape;
  if (waitsPerS(shape) === 0) return `no wait in ${duration(cpuNs)} of CPU time`;
  return `${duration(Math.min(1e9 * (workPerWait(shape) ?? 0), cpuNs))} of CPU time between two waits`;
}

/** Bursts that never ended are as long as what was seen of them: seconds. */
const endlessNs = 2e9;
const burst =
  (quantile: 'p50' | 'p99') =>
  (shape: Shape): Maybe => {
    const known = shape.runNs?.[quantile];
    if (known !== undefined || shape.burstsPerS === undefined) return known;
    return (cpusUsed(shape) ?? 0) > 0.02 ? endlessNs : undefined;
  };

/** Waits of a kind as a share of all that are seen. */
const waitShare =
  (kind: keyof NonNullable<Shape['waits']>) =>
  ({ waits, burstsPerS }: Shape): Maybe =>
    waits?.[kind] ?? (burstsPerS === 0 ? 0 : undefined);

/** Time waited for the disk against time on CPUs: 0.5 is as much of one as of the other. */
function diskAgainstCpu({ time, burstsPerS }: Shape): Maybe {
  if (time?.disk === undefined || time.cpu === undefined) return burstsPerS === 0 ? 0 : undefined;
  return time.disk / Math.max(time.disk + time.cpu, 1e-4);
}

/** Time in short waits for one another against time on CPUs. */
function peersAgainstCpu({ time, burstsPerS }: Shape): Maybe {
  if (time?.pipe === undefined || time.cpu === undefined) return burstsPerS === 0 ? 0 : undefined;
  const peers = time.pipe + (time.futex ?? 0);
  return peers / Math.max(peers + time.cpu, 1e-4);
}

/** Wakeups that are neither by its own tasks, nor by its timers, nor the end of block I/O: somebody outside wants something. */
function outside({ wakes, waits, ownWakes }: Shape): Maybe {
  if (wakes === undefined || ownWakes === undefined) return undefined;
  return Math.max(0, 1 - ownWakes - (wakes.timer ?? 0) - (wakes.fork ?? 0) - (waits?.disk ?? 0));
}

/** How evenly what it does is spread over computing, disk, and messages: 0 one of them alone, 1 all alike. */
function evenness({ time, burstsPerS }: Shape): Maybe {
  if (time?.disk === undefined || time.cpu === undefined) return burstsPerS === 0 ? 0 : undefined;
  const parts = [time.cpu, time.disk, (time.pipe ?? 0) + (time.socket ?? 0) + (time.futex ?? 0)];
  const all = parts.reduce((sum, part) => sum + part, 0);
  if (all < 1e-4) return 0;
  const entropy = parts.reduce(
    (sum, part) => (part > 0 ? sum - (part / all) * Math.log(part / all) : sum),
    0,
  );
  return entropy / Math.log(3);
}

/** A rate against the CPU time that it took: others can slow both, but not the one against the other. */
function perCpuS(rate: Maybe, shape: Shape): Maybe {
  const used = cpusUsed(shape);
  return rate === undefined || used === undefined ? undefined : rate / Math.max(used, 1e-3);
}

const perS = (value: Maybe): string => `${digits(value ?? 0)} a second`;
const share = (kind: keyof NonNullable<Shape['waits']>, what: string): Feature => ({
  name: `waits.${kind}`,
  of: waitShare(kind),
  words: (shape) => `${percent(waitShare(kind)(shape) ?? 0)} of its waits are ${what}`,
});

export const features: readonly Feature[] = [
  {
    name: 'cpusWanted',
    of: (shape) => when(cpusWanted(shape), (wanted) => Math.min(wanted, 1.5)),
    words: (shape) => `wants ${digits(cpusWanted(shape) ?? 0)} CPUs`,
  },
  {
    name: 'cpusWanted.decades',
    of: (shape) => decades(cpusWanted(shape), 1e-4),
    words: (shape) => `wants ${digits(cpusWanted(shape) ?? 0)} CPUs`,
  },
  {
    name: 'waitsPerS',
    of: (shape) => decades(waitsPerS(shape), 0.3),
    words: (shape) => `waits ${perS(waitsPerS(shape))}`,
  },
  {
    name: 'workPerWait',
    of: (shape) => decades(workPerWait(shape), 1e-6),
    words: workWords,
  },
  {
    name: 'systemShare',
    of: ({ systemShare }) => systemShare,
    words: ({ systemShare = 0 }) => `${percent(systemShare)} of its CPU time is in the kernel`,
  },
  {
    name: 'runNs.p50',
    of: (shape) => decades(burst('p50')(shape), 1e3),
    words: (shape) => `half of its CPU bursts are shorter than ${duration(burst('p50')(shape) ?? 0)}`,
  },
  {
    name: 'runNs.p99',
    of: (shape) => decades(burst('p99')(shape), 1e3),
    words: (shape) => `99 % of its CPU bursts are shorter than ${duration(burst('p99')(shape) ?? 0)}`,
  },
  {
    name: 'sleepNs.p50',
    of: ({ sleepNs }) => decades(sleepNs?.p50, 1e3),
    words: ({ sleepNs }) => `half of its waits are shorter than ${duration(sleepNs?.p50 ?? 0)}`,
  },
  {
    name: 'diskAgainstCpu',
    of: diskAgainstCpu,
    words: ({ time }) =>
      `waits for the disk for ${percent(time?.disk ?? 0)} of its tasks' time and computes for ${percent(time?.cpu ?? 0)}`,
  },
  {
    name: 'peersAgainstCpu',
    of: peersAgainstCpu,
    words: ({ time }) =>
      `tasks wait for pipes and locks for ${percent((time?.pipe ?? 0) + (time?.futex ?? 0))} of their time`,
  },
  {
    name: 'evenness',
    of: evenness,
    words: (shape) =>
      `computing, disk and messages are ${(evenness(shape) ?? 0) > 0.5 ? 'all' : 'not all'} a part of it`,
  },
  share('disk', 'for the disk'),
  share('sleep', 'sleeps'),
  share('futex', 'for locks'),
  share('pipe', 'for pipes'),
  share('socket', 'for sockets'),
  share('poll', 'for one of several things'),
  share('child', 'for children'),
  {
    name: 'wakes.timer',
    of: ({ wakes }) => wakes?.timer,
    words: ({ wakes }) => `${percent(wakes?.timer ?? 0)} of its wakeups come from timers`,
  },
  {
    name: 'wakes.task',
    of: ({ wakes }) => wakes?.task,
    words: ({ wakes }) => `${percent(wakes?.task ?? 0)} of its wakeups come from tasks`,
  },
  {
    name: 'outside',
    of: outside,
    words: (shape) => `${percent(outside(shape) ?? 0)} of its wakeups come from outside`,
  },
  {
    name: 'wakeGraph.mutual',
    of: ({ wakeGraph }) => wakeGraph?.mutualShare,
    words: ({ wakeGraph }) =>
      `${percent(wakeGraph?.mutualShare ?? 0)} of its wakeups are between two of its tasks that wake each other`,
  },
  {
    name: 'forksPerS',
    of: ({ forksPerS }) => decades(forksPerS, 0.3),
    words: ({ forksPerS }) => `makes ${digits(forksPerS ?? 0)} tasks a second`,
  },
  {
    name: 'forksPerCpuS',
    of: (shape) => decades(perCpuS(shape.forksPerS, shape), 0.3),
    words: (shape) => `makes ${digits(perCpuS(shape.forksPerS, shape) ?? 0)} tasks a second of CPU time`,
  },
  {
    name: 'churn',
    of: ({ churn }) => churn,
    words: ({ churn }) => `${percent(churn ?? 0)} of its tasks were born and ended meanwhile`,
  },
  {
    name: 'period',
    of: ({ period, wakes }) => period?.strength ?? (wakes === undefined ? undefined : 0),
    words: ({ period }) =>
      period === undefined ? 'has no period' : `keeps a period of ${duration(period.ns)}`,
  },
  {
    name: 'blockIo',
    of: ({ blockIo }) => decades(blockIo?.bytesPerS, 1e4),
    words: ({ blockIo }) => `moves ${digits(blockIo?.bytesPerS ?? 0)} bytes a second from and to disks`,
  },
  {
    name: 'blockIoPerWait',
    of: (shape) =>
      when(shape.blockIo?.opsPerS, (ops) => Math.min(2, ops / Math.max(ops / 2, waitsPerS(shape) ?? 0, 1))),
    words: ({ blockIo }) => `${digits(blockIo?.opsPerS ?? 0)} operations a second on disks`,
  },
  {
    name: 'faultsPerS',
    of: ({ faultsPerS }) => decades(faultsPerS, 3),
    words: ({ faultsPerS }) => `faults ${digits(faultsPerS ?? 0)} pages a second`,
  },
  {
    name: 'faultsPerCpuS',
    of: (shape) => decades(perCpuS(shape.faultsPerS, shape), 3),
    words: (shape) => `faults ${digits(perCpuS(shape.faultsPerS, shape) ?? 0)} pages a second of CPU time`,
  },
  {
    name: 'maxRssKiB',
    of: ({ maxRssKiB }) => decades(maxRssKiB, 1e3),
    words: ({ maxRssKiB }) => `${digits(1024 * (maxRssKiB ?? 0))} bytes are resident`,
  },
];
