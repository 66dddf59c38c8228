// What a conformance case is, and words that many cases need.

import { expect } from 'vitest';
import type { Outcome } from '../../src/core/records.ts';
import type { WorkloadFile } from '../../src/core/workload.ts';
import { parseWorkload } from '../../src/workload/read.ts';
import type { ArmWish, Bench, Cell } from './subject.ts';
import { byDefault } from './subject.ts';

export interface Case {
  readonly name: string;
  /** Why the expected values hold on every machine. */
  readonly why: string;
  /** Its diagonal in a matrix of alike cases, of which machines that take seconds for each may run every other one. */
  readonly diagonal?: number;
  check(bench: Bench): Promise<void>;
}

export const us = 1000;
export const ms = 1_000_000;
export const tick = 4 * ms; // HZ=250

/** A workload without jitter, whose tasks start at once in the file's order, unless it says otherwise. */
export function workload(name: string, parts: Record<string, unknown>): WorkloadFile {
  const file = {
    kind: 'declared',
    name,
    description: 'A conformance case.',
    goal: { metric: 'makespanNs', direction: 'lower' },
    jitter: { work: 0, start: 0 },
    starts: { order: 'file', within: 0 },
    ...parts,
  };
  return parseWorkload(JSON.stringify(file), name);
}

/** A cell of one workload under the default scheduler, unless `more` says otherwise. */
export function cell(
  file: WorkloadFile,
  cpus: number,
  arm: ArmWish = byDefault,
  more: Partial<Cell> = {},
): Cell {
  return { workload: file, arm, cpus, seed: 1, ...more };
}

/** The outcome of a run that must be data. */
export async function completed(bench: Bench, wish: Cell): Promise<Outcome> {
  const outcome = await bench.run(wish);
  expect(outcome.finding, `${wish.workload.name} under ${wish.arm.name}`).toBeNull();
  expect(outcome.status).toBe('completed');
  return outcome;
}

export type Row = Outcome['timeline'][number];

/** Rows of the tasks whose comm begins so, in the order of their numbers. */
export function tasksOf({ timeline }: Outcome, prefix: string, round = 0): Row[] {
  return timeline.filter((row) => row.task.startsWith(prefix) && row.round === round);
}

export function oneTask(outcome: Outcome, comm: string, round = 0): Row {
  const found = outcome.timeline.filter((row) => row.task === comm && row.round === round);
  expect(found, `tasks called ${comm}`).toHaveLength(1);
  return found[0]!;
}

export const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

/** Between both, with the numbers in the message. */
export function within(what: string, value: number | undefined, least: number, most: number): void {
  expect(value, `${what} is ${value}, expected ${least} to ${most}`).toBeGreaterThanOrEqual(least);
  expect(value, `${what} is ${value}, expected ${least} to ${most}`).toBeLessThanOrEqual(most);
}
