// Batches: how long work takes on so many CPUs. Reasons: work conservation, and Graham's bound for any schedule that leaves no CPU idle while
// somebody waits (R. L. Graham, Bounds on multiprocessing timing anomalies, 1969): makespan ≤ total / k + (1 − 1/k) × longest.

import { expect } from 'vitest';
import type { Outcome } from '../../../src/core/records.ts';
import { opCodes } from '../../../src/core/workload.ts';
import { expand } from '../../../src/workload/expand.ts';
import { type Case, cell, completed, ms, sum, tasksOf, tick, within, workload } from '../case.ts';
import { libraryArm, libraryNames } from '../library.ts';
import { plain } from '../objects.ts';
import { type ArmWish, byDefault } from '../subject.ts';

/**
 * What a batch may take beyond theory: starting and ending its tasks (an emulated guest needs 0.15 to 0.3 ms each, one after the other), and 2 % for
 * ticks and switches.
 */
const overhead = (count: number, ns: number): number => 0.02 * ns + count * 0.3 * ms + ms;
/** EEVDF balances at intervals of a few ticks, and a slice ends on a tick: a CPU may be idle so long. */
const slow = 2 * tick;

const arms = ['default', ...libraryNames];

const hogs = (count: number, runMs: number) =>
  workload('hogs', { groups: [{ name: 'hog', count, phases: [{ run: `${runMs}ms` }] }] });

const equal: Case[] = [
  [1, 3, 20],
  [2, 8, 20],
  [4, 8, 20],
  [4, 10, 16],
].flatMap(([cpus, count, runMs]) =>
  (cpus === 2 ? arms : ['default', 'fifo', 'vtime']).map((name) => ({
    name: `${count} equal hogs on ${cpus} CPUs under ${name}`,
    why: 'total work over CPUs is the least; Graham’s bound is the most',
    async check(bench) {
      const outcome = await completed(bench, cell(hogs(count!, runMs!), cpus!, libraryArm(name)));
      const [total, longest] = [count! * runMs! * ms, runMs! * ms];
      const most = total / cpus! + (1 - 1 / cpus!) * longest;
      within('makespan', outcome.metrics.makespanNs, total / cpus!, most + overhead(count!, most) + slow);
      for (const { cpuNs } of outcome.timeline) expect(cpuNs).toBeGreaterThanOrEqual(longest);
    },
  })),
);

const mixed = workload('mixed', {
  groups: [
    { name: 'a', count: 7, phases: [{ run: { from: '2ms', to: '30ms' } }] },
    { name: 'b', count: 5, start: { from: 0, to: '10ms' }, phases: [{ run: { from: '5ms', to: '20ms' } }] },
  ],
});

/** CPU time that a cell's tasks ask for, from the expansion itself. */
function runsOf(file: Parameters<typeof expand>[0], cpus: number, seed: number): number[] {
  return expand(file, { seed, cpus }).tasks.map(({ ops }) =>
    sum(ops.filter(({ code }) => code === opCodes.RUN).map(({ b }) => Number(b))),
  );
}

const random: Case[] = ['default', 'fifo', 'vtime', 'length'].map((name) => ({
  name: `a mixed batch on 3 CPUs under ${name}`,
  why: 'the same bounds, and no task gets less CPU time than it asks for',
  async check(bench) {
    const outcome = await completed(bench, cell(mixed, 3, libraryArm(name), { seed: 7 }));
    const runs = runsOf(mixed, 3, 7);
    const [total, longest] = [sum(runs), Math.max(...runs)];
    // the last may start 10 ms after the first
    const most = 10 * ms + total / 3 + (2 / 3) * longest;
    within(
      'makespan',
      outcome.metrics.makespanNs,
      Math.max(total / 3, longest),
      most + overhead(12, most) + slow,
    );
    for (const [task, { cpuNs }] of outcome.timeline.entries())
      within(`CPU time of task ${task}`, cpuNs, runs[task]!, runs[task]! + 0.02 * runs[task]! + tick);
  },
}));

const arrivals = workload('arrivals', {
  groups: [3, 1, 4, 0, 2].map((place) => ({
    name: `job${place}`,
    start: `${3 * place + 1}ms`,
    phases: [{ run: '12ms' }],
  })),
});

const order: Case = {
  name: 'plain serves in order of arrival',
  why: 'one CPU, jobs shorter than the slice (20 ms): the n-th to arrive ends after n × 12 ms',
  async check(bench) {
    const outcome = await completed(bench, cell(arrivals, 1, plain));
    const ended = [...outcome.timeline].sort((a, b) => a.endNs - b.endNs);
    expect(ended.map(({ task }) => task)).toEqual(['job0-0', 'job1-0', 'job2-0', 'job3-0', 'job4-0']);
    for (const [place, { endNs }] of ended.entries())
      within(
        `end of job ${place}`,
        endNs,
        (1 + 12 * (place + 1)) * ms,
        (1 + 12 * (place + 1)) * ms + overhead(5, 60 * ms),
      );
  },
};

/** Lengths are told by their ratio to the longest that has been seen: the first round shows it. */
const tail = workload('tail', {
  rounds: 2,
  warmupRounds: 1,
  groups: [
    { name: 'short', count: 12, phases: [{ run: '10ms' }] },
    { name: 'long', start: '1ms', phases: [{ run: '60ms' }] },
  ],
});
/** By hints alone. */
const told: ArmWish = { ...libraryArm('length'), parameters: { learn: false }, hinted: true };

const longTail: Case = {
  name: 'the longest first',
  why: '12 × 10 ms and one of 60 ms on two CPUs: 90 ms is the least (total / 2); in order of arrival the long one begins after 60 ms and ends at 120 ms',
  async check(bench) {
    const [hinted, fifo] = await Promise.all([
      completed(bench, cell(tail, 2, told)),
      completed(bench, cell(tail, 2, plain)),
    ]);
    // a first turn of 10 ms may be under way when the long one comes
    within('makespan of longest first', hinted.metrics.makespanNs, 90 * ms, 100 * ms + overhead(13, 90 * ms));
    within(
      'makespan of order of arrival',
      fifo.metrics.makespanNs,
      115 * ms,
      120 * ms + overhead(13, 120 * ms) + slow,
    );
  },
};

const work = (outcome: Outcome): number => sum(outcome.timeline.map(({ cpuNs }) => cpuNs));

const many: Case = {
  name: '256 hogs on 128 CPUs of 4 LLCs',
  why: 'two rounds of 5 ms on each CPU are the least',
  async check(bench) {
    const wish = cell(hogs(256, 5), 128, byDefault, { topology: { llcs: 4 } });
    const outcome = await completed(bench, wish);
    within('makespan', outcome.metrics.makespanNs, 10 * ms, 40 * ms + overhead(256, 10 * ms));
    expect(work(outcome)).toBeGreaterThanOrEqual(256 * 5 * ms);
    expect(tasksOf(outcome, 'hog')).toHaveLength(256);
  },
};

export const batches: readonly Case[] = [...equal, ...random, order, longTail, many];
