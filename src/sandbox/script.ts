// What goes into a run of a script and what comes out of it: texts and numbers, nothing that could carry behaviour across.

import type { Limits } from './limits.ts';

export interface Script {
  /** The body of an async function of `input`, `observe` and `console`. */
  readonly source: string;
  /** JSON. */
  readonly input: string;
}

/** JSON: of the observation's value, or of `{ name, message }` that says why there is none. */
export interface Answer {
  readonly ok: boolean;
  readonly json: string;
}

/** Why a script gave no result. Every text in it may be the script's own: data, any characters. */
export interface Problem {
  readonly code: ProblemCode;
  readonly message: string;
  /** Where in the script, from 1. */
  readonly line?: number;
  readonly column?: number;
  /** What to do about it, as an instruction. */
  readonly next: string;
}

/**
 * syntax: it does not parse; threw: an error left it; time, memory, stack: it used more than its limit; result: what it returned is no JSON, or too much
 * of it; unsettled: it waits for something that cannot happen; engine: the engine gave up.
 */
export const problemCodes = [
  'syntax',
  'threw',
  'time',
  'memory',
  'stack',
  'result',
  'unsettled',
  'engine',
] as const;
export type ProblemCode = (typeof problemCodes)[number];

/** JSON of the result, within the limits of its size; or the problem. */
export type End = { readonly json: string } | { readonly problem: Problem };

export interface Ran {
  readonly end: End;
  /** Lines of `console.log`, cut at the limits. */
  readonly logs: readonly string[];
  readonly calls: readonly { readonly name: string; readonly ms: number; readonly bytes: number }[];
}

/** Runs a script apart from everything else; rejects only with the signal's reason. */
export type RunScript = (run: {
  readonly script: Script;
  readonly limits: Limits;
  /** Never rejects: an observation that fails is an answer too. */
  readonly observe: (name: string, input: string, signal: AbortSignal) => Promise<Answer>;
  readonly signal: AbortSignal;
}) => Promise<Ran>;
