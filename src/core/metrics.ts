// Every metric, defined once for all machines, and the pure functions from a run's events (docs/protocol.md, section 3)
// to numbers. A metric that was not measured is absent, never zero.
//
// Quantiles are nearest-rank: the smallest value with at least p of all values at or below it. Medians over rounds or
// repetitions are the middle value, or the floor of the mean of the middle two.

export interface MetricDefinition {
  readonly unit: 'ns' | '1/s' | 'ratio' | 'count' | 'CPUs' | 'KiB';
  readonly better: 'lower' | 'higher';
  /** `series`: one value per series, named `metric:series`. */
  readonly per: 'run' | 'series';
  readonly start: string;
  readonly end: string;
  readonly description: string;
}

const fromSample = { per: 'series', start: "the sample's stamp (LAP) or intended time (SINCE)" } as const;
const latency = { unit: 'ns', better: 'lower', end: 'the sample is taken', ...fromSample } as const;
const perTask = { per: 'run', start: 'the task starts', end: 'the task ends' } as const;
const perCommand = { per: 'run', start: 'the command is started', end: 'the command has ended' } as const;
const perRound = {
  per: 'run',
  start: 'the round starts',
  end: "the round's foreground tasks have ended",
} as const;

export const metricDefinitions = {
  makespanNs: {
    ...perRound,
    unit: 'ns',
    better: 'lower',
    description: 'Length of a round; median over the measured rounds.',
  },
  latencyNsP50: { ...latency, description: 'Median of the samples of a series.' },
  latencyNsP95: { ...latency, description: '95th percentile of the samples of a series.' },
  latencyNsP99: { ...latency, description: '99th percentile of the samples of a series.' },
  latencyNsMax: { ...latency, description: 'Largest sample of a series.' },
  throughputPerS: {
    per: 'series',
    start: 'the first measured round starts',
    end: 'the last measured round ends',
    unit: '1/s',
    better: 'higher',
    description: 'Samples of a series per second of measured rounds.',
  },
  deadlineMissRatio: {
    ...fromSample,
    end: 'the sample is taken',
    unit: 'ratio',
    better: 'lower',
    description: 'Share of the samples above the deadline; only for series with a deadline.',
  },
  taskSojournNsMean: {
    ...perTask,
    unit: 'ns',
    better: 'lower',
    description: 'Mean time from start to end of the foreground tasks, rounded down.',
  },
  taskSojournNsP50: {
    ...perTask,
    unit: 'ns',
    better: 'lower',
    description: 'Median time from start to end of the foreground tasks.',
  },
  taskSojournNsP99: {
    ...perTask,
    unit: 'ns',
    better: 'lower',
    description: '99th percentile of the time from start to end of the foreground tasks.',
  },
  runDelayNs: {
    ...perTask,
    unit: 'ns',
    better: 'lower',
    description: 'Time that foreground tasks were runnable without running, summed over the measured rounds.',
  },
  runDelayNsP99: {
    ...perTask,
    unit: 'ns',
    better: 'lower',
    description: '99th percentile over foreground tasks of the time runnable without running.',
  },
  switchesVoluntary: {
    ...perTask,
    unit: 'count',
    better: 'lower',
    description: 'Voluntary context switches of all tasks, summed over the measured rounds.',
  },
  switchesInvoluntary: {
    ...perTask,
    unit: 'count',
    better: 'lower',
    description: 'Involuntary context switches of all tasks, summed over the measured rounds.',
  },
  backgroundCpus: {
    ...perRound,
    unit: 'CPUs',
    better: 'higher',
    description: 'CPU time of the background tasks (the bystanders) per time of the measured rounds.',
  },
  backgroundCpuShare: {
    ...perRound,
    unit: 'ratio',
    better: 'higher',
    description: "The background tasks' share of the CPU time of all tasks in the measured rounds.",
  },
  backgroundFairness: {
    ...perRound,
    unit: 'ratio',
    better: 'higher',
    description:
      'Least over most CPU time among the background tasks of one group in a round (1 is even); the worst group and round. Needs two in a group.',
  },
  elapsedNs: {
    ...perCommand,
    unit: 'ns',
    better: 'lower',
    description: 'Wall time of a command; median over successful repetitions.',
  },
  userNs: {
    ...perCommand,
    unit: 'ns',
    better: 'lower',
    description: 'User CPU time of a command and its children; median over successful repetitions.',
  },
  systemNs: {
    ...perCommand,
    unit: 'ns',
    better: 'lower',
    description: 'System CPU time of a command and its children; median over successful repetitions.',
  },
  maxRssKiB: {
    ...perCommand,
    unit: 'KiB',
    better: 'lower',
    description: 'Largest resident set of a command or a child; median over successful repetitions.',
  },
} as const satisfies Record<string, MetricDefinition>;

export type Metric = keyof typeof metricDefinitions;
/** `metric` or `metric:series`. */
export type MetricName = string;
export type Metrics = Readonly<Record<MetricName, number>>;

/** The definition behind a name, and its series; undefined if there is no such metric or the series is missing or out of place. */
export function findMetric(
  name: MetricName,
): { metric: Metric; series: string | undefined; definition: MetricDefinition } | undefined {
  const colon = name.indexOf(':');
  const metric = colon < 0 ? name : name.slice(0, colon);
  if (!Object.hasOwn(metricDefinitions, metric)) return undefined;
  const definition: MetricDefinition = metricDefinitions[metric as Metric];
  const series = colon < 0 ? undefined : name.slice(colon + 1);
  if ((definition.per === 'series') !== (series !== undefined) || series === '') return undefined;
  return { metric: metric as Metric, series, definition };
}

/** Nearest-rank quantile at `perMille` of 1000; undefined of nothing. */
export function nearestRank(values: readonly number[], perMille: number): number | undefined {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(1, Math.ceil((sorted.length * perMille) / 1000)) - 1];
}

/** The middle value, or the floor of the mean of the middle two; undefined of nothing. */
export function middle(values: readonly number[]): number | undefined {
  const sorted = [...values].sort((a, b) => a - b);
  const [low, high] = [sorted[(sorted.length - 1) >> 1], sorted[sorted.length >> 1]];
  return low === undefined || high === undefined ? undefined : low + Math.floor((high - low) / 2);
}

/** One parsed line of the runner, or the like from another machine. */
export interface RunEvent {
  readonly event: string;
  readonly [field: string]: unknown;
}

/** What the metrics need to know of the workload: the expansion, or less. Commands have none. */
export interface MeasuredShape {
  readonly warmupRounds: number;
  readonly series: readonly { readonly name: string; readonly deadlineNs: number }[];
  readonly tasks: readonly { readonly round: number; readonly background: boolean; readonly group: number }[];
}

/**
 * The metrics of one run. Empty unless the run is data: it says `done` with status "ok", and no limit was hit, nothing
 * failed and no foreground task was killed.
 */
export function computeMetrics(events: readonly RunEvent[], shape?: MeasuredShape): Metrics {
  if (!isData(events, shape)) return {};
  const found: [MetricName, number | undefined][] = commandMetrics(events);
  if (shape !== undefined) {
    const measured = measuredPart(events, shape);
    found.push(['makespanNs', middle(measured.makespans)]);
    found.push(...taskMetrics(measured), ...backgroundMetrics(measured));
    for (const [index] of shape.series.entries())
      found.push(...seriesMetrics(events, shape, index, measured));
  }
  return Object.fromEntries(found.filter((pair): pair is [string, number] => pair[1] !== undefined));
}

interface MeasuredTask {
  readonly round: number;
  readonly background: boolean;
  readonly group: number;
  readonly event: RunEvent;
}

interface Measured {
  readonly makespans: readonly number[];
  readonly tasks: readonly MeasuredTask[];
}

function isData(events: readonly RunEvent[], shape: MeasuredShape | undefined): boolean {
  if (!events.some((e) => e.event === 'done' && e.status === 'ok')) return false;
  return !events.some(
    (e) =>
      e.event === 'limit' ||
      e.event === 'fault' ||
      (e.event === 'task' && e.killed === true && shape?.tasks[field(e, 'task') ?? -1]?.background !== true),
  );
}

/** A number, or one beyond 2^53 as decimal text. */
function field(event: RunEvent, name: string): number | undefined {
  const value = event[name];
  if (typeof value === 'number') return value;
  return typeof value === 'string' && /^-?\d+$/.test(value) ? Number(value) : undefined;
}

function fields(events: readonly RunEvent[], name: string): number[] {
  return events.map((e) => field(e, name)).filter((value) => value !== undefined);
}

function measuredPart(events: readonly RunEvent[], shape: MeasuredShape): Measured {
  const rounds = events.filter((e) => e.event === 'round' && (field(e, 'round') ?? -1) >= shape.warmupRounds);
  const tasks = events.flatMap((event) => {
    const task = event.event === 'task' ? shape.tasks[field(event, 'task') ?? -1] : undefined;
    return task !== undefined && task.round >= shape.warmupRounds ? [{ ...task, event }] : [];
  });
  return { makespans: fields(rounds, 'makespanNs'), tasks };
}

function commandMetrics(events: readonly RunEvent[]): [MetricName, number | undefined][] {
  const runs = events.filter((e) => e.event === 'run' && field(e, 'exit') === 0 && field(e, 'signal') === 0);
  return [
    ['elapsedNs', middle(fields(runs, 'wallNs'))],
    ['userNs', middle(fields(runs, 'userNs'))],
    ['systemNs', middle(fields(runs, 'systemNs'))],
    ['maxRssKiB', middle(fields(runs, 'maxRssKiB'))],
  ];
}

function taskMetrics({ tasks }: Measured): [MetricName, number | undefined][] {
  const all = tasks.map((task) => task.event);
  const foreground = tasks.filter((task) => !task.background).map((task) => task.event);
  const sojourns = foreground.flatMap((e) => {
    const [start, end] = [field(e, 'startNs'), field(e, 'endNs')];
    return start === undefined || end === undefined ? [] : [end - start];
  });
  const delays = fields(foreground, 'delayNs');
  return [
    ['taskSojournNsMean', sojourns.length === 0 ? undefined : Math.floor(sum(sojourns) / sojourns.length)],
    ['taskSojournNsP50', nearestRank(sojourns, 500)],
    ['taskSojournNsP99', nearestRank(sojourns, 990)],
    ['runDelayNs', totalOf(delays)],
    ['runDelayNsP99', nearestRank(delays, 990)],
    ['switchesVoluntary', totalOf(fields(all, 'vcsw'))],
    ['switchesInvoluntary', totalOf(fields(all, 'icsw'))],
  ];
}

function backgroundMetrics({ tasks, makespans }: Measured): [MetricName, number | undefined][] {
  const background = tasks.filter((task) => task.background);
  if (background.length === 0) return [];
  const used = sum(cpuTimes(background));
  const [time, all] = [sum(makespans), sum(cpuTimes(tasks))];
  return [
    ['backgroundCpus', time > 0 ? used / time : undefined],
    ['backgroundCpuShare', all > 0 ? used / all : undefined],
    ['backgroundFairness', worstFairness(background)],
  ];
}

function worstFairness(background: readonly MeasuredTask[]): number | undefined {
  const families = new Map<string, MeasuredTask[]>();
  for (const task of background) {
    const family = `${task.round} ${task.group}`;
    families.set(family, [...(families.get(family) ?? []), task]);
  }
  const ratios = [...families.values()].flatMap((family) => {
    const times = cpuTimes(family);
    const most = Math.max(...times);
    return times.length < 2 || most === 0 ? [] : [Math.min(...times) / most];
  });
  return ratios.length === 0 ? undefined : Math.min(...ratios);
}

function cpuTimes(tasks: readonly MeasuredTask[]): number[] {
  return fields(
    tasks.map((task) => task.event),
    'cpuNs',
  );
}

function seriesMetrics(
  events: readonly RunEvent[],
  shape: MeasuredShape,
  index: number,
  { makespans }: Measured,
): [MetricName, number | undefined][] {
  const { name, deadlineNs } = shape.series[index]!;
  const lines = events.filter((e) => e.event === 'samples' && field(e, 'series') === index);
  const values = lines.flatMap((e) => (Array.isArray(e.values) ? e.values.map(Number) : []));
  if (values.length === 0) return [];
  const seconds = sum(makespans) / 1e9;
  const missed = values.filter((value) => value > deadlineNs).length;
  return [
    [`latencyNsP50:${name}`, nearestRank(values, 500)],
    [`latencyNsP95:${name}`, nearestRank(values, 950)],
    [`latencyNsP99:${name}`, nearestRank(values, 990)],
    [`latencyNsMax:${name}`, nearestRank(values, 1000)],
    [`throughputPerS:${name}`, seconds > 0 ? values.length / seconds : undefined],
    [`deadlineMissRatio:${name}`, deadlineNs > 0 ? missed / values.length : undefined],
  ];
}

function totalOf(values: readonly number[]): number | undefined {
  return values.length === 0 ? undefined : sum(values);
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
