// What tasks do with the time that they live: CPU, delay, and waits by reason; and the waits again by their number, which says more where a few long waits
// hide many short ones.

import type { TaskCounters } from '../core/counters.ts';
import type { Shape } from '../core/profile.ts';
import type { WaitReason } from '../core/trace.ts';
import { livedNs, sumOf } from './tasks.ts';

type Shown = Exclude<keyof NonNullable<Shape['time']>, 'cpu' | 'delay'>;
const shownAs: Readonly<Partial<Record<WaitReason, Shown>>> = {
  ...{ sleep: 'sleep', futex: 'futex', pipe: 'pipe', socket: 'socket', poll: 'poll', disk: 'disk' },
  ...{ child: 'child', fault: 'fault', kernel: 'other', idle: 'other', other: 'other' },
};
const reasons = ['sleep', 'futex', 'pipe', 'socket', 'poll', 'disk', 'child', 'fault', 'other'] as const;
/**
 * Where more of the waiting than this is for nobody knows what, shares by reason would mislead. Who waited from the start to the end is left out of that: an
 * event that would tell why never came.
 */
const unknownAllowed = 0.5;

interface Waited {
  readonly ns: Record<Shown, number>;
  readonly count: Record<Shown, number>;
  readonly unknownNs: number;
  /** The part of it that is of tasks that ran. */
  readonly openNs: number;
  readonly knownNs: number;
  readonly waits: number;
}

export function timeParts(
  tasks: readonly TaskCounters[],
  observedNs: number,
): { time?: Shape['time'] | undefined; waits?: Shape['waits'] | undefined } {
  const lived = tasks.reduce((sum, task) => sum + livedNs(task, observedNs), 0);
  if (!(lived > 0)) return {};
  const waited = waitedOf(tasks);
  const ran = sumOf(tasks, (task) => task.ranNs) ?? 0;
  const delayed = sumOf(tasks, (task) => task.delayNs);
  const total = Math.max(lived, ran + (delayed ?? 0) + (waited?.knownNs ?? 0) + (waited?.unknownNs ?? 0));
  const known =
    waited !== undefined &&
    waited.openNs <= unknownAllowed * (waited.knownNs + waited.openNs) &&
    (waited.knownNs > 0 || waited.unknownNs === 0);
  return {
    time: {
      cpu: ran / total,
      ...(delayed !== undefined && { delay: delayed / total }),
      ...(known && sharesOf(waited.ns, total)),
    },
    waits: known && waited.waits > 0 ? sharesOf(waited.count, waited.waits) : undefined,
  };
}

/** Undefined where waits were not measured. */
function waitedOf(tasks: readonly TaskCounters[]): Waited | undefined {
  const ns = Object.fromEntries(reasons.map((reason) => [reason, 0])) as Record<Shown, number>;
  const count = { ...ns };
  let [unknownNs, openNs, knownNs, waits, measured] = [0, 0, 0, 0, false];
  for (const task of tasks) {
    if (task.waits === undefined) continue;
    measured = true;
    for (const [reason, wait] of Object.entries(task.waits)) {
      const shown = shownAs[reason as WaitReason];
      if (shown === undefined) {
        unknownNs += wait.ns;
        if (task.ranNs > 0) openNs += wait.ns;
        continue;
      }
      ns[shown] += wait.ns;
      count[shown] += wait.count;
      knownNs += wait.ns;
      waits += wait.count;
    }
  }
  return measured ? { ns, count, unknownNs, openNs, knownNs, waits } : undefined;
}

function sharesOf(amounts: Readonly<Record<Shown, number>>, total: number): Record<Shown, number> {
  return Object.fromEntries(reasons.map((reason) => [reason, amounts[reason] / total])) as Record<
    Shown,
    number
  >;
}
