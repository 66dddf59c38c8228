// What the standing watch of the runner has counted, read: its JSON lines (docs/protocol.md, section 6) become Counters.

import { z } from 'zod';
import { type Counters, histogramSize, type TaskCounters } from '../core/counters.ts';
import { type WaitReason, type WakeCause, waitReasons, wakeCauses } from '../core/trace.ts';
import { completed } from './watched-missed.ts';

const integer = z.union([
  z.number(),
  z
    .string()
    .regex(/^-?\d+$/)
    .transform(Number),
]);
const histogram = z.array(integer).max(histogramSize);

const taskSchema = z.object({
  id: z.number(),
  tid: z.number(),
  tgid: z.number(),
  comm: z.string(),
  kernel: z.boolean(),
  bornNs: integer.optional(),
  endedNs: integer.optional(),
  ranNs: integer,
  delayNs: integer,
  utime: integer,
  stime: integer,
  bursts: integer,
  /** Of its switches; absent: none. */
  missed: integer.optional(),
  /** When the observation began. */
  waited: z.boolean().optional(),
  voluntary: integer,
  involuntary: integer,
  migrations: integer,
  forks: integer,
  minorFaults: integer,
  majorFaults: integer,
  /** Reads, writes, bytes read, bytes written: of block devices. */
  io: z.tuple([integer, integer, integer, integer]),
  waits: z.array(
    z.tuple([
      z
        .number()
        .int()
        .min(0)
        .max(waitReasons.length - 1),
      integer,
      integer,
    ]),
  ),
  wakes: z.array(integer).max(wakeCauses.length),
  runs: histogram,
  sleeps: histogram,
  delays: histogram,
});
type Row = z.infer<typeof taskSchema>;

export const watchedTasksSchema = z.object({ event: z.literal('watchedTasks'), tasks: z.array(taskSchema) });

export const watchedSchema = z.object({
  event: z.literal('watched'),
  observedNs: integer,
  switchingNs: integer,
  wakingNs: integer,
  cpus: z.number(),
  busyNs: integer,
  folded: integer,
  samples: integer,
  parallelNs: z.array(integer),
  queuedNs: z.array(integer),
  edges: z.array(z.tuple([z.number(), z.number(), integer])),
  lost: z.object({ tasks: integer, edges: integer, events: integer }),
  cost: z.object({ runs: integer, ns: integer }).optional(),
  /** Cycles, instructions, cache misses. */
  pmu: z.tuple([integer, integer, integer]).optional(),
  missing: z.array(z.string()),
});
export type Watched = z.infer<typeof watchedSchema>;

/** All lines of one observation, as counters. */
export function countersOf(
  rows: readonly Row[],
  whole: Watched,
  maxRssKiB: number | undefined = undefined,
): Counters {
  const place = new Map(rows.map((row, i) => [row.id, i] as const));
  const edges = whole.edges.flatMap(([from, to, count]) => {
    const [a, b] = [place.get(from), place.get(to)];
    return a === undefined || b === undefined ? [] : [{ from: a, to: b, count }];
  });
  const io = (i: number): number => rows.reduce((sum, row) => sum + row.io[i]!, 0);
  const [reads, writes, readBytes, writtenBytes] = [io(0), io(1), io(2), io(3)];
  const sampled = whole.observedNs > 0 ? whole.wakingNs / whole.observedNs : 1;
  const switchesSeen = shareSeen(rows);
  const missing = [...whole.missing, ...losses(whole)];
  return {
    by: 'probes',
    observedNs: whole.observedNs,
    cpus: whole.cpus,
    tasks: rows.map((row) => taskOf(row, whole)),
    folded: whole.folded,
    busyNs: whole.busyNs,
    edges,
    ...(whole.samples === 0 ? {} : { parallelNs: whole.parallelNs, queuedNs: whole.queuedNs }),
    blockIo: { reads, writes, readBytes, writtenBytes },
    ...(maxRssKiB === undefined ? {} : { maxRssKiB }),
    ...(whole.pmu === undefined
      ? {}
      : { pmu: { cycles: whole.pmu[0], instructions: whole.pmu[1], cacheMisses: whole.pmu[2] } }),
    events: rows.reduce((sum, row) => sum + switchesOf(row) - (row.missed ?? 0) + wakesOf(row), 0),
    lost: whole.lost.tasks + whole.lost.edges + whole.lost.events,
    ...(sampled > 0.995 ? {} : { sampled }),
    ...(switchesSeen > 0.995 ? {} : { switchesSeen }),
    missing,
  };
}

function losses({ lost }: Watched): string[] {
  return [
    ...(lost.tasks > 0 ? [`${lost.tasks} tasks, for which there was no room at all`] : []),
    ...(lost.edges > 0 ? [`${lost.edges} wakeups by whom, for which there was no room`] : []),
    ...(lost.events > 0 ? [`${lost.events} events that came while the probe ran on that CPU`] : []),
  ];
}

function switchesOf(row: Row): number {
  return row.voluntary + row.involuntary;
}

/** Of all switches, those that were. */
function shareSeen(rows: readonly Row[]): number {
  const all = rows.reduce((sum, row) => sum + switchesOf(row), 0);
  const missed = rows.reduce((sum, row) => sum + (row.missed ?? 0), 0);
  return all > 0 ? Math.max(0, 1 - missed / all) : 1;
}

function wakesOf(row: Row): number {
  return row.wakes.reduce((sum, count) => sum + count, 0);
}

/** In windows what was seen counts more than once, of whomever. */
function taskOf(row: Row, { observedNs, switchingNs }: Watched): TaskCounters {
  const seen = seenOf(row);
  const isSampled = (row.missed ?? 0) > 0 || switchingNs < observedNs;
  return isSampled ? completed(seen, observedNs, row.waited === true) : seen;
}

function seenOf(row: Row): TaskCounters {
  const { id, missed, waited, kernel, utime, stime, io, waits, wakes, runs, sleeps, delays, ...rest } = row;
  const { bornNs, endedNs, ...counts } = rest;
  return {
    ...counts,
    isKernel: kernel,
    ...(bornNs === undefined ? {} : { bornNs }),
    ...(endedNs === undefined ? {} : { endedNs }),
    ...split(counts.ranNs, utime, stime),
    waits: Object.fromEntries(
      waits.map(([reason, count, ns]) => [waitReasons[reason]!, { count, ns }]),
    ) as Partial<Record<WaitReason, { count: number; ns: number }>>,
    wakes: Object.fromEntries(
      wakes.flatMap((count, cause) => (count > 0 ? [[wakeCauses[cause]!, count] as const] : [])),
    ) as Partial<Record<WakeCause, number>>,
    runs: whole(runs),
    sleeps: whole(sleeps),
    delays: whole(delays),
  };
}

/** CPU time is exact, its two parts are sampled at ticks: their ratio divides it, as the kernel does it (cputime_adjust(), kernel/sched/cputime.c). */
function split(ranNs: number, utime: number, stime: number): { userNs?: number; systemNs?: number } {
  if (utime + stime <= 0) return {};
  const systemNs = Math.round((ranNs * stime) / (utime + stime));
  return { userNs: ranNs - systemNs, systemNs };
}

function whole(counts: readonly number[]): number[] {
  return [...counts, ...new Array<number>(histogramSize - counts.length).fill(0)];
}
