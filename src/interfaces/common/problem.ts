// What a caller is told when a call does not end in an answer: the same four fields over the CLI and over MCP.

import { Fault } from '../../core/errors.ts';

export interface Problem {
  /** A FaultCode, 'usage' (the call itself is wrong) or 'bug'. */
  readonly code: string;
  readonly message: string;
  readonly where?: string;
  /** What to do about it, as an instruction. */
  readonly next?: string;
}

/** The call itself is wrong: a flag, an argument or a field that does not parse. */
export class UsageError extends Error {
  readonly where: string | undefined;
  readonly next: string | undefined;

  constructor(message: string, detail: { where?: string; next?: string } = {}) {
    super(message);
    this.name = 'UsageError';
    this.where = detail.where;
    this.next = detail.next;
  }
}

/** `signal` is the call's: whatever the outside does after its abort (a guest that dies, say) is part of the interruption. */
export function problemOf(thrown: unknown, signal: AbortSignal): Problem {
  const aborted =
    thrown === signal.reason || thrown instanceof Fault || (thrown as Error | null)?.name === 'AbortError';
  if (signal.aborted && aborted) {
    const { reason } = signal;
    return {
      code: 'interrupted',
      message: reason instanceof Fault ? reason.message : 'interrupted before it was done',
    };
  }
  if (thrown instanceof UsageError || thrown instanceof Fault) {
    return {
      code: thrown instanceof Fault ? thrown.code : 'usage',
      message: thrown.message,
      ...(thrown.where === undefined ? {} : { where: thrown.where }),
      ...(thrown.next === undefined ? {} : { next: thrown.next }),
    };
  }
  const stack = thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown);
  return {
    code: 'bug',
    message: `SchedCP made a mistake, sorry: ${thrown instanceof Error ? thrown.message : String(thrown)}`,
    where: stack,
    next: 'please report it with the lines above',
  };
}
