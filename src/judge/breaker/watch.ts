// The watch of one KPI: its samples, its reference, and whether one of its windows has crossed its boundary. Windows are moving means: among tests that must see a change within
// a given time they miss least (Guépié, Fillatre and Nikiforov 2012). The shortest is what the deadline leaves; the others, three and nine times as long, see the same
// losses later where the noise is wide.
import { gainFor } from '../compare.ts';
import { gainAgainst, type Reference, referenceOf } from './reference.ts';
import type { Terms, Watch, WatchState } from './state.ts';
import type { Kpi } from './types.ts';
import { hasJumped, isSudden, limitOf } from './windows.ts';

const [leastSamples, leastReferenceNs] = [20, 10e9];

export function openWatch(terms: Terms, from?: WatchState): Watch {
  const state: WatchState = from ?? {
    times: [],
    values: [],
    counter: null,
    equalSince: 0,
    equalCount: 0,
    usualEqualNs: 0,
    seenAt: 0,
    from: 0,
    first: null,
    reference: null,
    crossing: null,
  };
  const watch = { terms, state, gains: [] };
  weigh(watch);
  return watch;
}

/** Takes a sample at a steady time. What is no number, negative or not newer is not a sample. */
export function take(watch: Watch, at: number, told: number): void {
  const { state, terms } = watch;
  const value = terms.kpi.kind === 'counter' ? rateOf(state, at, told) : told;
  if (!Number.isFinite(value) || value < 0 || at <= (state.times.at(-1) ?? Number.NEGATIVE_INFINITY)) return;
  if (value !== state.values.at(-1)) [state.equalSince, state.equalCount] = [at, 0];
  state.equalCount++;
  state.times.push(at);
  state.values.push(value + 0); // JSON has no −0
  if (state.reference !== null) watch.gains.push(gainAgainst(state.reference, terms.kpi.better, value));
  trim(watch);
  if (state.reference !== null) look(watch, at);
}

/** Per second since the last reading; negative, and so no sample, across a reset. */
function rateOf(state: WatchState, at: number, told: number): number {
  const last = state.counter;
  if (!Number.isFinite(told) || (last !== null && at <= last.at)) return Number.NaN;
  state.counter = { at, value: told };
  return last === null ? Number.NaN : ((told - last.value) * 1e9) / (at - last.at);
}

/** Forgets what neither a reference nor a window will need, now and then. */
function trim({ state, terms, gains }: Watch): void {
  const { times, values } = state;
  const keepNs = Math.max(terms.referenceNs, terms.windowsNs.at(-1)!);
  const end = times.at(-1)!;
  if (times[0]! > end - 1.5 * keepNs && times.length <= 50_000) return;
  const gone = Math.max(
    times.findIndex((at) => at > end - keepNs),
    times.length - 40_000,
  );
  for (const column of [times, values, gains]) column.splice(0, gone);
}

/**
 * One pass backwards over the samples since `from`: the mean of each window, held against its boundary. The shortest window also has to be below the seconds before it, which a
 * level that drifts is not; in the others it may drift so far.
 */
function look(watch: Watch, now: number): void {
  const { state, terms, gains } = watch;
  const { times } = state;
  const elapsed = now - state.from + terms.watchedNs;
  let [i, sum, n] = [times.length - 1, 0, 0];
  for (const [index, windowNs] of terms.windowsNs.entries()) {
    const start = Math.max(state.from, now - windowNs);
    for (; i >= 0 && times[i]! > start; i--, n++) sum += gains[i]!;
    if (n < leastIn(terms, windowNs)) continue;
    if (index === 0) state.seenAt = now;
    if (state.crossing !== null) continue;
    const { bound, loss } = limitOf(terms, state.reference!, index, n, elapsed);
    const beyond = -sum / n > (index === 0 ? bound : loss);
    const crossed =
      index === 0 ? (beyond || hasJumped(watch, i + 1, elapsed)) && isSudden(watch, i + 1) : beyond;
    if (crossed) state.crossing = { at: now, windowNs, limit: beyond ? loss : terms.tolerated, n };
  }
}

/** A third of the samples that a window should have, at least two. */
function leastIn(terms: Terms, windowNs: number): number {
  return Math.max(2, Math.ceil(windowNs / terms.kpi.intervalNs / 3));
}

/** A reference of the samples up to `at`, under a policy only of those since it was attached; or why there is none. */
export function makeReference(watch: Watch, at: number): Reference | 'missing' | 'constant' | 'unusable' {
  const { state, terms } = watch;
  const since = Math.max(
    at - terms.referenceNs,
    state.reference === null ? Number.NEGATIVE_INFINITY : state.from,
  );
  const start = state.times.findIndex((time) => time > since);
  const end = state.times.findLastIndex((time) => time <= at) + 1;
  const [times, values] = [state.times, state.values].map((column) =>
    start < 0 ? [] : column.slice(start, end),
  ) as [number[], number[]];
  const span = (times.at(-1) ?? 0) - (times[0] ?? 0);
  const due = Math.max(leastSamples, span / terms.kpi.intervalNs / 2);
  if (
    values.length < due ||
    span < 0.9 * leastReferenceNs ||
    at - times.at(-1)! > Math.max(2e9, 4 * terms.kpi.intervalNs)
  )
    return 'missing';
  if (terms.kpi.mayBeConstant !== true && values.every((value) => value === values[0])) return 'constant';
  const inWindow = Math.max(2, Math.round(terms.windowsNs[0]! / terms.kpi.intervalNs));
  const made = referenceOf(values, terms.kpi.better, terms.tolerated, inWindow, at);
  if (made === undefined) return 'unusable';
  state.usualEqualNs = longestRun(times, values);
  return made;
}

/** Watches against this reference from now on; `from`: where windows may start. */
export function setReference(watch: Watch, reference: Reference, from: number): void {
  watch.state.reference = reference;
  watch.state.from = from;
  weigh(watch);
}

function weigh(watch: Watch): void {
  const { reference, values } = watch.state;
  const { better } = watch.terms.kpi;
  watch.gains = reference === null ? [] : values.map((value) => gainAgainst(reference, better, value));
}

function longestRun(times: readonly number[], values: readonly number[]): number {
  let [longest, since] = [0, times[0]!];
  for (let i = 1; i < times.length; i++) {
    if (values[i] !== values[i - 1]) since = times[i]!;
    longest = Math.max(longest, times[i]! - since);
  }
  return longest;
}

/** Whether the KPI has said the same for longer than it usually does. */
export function isConstant({ state, terms }: Watch): boolean {
  const span = (state.times.at(-1) ?? 0) - state.equalSince;
  const most = Math.max(terms.constantNs, 4 * state.usualEqualNs);
  return terms.kpi.mayBeConstant !== true && state.equalCount >= leastSamples && span >= most;
}

/** Log loss for a fraction, as a positive number. */
export function logLoss(better: Kpi['better'], fraction: number): number {
  return -gainFor(better, -fraction);
}
