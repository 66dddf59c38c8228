// The standing watch when switches cost more than its budget: when it counts them (runner/watch-budget.c, played to without a kernel), and what it then tells of
// programs that do known things (acts.c, loads.c), with windows forced on them. Totals are the kernel's and stay exact; tolerances of the rest are statistics.

import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Counters, TaskCounters } from '../../src/core/counters.ts';
import { openCache } from '../../src/linux/cache.ts';
import { mustRun } from '../../src/linux/process.ts';
import { tools } from '../../src/linux/tools.ts';
import { root } from '../support/paths.ts';
import { held, refused } from './held.ts';
import { type Load, openLoads, sum } from './loads.ts';

const ms = 1e6;
const s = 1e9;

/** For so many seconds: CPUs used, switches a second, ns of each by the kernel's account, wakeups for each. */
type Phase = readonly [seconds: number, used: number, rate: number, accountedNs: number, wakes: number];

describe('the budget of the watch', () => {
  const directory = mkdtempSync(join(tmpdir(), 'schedcp-budget-'));
  afterAll(() => rmSync(directory, { recursive: true }));
  beforeAll(async () => {
    const compiler = await tools(openCache(), 'compiler');
    const args = ['-s', '-C', `${root}/test/runner`, 'budget', `OUT=${directory}`];
    await mustRun(
      compiler.program('make'),
      [...args, `CC=${compiler.program('gcc')} --sysroot=${compiler.root}`],
      {
        env: compiler.env,
      },
    );
  });

  const play = (phases: readonly Phase[], { share = 0.01, windows = 0 } = {}) =>
    execFileSync(join(directory, 'budget-test'), [share, windows, ...phases.flat()].map(String), {
      encoding: 'utf8',
    })
      .trim()
      .split('\n')
      .map((line) => {
        const [switching = 0, waking = 0, openings = 0, longest = 0, weighted = 0] = line
          .split(' ')
          .map(Number);
        return { switching, waking, openings, longest, weighted };
      });

  it.each<[string, Phase]>([
    ['hardly anything', [10, 0, 10, 1200, 0.5]],
    ['what a build does', [10, 3, 8000, 300, 0.5]],
    ['0.9 % by the account', [10, 1, 30_000, 300, 1]],
  ])('%s: switches are always counted', (_, phase) => {
    expect(play([phase])).toMatchObject([{ switching: 10 * s, openings: 0, weighted: phase[0] * phase[2] }]);
  });

  it.each<[string, number, Phase]>([
    ['three times the budget', 0.01, [10, 1, 100_000, 300, 0.5]],
    ['short writes', 0.01, [10, 0.1, 4000, 1000, 0.5]],
    ['a small budget', 0.002, [10, 2, 30_000, 200, 1]],
  ])('%s: in windows, and what they are estimated to cost fits it', (_, share, phase) => {
    const [, used, rate, accounted, wakes] = phase;
    const open = (share * used * s) / (rate * (Math.max(500, 2 * accounted) + 1500 * wakes)); // of the time: what the budget pays for
    const [, later] = play([phase, phase], { share });
    expect(later!.switching).toBeLessThanOrEqual(open * 10 * s);
    expect(later!.switching).toBeGreaterThan(0.5 * open * 10 * s); // whole windows in a block: 1 / (n + 1) of it, where 1 / n is paid for
    expect(later!.waking).toBe(later!.switching);
    expect(Math.abs(later!.weighted / (10 * rate) - 1)).toBeLessThan(1 / 40 + 0.001); // but for a block that is cut at the end
  });

  it('however much it is: a twentieth of the time, and not more than two blocks apart', () => {
    const phase: Phase = [10, 4, 2_000_000, 150, 1];
    const [, later] = play([phase, phase]);
    expect(later!.openings).toBeGreaterThanOrEqual(39);
    expect(Math.abs(later!.switching / (0.5 * s) - 1)).toBeLessThan(0.05);
    expect(later!.longest).toBeLessThanOrEqual(500 * ms);
  });

  it('windows are nowhere in step with anything: their distances differ', () => {
    const one: Phase = [0.25, 1, 100, 300, 1];
    const distances = play(Array<Phase>(40).fill(one), { windows: 10 }).map(({ longest }) => longest);
    expect(new Set(distances).size).toBeGreaterThan(30);
  });

  it('when it is over, always again', () => {
    const quiet: Phase = [2, 1, 1000, 300, 0.5];
    const [, during, , after] = play([quiet, [5, 1, 200_000, 300, 0.5], quiet, quiet]);
    expect(during!.switching).toBeLessThan(0.2 * 5 * s);
    expect(after).toMatchObject({ switching: 2 * s, openings: 0, weighted: 2000 });
  });

  it('as it is told: one of so many, or all', () => {
    const phase: Phase = [10, 1, 1_000_000, 300, 1];
    expect(play([[10, 1, 10, 300, 1]], { windows: 5 })).toMatchObject([{ switching: 2 * s, openings: 40 }]);
    expect(play([phase], { windows: 1 })).toMatchObject([{ switching: 10 * s, openings: 0 }]);
  });
});

const loads = held(openLoads);

const ranNs = (counters: Counters): number => sum(counters.tasks.map((task) => task.ranNs));
const waits = (task: TaskCounters): number => sum(Object.values(task.waits ?? {}).map(({ count }) => count));

/** Of a task that was born and has ended: what follows from the kernel's count of its switches. */
function expectWhole(task: TaskCounters): void {
  expect(waits(task)).toBe((task.voluntary ?? 0) - 1); // but its last one
  expect(task.bursts).toBe(waits(task) + 1);
  expect(task.endedNs).toBeGreaterThanOrEqual(task.bornNs!);
  for (const [histogram, count] of [
    [task.runs, task.bursts],
    [task.delays, task.bursts],
    [task.sleeps, waits(task)],
  ] as const)
    expect([0, count]).toContain(sum(histogram ?? []));
  const waitedNs = sum(Object.values(task.waits ?? {}).map(({ ns }) => ns));
  const livedNs = task.endedNs! - task.bornNs!;
  expect(waitedNs + task.ranNs + (task.delayNs ?? 0)).toBeLessThan(livedNs + 1000 + waits(task)); // rounding
}

describe.skipIf(refused !== undefined)('watch, in windows', () => {
  const exchanges = 60_000;

  it.each([4, 12])('known waits, one window of %i', async (windows) => {
    const { counters, usedNs } = await loads().load('acts', ['mixed', `${exchanges}`], { windows });
    const [parent, child] = counters.tasks;
    expect([counters.tasks.length, counters.folded, counters.lost]).toEqual([2, 0, 0]);
    for (const task of counters.tasks) expectWhole(task);
    expect(Math.abs(ranNs(counters) / usedNs - 1)).toBeLessThan(0.02);
    // 60,000 waits for the pipe and 15,000 naps, perhaps one for the child; who is held up may find its byte there
    expect(Math.abs(parent!.voluntary! / (1.25 * exchanges) - 1)).toBeLessThan(0.001);
    const seen = counters.switchesSeen ?? 1;
    expect(seen).toBeGreaterThan(0.5 / windows); // a block more or less of at least eight, and what attaching takes
    expect(seen).toBeLessThan(2 / windows);
    // A share of 4/5 out of so many that were seen: four standard deviations, as if they came in any order.
    const deviation = Math.sqrt((0.8 * 0.2) / (seen * parent!.voluntary!));
    expect(Math.abs((parent!.waits?.pipe?.count ?? 0) / waits(parent!) - 0.8)).toBeLessThan(4 * deviation);
    expect(Math.abs((parent!.waits?.sleep?.count ?? 0) / waits(parent!) - 0.2)).toBeLessThan(4 * deviation);
    const { count = 0, ns = 0 } = parent!.waits?.sleep ?? {};
    expect(ns / count).toBeGreaterThan(0.095 * ms); // the timer runs from a little before the switch on
    expect(child!.waits?.pipe?.count).toBeGreaterThan(0.999 * waits(child!));
  });

  it('waits that are longer than a window', async () => {
    const n = 150;
    const { counters } = await loads().load('acts', ['sleeps', `${n}`], { windows: 20 }); // 12.5 ms each; every second nap takes 20 ms
    const [it] = counters.tasks;
    expectWhole(it!);
    expect(counters.switchesSeen).toBeLessThan(0.4); // 64 of 300, and of the others one in twenty
    const { count = 0, ns = 0 } = it!.waits?.sleep ?? {};
    expect(count).toBeGreaterThan(0.95 * waits(it!));
    expect(waits(it!)).toBeGreaterThan(1.5 * n);
    expect(ns).toBeGreaterThan(0.8 * n * 20 * ms); // twelve windows, in each of which one begins with 12.5 / 20: fewer than two in all, 2 times in 10,000
    expect(ns).toBeLessThan(it!.endedNs! - it!.bornNs!);
  });

  it('thousands that live a moment each while nothing is counted: everyone is there, with all that the kernel accounted', async () => {
    const n = 2500;
    const { counters, told, task, usedNs, exit } = await loads().load('loads', ['storm', `${n}`], {
      windows: 20,
    });
    expect([exit, counters.tasks.length, counters.lost]).toEqual([0, n + 1, 0]);
    expect(counters.switchesSeen).toBeLessThan(0.6); // each child's end, of the parent's waits one in twenty: (1 + 1/20) / 2
    const parent = task(told[0]!.tid);
    expect(parent.forks).toBe(n);
    expect(parent.ranNs).toBeGreaterThanOrEqual(told[0]!.ranNs);
    expect(parent.ranNs).toBeLessThan(told[0]!.ranNs + 3 * ms);
    expect(parent.voluntary).toBeGreaterThanOrEqual(told[0]!.voluntary);
    expect(parent.voluntary).toBeLessThanOrEqual(told[0]!.voluntary + 4);
    expect(Math.abs(ranNs(counters) / usedNs - 1)).toBeLessThan(0.05);
    for (const one of counters.tasks) expectWhole(one);
  });

  it('with little room those who have ended make way, seen or not', async () => {
    const n = 1000;
    const { counters, usedNs } = await loads().load('loads', ['storm', `${n}`], { windows: 20, tasks: 50 });
    expect([counters.tasks.length, counters.folded]).toEqual([51, n + 1 - 50]);
    expect(Math.abs(ranNs(counters) / usedNs - 1)).toBeLessThan(0.05);
    const rest = counters.tasks.at(-1)!;
    expect(rest.bursts).toBeGreaterThanOrEqual(counters.folded * 0.95); // their ends are seen in any case, and count once
    expect(rest.bursts).toBeLessThan(counters.folded * 1.5);
    expect(sum(counters.tasks.map((one) => one.voluntary ?? 0))).toBeGreaterThan(1.8 * n); // each child's end, and that most are waited for
  });

  it('the sum of those who made way counts each as often as it stands for', async () => {
    const n = 60;
    const { counters } = await loads().load('acts', ['nappers', `${n}`], { windows: 4, tasks: 20 });
    const rest = counters.tasks.at(-1)!;
    expect([rest.tid, counters.folded, counters.lost]).toEqual([-1, n + 1 - 20, 0]);
    const naps = rest.waits?.sleep?.count ?? 0;
    expect(Math.abs(naps / (200 * counters.folded) - 1)).toBeLessThan(0.35); // 64 in any case; of the others a quarter: of eight blocks or more the last is cut
    expect(rest.waits!.sleep!.ns / naps).toBeGreaterThan(0.1 * ms);
  });

  it('a thread that takes over its process', async () => {
    for (let i = 0; i < 4; i++) {
      const { counters, usedNs } = await loads().load('acts', ['takeover', '1'], { windows: 20 });
      const [first, second] = counters.tasks;
      expect([counters.tasks.length, first?.tid]).toEqual([2, second?.tid]);
      expect(first!.endedNs).toBeLessThan(second!.endedNs!);
      expect(second!.voluntary).toBeGreaterThanOrEqual(4); // `sleeps 2`: of its naps some may be over at once
      expect(Math.abs(ranNs(counters) / usedNs - 1)).toBeLessThan(0.1);
    }
  });

  it('a process that runs already, in windows and always: who waits on is still there', async () => {
    const sleeper = (load: Load): TaskCounters | undefined =>
      load.counters.tasks.find((task) => task.tid === process.pid);
    const look = await loads().watch({ kind: 'pid', pid: process.pid }, { seconds: 1, windows: 10 });
    expect(sleeper(look)?.ranNs).toBeGreaterThan(0);
    const idle = look.counters.tasks.filter((task) => task.voluntary === 0 && task.involuntary === 0);
    for (const task of idle)
      expect(sum(Object.values(task.waits ?? {}).map(({ ns }) => ns))).toBeGreaterThan(0.9 * s);
  });

  it('what costs little is not sampled, what costs more than its budget is', async () => {
    const little = await loads().load('acts', ['sleeps', '5']);
    expect(little.counters.switchesSeen).toBeUndefined();
    const much = await loads().load('acts', ['pingpong', '200000'], { budget: 0.001 });
    expect(much.counters.switchesSeen).toBeLessThan(0.6);
    expect(much.counters.tasks[0]!.waits?.pipe?.count).toBeGreaterThan(199_000);
    for (const task of much.counters.tasks) expectWhole(task);
  });
});
