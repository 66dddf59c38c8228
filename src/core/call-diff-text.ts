// A divergence of two recordings as two columns: what agreed before, where they part, what came after.

import type { CallDiff, Divergence } from './call-diff.ts';
import { isOfMachine, type Step } from './call-sequences.ts';
import type { Call } from './calls.ts';
import { stepText } from './calls-text.ts';

const before = 5;
const after = 8;
const width = 72;

/** `names`: of the sides, for the head of the columns. */
export function divergenceText(
  diff: CallDiff,
  divergence: Divergence,
  comms: readonly string[],
  names: readonly [string, string],
): string {
  const { task, at, steps } = divergence;
  const [left, right] = diff.sequences.map((side) => side.get(task) ?? []) as [Step[], Step[]];
  const line = (mark: string, a: Step | undefined, b: Step | undefined): string =>
    `${mark} ${cell(a, task, comms).padEnd(width)}  ${cell(b, task, comms)}`.trimEnd();
  const pairs = (from: readonly [number, number], count: number, mark: string): string[] =>
    Array.from({ length: count }, (_, i) => [left[from[0] + i], right[from[1] + i]] as const)
      .filter(([a, b]) => a !== undefined || b !== undefined)
      .map(([a, b]) => line(mark, a, b));
  const agreed = Math.min(before, at[0], at[1]);
  const apart = Math.min(after, Math.max(steps[0].length, steps[1].length));
  const rest = after - apart;
  const lines = [
    `  ${names[0].padEnd(width)}  ${names[1]}`.trimEnd(),
    ...pairs([at[0] - agreed, at[1] - agreed], agreed, ' '),
    ...Array.from({ length: apart }, (_, i) => line('>', steps[0][i], steps[1][i])),
    ...(apart < Math.max(steps[0].length, steps[1].length)
      ? [`  … ${steps[0].length} steps against ${steps[1].length}`]
      : pairs([at[0] + steps[0].length, at[1] + steps[1].length], rest, ' ')),
  ];
  return `${lines.join('\n')}\n`;
}

function cell(step: Step | undefined, task: number, comms: readonly string[]): string {
  if (step === undefined) return '-';
  const { ns, cpu } = step.call;
  const text = `${(ns / 1e6).toFixed(6).padStart(13)} cpu${cpu} ${stepText(step.call, task, comms)}`;
  return text.length > width ? `${text.slice(0, width - 1)}…` : text;
}

const lookBackNs = 2_000_000;

/**
 * Tasks of the machine that the first side tells of shortly before the divergence, or between the last step that agreed and it: woken or run, they may have
 * taken a CPU that the workload gets on the other side.
 */
export function heardMeanwhile(
  diff: CallDiff,
  { task, at, steps }: Divergence,
  calls: readonly Call[],
): string[] {
  const own = diff.sequences[0].get(task) ?? [];
  const until = steps[0][0]?.at ?? own[at[0]]?.at ?? calls.length - 1;
  const sinceNs = Math.min(own[at[0] - 1]?.call.ns ?? 0, (calls[until]?.ns ?? 0) - lookBackNs);
  const found = new Set<string>();
  for (let i = until; i >= 0 && calls[i]!.ns >= sinceNs; i--)
    for (const one of [calls[i]!.task, calls[i]!.other])
      if (one !== null && isOfMachine(one)) found.add(`${one} on cpu${calls[i]!.cpu}`);
  return [...found].reverse();
}
