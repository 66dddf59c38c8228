// One table a place: each program recorded at 2 CPUs, replayed at 1, 2 and 4, beside real runs at those sizes, interleaved.

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Trace } from '../../src/core/trace.ts';
import { median } from '../../src/lib/stats.ts';
import { encodeTrace } from '../../src/traces/file.ts';
import { expandRecording } from '../../src/traces/replay.ts';
import { row } from '../lib.ts';
import { costsOf, type Measured, measure, replayed, scaled } from './measure.ts';
import type { Place } from './places.ts';
import type { RealProgram } from './programs.ts';

export const sizes = [1, 2, 4] as const;
export const recordedAt = 2;

export interface Compared {
  readonly name: string;
  readonly recordings: readonly Trace[];
  /** By number of CPUs. */
  readonly real: ReadonlyMap<number, readonly Measured[]>;
  readonly predicted: ReadonlyMap<number, readonly Measured[]>;
  /** With the CPU time that the program really took at that size. */
  readonly scaled: ReadonlyMap<number, readonly Measured[]>;
}

/** `keep`: a directory for the recordings. */
export async function compareProgram(
  place: Place,
  program: RealProgram,
  times: number,
  keep: string | undefined,
): Promise<Compared> {
  const traces = new Map<number, Trace[]>(sizes.map((cpus) => [cpus, []]));
  for (let i = 0; i < times; i++)
    for (const cpus of sizes) {
      const trace = await place.record(program, cpus);
      traces.get(cpus)!.push(trace);
      if (keep !== undefined) mkdirSync(keep, { recursive: true });
      if (keep !== undefined)
        writeFileSync(join(keep, `${program.name}.${cpus}.${i}.trace`), encodeTrace(trace));
    }
  return compareRuns(program.name, traces);
}

/** Recorded runs by number of CPUs. */
export function compareRuns(name: string, traces: ReadonlyMap<number, readonly Trace[]>): Compared {
  const recordings = traces.get(recordedAt)!;
  const real = new Map([...traces].map(([cpus, all]) => [cpus, all.map((one) => measure(one))]));
  const replays = recordings.map((one) => ({ expansion: expandRecording(one), costs: costsOf(one) }));
  const cpu = (cpus: number): number => median(real.get(cpus)!.map(({ cpuNs }) => cpuNs));
  const predicted = new Map(
    sizes.map((cpus) => [
      cpus,
      replays.flatMap(({ expansion, costs }) => replayed(expansion, cpus, { costs }) ?? []),
    ]),
  );
  const adjusted = new Map(
    sizes.map((cpus) => [
      cpus,
      replays.flatMap(
        ({ expansion, costs }) =>
          replayed(scaled(expansion, cpu(cpus) / cpu(recordedAt)), cpus, { costs }) ?? [],
      ),
    ]),
  );
  return { name, recordings, real, predicted, scaled: adjusted };
}

/** A percentile of fewer is the largest, which is chance. */
const leastWakes = 100;

const limits = { recorded: 0.1, other: 0.15, latency: 0.25 };

/** How many programs keep all their bounds. */
export function printTable(compared: readonly Compared[]): { makespan: number; latency: number } {
  const good = { makespan: 0, latency: 0 };
  for (const one of compared) {
    const holds = { makespan: true, latency: true };
    for (const cpus of sizes) {
      const limit = cpus === recordedAt ? limits.recorded : limits.other;
      const span = compareOne(one, cpus, 'makespanNs');
      const late = compareOne(one, cpus, 'latencyNsP99');
      if (!(Math.abs(span.error) <= limit)) holds.makespan = false;
      const isTold = one.real.get(cpus)!.every(({ wakes }) => wakes >= leastWakes);
      const isLate = isTold && !(Math.abs(late.error) <= limits.latency);
      if (isLate || !isTold) holds.latency = false;
      row(
        `${one.name} at ${cpus} ${cpus === 1 ? 'CPU' : 'CPUs'}`,
        `≤ ${100 * limit} %; p99 ≤ 25 %`,
        `${span.text}, ${percent(scaledError(one, cpus))} with ×${cpuRatio(one, cpus).toFixed(2)} CPU time   p99 ${isTold ? late.text : 'of too few'}`,
        Math.abs(span.error) <= limit && !isLate,
      );
    }
    if (holds.makespan) good.makespan++;
    if (holds.latency) good.latency++;
  }
  return good;
}

function scaledError({ real, scaled: adjusted }: Compared, cpus: number): number {
  const of = (all: readonly Measured[]): number => median(all.map(({ makespanNs }) => makespanNs));
  return of(adjusted.get(cpus)!) / of(real.get(cpus)!) - 1;
}

function cpuRatio({ real }: Compared, cpus: number): number {
  const of = (size: number): number => median(real.get(size)!.map(({ cpuNs }) => cpuNs));
  return of(cpus) / of(recordedAt);
}

const percent = (value: number): string => `${(100 * value).toFixed(1)} %`;

function compareOne({ real, predicted }: Compared, cpus: number, metric: keyof Measured) {
  const was = real.get(cpus)!.map((one) => one[metric] / 1e6);
  const is = predicted.get(cpus)!.map((one) => one[metric] / 1e6);
  if (is.length === 0) return { error: Number.NaN, text: 'the replay did not end' };
  const [truth, guess] = [median(was), median(is)];
  const error = guess / truth - 1;
  const digits = truth < 10 ? 3 : 0;
  const span = `${Math.min(...was).toFixed(digits)}–${Math.max(...was).toFixed(digits)}`;
  const text = `${truth.toFixed(digits)} ms (${span}) → ${guess.toFixed(digits)} (${(100 * error).toFixed(1)} %)`;
  return { error, text };
}
