// What the suites need of vitest, where there is no vitest: inside a guest. Cases are collected, then run one after the other, each with a limit, and told as JSON lines.

import { writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { chai, JestAsymmetricMatchers, JestChaiExpect, JestExtend } from '@vitest/expect';

chai.use(JestExtend);
chai.use(JestChaiExpect);
chai.use(JestAsymmetricMatchers);
export const expect = chai.expect;

interface Registered {
  readonly part: string;
  readonly name: string;
  readonly run: () => unknown;
}
const registered: Registered[] = [];
let part = '';

export function it(name: string, run: () => unknown): void {
  registered.push({ part, name, run });
}

export function describe(name: string, body: () => void): void {
  const outer = part;
  part = name;
  body();
  part = outer;
}
describe.concurrent = describe;

export interface Told {
  readonly part: string;
  readonly name: string;
  readonly ms: number;
  /** Absent: it passed. */
  readonly error?: string;
  /** Of a Fault. */
  readonly code?: string;
  /** What tries before the last one ended in: a host does other things, too. */
  readonly earlier?: readonly string[];
}

/** Runs all whose part or name the filter lets through, until there is no time left: what was not run is told so. */
export async function runAll(filter: RegExp, budgetMs: number, limitMs: number): Promise<void> {
  const end = performance.now() + budgetMs;
  for (const { part, name, run } of registered) {
    if (!filter.test(`${part}: ${name}`)) continue;
    const start = performance.now();
    console.error(`begins: ${part}: ${name}`); // if the guest stands still, this is what it did last
    const once = () => outcomeOf(run, Math.min(limitMs, end - performance.now() + 1000));
    let told: Omit<Told, 'part' | 'name' | 'ms'> =
      start > end ? { error: 'not run: no time was left' } : await once();
    for (let n = 1; n < tries(part) && told.error !== undefined && performance.now() < end; n++) {
      await sleep(37 * n); // whatever comes at regular times beside it comes at another point of it then
      const earlier: string[] = [...(told.earlier ?? []), told.error];
      told = { ...(await once()), earlier };
    }
    say({ part, name, ms: Math.round(performance.now() - start), ...told });
  }
}

/** The host's own cases have no part, and must pass at once. The suite's meet a machine that does other things, too. */
const tries = (part: string): number => (part === '' ? 1 : 3);

async function outcomeOf(run: () => unknown, limitMs: number): Promise<Pick<Told, 'error' | 'code'>> {
  const abort = new AbortController();
  const limit = sleep(limitMs, undefined, { signal: abort.signal }).then(() => {
    throw new Error(`not done after ${Math.round(limitMs)} ms`);
  });
  try {
    await Promise.race([run(), limit]);
    return {};
  } catch (thrown) {
    const { message, code } = thrown as Error & { code?: unknown };
    return { error: message.slice(0, 400), ...(typeof code === 'string' && { code }) };
  } finally {
    abort.abort();
    limit.catch(() => {});
  }
}

function say(told: Told): void {
  const line = JSON.stringify(told);
  console.log(line);
  if (process.env.SAY_AT_CONSOLE !== undefined) writeFileSync('/dev/console', `${line}\n`); // of a guest that does not come to its end
}
