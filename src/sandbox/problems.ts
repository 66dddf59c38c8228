// Says what went wrong with a script in words its author can act on: the place in the script, and what to do. What the script says of its own error
// (name, message, stack) is text of the script.

import type { Limits } from './limits.ts';
import type { Problem, ProblemCode } from './script.ts';

export const fileName = 'script.js';

export interface Thrown {
  readonly name: string;
  readonly message: string;
  /** As QuickJS writes it: "    at f (script.js:3:5)". */
  readonly stack: string;
}

/** `firstColumn`: characters that stand before the script's first line. */
export interface Place {
  readonly source: string;
  readonly firstColumn: number;
}

export function thrownProblem(thrown: Thrown, place: Place, during: 'parsing' | 'running'): Problem {
  const { name, message } = thrown;
  const isSyntax = during === 'parsing' && name === 'SyntaxError';
  const text = name === '' ? message : `${name}: ${message}`;
  return {
    code: isSyntax ? 'syntax' : codeOf(thrown),
    message: text.slice(0, 2_000),
    ...placeOf(thrown.stack, place),
    next: isSyntax
      ? 'mend the script: it is the body of an async function, so `return` and `await` are allowed and `import` is not'
      : adviceFor(text),
  };
}

/** An error of the engine that left the script (it may have caught many before). */
function codeOf({ name, message }: Thrown): ProblemCode {
  if (name === 'InternalError' && message === 'out of memory') return 'memory';
  if (name === 'RangeError' && message === 'Maximum call stack size exceeded') return 'stack';
  return 'threw';
}

/** The first place of the stack that lies in the script; none where the script made one up. */
function placeOf(stack: string, { source, firstColumn }: Place): { line?: number; column?: number } {
  const found = /script\.js:(\d{1,7}):(\d{1,7})/.exec(stack);
  if (found === null) return {};
  const line = Number(found[1]);
  const text = source.split('\n')[line - 1];
  if (text === undefined) return {};
  const column = Number(found[2]) - (line === 1 ? firstColumn : 0);
  return { line, column: Math.max(1, Math.min(column, text.length + 1)) };
}

const absent: readonly (readonly [RegExp, string])[] = [
  [
    /\bDate\b|\bperformance\b|Math\.random|\brandom\b/,
    'there is no clock and no chance here: take times from what observe() answers',
  ],
  [
    /\bsetTimeout\b|\bsetInterval\b|\bsetImmediate\b|\bqueueMicrotask\b/,
    'there are no timers: observe() is all there is to wait for',
  ],
  [
    /\brequire\b|\bimport\b|\bprocess\b|\bfetch\b|\bmodule\b/,
    'there are no files, network and modules: observe() is the only way out',
  ],
  [/Maximum call stack/, 'call less deep: use a loop'],
  [
    /out of memory|string too long|too large to allocate/,
    'keep less: add up what you read instead of collecting it',
  ],
];

function adviceFor(text: string): string {
  return (
    absent.find(([pattern]) => pattern.test(text))?.[1] ?? 'mend the script at this place and run it again'
  );
}

/** What the host noticed, where the script itself could not tell. */
export function endedProblem(
  reason: 'time' | 'total' | 'memory' | 'stack' | 'unsettled' | 'engine',
  limits: Limits,
  stack = '',
  place: Place = { source: '', firstColumn: 0 },
): Problem {
  const { message, next } = endings(limits)[reason];
  const code = reason === 'total' ? 'time' : reason;
  // The engine notes where a function calls, not where it loops: the line is in the function that it was in.
  const { line } = placeOf(stack, place);
  return line === undefined
    ? { code, message, next }
    : { code, message, line, next: `${next} (it was in the function of this line)` };
}

const endings = (limits: Limits) => ({
  time: {
    message: `it computed for more than ${limits.computeMs} ms`,
    next: 'look for a loop without an end; else observe and compute less',
  },
  total: {
    message: `it took more than ${limits.totalMs / 1000} s with its observations`,
    next: 'observe less, or for shorter',
  },
  memory: {
    message: `it used more than ${limits.memoryBytes >> 20} MiB of memory`,
    next: 'keep less: add up what you read instead of collecting it',
  },
  stack: { message: 'it called or nested too deep', next: 'use a loop instead of recursion' },
  unsettled: {
    message: 'it waits for something that cannot happen: a promise that nobody settles',
    next: 'await only what observe() gives, and resolve promises of your own',
  },
  engine: {
    message: 'it brought the engine to its end',
    next: 'this is more than a mistake of the script should do: simplify it',
  },
});

export function resultProblem(why: string): Problem {
  return {
    code: 'result',
    message: `the result cannot be taken: ${why}`,
    next: 'return a smaller JSON value: sums, the largest few, a table',
  };
}

/** A script without a result: `why` is the type of what it returned. */
export function nothingProblem(why: string): Problem {
  return {
    code: 'result',
    message: `it returned no JSON value but ${why}`,
    next: 'end the script with `return` and a JSON value',
  };
}
