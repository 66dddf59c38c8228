// Deploy → run → undo, a thousand times, in guests that live long: mixed good and bad policies, and one component killed, stopped or cut off at a random moment of each
// cycle. Afterwards the scheduler must be the default one within the heartbeat and seconds, and nothing left over. A lost guest is counted, and can be reproduced.
// Options: --count N (1000), --seed N (1), --from N (0), --kernel VERSION, --boot N (60: cycles per guest).

import { existsSync, mkdtempSync, readFileSync, renameSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { GuestHost } from '../src/machines/long-guest.ts';
import {
  type Census,
  type CycleResult,
  census,
  cycleGuest,
  disturbances,
  planCycle,
  promiseMs,
  remains,
  runCycle,
  stop,
} from '../test/deployment/cycles.ts';
import { type Lab, openLab } from '../test/support/lab.ts';
import { row } from './lib.ts';

interface Options {
  readonly count: number;
  readonly seed: number;
  readonly from: number;
  readonly boot: number;
  readonly kernel: string | undefined;
}

interface Tally {
  readonly results: CycleResult[];
  readonly lost: string[];
  boots: number;
  /** What kernels complained of, on their consoles. */
  readonly complaints: string[];
  /** Of one guest, between its first and its last census. */
  readonly shrunkKiB: number[];
}

function read(words: readonly string[]): Options {
  const value = (name: string): string | undefined => {
    const at = words.indexOf(`--${name}`);
    return at < 0 ? undefined : words[at + 1];
  };
  const number = (name: string, usual: number): number => Number(value(name) ?? usual);
  return {
    ...{ count: number('count', 1000), seed: number('seed', 1), from: number('from', 0) },
    ...{ boot: number('boot', 60), kernel: value('kernel') },
  };
}

let isAsked = false;
const say = (text: string): void => void process.stdout.write(`${text}\n`);

export async function benchCycles(words: readonly string[]): Promise<void> {
  const options = read(words);
  const lab = await openLab(options.kernel, 1);
  const directory = mkdtempSync(join(tmpdir(), 'schedcp-cycles-'));
  const tally: Tally = { results: [], lost: [], boots: 0, complaints: [], shrunkKiB: [] };
  const started = performance.now();
  const end = options.from + options.count;
  process.once('SIGINT', () => {
    isAsked = true; // to end: what was measured is printed
  });
  for (let next = options.from; next < end && !isAsked; )
    next = await oneBoot(
      lab,
      options,
      { from: next, end: Math.min(next + options.boot, end) },
      directory,
      tally,
    );
  print(options, lab.kernel.release, tally, (performance.now() - started) / 1000);
  lab.close();
}

/** Returns the first cycle that was not played. */
async function oneBoot(
  lab: Lab,
  options: Options,
  { from, end }: { from: number; end: number },
  directory: string,
  tally: Tally,
): Promise<number> {
  const consoleFile = join(directory, `console-${from}`);
  const lost = join(directory, `lost-${from}`);
  const guest = await cycleGuest(lab, consoleFile);
  tally.boots++;
  let number = from;
  try {
    const before = await census(guest);
    for (; number < end && !isAsked; number++) {
      const result = await runCycle(guest, planCycle(options.seed, number), before);
      tally.results.push(result);
      if (result.failures.length > 0 && !(await mended(guest, before, options, result))) return number + 1;
    }
    say(`  ${number - options.from} cycles`);
    tally.shrunkKiB.push(before.availableKiB - (await census(guest)).availableKiB);
    return end;
  } catch (error) {
    const how = await Promise.race([
      guest.over,
      new Promise<string>((done) => setTimeout(done, 1000, 'it does not answer')),
    ]);
    await guest.end();
    await guest.over;
    await new Promise((done) => setTimeout(done, 200));
    if (existsSync(consoleFile)) renameSync(consoleFile, lost);
    const what = `kernel ${lab.kernel.release}, cycle ${number} of a guest that began at ${from}: ${how}; ${String(error)}; ${JSON.stringify(planCycle(options.seed, number))}`;
    tally.lost.push(what);
    say(
      `LOST ${what}\n  again: npm run bench -- cycles --seed ${options.seed} --from ${from} --count ${number - from + 1}${options.kernel === undefined ? '' : ` --kernel ${options.kernel}`}`,
    );
    const lines = existsSync(lost) ? readFileSync(lost, 'latin1').trim().split(/\r?\n/) : [];
    const telling = lines.filter((line) => /BUG:|WARNING:|Oops|lockup|stall|panic|RIP: 0010/.test(line));
    say(`  console: ${lost}: ${[...telling.slice(0, 4), ...lines.slice(-1)].join(' / ')}`);
    return number + 1;
  } finally {
    await guest.end();
    await new Promise((done) => setTimeout(done, 200)); // its console is copied when it is over
    const words = /^.*(BUG:|WARNING:|Oops|lockup|hung_task|blocked for more|rcu.*stall).*$/gm;
    for (const file of [consoleFile, lost].filter((name) => existsSync(name)))
      tally.complaints.push(...(readFileSync(file, 'latin1').match(words) ?? []));
  }
}

/** Says what failed, and makes the guest fit for the next cycle, if it can be. */
async function mended(
  guest: GuestHost,
  before: Census,
  options: Options,
  result: CycleResult,
): Promise<boolean> {
  say(`FAILED ${JSON.stringify(result)}`);
  say(`  again: npm run bench -- cycles --seed ${options.seed} --from ${result.cycle.number} --count 1`);
  await stop(guest, true);
  await new Promise((done) => setTimeout(done, 1000));
  return remains(before, await census(guest)).length === 0;
}

function quantile(sorted: readonly number[], q: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? Number.NaN;
}

function times(results: readonly CycleResult[]): string {
  const sorted = results.map(({ backMs }) => backMs).sort((a, b) => a - b);
  if (sorted.length === 0) return '-';
  const [middle, late, last] = [quantile(sorted, 0.5), quantile(sorted, 0.99), sorted.at(-1) ?? 0];
  return `${middle.toFixed(0)} / ${late.toFixed(0)} / ${last.toFixed(0)} ms`;
}

function print(options: Options, release: string, tally: Tally, seconds: number): void {
  const { results, lost, boots } = tally;
  const failed = results.filter(({ failures }) => failures.length > 0);
  const inCharge = results.filter(({ backMs }) => backMs > 0);
  const played = results.length + lost.length;
  say(`kernel ${release}, seed ${options.seed}, from ${options.from}`);
  say(
    'disturbance: cycles, of these a policy was in charge; until the default scheduler was back, median / p99 / max',
  );
  for (const name of disturbances) {
    const of = results.filter(({ cycle }) => cycle.disturbance === name);
    const bad = of.filter(({ failures }) => failures.length > 0);
    const held = of.filter(({ backMs }) => backMs > 0);
    row(
      `  ${name}`,
      '0 failed',
      `${of.length}, ${held.length}; ${times(held)}; ${bad.length} failed`,
      bad.length === 0,
    );
  }
  for (const moment of ['loading', 'attached', 'running', 'detaching'])
    say(`  ${moment}: ${results.filter(({ cycle }) => cycle.moment === moment).length} cycles`);
  const came = new Map<string, number>();
  for (const result of results) came.set(result.came, (came.get(result.came) ?? 0) + 1);
  for (const [what, count] of [...came].sort((a, b) => b[1] - a[1])) say(`  ${what}: ${count}`);
  const worst = Math.max(...inCharge.map(({ backMs, stillMs }) => backMs - stillMs));
  const still = results.filter(({ stillMs }) => stillMs > 1000);
  row(
    'cycles',
    `${options.count}`,
    `${played} in ${boots} boots (${Math.round(played / boots)} a boot)`,
    played >= options.count && played / boots >= Math.min(50, options.count),
  );
  row('nothing left over, the default scheduler', 'each', `${failed.length} failed`, failed.length === 0);
  row(
    'until the default scheduler is back, median / p99 / max',
    `≤ ${promiseMs} ms`,
    times(inCharge),
    worst <= promiseMs,
  );
  const stillText = `${still.length}${still.length > 0 ? `, the longest ${Math.round(Math.max(...still.map(({ stillMs }) => stillMs)))} ms` : ''}`;
  row('  cycles in which the guest stood still for more than 1 s', '(taken off)', stillText, undefined);
  row('guests lost', 'named, with a reproducer', `${lost.length}`, undefined);
  row(
    'complaints on the consoles of kernels',
    '0',
    `${tally.complaints.length}`,
    tally.complaints.length === 0,
  );
  for (const text of new Set(tally.complaints)) say(`  ${text.trim()}`);
  row('less memory available at the end of a guest', '', `${tally.shrunkKiB.join(', ')} KiB`, undefined);
  const hours = (10_000 * seconds) / played / 3600;
  row('took', '', `${Math.round(seconds)} s; 10,000 would take ${hours.toFixed(1)} h`, undefined);
}
