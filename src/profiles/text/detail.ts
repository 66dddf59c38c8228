// What the larger tiers add: waits and wakes in numbers, histograms, more names and edges; and for the whole, every task, every edge.

import type { Counters, Histogram, TaskCounters } from '../../core/counters.ts';
import type { Profile } from '../../core/profile.ts';
import { waitReasons, wakeCauses } from '../../core/trace.ts';
import { joined, quantileIn } from '../histogram.ts';
import { observedTasks, sumOf } from '../tasks.ts';
import { digits, duration, name, percent } from '../words.ts';
import { columns, fixed, type Section } from './section.ts';
import { edgeSection, groupSection, tasksByTime } from './tasks.ts';

const [groupsShown, edgesShown, tasksShown] = [40, 40, 40];

export function detailSections(
  profile: Profile,
  counters: Counters | undefined,
  groups: Profile['groups'],
): Section[] {
  const scores: Section = {
    title: 'scores of the classes',
    rows: [
      Object.entries(profile.class.scores)
        .map(([what, score]) => `${what} ${percent(score)}`)
        .join(', '),
    ].map((row) => `  ${row}`),
  };
  if (counters === undefined)
    return [scores, groupSection(groups, groupsShown)].filter((section) => section !== undefined);
  const tasks = observedTasks(counters);
  return [
    scores,
    waitSection(tasks),
    wakeSection(tasks),
    ...histogramSections(tasks),
    levelSection('tasks on CPUs at once', counters.parallelNs),
    levelSection('tasks ready and waiting', counters.queuedNs),
    groupSection(groups, groupsShown),
    edgeSection(counters, profile.shape, edgesShown),
    taskSection(counters, 0, tasksShown),
  ].filter((section) => section !== undefined);
}

export function wholeSections(
  profile: Profile,
  counters: Counters | undefined,
  groups: Profile['groups'],
): Section[] {
  if (counters === undefined) return [];
  return [
    groups.length > groupsShown ? groupSection(groups, groups.length) : undefined,
    taskSection(counters, tasksShown, counters.tasks.length),
    pairSection(counters),
    numberSection(profile),
  ].filter((section) => section !== undefined);
}

function waitSection(all: readonly TaskCounters[]): Section | undefined {
  // Of thousands only the busiest were seen waiting.
  const tasks = all.filter(({ waits }) => waits !== undefined);
  const rows = waitReasons.flatMap((reason) => {
    const count = sumOf(tasks, (task) => task.waits?.[reason]?.count) ?? 0;
    const ns = sumOf(tasks, (task) => task.waits?.[reason]?.ns) ?? 0;
    return count === 0 ? [] : [[reason, digits(count), duration(ns), duration(ns / count)]];
  });
  return rows.length === 0
    ? undefined
    : { title: 'waits', ...columns(['for', 'times', 'in all', 'mean'], rows) };
}

function wakeSection(all: readonly TaskCounters[]): Section | undefined {
  const tasks = all.filter(({ wakes }) => wakes !== undefined);
  const rows = wakeCauses.flatMap((cause) => {
    const count = sumOf(tasks, (task) => task.wakes?.[cause]) ?? 0;
    return count === 0 ? [] : [[cause, digits(count)]];
  });
  return rows.length === 0 ? undefined : { title: 'wakeups', ...columns(['by', 'times'], rows) };
}

function histogramSections(tasks: readonly TaskCounters[]): (Section | undefined)[] {
  return [
    histogramSection('runs: from ready to waiting', joined(tasks.map((task) => task.runs))),
    histogramSection('waits, by length', joined(tasks.map((task) => task.sleeps))),
    histogramSection('delays: from ready to running', joined(tasks.map((task) => task.delays))),
  ];
}

const barWidth = 40;

/** From the first element that counts something to the last. */
function histogramSection(title: string, histogram: Histogram | undefined): Section | undefined {
  if (histogram === undefined) return undefined;
  const first = histogram.findIndex((count) => count > 0);
  if (first < 0) return undefined;
  const last = histogram.findLastIndex((count) => count > 0);
  const most = Math.max(...histogram);
  const rows = histogram.slice(first, last + 1).map((count, i) => {
    const bar = '#'.repeat(Math.ceil((barWidth * count) / most));
    return `  from ${duration(2 ** (first + i)).padEnd(7)} ${digits(count).padStart(6)} ${bar}`.trimEnd();
  });
  return { title, rows };
}

function levelSection(title: string, ns: readonly number[] | undefined): Section | undefined {
  const all = ns?.reduce((sum, one) => sum + one, 0) ?? 0;
  if (ns === undefined || all <= 0) return undefined;
  const rows = [...ns.entries()]
    .filter(([, time]) => time / all >= 0.0005)
    .map(([level, time]) => [digits(level), percent(time / all), duration(time)]);
  return { title, ...columns(['tasks', 'time', ''], rows.slice(0, 64)) };
}

const taskColumns: readonly (readonly [header: string, width: number])[] = [
  ['tid', -7],
  ['comm', -16],
  ['cpu', 7],
  ['delay', 7],
  ['bursts', 6],
  ['run p50', 7],
  ['delay p99', 9],
  ['vol', 5],
  ['invol', 5],
  ['waits for', -15],
];

const inColumns = (cells: readonly string[]): string =>
  `  ${cells.map((cell, i) => fixed(cell, taskColumns[i]![1])).join(' ')}`;

function taskSection(counters: Counters, from: number, to: number): Section | undefined {
  const all = observedTasks(counters).length;
  const length = Math.min(to, all) - from;
  if (length <= 0) return undefined;
  const header = inColumns(taskColumns.map(([name]) => name));
  let sorted: ReturnType<typeof tasksByTime> | undefined;
  const row = (i: number): string => {
    sorted ??= tasksByTime(counters);
    return inColumns(cellsOf(sorted[from + i]!));
  };
  return {
    title: `tasks ${from + 1} to ${from + length} of ${all}, by CPU time`,
    header,
    rows: { length, width: header.length, row },
  };
}

function cellsOf(task: TaskCounters): string[] {
  const quantile = (histogram: Histogram | undefined, share: number): string => {
    const ns = histogram && quantileIn(histogram, share);
    return ns === undefined ? '-' : duration(ns);
  };
  const count = (value: number | undefined): string => (value === undefined ? '-' : digits(value));
  return [
    task.tid === -1 ? '-' : String(task.tid),
    task.tid === -1 ? '(others)' : name(task.comm, 16),
    duration(task.ranNs),
    task.delayNs === undefined ? '-' : duration(task.delayNs),
    count(task.bursts),
    quantile(task.runs, 0.5),
    quantile(task.delays, 0.99),
    count(task.voluntary),
    count(task.involuntary),
    longestWait(task),
  ];
}

function longestWait({ waits }: TaskCounters): string {
  let [reason, most] = ['-', 0];
  for (const one in waits) {
    const { ns } = waits[one as keyof typeof waits]!;
    if (ns > most) [reason, most] = [one, ns];
  }
  return most > 0 ? `${name(reason, 10)} ${duration(most)}` : reason;
}

function pairSection({ edges, tasks }: Counters): Section | undefined {
  if (edges === undefined || edges.length === 0) return undefined;
  const of = (row: number): string => {
    const task = tasks[row];
    return `${fixed(name(task?.comm ?? '?', 16), -16)} ${fixed(String(task?.tid ?? ''), -7)}`;
  };
  const row = (i: number): string => {
    const { from, to, count } = edges[i]!;
    return `  ${fixed(digits(count), 6)} x ${of(from)} -> ${of(to)}`;
  };
  const width = 2 + 6 + 3 + 24 + 4 + 24;
  return { title: 'every pair of waker and wakee', rows: { length: edges.length, width, row } };
}

/** The shape and the fingerprint, for those who calculate. */
function numberSection({ shape, fingerprint }: Profile): Section {
  const rows = Object.entries(shape).map(([what, value]) => `  ${what} ${JSON.stringify(value, rounded)}`);
  const vector = fingerprint.values.map((value) => value.toFixed(3));
  const pieces = Array.from(
    { length: Math.ceil(vector.length / 16) },
    (_, i) => `    ${vector.slice(16 * i, 16 * (i + 1)).join(' ')}`,
  );
  return {
    title: 'numbers',
    rows: [...rows.flatMap(folded), `  fingerprint, version ${fingerprint.version}`, ...pieces],
  };
}

const rounded = (_: string, value: unknown): unknown =>
  typeof value === 'number' ? Number(value.toPrecision(6)) : value;

/** No row is long. */
function folded(row: string): string[] {
  const pieces = row.match(/.{1,150}/g) ?? [row];
  return pieces.map((piece, i) => (i === 0 ? piece : `    ${piece}`));
}
