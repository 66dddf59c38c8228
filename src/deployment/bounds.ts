// Hard limits of everything that changes a machine: no caller, level of trust or approval lifts them. Where the kernel or the runner has a limit of its
// own, this one lies within it (kernel/sched/ext.c: SCX_WATCHDOG_MAX_TIMEOUT, 30 s, v6.18; runner/hold.c).

import { type Refusal, refusal } from './refusal.ts';

export interface Bound {
  readonly name: string;
  readonly unit: string;
  /** Both included. */
  readonly low: number;
  readonly high: number;
  readonly why: string;
}

const table = [
  ['cpuLimitPercent', '%', 1, 95, 'a shell, the runner and the kernel’s own threads always get a share'],
  [
    'sliceNs',
    'ns',
    100_000,
    1_000_000_000,
    'below 0.1 ms switching eats the machine; beyond 1 s a person waits',
  ],
  [
    'timeoutMs',
    'ms',
    500,
    5_000,
    'the kernel ejects a policy that lets a task wait so long; the runner allows no more',
  ],
  ['heartbeatMs', 'ms', 100, 10_000, 'a dead control plane is undone within seconds'],
  [
    'deploymentsPerHour',
    'deployments',
    0,
    12,
    'each switches the scheduler many times; more of them is a loop, not a decision',
  ],
  ['restarts', 'restarts', 0, 3, 'a policy that fails again and again is quarantined'],
  ['backOffMs', 'ms', 1_000, 3_600_000, 'a restart never follows at once'],
  ['dwellMs', 'ms', 1_000, 86_400_000, 'a step of a canary is long enough to see something'],
  [
    'blockMs',
    'ms',
    200,
    3_600_000,
    'a block of a switchback is long against the switch, short against drift',
  ],
  ['tokenLifetimeMs', 'ms', 1_000, 86_400_000, 'what was measured yesterday is measured again'],
  ['approvalLifetimeMs', 'ms', 60_000, 604_800_000, 'a person agrees to what is, not to what was a week ago'],
  ['monitorIntervalMs', 'ms', 100, 10_000, 'a loss is seen within seconds'],
  ['kpiCommandMs', 'ms', 10, 10_000, 'a command that gives a number may hang'],
  ['objectBytes', 'bytes', 64, 16_777_216, 'an object is read into memory as a whole'],
  ['processes', 'processes', 1, 256, 'more chosen processes are a cgroup'],
  ['baseSliceNs', 'ns', 100_000, 100_000_000, 'as the settings of the default scheduler are tried'],
  ['nice', 'nice', -20, 19, 'sched(7)'],
  ['cpuWeight', 'weight', 1, 10_000, 'cgroup v2 cpu.weight'],
] as const satisfies readonly (readonly [string, string, number, number, string])[];

export type BoundName = (typeof table)[number][0];

export const bounds: readonly (Bound & { readonly name: BoundName })[] = table.map(
  ([name, unit, low, high, why]) => ({
    name,
    unit,
    low,
    high,
    why,
  }),
);

export function boundOf(name: BoundName): Bound {
  return bounds.find((one) => one.name === name)!;
}

/** Whole numbers by the names of the table. */
export type BoundRequest = Readonly<Partial<Record<BoundName, number>>>;

/** One finding for each quantity out of its bounds; a name that the table does not have is one too, so that none escapes by its spelling. */
export function withinBounds(request: BoundRequest): Refusal[] {
  return Object.entries(request).flatMap(([name, value]) => {
    const bound = bounds.find((one) => one.name === name);
    if (bound === undefined)
      return [refusal('out-of-bounds', `${name} is no quantity with known bounds`, `there are: ${names()}`)];
    return Number.isSafeInteger(value) && value >= bound.low && value <= bound.high
      ? []
      : [outside(bound, value)];
  });
}

/** Of the values that a policy is loaded with, those that are slices by their name (`slice_ns`, `batch_slice_ns`, `slice_min_ns`). */
export function sliceFindings(parameters: Readonly<Record<string, number | boolean | string>>): Refusal[] {
  return Object.entries(parameters).flatMap(([name, value]) => {
    if (!/(^|_)slice(_\w+)?_ns$/.test(name)) return [];
    const [finding] = withinBounds({ sliceNs: Number(value) });
    return finding === undefined ? [] : [{ ...finding, message: `${name}: ${finding.message}` }];
  });
}

/** Deployments that were started after `nowMs` minus one hour; times of the future count too. */
export function startedInLastHour(timesMs: readonly number[], nowMs: number): number {
  return timesMs.filter((time) => !(time <= nowMs - 3_600_000)).length;
}

function outside({ name, unit, low, high, why }: Bound, value: unknown): Refusal {
  const message = `${name} ${String(value)} ${unit} is outside of ${low} to ${high} ${unit}: ${why}`;
  return refusal('out-of-bounds', message, `stay within ${low} and ${high}; nobody can lift this`);
}

const names = (): string => bounds.map(({ name }) => name).join(', ');
