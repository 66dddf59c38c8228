// One table a place: each program recorded at 2 CPUs, replayed at 1, 2 and 4, beside real runs at those sizes, interleaved. A machine of another size is not as fast
// (emulated CPUs stop one another, real ones share caches): what replays come to when
// they are told how fast it is, by the other programs or by this one, stands beside.

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
  /** Replays at so many CPUs, with so many times the CPU time. */
  predict(cpus: number, factor: number): readonly Measured[];
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
  const predict = (cpus: number, factor: number): Measured[] =>
    replays.flatMap(({ expansion, costs }) => replayed(scaled(expansion, factor), cpus, { costs }) ?? []);
  return { name, recordings, real, predict };
}

/** A percentile of fewer is the largest, which is chance. */
const leastWakes = 100;

const limits = { recorded: 0.1, other: 0.15, latency: 0.25 };

/** How many programs keep all their bounds. */
export function printTable(compared: readonly Compared[]): { makespan: number; latency: number } {
  const good = { makespan: 0, latency: 0 };
  for (const one of compared) {
    const others = compared.filter((other) => other !== one);
    const rows = sizes.map((cpus) => printSize(one, cpus, speedOf(others, cpus)));
    if (rows.every(({ span }) => span)) good.makespan++;
    if (rows.every(({ latency }) => latency)) good.latency++;
  }
  for (const cpus of sizes) {
    const ratios = compared.map((one) => cpuRatio(one, cpus));
    const range = `${Math.min(...ratios).toFixed(2)} to ${Math.max(...ratios).toFixed(2)}`;
    row(
      `CPU time at ${cpus} against that at ${recordedAt}`,
      '',
      `× ${median(ratios).toFixed(2)} (${range})`,
      undefined,
    );
  }
  return good;
}

function printSize(one: Compared, cpus: number, speed: number): { span: boolean; latency: boolean } {
  const limit = cpus === recordedAt ? limits.recorded : limits.other;
  const real = one.real.get(cpus)!;
  const replays = one.predict(cpus, 1);
  const span = compareOne(real, replays, 'makespanNs');
  const late = compareOne(real, replays, 'latencyNsP99');
  const isTold = real.every(({ wakes }) => wakes >= leastWakes);
  const spanHolds = Math.abs(span.error) <= limit;
  const latencyHolds = isTold && Math.abs(late.error) <= limits.latency;
  const other = (factor: number): string =>
    percent(compareOne(real, one.predict(cpus, factor), 'makespanNs').error);
  const own = cpuRatio(one, cpus);
  const sized = `; told the speed: by others ×${speed.toFixed(2)} ${other(speed)}, its own ×${own.toFixed(2)} ${other(own)}`;
  row(
    `${one.name} at ${cpus} ${cpus === 1 ? 'CPU' : 'CPUs'}`,
    `≤ ${100 * limit} %; p99 ≤ 25 %`,
    `${span.text}${cpus === recordedAt ? '' : sized}   p99 ${isTold ? late.text : 'of too few'}`,
    spanHolds && (latencyHolds || !isTold),
  );
  return { span: spanHolds, latency: latencyHolds };
}

/** How many times the CPU time things take at that size, by these programs. */
function speedOf(programs: readonly Compared[], cpus: number): number {
  return programs.length === 0 ? 1 : median(programs.map((one) => cpuRatio(one, cpus)));
}

function cpuRatio({ real }: Compared, cpus: number): number {
  const of = (size: number): number => median(real.get(size)!.map(({ cpuNs }) => cpuNs));
  return of(cpus) / of(recordedAt);
}

const percent = (value: number): string => `${(100 * value).toFixed(1)} %`;

function compareOne(real: readonly Measured[], replays: readonly Measured[], metric: keyof Measured) {
  const was = real.map((one) => one[metric] / 1e6);
  const is = replays.map((one) => one[metric] / 1e6);
  if (is.length === 0) return { error: Number.NaN, text: 'the replay did not end' };
  const [truth, guess] = [median(was), median(is)];
  const error = guess / truth - 1;
  const digits = truth < 10 ? 3 : 0;
  const span = `${Math.min(...was).toFixed(digits)}–${Math.max(...was).toFixed(digits)}`;
  const text = `${truth.toFixed(digits)} ms (${span}) → ${guess.toFixed(digits)} (${percent(error)})`;
  return { error, text };
}
