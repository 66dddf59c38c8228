// The truth's files: bench/truth/<kernel>/<workload>.<cpus>cpu.json holds what the micro-VM measured on one workload with so many CPUs,
// for every arm and seed. Against them the simulator's fidelity is measured. Nothing in them tells when or where they were made.

import { readdirSync, readFileSync } from 'node:fs';
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { canonicalJson } from '../../src/core/canonical.ts';
import type { Arm, Experiment, MachineRef } from '../../src/core/records.ts';

/** What is the same for all cells of a file. */
export interface TruthHead {
  readonly version: 1;
  /** Name, and digest of the workload file's canonical JSON. */
  readonly workload: { readonly name: string; readonly file: string };
  readonly goal: { readonly metric: string; readonly direction: 'lower' | 'higher' };
  readonly topology: Experiment['topology'];
  readonly machine: MachineRef;
  readonly limitMs: number;
}

export interface Cell {
  /** Digest of the experiment record with `from` empty: the cell's identity. */
  readonly experiment: string;
  /** Digest of what the workload became with this seed and so many CPUs. */
  readonly expansion: string;
  readonly nuisance: Experiment['nuisance'];
  /** All metrics of the run; empty where there is a finding. */
  readonly metrics: Readonly<Record<string, number>>;
  readonly finding: { readonly code: string; readonly message: string } | null;
  /** The kernel's sched_ext event counters that are not zero. */
  readonly events: Readonly<Record<string, number>>;
}

export interface Truth extends TruthHead {
  /** By id; without hints, which follow from the expansion. */
  readonly arms: Record<string, Arm>;
  /** By arm id, then by seed. */
  readonly cells: Record<string, Record<string, Cell>>;
  /** By arm id: [cpuNs, delayNs, startNs, endNs] of every task in the expansion's order, seed 1 only. */
  readonly tasks: Record<string, readonly (readonly number[])[]>;
}

export const truthRoot = fileURLToPath(new URL('.', import.meta.url));

/** The files of a kernel, by name. */
export function readTruths(kernel: string, root = truthRoot): Truth[] {
  const directory = join(root, kernel);
  const names = readdirSync(directory).filter((name) => name.endsWith('.json'));
  return names.sort().map((name) => JSON.parse(readFileSync(join(directory, name), 'utf8')) as Truth);
}

/** What is there of this file: nothing unless its head is the same; arms that have changed or are unknown now are left out. */
export function openTruth(file: string, head: TruthHead, arms: readonly Arm[]): Truth {
  const truth: Truth = { ...head, arms: {}, cells: {}, tasks: {} };
  const old = read(file);
  const same = old !== undefined && canonicalJson(headOf(old)) === canonicalJson(head);
  for (const arm of arms) {
    truth.arms[arm.id] = arm;
    if (!same || canonicalJson(old.arms[arm.id] ?? null) !== canonicalJson(arm)) continue;
    truth.cells[arm.id] = old.cells[arm.id] ?? {};
    const tasks = old.tasks[arm.id];
    if (tasks !== undefined) truth.tasks[arm.id] = tasks;
  }
  return truth;
}

function headOf({ version, workload, goal, topology, machine, limitMs }: Truth): TruthHead {
  return { version, workload, goal, topology, machine, limitMs };
}

function read(file: string): Truth | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Truth;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

export async function writeTruth(file: string, truth: Truth): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  await writeFile(`${file}.tmp`, `${text(truth)}\n`);
  await rename(`${file}.tmp`, file);
}

/** Canonical JSON with a line for each cell, arm and task list. */
function text(truth: Truth): string {
  return lines(truth, (name, part) =>
    lines(part, (_, item) =>
      name === 'cells' ? lines(item, (_, cell) => canonicalJson(cell)) : canonicalJson(item),
    ),
  );
}

/** An object's members in canonical order, a line each; anything else as it is. */
function lines(value: unknown, member: (name: string, value: unknown) => string): string {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return canonicalJson(value);
  const members = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  if (members.length === 0) return '{}';
  return `{\n${members.map(([name, item]) => `${JSON.stringify(name)}:${member(name, item)}`).join(',\n')}\n}`;
}
