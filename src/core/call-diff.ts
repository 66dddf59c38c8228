// Where two recordings of one experiment part: task by task, then in the order in which tasks come to run. Every divergence of every task is found (after one the
// sequences are laid side by side again), so that what happens always can be told from what happened once.

import { type Level, type Step, sequencesOf } from './call-sequences.ts';
import type { Call } from './calls.ts';

export interface Divergence {
  readonly task: number;
  /** Positions in the task's two sequences, from which on they differ. */
  readonly at: readonly [number, number];
  /** What stands there in one sequence instead of what stands there in the other; one may be empty. */
  readonly steps: readonly [readonly Step[], readonly Step[]];
}

/** Divergences that look the same. */
export interface Pattern {
  /** What each side says, in words. */
  readonly says: readonly [string, string];
  readonly count: number;
  readonly tasks: number;
  readonly first: Divergence;
}

export interface CallDiff {
  readonly level: Level;
  /** In the order of the first side's time. */
  readonly divergences: readonly Divergence[];
  readonly patterns: readonly Pattern[];
  readonly sequences: readonly [ReadonlyMap<number, readonly Step[]>, ReadonlyMap<number, readonly Step[]>];
  /** Share of the first side's steps that have their like on the other one. */
  readonly agreement: number;
  /** When no task's sequence diverges: the first switch to a task of the workload that differs, by its number among them. */
  readonly order: { readonly at: number; readonly tasks: readonly [number, number] } | undefined;
}

/** Steps after which the search for a common continuation gives up, and how many of it must agree. */
const reach = 80;
const anchor = 3;

/** `isCut`: the recording of a side ends before the run: what the other one has after that is no divergence. */
export function diffCalls(
  a: readonly Call[],
  b: readonly Call[],
  level: Level,
  isCut: readonly [boolean, boolean] = [false, false],
): CallDiff {
  const sequences = [sequencesOf(a, level), sequencesOf(b, level)] as const;
  const divergences: Divergence[] = [];
  let [steps, same] = [0, 0];
  for (const task of [...new Set([...sequences[0].keys(), ...sequences[1].keys()])].sort((x, y) => x - y)) {
    const [left, right] = [sequences[0].get(task) ?? [], sequences[1].get(task) ?? []];
    const isAtCut = ({ at: [i, j], steps: [x, y] }: Divergence): boolean =>
      (isCut[0] && i + x.length === left.length) || (isCut[1] && j + y.length === right.length);
    const own = divergencesOf(task, left, right).filter((one) => !isAtCut(one));
    steps += left.length;
    same += left.length - own.reduce((sum, { steps: [gone] }) => sum + gone.length, 0);
    divergences.push(...own);
  }
  divergences.sort((x, y) => timeOf(x) - timeOf(y) || x.task - y.task);
  return {
    level,
    divergences,
    patterns: patternsOf(divergences),
    sequences,
    agreement: steps === 0 ? 1 : same / steps,
    order: divergences.length > 0 ? undefined : firstOtherRun(a, b),
  };
}

/** When the sides part; the second side's time where the first one says nothing. */
export function timeOf({ steps: [a, b] }: Divergence): number {
  return (a[0] ?? b[0])!.call.ns;
}

function divergencesOf(task: number, a: readonly Step[], b: readonly Step[]): Divergence[] {
  const found: Divergence[] = [];
  let [i, j] = [0, 0];
  while (i < a.length || j < b.length) {
    if (a[i]?.word === b[j]?.word) {
      i++;
      j++;
      continue;
    }
    const [x, y] = nextCommon(a, b, i, j);
    found.push({ task, at: [i, j], steps: [a.slice(i, x), b.slice(j, y)] });
    [i, j] = [x, y];
  }
  return found;
}

/** The nearest positions from which on both say the same for a while. */
function nextCommon(a: readonly Step[], b: readonly Step[], i: number, j: number): [number, number] {
  for (let skipped = 1; skipped <= reach; skipped++)
    for (let x = 0; x <= skipped; x++)
      if (continues(a, b, i + x, j + skipped - x)) return [i + x, j + skipped - x];
  return [a.length, b.length];
}

function continues(a: readonly Step[], b: readonly Step[], i: number, j: number): boolean {
  if (i > a.length || j > b.length) return false;
  for (let n = 0; n < anchor; n++) {
    const [left, right] = [a[i + n], b[j + n]];
    if (left === undefined && right === undefined) return true; // both have ended
    if (left?.word !== right?.word) return false;
  }
  return true;
}

function patternsOf(divergences: readonly Divergence[]): Pattern[] {
  const groups = new Map<string, Divergence[]>();
  for (const one of divergences) {
    const key = one.steps.map(said).join('\n');
    groups.set(key, [...(groups.get(key) ?? []), one]);
  }
  return [...groups.values()]
    .map((same) => ({
      says: [said(same[0]!.steps[0]), said(same[0]!.steps[1])] as const,
      count: same.length,
      tasks: new Set(same.map(({ task }) => task)).size,
      first: same[0]!,
    }))
    .sort((x, y) => y.count - x.count || timeOf(x.first) - timeOf(y.first));
}

const mostSaid = 8;

function said(steps: readonly Step[]): string {
  const words = steps.slice(0, mostSaid).map(({ word }) => word);
  return steps.length > mostSaid
    ? `${words.join(', ')}, and ${steps.length - mostSaid} more`
    : words.join(', ');
}

function firstOtherRun(a: readonly Call[], b: readonly Call[]): CallDiff['order'] {
  const [left, right] = [runs(a), runs(b)];
  const at = left.findIndex((task, i) => task !== right[i]);
  return at < 0 || right[at] === undefined ? undefined : { at, tasks: [left[at]!, right[at]] };
}

/** Tasks of the workload in the order in which they are switched to; a task that comes back to its CPU after one of the machine counts once. */
function runs(calls: readonly Call[]): number[] {
  const last = new Map<number, number>();
  const found: number[] = [];
  for (const { what, other, cpu } of calls) {
    if (what !== 'sched_switch' || typeof other !== 'number') continue;
    if (last.get(cpu) !== other) found.push(other);
    last.set(cpu, other);
  }
  return found;
}
