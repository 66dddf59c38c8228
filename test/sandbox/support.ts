// Runs scripts in this process, as fast as the engine goes, with observations that answer at once. What only a thread can end is not for here.

import { execute } from '../../src/sandbox/engine.ts';
import { type Limits, usualLimits } from '../../src/sandbox/limits.ts';
import type { Answer, End, Problem } from '../../src/sandbox/script.ts';
import { scriptEngine } from '../../src/sandbox/thread.ts';

export interface Tried {
  readonly end: End;
  readonly logs: readonly string[];
  readonly asked: readonly (readonly [string, string])[];
}

export interface TryOptions {
  readonly input?: unknown;
  readonly limits?: Partial<Limits>;
  readonly observe?: (name: string, input: string) => Promise<Answer>;
}

/** Small ones, so that an attack is over soon. */
export const testLimits: Limits = {
  ...usualLimits,
  computeMs: 150,
  memoryBytes: 16 << 20,
};

/** Answers `echo` with its input, `fail` with a failure. */
export const echo = async (name: string, input: string): Promise<Answer> =>
  name === 'fail'
    ? { ok: false, json: '{"name":"not-found","message":"no process 7"}' }
    : { ok: true, json: JSON.stringify({ name, input: JSON.parse(input) }) };

/** CPU time of this process: on a busy machine a script has the same room as on an idle one. */
function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

export async function tryScript(source: string, options: TryOptions = {}): Promise<Tried> {
  const logs: string[] = [];
  const asked: (readonly [string, string])[] = [];
  const end = await execute(
    scriptEngine(),
    { source, input: JSON.stringify(options.input ?? {}) },
    {
      observe(name, input) {
        asked.push([name, input]);
        return (options.observe ?? echo)(name, input);
      },
      log: (line) => logs.push(line),
      nowMs: cpuMs,
      busy: () => {},
    },
    { ...testLimits, ...options.limits },
  );
  return { end, logs, asked };
}

export async function resultOf(source: string, options: TryOptions = {}): Promise<unknown> {
  const { end } = await tryScript(source, options);
  if ('problem' in end) throw new Error(`${end.problem.code}: ${end.problem.message}`);
  return JSON.parse(end.json);
}

export async function problemOf(source: string, options: TryOptions = {}): Promise<Problem> {
  const { end } = await tryScript(source, options);
  if ('json' in end) throw new Error(`no problem, but ${end.json.slice(0, 200)}`);
  return end.problem;
}
