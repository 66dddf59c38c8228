import { describe, expect, it } from 'vitest';
import { type Little, littleTrace } from '../../test/profiles/little-trace.ts';
import type { Counters, Histogram, TaskCounters } from '../core/counters.ts';
import { bursts } from '../traces/bursts.ts';
import { countersOf } from './from-trace.ts';
import { elementOf } from './histogram.ts';

function counters(little: Little): Counters {
  const trace = littleTrace(little);
  return countersOf(trace, bursts(trace));
}

function named(all: Counters, comm: string): TaskCounters {
  const found = all.tasks.find((task) => task.comm === comm);
  if (found === undefined) throw new Error(`no task ${comm}`);
  return found;
}

/** The elements of these durations, as counts. */
function of(...durations: number[]): Histogram {
  const histogram = new Array<number>(40).fill(0);
  for (const ns of durations) histogram[elementOf(ns)]! += 1;
  return histogram;
}

/** main forks w, waits for it and is woken at its end. */
const family: Little = {
  cpus: 2,
  endNs: 60,
  steps: [
    [10, 0, 'fork', 'w', 'main'],
    [12, 1, 'switch', '', 'w'],
    [20, 0, 'switch', 'main', '', 'child'],
    [40, 1, 'exit', 'w'],
    [40, 1, 'wake', 'main', 'w'],
    [41, 0, 'switch', '', 'main'],
    [42, 1, 'switch', 'w', '', 'ended'],
    [60, 0, 'exit', 'main'],
    [60, 0, 'switch', 'main', '', 'ended'],
  ],
};

describe('a parent and its child', () => {
  const all = counters(family);

  it('CPU time, delay, wait and wake of each', () => {
    expect(named(all, 'main')).toMatchObject({
      ...{ ranNs: 20 + 19, delayNs: 1, endedNs: 60, forks: 1, bursts: 2, voluntary: 2, involuntary: 0 },
      ...{ waits: { child: { count: 1, ns: 20 } }, wakes: { task: 1 } },
      ...{ runs: of(20, 19), sleeps: of(20), delays: of(1) },
    });
    expect(named(all, 'main').bornNs).toBeUndefined();
    expect(named(all, 'w')).toMatchObject({
      ...{ ranNs: 30, delayNs: 2, bornNs: 10, endedNs: 42, forks: 0, bursts: 1, migrations: 0 },
      ...{ waits: {}, wakes: { fork: 1 }, runs: of(30), delays: of(2) },
    });
  });

  it('how many run and wait at once', () => {
    expect(all.parallelNs).toEqual([0, 12 + 21 + 18, 8 + 1]);
    expect(all.queuedNs).toEqual([57, 3]);
    expect(all.busyNs).toBe(39 + 30);
    expect(all.edges).toEqual([{ from: 0, to: 1, count: 1 }]); // w comes first, with the fork
  });

  it('the critical path: all but the waiting for CPUs', () => {
    // main until the fork 10, w until the wakeup 28, main from then on 19
    const path = [
      { task: 1, ns: 29 },
      { task: 0, ns: 28 },
    ];
    expect(all.extras?.criticalPath).toEqual({ ns: 57, tasks: 2, longest: path });
  });

  it('the lonely end: two at work from 10 to 20 and from 40 to 42, of which it bears 2 in 40', () => {
    expect(all.extras?.lastShare).toBeCloseTo(40 / 60);
  });

  it('parallelism over time adds up to the CPU time', () => {
    const sum = all.extras?.overTime?.reduce((total, mean) => total + mean, 0) ?? 0;
    expect(all.extras?.overTime).toHaveLength(64);
    expect((sum * 60) / 64).toBeCloseTo(69, 1);
    expect(all.extras?.overTime?.[16]).toBe(2); // from 15 to 15.9
  });
});

describe('competition for one CPU', () => {
  const all = counters({
    cpus: 2,
    endNs: 100,
    steps: [
      [10, 0, 'wake', 'b', 'timer'],
      [30, 0, 'switch', 'a', 'b', 'preempted'],
      [50, 0, 'switch', 'b', 's', 'sleep'],
      [60, 1, 'switch', '', 'a'],
      [90, 1, 'switch', 'a', '', 'futex'],
      [95, 0, 'switch', 's', '', 'other'],
    ],
    strangers: ['s'],
  });

  it('delays after wakeup and after preemption', () => {
    expect(named(all, 'b')).toMatchObject({ delayNs: 20, delays: of(20), ranNs: 20, wakes: { timer: 1 } });
    expect(named(all, 'a')).toMatchObject({
      delayNs: 30,
      delays: of(30),
      ranNs: 30 + 30,
      bursts: 1,
      runs: of(60),
    });
    expect(named(all, 'a')).toMatchObject({ involuntary: 1, voluntary: 1, migrations: 1 });
  });

  it('waits that the end cuts count as time, not as a length', () => {
    expect(named(all, 'a')).toMatchObject({ waits: { futex: { count: 1, ns: 10 } }, sleeps: of() });
    // b slept before it was first seen, nobody knows why
    expect(named(all, 'b').waits).toEqual({ unknown: { count: 1, ns: 10 }, sleep: { count: 1, ns: 50 } });
  });

  it('others are not observed, but their CPU time is counted', () => {
    expect(all.tasks.map((task) => task.comm)).toEqual(['b', 'a']);
    expect(all.busyNs).toBe(30 + 20 + 45 + 30);
  });
});

it('who is ready is at work: the end is not lonely while somebody waits', () => {
  const all = counters({
    cpus: 1,
    endNs: 100,
    steps: [
      [0, 0, 'switch', '', 'a'],
      [10, 0, 'fork', 'b', 'a'],
      [60, 0, 'switch', 'a', 'b', 'ended'],
      [100, 0, 'switch', 'b', '', 'ended'],
    ],
  });
  expect(all.extras?.lastShare).toBeCloseTo(0.4);
});

it('only the time of the subject counts', () => {
  const all = counters({ ...family, subject: [15, 50] });
  expect(all.observedNs).toBe(35);
  expect(named(all, 'main')).toMatchObject({
    ranNs: 5 + 9,
    delayNs: 1,
    forks: 0,
    waits: { child: { count: 1, ns: 20 } },
  });
  expect(named(all, 'w')).toMatchObject({ ranNs: 27, delayNs: 0, endedNs: 27 });
  // bursts that begin before it, or end after it, are not whole
  expect([named(all, 'main').runs, named(all, 'w').runs, named(all, 'w').bursts]).toEqual([of(), of(), 0]);
  expect(all.parallelNs).toEqual([0, 21 + 8, 5 + 1]);
  expect(all.busyNs).toBe(14 + 27);
});

it('who comes after the end of the subject, or went before its start, is not observed', () => {
  const all = counters({ ...family, subject: [45, 60] });
  expect(all.tasks.map(({ comm }) => comm)).toEqual(['main']);
  expect(counters({ ...family, subject: [0, 9] }).tasks.map(({ comm }) => comm)).toEqual(['main']);
});

it('tasks that never run are observed too', () => {
  const all = counters({ ...family, asleep: ['quiet'] });
  expect(named(all, 'quiet')).toMatchObject({ ranNs: 0, waits: { unknown: { count: 1, ns: 60 } } });
});

it('woken on its way out: no time between', () => {
  const all = counters({
    cpus: 1,
    endNs: 40,
    steps: [
      [0, 0, 'switch', '', 'a'],
      [9, 0, 'wake', 'a', 'timer'],
      [10, 0, 'switch', 'a', 'b', 'pipe'],
      [20, 0, 'switch', 'b', 'a', 'pipe'],
      [30, 0, 'switch', 'a', '', 'pipe'],
    ],
  });
  expect(named(all, 'a')).toMatchObject({ ranNs: 20, delayNs: 10, bursts: 2, wakes: { timer: 1 } });
  expect(named(all, 'a').waits?.pipe).toEqual({ count: 2, ns: 10 });
  expect(all.queuedNs).toEqual([30, 10]);
});

it('who is first seen in the middle, on a CPU, begins there', () => {
  const all = counters({
    cpus: 1,
    endNs: 50,
    steps: [
      [20, 0, 'switch', '', 'a'],
      [30, 0, 'switch', 'a', '', 'ended'],
    ],
  });
  expect(named(all, 'a')).toMatchObject({ bornNs: 20, endedNs: 30, ranNs: 10, delayNs: 0, waits: {} });
});

it('nothing recorded: nobody, no time', () => {
  const all = counters({ cpus: 1, endNs: 0, steps: [] });
  expect(all).toMatchObject({ observedNs: 0, tasks: [], edges: [], parallelNs: [], busyNs: 0 });
  expect(all.extras?.criticalPath).toBeUndefined();
});
