// Counters → Shape: the numbers that say what a workload is. Any subset of counters will do: what was not measured is absent. Kernel threads are left out,
// unless there is nobody else.

import type { Counters, TaskCounters } from '../core/counters.ts';
import type { Shape } from '../core/profile.ts';
import { joined, type Quantiles, quantilesOf } from './histogram.ts';
import { parallelParts } from './shape-parallel.ts';
import { timeParts } from './shape-time.ts';
import { wakeParts } from './shape-wakes.ts';
import { livedNs, observedTasks, perTime, sumOf } from './tasks.ts';

type Parts = { [Name in keyof Shape]?: Shape[Name] | undefined };

export function shapeOf(counters: Counters): Shape {
  const tasks = observedTasks(counters);
  const cpuNs = sumOf(tasks, (task) => task.ranNs) ?? 0;
  return present({
    cpus: counters.cpus,
    tasks: Math.max(0, tasks.length - foldedRows(tasks)) + counters.folded,
    cpuNs,
    utilisation: perTime(cpuNs, counters.observedNs * counters.cpus),
    systemShare: systemShare(tasks, counters),
    ...timeParts(tasks, counters.observedNs),
    ...parallelParts(counters),
    ...lengths(tasks),
    ...rates(tasks, counters),
    ...wakeParts(tasks, counters),
    longTail: longTail(tasks, counters),
    criticalPath: criticalPath(counters),
    period: counters.extras?.period,
    churn: churn(tasks),
    blockIo: blockIo(counters),
    maxRssKiB: counters.maxRssKiB,
    pmu: pmu(counters),
  });
}

/** The sum of tasks that were not kept one by one has tid -1. */
function foldedRows(tasks: readonly TaskCounters[]): number {
  return tasks.reduce((rows, task) => rows + Number(task.tid === -1), 0);
}

/** Without what is undefined. */
function present(parts: Parts): Shape {
  return Object.fromEntries(Object.entries(parts).filter(([, value]) => value !== undefined)) as Shape;
}

function systemShare(tasks: readonly TaskCounters[], whole: Counters): number | undefined {
  const user = sumOf(tasks, (task) => task.userNs) ?? whole.userNs;
  const system = sumOf(tasks, (task) => task.systemNs) ?? whole.systemNs;
  return user === undefined || system === undefined ? undefined : perTime(system, user + system);
}

function lengths(tasks: readonly TaskCounters[]): {
  [Name in 'runNs' | 'sleepNs' | 'delayNs']?: Quantiles | undefined;
} {
  return {
    runNs: quantilesOf(joined(tasks.map((task) => task.runs))),
    sleepNs: quantilesOf(joined(tasks.map((task) => task.sleeps))),
    delayNs: quantilesOf(joined(tasks.map((task) => task.delays))),
  };
}

function rates(tasks: readonly TaskCounters[], { observedNs }: Counters): Parts {
  const seconds = observedNs / 1e9;
  const runners = tasks.filter((task) => task.ranNs > 0 && task.bursts !== undefined);
  const lived = runners.reduce((sum, task) => sum + livedNs(task, observedNs), 0) / 1e9;
  const voluntary = sumOf(tasks, (task) => task.voluntary);
  const involuntary = sumOf(tasks, (task) => task.involuntary);
  const switches = voluntary === undefined || involuntary === undefined ? undefined : voluntary + involuntary;
  const minor = sumOf(tasks, (task) => task.minorFaults);
  const major = sumOf(tasks, (task) => task.majorFaults);
  return {
    burstsPerS: perTime(
      sumOf(runners, (task) => task.bursts),
      lived,
    ),
    switchesPerS: perTime(switches, seconds),
    involuntaryShare: switches === undefined ? undefined : perTime(involuntary, switches),
    migrationsPerS: perTime(
      sumOf(tasks, (task) => task.migrations),
      seconds,
    ),
    forksPerS: perTime(
      sumOf(tasks, (task) => task.forks),
      seconds,
    ),
    faultsPerS: perTime(
      minor === undefined && major === undefined ? undefined : (minor ?? 0) + (major ?? 0),
      seconds,
    ),
  };
}

/** One task has no tail. */
function longTail(tasks: readonly TaskCounters[], { extras, folded }: Counters): Shape['longTail'] {
  const times = Float64Array.from(tasks, (task) => task.ranNs)
    .sort()
    .reverse();
  const all = times.reduce((sum, ns) => sum + ns, 0);
  const top = times.subarray(0, Math.ceil(times.length / 10)).reduce((sum, ns) => sum + ns, 0);
  const known = times.length >= 2 && all > 0 && folded === 0;
  const parts = {
    ...(known && { topShare: top / all }),
    ...(extras?.lastShare !== undefined && { lastShare: Math.min(1, extras.lastShare) }),
  };
  return Object.keys(parts).length === 0 ? undefined : parts;
}

function criticalPath({ extras, observedNs }: Counters): Shape['criticalPath'] {
  const path = extras?.criticalPath;
  if (path === undefined || observedNs <= 0) return undefined;
  return { ns: path.ns, share: Math.min(1, path.ns / observedNs), tasks: path.tasks };
}

/** Only where births and ends are seen at all: procfs alone may miss the brief ones, and then says neither. */
function churn(tasks: readonly TaskCounters[]): number | undefined {
  if (tasks.length === 0 || tasks.every((task) => task.forks === undefined && task.bornNs === undefined))
    return undefined;
  const passed = tasks.filter((task) => task.bornNs !== undefined && task.endedNs !== undefined);
  return passed.length / tasks.length;
}

function blockIo({ blockIo: io, observedNs }: Counters): Shape['blockIo'] {
  if (io === undefined || observedNs <= 0) return undefined;
  const seconds = observedNs / 1e9;
  return {
    opsPerS: (io.reads + io.writes) / seconds,
    bytesPerS: (io.readBytes + io.writtenBytes) / seconds,
  };
}

function pmu({ pmu: counted }: Counters): Shape['pmu'] {
  if (counted === undefined || !(counted.cycles > 0) || !(counted.instructions > 0)) return undefined;
  return {
    instructionsPerCycle: counted.instructions / counted.cycles,
    missesPerKiloInstruction: (1000 * counted.cacheMisses) / counted.instructions,
  };
}
