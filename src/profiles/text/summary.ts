// The parts of a summary: what it is, where its time goes, lengths, groups, who wakes whom, the tail, what to try, what is missing. Each part is bounded,
// whatever the workload.

import type { Counters, TaskCounters } from '../../core/counters.ts';
import type { Profile, Shape } from '../../core/profile.ts';
import { labels } from '../groups.ts';
import type { Advice, Suggestion } from '../suggestions.ts';
import { observedTasks } from '../tasks.ts';
import { digits, duration, escapedName, name, percent } from '../words.ts';
import { columns, type Section, sentence } from './section.ts';

export function headSection({
  subject,
  machine,
  by,
  observedNs,
  shape,
  class: what,
  goal,
}: Profile): Section {
  const scores = Object.entries(what.scores).filter(([other, score]) => other !== what.name && score >= 0.05);
  scores.sort(([, a], [, b]) => b - a);
  const others = scores.slice(0, 2).map(([other, score]) => `${other} ${percent(score)}`);
  const metric = `${goal.metric}, ${goal.direction} is better`;
  return {
    title: `${name(subject.name, 60)}: ${what.name}, wants ${goal.name}`,
    rows: [
      `${subject.what}, ${digits(shape.tasks ?? 0)} tasks, ${duration(observedNs)} on ${machine.cpus} CPUs (${machine.name}, kernel ${name(machine.kernel, 30)}), by ${by}`,
      '',
      `class ${what.name}, ${percent(what.confidence)} sure${others.length > 0 ? ` (else ${others.join(', ')})` : ''}`,
      ...what.why.slice(0, 4).map((why) => `  ${sentence(why)}`),
      ...what.look.slice(0, 3).map((look) => `  would settle it: ${sentence(look, 130)}`),
      `goal ${goal.name}, ${percent(goal.confidence)} sure (${metric})`,
      ...goal.reasons.slice(0, 4).map((why) => `  ${sentence(why)}`),
    ],
  };
}

/** The parts that were measured. */
export function known(parts: Readonly<Record<string, number | undefined>>): [string, number][] {
  return Object.entries(parts).filter((part): part is [string, number] => part[1] !== undefined);
}

const barWidth = 40;

/** Where the time goes, as bars. */
export function timeSection({ time, utilisation, systemShare }: Shape): Section | undefined {
  if (time === undefined) return undefined;
  const shares = known(time).filter(([, share]) => share >= 0.0005);
  shares.sort(([, a], [, b]) => b - a);
  const rest = 1 - known(time).reduce((sum, [, share]) => sum + share, 0);
  if (rest > 0.01) shares.push(['not known', rest]);
  const parts = [
    ...(utilisation === undefined ? [] : [`${percent(utilisation)} of the CPUs used`]),
    ...(systemShare === undefined ? [] : [`${percent(systemShare)} of that in the kernel`]),
  ];
  return {
    title: `where its time goes${parts.length > 0 ? ` (${parts.join(', ')})` : ''}`,
    rows: shares.map(([what, share]) => {
      const bar = '#'.repeat(Math.round(barWidth * share));
      return `  ${what.padEnd(9)} ${percent(share).padStart(7)} ${bar}`.trimEnd();
    }),
  };
}

export function lengthSection(shape: Shape): Section | undefined {
  const rows = (
    [
      ['runs', shape.runNs],
      ['waits', shape.sleepNs],
      ['delays', shape.delayNs],
    ] as const
  ).flatMap(([what, quantiles]) =>
    quantiles === undefined
      ? []
      : [
          [
            what,
            ...(['p50', 'p90', 'p99', 'mean'] as const).map((key) =>
              quantiles[key] === undefined ? '-' : duration(quantiles[key]),
            ),
          ],
        ],
  );
  return rows.length === 0
    ? undefined
    : { title: 'lengths', ...columns(['', 'p50', 'p90', 'p99', 'mean'], rows) };
}

const ramp = ' .:-=+*#%@';

export function paceSection(shape: Shape): Section | undefined {
  const { parallelism, queued, wakes, period, overTime } = shape;
  const rates = [
    each(shape.switchesPerS, 'switches/s') +
      (shape.involuntaryShare === undefined ? '' : ` (${percent(shape.involuntaryShare)} involuntary)`),
    each(shape.burstsPerS, 'bursts/s a task'),
    each(shape.migrationsPerS, 'migrations/s'),
    each(shape.forksPerS, 'forks/s'),
    each(shape.faultsPerS, 'faults/s'),
  ].filter((text) => text !== '');
  const causes = known(wakes ?? {}).filter(([, share]) => share > 0);
  const top = Math.max(1, ...(overTime ?? []));
  const rows = [
    ...(rates.length > 0 ? [`rates     ${rates.join(', ')}`] : []),
    ...(parallelism === undefined
      ? []
      : [
          `at once   ${digits(parallelism.mean)} tasks on CPUs on average, ${parallelism.max} at most${queued === undefined ? '' : `; ${digits(queued.mean)} ready and waiting`}`,
        ]),
    ...(causes.length > 0
      ? [`woken by  ${causes.map(([cause, share]) => `${cause} ${percent(share)}`).join(', ')}`]
      : []),
    ...(period === undefined
      ? []
      : [`period    ${duration(period.ns)}, kept by ${percent(period.strength)} of the wakeups by timer`]),
    ...(shape.blockIo === undefined
      ? []
      : [
          `block     ${digits(shape.blockIo.opsPerS)} operations/s, ${digits(shape.blockIo.bytesPerS)} bytes/s`,
        ]),
    ...(shape.pmu === undefined
      ? []
      : [
          `pmu       ${digits(shape.pmu.instructionsPerCycle)} instructions a cycle, ${digits(shape.pmu.missesPerKiloInstruction)} cache misses in 1000`,
        ]),
    ...(overTime === undefined || overTime.length === 0
      ? []
      : [
          `over time [${overTime.map((mean) => ramp[Math.ceil((mean / top) * (ramp.length - 1))] ?? '@').join('')}] @ is ${digits(top)} on CPUs`,
        ]),
  ];
  return rows.length === 0 ? undefined : { title: 'pace', rows: rows.map((row) => `  ${row}`) };
}

function each(value: number | undefined, what: string): string {
  return value === undefined ? '' : `${digits(value)} ${what}`;
}

export function groupSection(groups: Profile['groups'], most: number): Section | undefined {
  if (groups.length === 0) return undefined;
  const dash = (value: number | undefined, text: (value: number) => string): string =>
    value === undefined ? '-' : text(value);
  const rows = groups
    .slice(0, most)
    .map((group) => [
      escapedName(group.comm, 24),
      digits(group.tasks),
      percent(group.cpuShare),
      dash(group.delayShare, percent),
      dash(group.runNsP50, duration),
      dash(group.delayNsP99, duration),
      dash(group.wakesPerS, digits),
      name(group.waitsFor ?? '-', 10),
      name(group.wokenBy ?? '-', 10),
    ]);
  const header = [
    'comm',
    'tasks',
    'cpu',
    'delay',
    'run p50',
    'delay p99',
    'wakes/s',
    'waits for',
    'woken by',
  ];
  return {
    title: `tasks by name (${groups.length > most ? `${most} of ${groups.length}` : groups.length})`,
    ...columns(header, rows, [7, 8]),
  };
}

/** Edges between names, the strongest first. */
export function edgeSection(counters: Counters | undefined, shape: Shape, most: number): Section | undefined {
  const { edges, tasks } = counters ?? {};
  if (edges === undefined || tasks === undefined || edges.length === 0) return undefined;
  const sums = new Map<string, number>();
  const label = labels(tasks);
  const comms = tasks.map((task) => name(label(task), 20));
  for (const { from, to, count } of edges) {
    const key = `${comms[from] ?? '?'} -> ${comms[to] ?? '?'}`;
    sums.set(key, (sums.get(key) ?? 0) + count);
  }
  const all = [...sums].sort(([a, n], [b, m]) => m - n || (a < b ? -1 : 1));
  const graph = shape.wakeGraph;
  const said =
    graph === undefined
      ? ''
      : `: ${digits(graph.pairs)} pairs, one wakes up to ${digits(graph.fanOut)}, ${percent(graph.mutualShare)} mutual`;
  return {
    title: `who wakes whom${said}`,
    rows: all.slice(0, most).map(([key, count]) => `  ${digits(count).padStart(6)} x ${key}`),
  };
}

export function tailSection(
  { longTail, criticalPath, churn }: Shape,
  counters: Counters | undefined,
): Section | undefined {
  const tasks = counters === undefined ? [] : counters.tasks;
  const longest = (counters?.extras?.criticalPath?.longest ?? []).slice(0, 3);
  const names = longest
    .map(({ task, ns }) => `${name(tasks[task]?.comm ?? '?', 16)} ${duration(ns)}`)
    .join(', ');
  const rows = [
    ...(longTail?.topShare === undefined
      ? []
      : [`the longest tenth of its tasks has ${percent(longTail.topShare)} of the CPU time`]),
    ...(longTail?.lastShare === undefined
      ? []
      : [`in the last ${percent(longTail.lastShare)} of the time at most one task is at work`]),
    ...(criticalPath === undefined
      ? []
      : [
          `critical path: ${duration(criticalPath.ns)} of work, ${percent(criticalPath.share)} of the time, through ${digits(criticalPath.tasks)} tasks${names === '' ? '' : ` (${names})`}`,
        ]),
    ...(churn === undefined ? [] : [`${percent(churn)} of its tasks were born and ended meanwhile`]),
  ];
  return rows.length === 0 ? undefined : { title: 'tail', rows: rows.map((row) => `  ${row}`) };
}

export function trySection(advice: Advice): Section {
  const rows = advice.suggestions.flatMap((one) => suggestionRows(one));
  return {
    title: 'what to try',
    rows: [
      `  ${sentence(advice.headroom, 220)}`,
      ...(rows.length > 0 ? rows : ['  nothing in the library stands out: tune tries them all']),
    ],
  };
}

function suggestionRows({ what, name: which, fits, against, because }: Suggestion): string[] {
  const good =
    fits.length === 0
      ? ''
      : ` for ${fits
          .slice(0, 2)
          .map((word) => `"${name(word, 72)}"`)
          .join(' and ')}`;
  return [
    `  ${what} ${name(which, 30)}${good}`,
    ...because.slice(0, 2).map((why) => `    ${sentence(why, 120)}`),
    ...against.slice(0, 1).map((word) => `    but it is bad for "${name(word, 90)}"`),
  ];
}

export function missingSection(
  { missing, events }: Profile,
  counters: Counters | undefined,
  most: number,
): Section | undefined {
  const notes = [
    ...(events !== undefined && events.lost > 0
      ? [`${digits(events.lost)} of ${digits(events.seen + events.lost)} events were lost`]
      : []),
    ...(events?.sampled !== undefined && events.sampled < 1
      ? [`wakeups were looked at in ${percent(events.sampled)} of the time`]
      : []),
    ...((counters?.folded ?? 0) > 0 ? [`${digits(counters!.folded)} tasks were not kept one by one`] : []),
    ...missing,
  ];
  if (notes.length === 0) return undefined;
  const left = notes.length - most;
  return {
    title: 'what is missing',
    rows: [
      ...notes.slice(0, most).map((note) => `  ${sentence(note, 120)}`),
      ...(left > 0 ? [`  and ${left} more`] : []),
    ],
  };
}

/** Observed tasks, the most CPU time first. */
export function tasksByTime(counters: Counters): TaskCounters[] {
  return [...observedTasks(counters)].sort((a, b) => b.ranNs - a.ranNs);
}
