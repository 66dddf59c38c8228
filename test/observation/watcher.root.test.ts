// The standing watch against what is known without it: programs that wait for known things so many times (acts.c), and such that say themselves what the
// kernel has accounted for them by other ways (loads.c). Bounds: what a task still does after it has told is its end.

import { statfsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Counters, histogramSize, type TaskCounters } from '../../src/core/counters.ts';
import { held, refused } from './held.ts';
import { openLoads, sum, type Told } from './loads.ts';

const loads = held(openLoads);

const ms = 1e6;
const ranNs = (counters: Counters): number => sum(counters.tasks.map((task) => task.ranNs));

/** What a task told, and the little that came after it. */
function expectAsTold(task: TaskCounters, told: Told, slackNs = 3 * ms): void {
  expect(task.ranNs).toBeGreaterThanOrEqual(told.ranNs);
  expect(task.ranNs).toBeLessThan(told.ranNs + slackNs);
  expect(task.delayNs).toBeGreaterThanOrEqual(told.delayNs);
  expect(task.voluntary).toBeGreaterThanOrEqual(told.voluntary);
  expect(task.voluntary).toBeLessThanOrEqual(told.voluntary + 4);
  expect(task.involuntary).toBeGreaterThanOrEqual(told.involuntary);
  expect(task.minorFaults).toBeGreaterThanOrEqual(told.minor);
  expect(task.minorFaults).toBeLessThan(told.minor + 20);
}

function expectConsistent(task: TaskCounters): void {
  const waits = sum(Object.values(task.waits ?? {}).map(({ count }) => count));
  for (const histogram of [task.runs, task.sleeps, task.delays])
    expect(histogram?.length).toBe(histogramSize);
  expect(sum(task.delays ?? [])).toBe(task.bursts);
  expect(sum(task.runs ?? [])).toBe(task.bursts); // it has ended: so has each of its bursts
  expect(sum(task.sleeps ?? [])).toBe(waits);
  expect(task.bursts).toBe(waits + 1); // the first one comes from its fork
  const waitedNs = sum(Object.values(task.waits ?? {}).map(({ ns }) => ns));
  expectWithin(task.ranNs, task.runs ?? []);
  expectWithin(waitedNs, task.sleeps ?? []);
  expect(bounds(task.delays ?? [])[0]).toBeLessThanOrEqual(task.delayNs ?? 0); // those after a preemption are not in it
  const livedNs = (task.endedNs ?? 0) - (task.bornNs ?? 0);
  const told = task.ranNs + (task.delayNs ?? 0) + waitedNs;
  expect(Math.abs(told - livedNs)).toBeLessThan(0.03 * livedNs + 2 * ms + 3000 * (task.bursts ?? 0)); // switches are nobody's time
}

/** The least and the most that durations of these classes can be in all. */
function bounds(histogram: readonly number[]): [number, number] {
  const least = sum(histogram.map((count, i) => (i === 0 ? 0 : count * 2 ** i)));
  return [least, sum(histogram.map((count, i) => count * 2 ** (i + 1)))];
}

function expectWithin(ns: number, histogram: readonly number[]): void {
  const [least, most] = bounds(histogram);
  expect(ns).toBeGreaterThanOrEqual(least);
  expect(ns).toBeLessThanOrEqual(most);
}

describe.skipIf(refused !== undefined)('watch', () => {
  it('a spinner: its CPU time is what it burnt', async () => {
    const { counters, told, task, usedNs, exit } = await loads().load('loads', ['spin', '200']);
    expect([exit, told.length, counters.tasks.length, counters.lost, counters.folded]).toEqual([
      0, 1, 1, 0, 0,
    ]);
    const it = task(told[0]!.tid);
    expectAsTold(it, told[0]!);
    expectConsistent(it);
    expect(Math.abs(it.ranNs - usedNs)).toBeLessThan(0.1 * ms);
    expect(it.ranNs).toBeGreaterThanOrEqual(200 * ms);
    expect(it).toMatchObject({ comm: 'loads', isKernel: false, bursts: 1, waits: {}, wakes: {} });
    expect(it.runs![Math.floor(Math.log2(it.ranNs))]).toBe(1);
    expect(counters.busyNs).toBeGreaterThan(150 * ms);
    const alone = counters.parallelNs?.[1] ?? 0; // looked at every 7.3 ms
    expect(alone / it.ranNs).toBeGreaterThan(0.7);
    expect(alone / it.ranNs).toBeLessThan(1.3);
  });

  it('counters of the CPU, or that there are none', async () => {
    const { counters } = await loads().load('loads', ['spin', '100']);
    const isSaid = counters.missing.some((text) => text.includes('counters of the CPU'));
    expect(isSaid).toBe(counters.pmu === undefined);
    if (counters.pmu !== undefined) expect(counters.pmu.cycles / (0.1 * 1e9)).toBeGreaterThan(0.3); // GHz
  });

  it('a disk, where there is one', async ({ skip }) => {
    const onMemory = [0x01021994, 0x794c7630].includes(statfsSync(loads().directory).type); // tmpfs, overlayfs
    const { counters, exit } = await loads().load('acts', ['disk', '8', join(loads().directory, 'disk')]);
    if (onMemory || exit === 77) skip('the temporary directory is not on a disk');
    expect(counters.blockIo?.writes).toBeGreaterThanOrEqual(8);
    expect(counters.blockIo?.writtenBytes).toBeGreaterThanOrEqual(8 * 4096);
    expect(counters.tasks[0]?.waits?.disk?.count).toBeGreaterThanOrEqual(8);
  });

  it('two on one CPU: each waits while the other runs', async () => {
    const { counters, told, task } = await loads().load('loads', ['share', '100']);
    expect([told.length, counters.tasks.length]).toEqual([2, 2]);
    for (const one of told) {
      expectAsTold(task(one.tid), one);
      expectConsistent(task(one.tid));
      expect(task(one.tid).delayNs).toBeLessThan(one.delayNs + 100 * ms);
      expect(task(one.tid).delayNs).toBeGreaterThan(60 * ms); // the other's 100, but for slices at both ends
    }
    expect(counters.queuedNs?.[1]).toBeGreaterThan(40 * ms);
  });

  it('threads, each with its own', async () => {
    const { counters, told, task } = await loads().load('loads', ['threads', '60']);
    expect([told.length, counters.tasks.length]).toEqual([3, 4]);
    for (const one of told) {
      expectAsTold(task(one.tid), one);
      expect(task(one.tid).tgid).toBe(counters.tasks[0]?.tid);
    }
    expect(counters.tasks[0]).toMatchObject({ forks: 3 });
  });

  it('a byte to and fro: who wakes whom', async () => {
    const n = 50;
    const { counters } = await loads().load('acts', ['pingpong', `${n}`], { budget: 1 });
    const [parent, child] = counters.tasks;
    expect([counters.tasks.length, parent?.waits?.pipe?.count, child?.waits?.pipe?.count]).toEqual([
      2,
      n,
      n - 1,
    ]);
    expect(counters.sampled).toBeUndefined(); // with such a budget
    expect(counters.edges).toContainEqual({ from: 1, to: 0, count: n });
    expect(counters.edges).toContainEqual({ from: 0, to: 1, count: n - 1 });
    expect(counters.edges?.length).toBe(2);
    expect(child?.wakes).toEqual({ task: n - 1 });
    for (const task of counters.tasks) expectConsistent(task);
  });

  it('sleeps end by timer, and last as long as they should', async () => {
    const { counters } = await loads().load('acts', ['sleeps', '5'], { budget: 1 });
    const [it] = counters.tasks;
    const { count = 0, ns = 0 } = it?.waits?.sleep ?? {};
    expect(count).toBeGreaterThanOrEqual(5); // of 10; on a busy machine some are over before they have begun
    expect(count).toBeLessThanOrEqual(10);
    expect(ns / count).toBeGreaterThan(1.9 * ms);
    expect(it?.wakes).toEqual({ timer: 10 });
    expect(counters.sampled).toBeUndefined(); // who hardly uses a CPU is not observed less for it
  });

  it('locks, sockets, polls and other files', async () => {
    const n = 20;
    const { counters } = await loads().load('acts', ['futexes', `${n}`]);
    expect(counters.tasks[1]?.waits?.futex?.count).toBe(n);
    const files = await loads().load('acts', ['files', '5']);
    expect(files.counters.tasks[0]?.waits).toMatchObject({
      ...{ pipe: { count: 5 }, socket: { count: 5 }, poll: { count: 10 }, other: { count: 10 } },
    });
  });

  it('children that end at once are all there', async () => {
    const n = 300;
    const { counters, told, task, usedNs } = await loads().load('loads', ['storm', `${n}`]);
    expect(counters.tasks.length).toBe(n + 1);
    const parent = task(told[0]!.tid);
    expectAsTold(parent, told[0]!);
    expect(parent.forks).toBe(n);
    const ended = counters.tasks.filter((one) => (one.endedNs ?? 0) > (one.bornNs ?? Infinity));
    expect(ended.length).toBe(n + 1);
    for (const one of counters.tasks) expectConsistent(one);
    expect(Math.abs(ranNs(counters) / usedNs - 1)).toBeLessThan(0.05);
  });

  it('pages', async () => {
    const { told, task } = await loads().load('loads', ['touch', '5000']);
    expectAsTold(task(told[0]!.tid), told[0]!, 10 * ms);
    expect(task(told[0]!.tid).minorFaults).toBeGreaterThanOrEqual(5000);
  });

  it('more tasks than are kept: their sum is', async () => {
    const n = 2000;
    const { counters, usedNs } = await loads().load('acts', ['crowd', `${n}`], { tasks: 100 });
    expect([counters.tasks.length, counters.folded, counters.lost]).toEqual([101, n + 1 - 100, 0]);
    expect(counters.tasks.at(-1)).toMatchObject({ tid: -1, comm: '' });
    expect(ranNs(counters)).toBeGreaterThan(usedNs * 0.99);
    expect(ranNs(counters)).toBeLessThan(usedNs + n * 0.05 * ms); // the ends of threads are in no process's account
    expect(sum(counters.tasks.map((task) => task.voluntary ?? 0))).toBeGreaterThanOrEqual(2 * n);
  });

  it('one after the other with little room: those who have ended make way', async () => {
    const n = 500;
    const { counters, usedNs, told, task } = await loads().load('loads', ['storm', `${n}`], { tasks: 50 });
    expect([counters.tasks.length, counters.folded]).toEqual([51, n + 1 - 50]);
    expect(Math.abs(ranNs(counters) / usedNs - 1)).toBeLessThan(0.05);
    expect(sum(counters.tasks.map((one) => one.bursts ?? 0))).toBeGreaterThan(1.8 * n); // most children end before they are waited for, or the other way round
    expect(task(told[0]!.tid).forks).toBe(n);
  });

  it('a thread that takes over its process; a name of any bytes', async () => {
    const { counters, usedNs } = await loads().load('acts', ['takeover', '1']);
    expect(counters.tasks.length).toBe(2);
    expect(counters.tasks[0]?.tid).toBe(counters.tasks[1]?.tid);
    const slept = counters.tasks[1]?.waits?.sleep?.count ?? 0;
    expect(slept).toBeGreaterThanOrEqual(4); // `sleeps 2`, of the program that it became: 4 and its own
    expect(Math.abs(ranNs(counters) / usedNs - 1)).toBeLessThan(0.1);
    const named = await loads().load('acts', ['name', '1']);
    expect(named.counters.tasks[0]?.comm).toBe('\xff"\n\\\x01{\xc3x');
  });

  it('wakeups are sampled where they cost too much', async () => {
    const { counters } = await loads().load('acts', ['pingpong', '40000'], { budget: 0.001 });
    expect(counters.sampled).toBeGreaterThan(0);
    expect(counters.sampled).toBeLessThan(0.9);
    expect(counters.tasks[0]?.waits?.pipe?.count).toBeGreaterThan(30_000); // that is not
    const share = (counters.tasks[0]?.wakes?.task ?? 0) / (counters.tasks[0]?.bursts ?? 1);
    expect(share).toBeLessThan(3 * (counters.sampled ?? 1));
  });
});
