// Attack mode beside the real world: the wall clock limits the search, and failures are written to files. What is run is src/simulator/fuzz.ts.

import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { Fault } from '../core/errors.ts';
import { type AttackedPolicy, type FuzzReport, fuzz, readScenario } from '../simulator/fuzz.ts';
import { inlineMore } from './compiler.ts';

export interface AttackWish {
  readonly attacked: AttackedPolicy & { readonly parameters: Record<string, number | boolean | string> };
  readonly seed: number;
  readonly seconds: number;
  readonly scenarios?: number | undefined;
  readonly maxCpus?: number | undefined;
  readonly scenario?: { readonly text: string; readonly where: string } | undefined;
}

export interface Listener {
  readonly progress: (progress: { text: string; done: number; total: number }) => void;
  readonly signal: AbortSignal;
}

/** @throws Fault malformed for an object or a scenario that is none; the signal's reason. */
export function attackPolicy(wish: AttackWish, { progress, signal }: Listener): Promise<FuzzReport> {
  inlineMore();
  const { attacked, seed, seconds, scenarios, maxCpus, scenario } = wish;
  return fuzz(attacked, {
    firstSeed: seed,
    seconds,
    scenarios,
    maxCpus,
    parameters: attacked.parameters,
    scenario: scenario && readScenario(scenario.text, scenario.where),
    clock: () => performance.now(),
    breathe: () => setImmediate(),
    signal,
    progress: (text, passed) => progress({ text, done: Math.min(passed, 2 * seconds), total: 2 * seconds }),
  });
}

/** `place`: a file *.json, or a directory for a file `name`. Directories are made. Returns the path. */
export async function writeFailure(place: string, name: string, text: string): Promise<string> {
  const path = place.endsWith('.json') ? place : join(place, name);
  try {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, text);
  } catch (error) {
    throw new Fault('unavailable', `cannot write ${path}: ${(error as NodeJS.ErrnoException).code}`, {
      next: 'name another place with --out',
      cause: error,
    });
  }
  return path;
}
