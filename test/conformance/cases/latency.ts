// Latencies and the presence of metrics, as src/core/metrics.ts defines them.

import { expect } from 'vitest';
import { type Case, cell, completed, ms, tick, us, within, workload } from '../case.ts';
import { libraryArm, libraryNames } from '../library.ts';
import { plain } from '../objects.ts';

const alone = workload('sleeper-alone', {
  series: { wake: { deadline: '1ms' } },
  goal: { metric: 'latencyNsP99:wake', direction: 'lower' },
  groups: [
    {
      name: 'sleeper',
      count: 2,
      phases: [{ loop: 20, phases: [{ timer: '5ms' }, { since: 'wake' }, { run: '200us' }] }],
    },
  ],
});

const idle: Case[] = ['default', ...libraryNames].map((name) => ({
  name: `sleepers on idle CPUs under ${name}`,
  why: 'a CPU is free at each wakeup: what remains is a timer interrupt, a wakeup and a switch; the last of 20 timers rings at 95 ms',
  async check(bench) {
    const { metrics } = await completed(bench, cell(alone, 4, libraryArm(name)));
    within('median latency', metrics['latencyNsP50:wake'], 0, 200 * us);
    expect(metrics['deadlineMissRatio:wake']).toBe(0);
    within('makespan', metrics.makespanNs, 95.2 * ms, 98 * ms);
  },
}));

const besideHogs = (name: string, loop: number, timer: string) =>
  workload(name, {
    series: { wake: {} },
    groups: [
      { name: 'sleeper', phases: [{ loop, phases: [{ timer }, { since: 'wake' }, { run: '100us' }] }] },
      { name: 'hog', count: 2, background: true, phases: [{ loop: 'forever', phases: [{ run: '5ms' }] }] },
    ],
  });
const beside = besideHogs('sleeper-beside-hogs', 20, '10ms');
/** A timer that rings while its task is still waiting makes the next sample later. */
const seldom = besideHogs('seldom-beside-hogs', 6, '110ms');
const busy: Case[] = [
  {
    name: 'a sleeper beside hogs under the default scheduler',
    why: 'one that uses 1 % of its third is owed time: it waits at most for the running slice (3 ms, ends on a tick), usually for nothing',
    async check(bench) {
      const { metrics } = await completed(bench, cell(beside, 1));
      within('median latency', metrics['latencyNsP50:wake'], 0, 2 * tick);
      within('worst latency', metrics['latencyNsMax:wake'], 0, 4 * tick);
    },
  },
  {
    name: 'a sleeper beside hogs under plain',
    why: 'two hogs with slices of 20 ms are before it: it waits for what is left of one slice and all of another, each to its tick',
    async check(bench) {
      const { metrics } = await completed(bench, cell(seldom, 1, plain));
      within('median latency', metrics['latencyNsP50:wake'], 20 * ms, 2 * (20 * ms + tick));
      within('worst latency', metrics['latencyNsMax:wake'], 20 * ms, 2 * (20 * ms + tick) + ms);
    },
  },
];

const base = [
  'makespanNs',
  'runDelayNs',
  'runDelayNsP99',
  'switchesInvoluntary',
  'switchesVoluntary',
  'taskSojournNsMean',
  'taskSojournNsP50',
  'taskSojournNsP99',
];
const ofSeries = (name: string): string[] =>
  ['latencyNsMax', 'latencyNsP50', 'latencyNsP95', 'latencyNsP99', 'throughputPerS'].map(
    (metric) => `${metric}:${name}`,
  );
const single = workload('single', { groups: [{ name: 'job', phases: [{ run: '5ms' }] }] });

const presence: Case[] = [
  {
    name: 'metrics of a plain batch',
    why: 'no series, no background, no command: only what every workload has',
    async check(bench) {
      const { metrics } = await completed(bench, cell(single, 1));
      expect(Object.keys(metrics).sort()).toEqual(base);
      expect(metrics.taskSojournNsMean).toBe(metrics.taskSojournNsP99);
    },
  },
  {
    name: 'metrics of a series without a deadline, and of a background',
    why: 'no deadline, no ratio of misses; two background tasks in a group, so fairness is defined',
    async check(bench) {
      const { metrics } = await completed(bench, cell(beside, 1));
      const background = ['backgroundCpuShare', 'backgroundCpus', 'backgroundFairness'];
      expect(Object.keys(metrics).sort()).toEqual([...base, ...ofSeries('wake'), ...background].sort());
      within('share of the background', metrics.backgroundCpuShare, 0.95, 1);
      within('fairness', metrics.backgroundFairness, 0.85, 1);
      // 20 samples in as long as the round took
      within(
        'throughput',
        metrics['throughputPerS:wake'],
        20e9 / metrics.makespanNs! - 0.01,
        20e9 / metrics.makespanNs! + 0.01,
      );
    },
  },
  {
    name: 'metrics of a series with a deadline',
    why: 'the ratio of misses is defined then',
    async check(bench) {
      const { metrics } = await completed(bench, cell(alone, 4));
      expect(Object.keys(metrics).sort()).toEqual(
        [...base, ...ofSeries('wake'), 'deadlineMissRatio:wake'].sort(),
      );
    },
  },
  {
    name: 'a run beyond its limit is not data',
    why: 'the workload needs 400 ms and gets 150',
    async check(bench) {
      const long = workload('endless', { groups: [{ name: 'sleeper', phases: [{ sleep: '400ms' }] }] });
      const outcome = await bench.run(cell(long, 1, undefined, { limitMs: 150 }));
      expect(outcome).toMatchObject({ status: 'failed', finding: { code: 'timeout' }, metrics: {} });
    },
  },
];

export const latency: readonly Case[] = [...idle, ...busy, ...presence];
