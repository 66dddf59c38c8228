// How long threads that could run waited for a CPU. Where probes may look (they are handed in), as histograms; else out of schedstat, which knows sums only.

import { type Counters, type Histogram, histogramSize, type TaskCounters } from '../../core/counters.ts';
import type { SubjectWish } from '../../core/host.ts';
import type { Delays, Distribution, Subject } from '../../core/observed-tasks.ts';
import { printable } from '../../lib/printable.ts';
import { chosenProcesses } from './processes.ts';
import type { SchedStat } from './procfs.ts';
import { breathe, paged, type Surfaces } from './surfaces.ts';
import { allThreads, schedStat, type Thread, threadStat } from './tasks.ts';

/** Probes, where they may be loaded: what they counted, or in words why they could not. */
export type Probes = (
  subject: Subject,
  intervalMs: number,
  signal: AbortSignal,
) => Promise<Counters | string>;

/** A quantile is the upper end of the bucket that holds it. */
export function distributionOf(histogram: Histogram, meanNs: number | undefined): Distribution {
  const count = histogram.reduce((sum, value) => sum + value, 0);
  const quantile = (q: number): number | undefined => {
    let left = Math.ceil(q * count);
    for (const [power, value] of histogram.entries()) {
      left -= value;
      if (left <= 0) return 2 ** (power + 1);
    }
    return undefined;
  };
  return {
    count,
    ...(meanNs === undefined || count === 0 ? {} : { meanNs }),
    ...(count === 0 ? {} : { p50Ns: quantile(0.5), p90Ns: quantile(0.9), p99Ns: quantile(0.99) }),
    histogram: histogram.flatMap((value, power) =>
      value === 0 ? [] : [{ fromNs: 2 ** power, count: value }],
    ),
  };
}

/** As its buckets tell it: the mean of 2^(i + u) for u even in [0, 1) is 2^i / ln 2. Sums of all delays do not tell it: they also hold those after losing the CPU. */
function meanOf(histogram: Histogram): number {
  const sum = histogram.reduce((total, here, power) => total + (here * 2 ** power) / Math.LN2, 0);
  return Math.round(sum / histogram.reduce((total, here) => total + here, 0));
}

const summed = (tasks: readonly TaskCounters[]): number[] => {
  const out = new Array<number>(histogramSize).fill(0);
  for (const task of tasks) for (const [power, count] of (task.delays ?? []).entries()) out[power]! += count;
  return out;
};

const subjectOf = ({ pid, cgroup }: SubjectWish): Subject =>
  pid !== undefined ? { pid } : cgroup !== undefined ? { cgroup } : 'machine';

const nameOf = ({ pid, cgroup }: SubjectWish): string =>
  pid !== undefined
    ? `process ${pid} and its descendants`
    : cgroup !== undefined
      ? `cgroup ${cgroup}`
      : 'machine';

export async function delays(
  surfaces: Surfaces,
  wish: SubjectWish,
  signal: AbortSignal,
  probes?: Probes,
): Promise<Delays> {
  const counted = await probes?.(subjectOf(wish), wish.intervalMs, signal);
  if (counted !== undefined && typeof counted !== 'string') return fromCounters(wish, counted);
  return fromSchedStat(surfaces, wish, signal, counted ?? 'probes are not loaded here');
}

function fromCounters(wish: SubjectWish, counters: Counters): Delays {
  const histogram = summed(counters.tasks);
  const delayNs = counters.tasks.reduce((sum, task) => sum + (task.delayNs ?? 0), 0);
  const count = histogram.reduce((sum, value) => sum + value, 0);
  const active = counters.tasks.filter((task) => task.ranNs > 0 || (task.delayNs ?? 0) > 0);
  const tasks = active.map((task) => ({
    pid: task.tgid,
    tid: task.tid,
    comm: printable(task.comm),
    ranNs: task.ranNs,
    delayNs: task.delayNs ?? 0,
    ...(task.bursts === undefined ? {} : { runs: task.bursts }),
  }));
  const { rows, left } = paged(
    tasks.sort((a, b) => b.delayNs - a.delayNs),
    wish.page,
    wish.limit,
  );
  return {
    of: nameOf(wish),
    by: 'probes',
    observedNs: counters.observedNs,
    threads: counters.tasks.length + counters.folded,
    ranNs: counters.tasks.reduce((sum, task) => sum + task.ranNs, 0),
    delayNs,
    ...(count === 0 ? {} : { wakeup: distributionOf(histogram, meanOf(histogram)) }),
    tasks: rows,
    left,
    missing: [
      ...counters.missing,
      ...((counters.lost ?? 0) > 0 ? [`${counters.lost} events were lost`] : []),
      ...(counters.sampled === undefined
        ? []
        : [`wakeups were sampled ${(100 * counters.sampled).toFixed(0)} % of the time`]),
      ...(counters.switchesSeen === undefined
        ? []
        : [
            `${(100 * counters.switchesSeen).toFixed(0)} % of the switches were seen: delays by length and runs are estimated`,
          ]),
    ],
  };
}

interface Seen {
  readonly thread: Thread;
  readonly sched: SchedStat;
}

/** By identity: a thread id that is used again meanwhile is another thread. */
async function look(surfaces: Surfaces, wish: SubjectWish, signal: AbortSignal): Promise<Map<number, Seen>> {
  const out = new Map<number, Seen>();
  const threads = await allThreads(surfaces, signal, await chosenProcesses(surfaces, wish, signal));
  for (const [index, thread] of threads.entries()) {
    if (index % 1000 === 999) await breathe(signal);
    const sched = schedStat(surfaces, thread);
    if (sched !== undefined) out.set(thread.tid, { thread, sched });
  }
  return out;
}

async function fromSchedStat(
  surfaces: Surfaces,
  wish: SubjectWish,
  signal: AbortSignal,
  why: string,
): Promise<Delays> {
  const started = surfaces.nowNs();
  const before = await look(surfaces, wish, signal);
  await surfaces.sleep(wish.intervalMs, signal);
  const after = await look(surfaces, wish, signal);
  const observedNs = Math.max(1, surfaces.nowNs() - started);
  const tasks = [...after.values()].flatMap(({ thread, sched }) => {
    // Counters that are smaller than before: the id has been used again, and all of it is new.
    const old = before.get(thread.tid)?.sched;
    const earlier = old !== undefined && old.ranNs <= sched.ranNs && old.runs <= sched.runs ? old : undefined;
    const runs = sched.runs - (earlier?.runs ?? 0);
    const delayNs = sched.delayNs - (earlier?.delayNs ?? 0);
    const ranNs = sched.ranNs - (earlier?.ranNs ?? 0);
    return runs === 0 && ranNs === 0 ? [] : [{ thread, runs, delayNs: Math.max(0, delayNs), ranNs }];
  });
  const sum = (key: 'runs' | 'delayNs' | 'ranNs'): number =>
    tasks.reduce((total, task) => total + task[key], 0);
  const runs = sum('runs');
  const { rows, left } = paged(
    tasks.sort((a, b) => b.delayNs - a.delayNs || a.thread.tid - b.thread.tid),
    wish.page,
    wish.limit,
  );
  return {
    of: nameOf(wish),
    by: 'schedstat',
    observedNs,
    threads: after.size,
    ranNs: sum('ranNs'),
    delayNs: sum('delayNs'),
    runDelay: { count: runs, ...(runs === 0 ? {} : { meanNs: sum('delayNs') / runs }) },
    tasks: rows.map(({ thread, ...task }) => ({
      ...thread,
      comm: printable(threadStat(surfaces, thread)?.comm ?? ''),
      ...task,
      ...(task.runs === 0 ? {} : { meanNs: task.delayNs / task.runs }),
    })),
    left,
    missing: [
      `histograms and wakeup latency: ${why}; schedstat knows sums and counts only`,
      'threads that began and ended in between',
      ...(after.size > 0 && [...after.values()].every(({ sched }) => sched.runs === 0)
        ? ['everything: this kernel has no CONFIG_SCHED_INFO']
        : []),
    ],
  };
}
