// What changed between two profiles of one subject: only what moved by more than such numbers move by themselves from run to run.

import type { Profile, Shape } from '../core/profile.ts';
import { likeness } from './fingerprint.ts';
import { digits, duration, escapedName, percent } from './words.ts';

export interface Change {
  /** "delayNs.p99", "time.disk", "class", "group cc1". */
  readonly what: string;
  readonly before: number | string | null;
  readonly after: number | string | null;
  /** How many times the noise it moved; larger ones come first. Words have moved or not: 10. */
  readonly size: number;
  readonly text: string;
}

export interface Changes {
  /** Of the fingerprints; undefined between versions. */
  readonly likeness?: number;
  readonly changes: readonly Change[];
}

type Kind = 'share' | 'ns' | 'rate' | 'count';

/** A number of a shape: its kind, its noise (shares: points of 1; others: a ratio), and how it is called. */
interface Measure {
  readonly what: string;
  readonly kind: Kind;
  readonly noise: number;
  readonly said: string;
  readonly of: (shape: Shape) => number | undefined;
}

const quantileNoise = { p50: 1.25, p90: 1.4, p99: 1.8, mean: 1.3 } as const;
const tailOf = { p50: 0.5, p90: 0.1, p99: 0.01, mean: 0.5 } as const;

export function changesOf(before: Profile, after: Profile): Changes {
  const alike = likeness(before.fingerprint, after.fingerprint);
  const changes = [
    ...wordChanges(before, after),
    ...numberChanges(before, after),
    ...groupChanges(before, after),
  ];
  return {
    ...(alike !== undefined && { likeness: alike }),
    changes: changes.sort((a, b) => b.size - a.size || (a.what < b.what ? -1 : 1)),
  };
}

/** Ends with a newline. */
export function changesText({ likeness: alike, changes }: Changes, most = 30): string {
  const head = changes.length === 0 ? 'nothing moved by more than noise' : `${changes.length} changed`;
  const left = changes.length - most;
  return [
    `${head}${alike === undefined ? '' : `; likeness ${alike.toFixed(2)}`}`,
    ...changes.slice(0, most).map(({ text }) => `  ${text}`),
    ...(left > 0 ? [`  and ${left} smaller ones`] : []),
    '',
  ].join('\n');
}

function wordChanges(before: Profile, after: Profile): Change[] {
  return (['class', 'goal'] as const).flatMap((what) => {
    const [was, is] = [before[what], after[what]];
    if (was.name === is.name) return [];
    const text = `${what}: ${was.name} (${percent(was.confidence)} sure) -> ${is.name} (${percent(is.confidence)} sure)`;
    return [{ what, before: was.name, after: is.name, size: 10, text }];
  });
}

function measures(): Measure[] {
  const share = (what: string, said: string, of: Measure['of']): Measure => ({
    what,
    kind: 'share',
    noise: 0.04,
    said,
    of,
  });
  const rate = (what: keyof Shape, said: string, noise = 1.3): Measure => ({
    ...{ what, kind: 'rate', noise, said },
    of: (shape) => shape[what] as number | undefined,
  });
  const times = (
    ['cpu', 'delay', 'sleep', 'futex', 'pipe', 'socket', 'poll', 'disk', 'child', 'fault', 'other'] as const
  ).map((what) => share(`time.${what}`, `time: ${what}`, ({ time }) => time?.[what]));
  const wakes = (['task', 'timer', 'interrupt', 'fork'] as const).map((what) =>
    share(`wakes.${what}`, `woken by ${what}`, (shape) => shape.wakes?.[what]),
  );
  return [
    share('utilisation', 'CPUs used', ({ utilisation }) => utilisation),
    share('systemShare', 'CPU time in the kernel', ({ systemShare }) => systemShare),
    ...times,
    ...wakes,
    share('involuntaryShare', 'involuntary switches', ({ involuntaryShare }) => involuntaryShare),
    share('longTail.lastShare', 'the lonely end', ({ longTail }) => longTail?.lastShare),
    share('longTail.topShare', 'CPU time of the longest tenth', ({ longTail }) => longTail?.topShare),
    share('criticalPath.share', 'critical path', ({ criticalPath }) => criticalPath?.share),
    share('churn', 'tasks born and ended', ({ churn }) => churn),
    rate('burstsPerS', 'bursts/s a task'),
    rate('switchesPerS', 'switches/s'),
    rate('migrationsPerS', 'migrations/s', 1.6),
    rate('forksPerS', 'forks/s'),
    rate('faultsPerS', 'faults/s', 1.5),
    { what: 'tasks', kind: 'count', noise: 1.2, said: 'tasks', of: ({ tasks }) => tasks },
    {
      what: 'parallelism.mean',
      kind: 'count',
      noise: 1.15,
      said: 'tasks on CPUs',
      of: (shape) => shape.parallelism?.mean,
    },
    {
      what: 'queued.mean',
      kind: 'count',
      noise: 1.5,
      said: 'tasks ready and waiting',
      of: (shape) => shape.queued?.mean,
    },
  ];
}

function numberChanges(before: Profile, after: Profile): Change[] {
  const plain = measures().flatMap((measure) =>
    change(measure, measure.of(before.shape), measure.of(after.shape)),
  );
  const lengths = (['runNs', 'sleepNs', 'delayNs'] as const).flatMap((what) =>
    (['p50', 'p90', 'p99', 'mean'] as const).flatMap((key) => {
      const noise = Math.max(
        quantileNoise[key],
        ...[before, after].map((one) => 1 + 3 / Math.sqrt(samples(one) * tailOf[key])),
      );
      const said = `${{ runNs: 'runs', sleepNs: 'waits', delayNs: 'delays' }[what]} ${key}`;
      const of: Measure['of'] = (shape) => shape[what]?.[key];
      return change(
        { what: `${what}.${key}`, kind: 'ns', noise, said, of },
        of(before.shape),
        of(after.shape),
      );
    }),
  );
  return [...plain, ...lengths];
}

/** About how many bursts its quantiles were read from. */
function samples({ shape }: Profile): number {
  const mean = shape.runNs?.mean ?? 0;
  return mean > 0 ? Math.max(1, (shape.cpuNs ?? 0) / mean) : 1;
}

/** Below these, a ratio says nothing. */
const least: Readonly<Record<Exclude<Kind, 'share'>, number>> = { ns: 2000, rate: 1, count: 0.05 };

function change(
  { what, kind, noise, said }: Measure,
  was: number | undefined,
  is: number | undefined,
): Change[] {
  if (was === undefined || is === undefined) return [];
  const size = kind === 'share' ? Math.abs(is - was) / noise : ratioSize(was, is, least[kind], noise);
  if (size <= 1) return [];
  const show = kind === 'share' ? percent : kind === 'ns' ? duration : digits;
  const times = kind === 'share' || was <= 0 || is <= 0 ? '' : ` (x ${digits(is / was)})`;
  return [{ what, before: was, after: is, size, text: `${said}: ${show(was)} -> ${show(is)}${times}` }];
}

function ratioSize(was: number, is: number, floor: number, noise: number): number {
  return Math.abs(Math.log(Math.max(is, floor) / Math.max(was, floor))) / Math.log(noise);
}

const groupNoise = 0.05;

/** Names that came, went, or took another part of the CPU time. */
function groupChanges(before: Profile, after: Profile): Change[] {
  const [was, is] = [before, after].map(
    ({ groups }) => new Map(groups.map((group) => [group.comm, group.cpuShare])),
  );
  const comms = new Set([...was!.keys(), ...is!.keys()]);
  return [...comms].flatMap((comm): Change[] => {
    const [old, now] = [was!.get(comm), is!.get(comm)];
    const size = Math.abs((now ?? 0) - (old ?? 0)) / groupNoise;
    if (size <= 1) return [];
    const said = (share: number | undefined): string =>
      share === undefined ? 'not there' : `${percent(share)} of the CPU time`;
    const text = `${escapedName(comm, 24)}: ${said(old)} -> ${said(now)}`;
    return [{ what: `group ${comm}`, before: old ?? null, after: now ?? null, size, text }];
  });
}
