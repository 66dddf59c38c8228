// Mistakes in a workload file that its form does not show: names that nothing defines, phases that cannot mean anything
// where they stand, ranges the wrong way round.
import { findMetric } from '../core/metrics.ts';
import type { Amount, Group, WorkloadFile } from '../core/workload.ts';
import { amountBounds, isFixed } from './draws.ts';
import { durationNs } from './duration.ts';
import type { JsonPath, Mistake } from './mistakes.ts';
import { forkedGroups, isEndless, type Visit, visitPhases } from './phases.ts';
import { familyOf } from './selectors.ts';

const hourNs = 3.6e12;

export function meaningMistakes(file: WorkloadFile): Mistake[] {
  const forked = forkedGroups(file.groups);
  return [
    ...roundMistakes(file),
    ...goalMistakes(file),
    ...nestedValues(file, []).flatMap(valueMistakes),
    ...file.groups.flatMap((group, i) => groupMistakes(file, group, ['groups', i], forked)),
    ...forkCycles(file),
    ...unusedSeries(file),
  ];
}

function when(condition: boolean, path: JsonPath, message: string): Mistake[] {
  return condition ? [{ path, message }] : [];
}

function known(name: string, names: readonly string[], path: JsonPath, what: string): Mistake[] {
  return when(!names.includes(name), path, `no ${what} "${name}"; there is ${names.join(', ') || 'none'}`);
}

function roundMistakes({ rounds = 1, warmupRounds = 0, starts = {} }: WorkloadFile): Mistake[] {
  const kinds = [starts.within, starts.poisson, starts.bursts].filter((kind) => kind !== undefined);
  return [
    ...when(
      warmupRounds >= rounds,
      ['warmupRounds'],
      `must be below rounds (${rounds}): else nothing is measured`,
    ),
    ...when(kinds.length > 1, ['starts'], 'only one of within, poisson and bursts'),
  ];
}

function goalMistakes({ goal, series = {}, groups }: WorkloadFile): Mistake[] {
  const path = ['goal', 'metric'];
  const found = findMetric(goal.metric);
  if (found === undefined) {
    return [
      { path, message: `no metric "${goal.metric}"; expected metric or metric:series, as in "makespanNs"` },
    ];
  }
  const { better } = found.definition;
  return [
    ...(found.series === undefined ? [] : known(found.series, Object.keys(series), path, 'series')),
    ...when(goal.direction !== better, ['goal', 'direction'], `${found.metric} is better ${better}`),
    ...when(
      found.metric.startsWith('background') && !groups.some((g) => g.background),
      path,
      'no group is background',
    ),
    ...when(
      found.metric === 'deadlineMissRatio' && series[found.series ?? '']?.deadline === undefined,
      path,
      'that series has no deadline',
    ),
    ...when(
      ['elapsedNs', 'userNs', 'systemNs', 'maxRssKiB'].includes(found.metric),
      path,
      'only commands have that',
    ),
  ];
}

interface Located {
  readonly value: unknown;
  readonly path: JsonPath;
}

function nestedValues(value: unknown, path: JsonPath): Located[] {
  if (typeof value !== 'object' || value === null) return [{ value, path }];
  const inner = Object.entries(value).flatMap(([key, item]) =>
    nestedValues(item, [...path, Array.isArray(value) ? Number(key) : key]),
  );
  return [{ value, path }, ...inner];
}

/** Durations beyond the limit, rates of zero, ranges the wrong way round; wherever they stand. */
function valueMistakes({ value, path }: Located): Mistake[] {
  if (path.at(-1) === 'description' || path.at(-1) === 'name') return [];
  if (typeof value === 'string' && /^[\d.]+(ns|us|ms|s)$/.test(value)) {
    return when(durationNs(value) > hourNs, path, 'longer than an hour');
  }
  if (typeof value === 'string' && /^[\d.]+\/(s|ms)$/.test(value)) {
    return when(/^[0.]+\//.test(value), path, 'a rate must be above zero');
  }
  if (typeof value !== 'object' || value === null || !('from' in value)) return [];
  const range = value as Extract<Amount, { from: unknown }>;
  const { lowNs, highNs } = amountBounds({ from: range.from, to: range.to });
  return [
    ...when(lowNs > highNs, path, '"from" is above "to"'),
    ...when(range.shape === 'pareto' && lowNs === 0, [...path, 'from'], 'a pareto range starts above zero'),
  ];
}

function groupMistakes(
  file: WorkloadFile,
  group: Group,
  path: JsonPath,
  forked: ReadonlySet<string>,
): Mistake[] {
  const isForked = forked.has(group.name);
  const others = file.groups.slice(0, path[1] as number);
  const [low, high] = group.place ?? [0, 0];
  const fromParent = (['count', 'start', 'place'] as const).filter(
    (key) => isForked && group[key] !== undefined,
  );
  const cgroups = Object.keys(file.cgroups ?? {});
  return [
    ...when(
      others.some((other) => other.name === group.name),
      [...path, 'name'],
      `a second group "${group.name}"`,
    ),
    ...(group.cgroup === undefined ? [] : known(group.cgroup, cgroups, [...path, 'cgroup'], 'cgroup')),
    ...when(low > high, [...path, 'place'], 'the first share is above the second'),
    ...when(
      group.place !== undefined && group.start !== undefined,
      [...path, 'place'],
      '"start" already says when',
    ),
    ...fromParent.map((key) => ({
      path: [...path, key],
      message: `"${group.name}" is forked: its tasks start when a fork phase says so`,
    })),
    ...visitPhases(group, path).flatMap((visit) => phaseMistakes(file, group, visit, isForked)),
  ];
}

function phaseMistakes(file: WorkloadFile, group: Group, visit: Visit, isForked: boolean): Mistake[] {
  const { phase, path } = visit;
  const at = (key: string) => [...path, key];
  const groups = file.groups.map((other) => other.name);
  const series = Object.keys(file.series ?? {});
  const mistakes = placeMistakes(group, visit, isForked);
  if ('fork' in phase) mistakes.push(...known(phase.fork, groups, at('fork'), 'group'));
  if ('fork' in phase && group.background === true) {
    const child = file.groups.find((other) => other.name === phase.fork);
    mistakes.push(
      ...when(child?.background !== true, at('fork'), 'a background task forks only background groups'),
    );
  }
  if ('join' in phase) mistakes.push(...known(familyOf(phase.join), groups, at('join'), 'group'));
  if ('lap' in phase) mistakes.push(...known(phase.lap, series, at('lap'), 'series'));
  if ('since' in phase) mistakes.push(...known(phase.since, series, at('since'), 'series'));
  if ('each' in phase)
    mistakes.push(...known(phase.each, Object.keys(file.arrivals ?? {}), at('each'), 'arrivals'));
  return mistakes;
}

/** Phases that make no sense where they stand. */
function placeMistakes(group: Group, visit: Visit, isForked: boolean): Mistake[] {
  const { phase, path, each, loops } = visit;
  const [key = '', value] = Object.entries(phase)[0] ?? [];
  const at = [...path, key];
  const arrival =
    value === 'arrival' || Object.values(phase).some((v) => typeof v === 'string' && v.includes('@'));
  const varies = 'timer' in phase || 'since' in phase || 'lap' in phase || 'fork' in phase;
  const one = ['lock', 'unlock', 'write', 'read', 'lap'].includes(key);
  const several = Object.values(phase).some((v) => typeof v === 'string' && v.includes('#*'));
  const draws = ('run' in phase && !isFixed(phase.run)) || ('sleep' in phase && !isFixed(phase.sleep));
  return [
    ...when(arrival && each === undefined, at, 'there is an arrival only inside "each"'),
    ...when(
      'each' in phase && (each !== undefined || loops.length > 0),
      at,
      '"each" cannot be inside "each" or "loop"',
    ),
    ...when(one && several, at, '"#*" names several; this phase needs one'),
    ...when('timer' in phase && each !== undefined, at, 'inside "each" the arrivals say when: use until'),
    ...when('each' in phase && isForked, at, 'a forked group cannot serve arrivals'),
    ...when(isForked && ('timer' in phase || 'since' in phase), at, 'a forked task has no known start'),
    ...when(
      'loop' in phase && value === 'forever' && group.background !== true,
      at,
      'only a background group loops forever',
    ),
    ...when(isEndless(visit) && varies, at, `"${key}" cannot be in an endless loop`),
    ...when(isEndless(visit) && draws, at, 'an endless loop repeats itself exactly: give a plain duration'),
  ];
}

function forkCycles(file: WorkloadFile): Mistake[] {
  const childrenOf = new Map(
    file.groups.map((group) => [
      group.name,
      visitPhases(group, []).flatMap(({ phase }) => ('fork' in phase ? [phase.fork] : [])),
    ]),
  );
  const reaches = (from: string, to: string, seen: Set<string>): boolean =>
    (childrenOf.get(from) ?? []).some((child) => {
      if (child === to) return true;
      if (seen.has(child)) return false;
      seen.add(child);
      return reaches(child, to, seen);
    });
  return file.groups.flatMap((group, i) =>
    when(
      reaches(group.name, group.name, new Set()),
      ['groups', i],
      `"${group.name}" forks itself without end`,
    ),
  );
}

function unusedSeries(file: WorkloadFile): Mistake[] {
  const phases = file.groups.flatMap((group) => visitPhases(group, []).map((visit) => visit.phase));
  const used = phases.flatMap((phase) =>
    'lap' in phase ? [phase.lap] : 'since' in phase ? [phase.since] : [],
  );
  return Object.keys(file.series ?? {}).flatMap((name) =>
    when(!used.includes(name), ['series', name], 'no phase samples it'),
  );
}
