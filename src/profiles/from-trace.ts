// A recorded trace as counters: of each observed task its CPU time, delays, waits by reason, wakes by cause and lengths; who woke whom; how many were at work
// at once; and what only the order of events tells (critical path, period, a lonely end). Times count within the subject's start and end.

import type { Counters, TaskCounters } from '../core/counters.ts';
import {
  type Bursts,
  ended,
  type Trace,
  traceKinds,
  type WakeCause,
  waitReasons,
  wakeCauses,
} from '../core/trace.ts';
import { criticalPathOf } from './critical-path.ts';
import { addTo, emptyHistogram } from './histogram.ts';
import { type Observed, observedOf } from './observed.ts';
import { type Occupancy, occupancyOf } from './occupancy.ts';
import { periodOf } from './periodicity.ts';

const edgesKept = 4096;
const causeStart = wakeCauses.indexOf('start');

type Wait = { count: number; ns: number };

interface Draft {
  bornNs?: number;
  endedNs?: number;
  forks: number;
  bursts: number;
  readonly waits: Partial<Record<(typeof waitReasons)[number], Wait>>;
  readonly wakes: Partial<Record<WakeCause, number>>;
  readonly runs: number[];
  readonly sleeps: number[];
}

export function countersOf(trace: Trace, bursts: Bursts): Counters {
  const observed = observedOf(trace);
  const drafts = observed.taskOf.map(
    (): Draft => ({
      forks: 0,
      bursts: 0,
      waits: {},
      wakes: {},
      runs: emptyHistogram(),
      sleeps: emptyHistogram(),
    }),
  );
  followLives(trace, observed, drafts);
  followBursts(bursts, observed, drafts);
  const occupancy = occupancyOf(trace, bursts, observed);
  const criticalPath = criticalPathOf(trace, bursts, observed);
  const period = periodOf(bursts, observed);
  return {
    by: 'recording',
    observedNs: observed.endNs - observed.startNs,
    cpus: trace.cpus,
    tasks: drafts.map((draft, row) => taskCounters(trace, observed, draft, occupancy, row)),
    folded: 0,
    busyNs: occupancy.busyNs,
    edges: edgesOf(bursts, observed),
    parallelNs: occupancy.parallelNs,
    queuedNs: occupancy.queuedNs,
    extras: {
      lastShare: occupancy.lastShare,
      overTime: occupancy.overTime,
      ...(criticalPath !== undefined && { criticalPath }),
      ...(period !== undefined && { period }),
    },
    events: trace.count,
    lost: trace.lost,
    missing: trace.notes,
  };
}

function taskCounters(
  trace: Trace,
  observed: Observed,
  draft: Draft,
  occupancy: Occupancy,
  row: number,
): TaskCounters {
  const { tid, tgid, comm, isKernel } = trace.tasks[observed.taskOf[row]!]!;
  return { tid, tgid, comm, isKernel, ...draft, ...occupancy.tasks[row]! };
}

/** Births, ends and forks. A task ends with its last switch, a little after it has said so. */
function followLives(trace: Trace, observed: Observed, drafts: readonly Draft[]): void {
  const { startNs, endNs, rowOf } = observed;
  for (let i = 0; i < trace.count; i++) {
    const [kind, at, task, other] = [trace.kind[i]!, trace.atNs[i]!, trace.task[i]!, trace.other[i]!];
    if (task < 0 || at < startNs || at > endNs) continue;
    const draft = drafts[rowOf[task]!];
    const ends = kind === traceKinds.exit || (kind === traceKinds.switch && trace.detail[i] === ended);
    if (ends && draft !== undefined) draft.endedNs = at - startNs;
    if (kind !== traceKinds.fork) continue;
    if (draft !== undefined) draft.bornNs = at - startNs;
    const maker = other < 0 ? undefined : drafts[rowOf[other]!];
    if (maker !== undefined) maker.forks++;
  }
}

/** Run lengths, waits and wakes. */
function followBursts(bursts: Bursts, observed: Observed, drafts: readonly Draft[]): void {
  const { startNs, endNs, rowOf } = observed;
  const last = new Int32Array(drafts.length).fill(-1);
  for (let i = 0; i < bursts.count; i++) {
    const row = rowOf[bursts.task[i]!]!;
    const readyNs = bursts.readyNs[i]!;
    if (row < 0) continue;
    if (readyNs <= endNs) {
      const draft = drafts[row]!;
      const isFirst = last[row]! < 0 && bursts.cause[i] === causeStart;
      if (isFirst && readyNs > startNs) draft.bornNs ??= readyNs - startNs; // seen first in the middle: it begins there
      wait(draft, last[row]! < 0 ? undefined : last[row]!, readyNs);
      if (readyNs >= startNs) count(draft.wakes, wakeCauses[bursts.cause[i]!]!);
      if (bursts.end[i]! < waitReasons.length || bursts.end[i] === ended) lengthOf(draft, i);
    }
    last[row] = i;
  }
  for (const [row, draft] of drafts.entries()) {
    const burst = last[row]!;
    const until = draft.endedNs === undefined ? endNs : draft.endedNs + startNs;
    if (burst < 0 || bursts.readyNs[burst]! <= endNs) wait(draft, burst < 0 ? undefined : burst, until, true);
  }

  function lengthOf(draft: Draft, burst: number): void {
    if (bursts.readyNs[burst]! < startNs || bursts.endNs[burst]! > endNs) return;
    draft.bursts++;
    addTo(draft.runs, bursts.ranNs[burst]!);
  }

  /** The time between a burst and the next; `burst` undefined: none before, so nobody knows for what. */
  function wait(draft: Draft, burst: number | undefined, untilNs: number, isCut = false): void {
    if (burst === undefined && (draft.bornNs !== undefined || untilNs <= startNs)) return;
    const reason = burst === undefined ? 'unknown' : waitReasons[bursts.end[burst]!];
    const fromNs = burst === undefined ? startNs : bursts.endNs[burst]!;
    const ns = Math.min(untilNs, endNs) - Math.max(fromNs, startNs);
    if (reason === undefined || ns < 0) return;
    draft.waits[reason] ??= { count: 0, ns: 0 };
    draft.waits[reason].count++;
    draft.waits[reason].ns += ns;
    if (!isCut && burst !== undefined && fromNs >= startNs) addTo(draft.sleeps, ns);
  }
}

function count(wakes: Draft['wakes'], cause: WakeCause): void {
  if (cause !== 'start') wakes[cause] = (wakes[cause] ?? 0) + 1;
}

/** Who woke whom, both observed, the most frequent first. */
function edgesOf(
  bursts: Bursts,
  { rowOf, taskOf, startNs, endNs }: Observed,
): NonNullable<Counters['edges']> {
  const counts = new Map<number, number>();
  const byTask = wakeCauses.indexOf('task');
  for (let i = 0; i < bursts.count; i++) {
    const [by, readyNs] = [bursts.by[i]!, bursts.readyNs[i]!];
    if (bursts.cause[i] !== byTask || by < 0 || readyNs < startNs || readyNs > endNs) continue;
    const [from, to] = [rowOf[by]!, rowOf[bursts.task[i]!]!];
    if (from >= 0 && to >= 0)
      counts.set(from * taskOf.length + to, (counts.get(from * taskOf.length + to) ?? 0) + 1);
  }
  return [...counts]
    .sort(([a, n], [b, m]) => m - n || a - b)
    .slice(0, edgesKept)
    .map(([pair, times]) => ({
      from: Math.floor(pair / taskOf.length),
      to: pair % taskOf.length,
      count: times,
    }));
}
