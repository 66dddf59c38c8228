// A service: one thing the system can do, described once for every reader. The CLI and the MCP server are loops over the table.

import type { z } from 'zod';

/**
 * read: looks at what is there; run: starts guests, writes records and cache; start: may start a command of the caller's on this machine, with our rights;
 * switch: changes which scheduler is in charge; remove: deletes; decide: a person's decision, on record, never offered to agents.
 */
export type Effect = 'read' | 'run' | 'start' | 'switch' | 'remove' | 'decide';

export interface Progress {
  /** One line for a person. */
  readonly text: string;
  /** Steps done, and how many there will be at most, when known. */
  readonly done?: number;
  readonly total?: number;
}

export interface Call {
  readonly progress: (progress: Progress) => void;
  readonly signal: AbortSignal;
}

/** What a service answers: the value (of the output schema), the exit code of the CLI, and a text for people. */
export interface Reply<Output> {
  readonly output: Output;
  /** 0 accepted or done, 1 rejected or inconclusive, 3 invalid. */
  readonly exit: 0 | 1 | 3;
  readonly text: string;
}

export interface Service<Input = unknown, Output = unknown> {
  readonly name: string;
  readonly effect: Effect;
  /** One sentence: what it does. */
  readonly summary: string;
  /** A paragraph for a reader who decides whether to call it: cost, what comes back, what to do next. */
  readonly description: string;
  readonly input: z.ZodType<Input>;
  readonly output: z.ZodType<Output>;
  /** How the CLI spells it: positional arguments by input field, in order; `rest` takes everything after `--`. */
  readonly cli: {
    readonly positional: readonly string[];
    readonly rest?: string;
    /** What its help says beside the description, and agents need not know: how it exits, say. */
    readonly notes?: string;
    readonly examples: readonly string[];
  };
  /** What agents get instead under the same name: less. */
  readonly forAgents?: Service;
  run(input: Input, call: Call): Promise<Reply<Output>>;
}

/** Keeps a service's own types while it is written; the table holds them without. */
export function service<Input, Output>(definition: Service<Input, Output>): Service {
  return definition as unknown as Service;
}
