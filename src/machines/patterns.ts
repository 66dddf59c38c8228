// Metrics that a command prints: the first group of a regular expression, as a number. The expression is the user's, the text is the
// command's: neither may keep us busy for long.

import { Script } from 'node:vm';
import { Fault } from '../core/errors.ts';

const limitMs = 1000;
const search = new Script('new RegExp(pattern, "m").exec(text)?.[1]');

/**
 * The number, or undefined where the text has none. Throws Fault('unsupported') for an expression that backtracks for ever, and
 * Fault('malformed') for one that is none.
 */
export function patternValue(name: string, pattern: string, text: string): number | undefined {
  const found = firstGroup(name, pattern, text);
  const value = found === undefined || found.trim() === '' ? Number.NaN : Number(found);
  return Number.isFinite(value) ? value : undefined;
}

function firstGroup(name: string, pattern: string, text: string): string | undefined {
  try {
    return search.runInNewContext({ pattern, text }, { timeout: limitMs }) as string | undefined;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_SCRIPT_EXECUTION_TIMEOUT')
      throw new Fault(
        'malformed',
        `the pattern of ${name} is no regular expression: ${(error as Error).message}`,
      );
    throw new Fault(
      'unsupported',
      `the pattern of ${name} takes too long on the command's output: ${pattern}`,
      {
        next: 'write it without a repetition inside of a repetition, such as (a+)+',
      },
    );
  }
}
