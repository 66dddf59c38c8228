// Three workloads as counters: a build that a recording has seen whole, a server that probes have watched, and a machine of which procfs alone told.

import type { Counters, TaskCounters } from '../../src/core/counters.ts';
import { counters, histogram, ms } from './counters.ts';

function compiler(i: number): Partial<TaskCounters> {
  const ranNs = (i === 7 ? 900 : 60 + 5 * i) * ms;
  return {
    ...{
      comm: 'cc1',
      bornNs: (20 + 90 * i) * ms,
      endedNs: (40 + 90 * i) * ms + 1.2 * ranNs,
      ranNs,
      delayNs: 0.1 * ranNs,
    },
    ...{
      bursts: 12,
      voluntary: 12,
      involuntary: 9,
      migrations: 2,
      forks: 0,
      userNs: 0.9 * ranNs,
      systemNs: 0.1 * ranNs,
    },
    ...{
      waits: { disk: { count: 8, ns: 6 * ms }, fault: { count: 3, ns: 2 * ms } },
      wakes: { fork: 1, interrupt: 11 },
    },
    ...{
      runs: histogram([2 * ms, 4], [9 * ms, 8]),
      sleeps: histogram([700_000, 11]),
      delays: histogram([20_000, 18], [2 * ms, 3]),
    },
  };
}

const make: Partial<TaskCounters> = {
  ...{
    comm: 'make',
    ranNs: 30 * ms,
    delayNs: ms,
    bursts: 25,
    voluntary: 25,
    involuntary: 2,
    migrations: 5,
    forks: 12,
  },
  ...{
    waits: { child: { count: 24, ns: 2100 * ms } },
    wakes: { task: 24 },
    userNs: 20 * ms,
    systemNs: 10 * ms,
  },
  ...{ runs: histogram([ms, 25]), sleeps: histogram([80 * ms, 24]), delays: histogram([40_000, 25]) },
};

export const build: Counters = counters([make, ...Array.from({ length: 12 }, (_, i) => compiler(i))], {
  ...{ by: 'recording', observedNs: 2200 * ms, events: 4321, lost: 0, missing: [] },
  edges: Array.from({ length: 12 }, (_, i) => ({ from: i + 1, to: 0, count: 2 })),
  ...{
    parallelNs: [100 * ms, 900 * ms, 700 * ms, 300 * ms, 200 * ms],
    queuedNs: [1900 * ms, 250 * ms, 50 * ms],
  },
  extras: {
    criticalPath: {
      ns: 1650 * ms,
      tasks: 6,
      longest: [
        { task: 8, ns: 900 * ms },
        { task: 0, ns: 20 * ms },
      ],
    },
    lastShare: 0.34,
    overTime: Array.from({ length: 64 }, (_, i) => (i < 40 ? 1 + (i % 4) : 1)),
  },
});

function worker(i: number): Partial<TaskCounters> {
  return {
    ...{
      comm: `nginx-${i}`,
      ranNs: 900 * ms,
      delayNs: 15 * ms,
      bursts: 24_000,
      voluntary: 24_000,
      involuntary: 300,
      migrations: 900,
      forks: 0,
    },
    ...{ waits: { poll: { count: 24_000, ns: 9000 * ms } }, wakes: { interrupt: 20_000, task: 4000 } },
    ...{
      runs: histogram([16_000, 12_000], [40_000, 12_000]),
      sleeps: histogram([300_000, 24_000]),
      delays: histogram([3000, 23_000], [60_000, 1300]),
    },
  };
}

export const server: Counters = counters(
  Array.from({ length: 4 }, (_, i) => worker(i)),
  {
    ...{ by: 'probes', observedNs: 10_000 * ms, events: 1_200_000, lost: 800, sampled: 0.25 },
    ...{ parallelNs: [6800 * ms, 2800 * ms, 400 * ms], queuedNs: [9950 * ms, 50 * ms] },
    missing: ['no PMU: whether it waits for memory cannot be seen'],
  },
);

export const machine: Counters = counters(
  [
    { comm: 'systemd', ranNs: 2 * ms, userNs: ms, systemNs: ms, voluntary: 20, involuntary: 0 },
    { comm: 'kworker/0:1', isKernel: true, ranNs: ms },
    {
      comm: 'bad\n\x1b[31mname\xff',
      ranNs: 3 * ms,
      userNs: 3 * ms,
      systemNs: 0,
      voluntary: 5,
      involuntary: 1,
    },
  ],
  {
    ...{ by: 'procfs', observedNs: 2000 * ms, cpus: 2 },
    missing: ['not root: no probes, so no wakeups, waits and lengths', 'no schedstats: no delays'],
  },
);
