import { describe, expect, it } from 'vitest';
import { histogramSize } from '../core/counters.ts';
import { parseEvents } from './runner.ts';
import { countersOf, type Watched, watchedTasksSchema } from './watched.ts';
import { watchedCounters } from './watcher.ts';

const row = {
  ...{ id: 7, tid: 100, tgid: 99, comm: 'a\u0001ÿ', kernel: false, bornNs: 5, endedNs: 905 },
  ...{ ranNs: 300, delayNs: 200, utime: 1_000_000, stime: 3_000_000, bursts: 3 },
  ...{ voluntary: 3, involuntary: 2, migrations: 1, forks: 4, minorFaults: 6, majorFaults: 8 },
  io: [1, 2, 512, 8192] as [number, number, number, number],
  waits: [
    [1, 2, 350],
    [3, 1, 50],
  ] as [number, number, number][],
  wakes: [0, 0, 1, 2],
  ...{ runs: [0, 0, 3], sleeps: [], delays: [1, 2] },
};
const other = { ...row, id: 9, tid: 101, bornNs: undefined, endedNs: undefined, utime: 0, stime: 0 };
const whole: Watched = {
  ...{
    event: 'watched',
    observedNs: 1000,
    switchingNs: 1000,
    wakingNs: 250,
    cpus: 4,
    busyNs: 700,
    folded: 0,
    samples: 10,
  },
  ...{ parallelNs: [400, 600], queuedNs: [1000] },
  edges: [
    [7, 9, 50],
    [9, 7, 40],
    [7, 8, 3], // 8 has given its place to another one
  ],
  lost: { tasks: 0, edges: 0, events: 0 },
  missing: ['CPU events: none'],
};

describe('countersOf', () => {
  const counters = countersOf([row, other], whole);

  it('a task, number by number', () => {
    const { runs, sleeps, delays, ...rest } = counters.tasks[0]!;
    expect(rest).toEqual({
      ...{ tid: 100, tgid: 99, comm: 'a\u0001ÿ', isKernel: false, bornNs: 5, endedNs: 905 },
      ...{ ranNs: 300, delayNs: 200, userNs: 75, systemNs: 225 }, // 300 as 1 : 3
      ...{ bursts: 3, voluntary: 3, involuntary: 2, migrations: 1, forks: 4, minorFaults: 6, majorFaults: 8 },
      waits: { sleep: { count: 2, ns: 350 }, pipe: { count: 1, ns: 50 } },
      wakes: { task: 1, timer: 2 },
    });
    expect([runs, sleeps, delays].map((list) => list?.length)).toEqual(Array(3).fill(histogramSize));
    expect([runs?.[2], delays?.[0], delays?.[1]]).toEqual([3, 1, 2]);
    expect([...sleeps!, ...runs!.slice(3), ...delays!.slice(2)].every((count) => count === 0)).toBe(true);
  });

  it('what was not measured is absent', () => {
    const task = counters.tasks[1]!;
    for (const key of ['bornNs', 'endedNs', 'userNs', 'systemNs']) expect(task).not.toHaveProperty(key);
    expect(countersOf([], { ...whole, samples: 0 })).not.toHaveProperty('parallelNs');
    expect(counters).not.toHaveProperty('maxRssKiB');
    expect(countersOf([], { ...whole, wakingNs: 1000 })).not.toHaveProperty('sampled');
  });

  it('counters of the CPU, where there are any', () => {
    expect(countersOf([], whole)).not.toHaveProperty('pmu');
    const pmu = countersOf([], { ...whole, pmu: [10, 20, 3] }).pmu;
    expect(pmu).toEqual({ cycles: 10, instructions: 20, cacheMisses: 3 });
  });

  it('the whole', () => {
    expect(counters).toMatchObject({
      ...{ by: 'probes', observedNs: 1000, cpus: 4, busyNs: 700, folded: 0, sampled: 0.25, lost: 0 },
      edges: [
        { from: 0, to: 1, count: 50 },
        { from: 1, to: 0, count: 40 },
      ],
      blockIo: { reads: 2, writes: 4, readBytes: 1024, writtenBytes: 16_384 },
      events: 2 * (3 + 2 + 3), // switches and wakeups of both
      missing: ['CPU events: none'],
    });
  });

  it('what was not seen of switches: its share, and a task that agrees with the kernel', () => {
    const cut = { ...row, voluntary: 13, involuntary: 2, missed: 9 };
    const sampled = countersOf([cut, other], whole);
    expect(sampled.switchesSeen).toBeCloseTo(11 / 20, 10); // of 15 and 5
    expect(sampled.events).toBe(11 + 2 * 3);
    expect(sampled.tasks[0]).toMatchObject({
      waits: { sleep: { count: 8 }, pipe: { count: 4 } },
      bursts: 13,
    });
    expect(sampled.tasks[0]).not.toHaveProperty('missed');
    expect(sampled.tasks[1]).toEqual(counters.tasks[1]); // nothing of it was
    expect(counters).not.toHaveProperty('switchesSeen');
  });

  it('every loss is counted and said', () => {
    const lossy = countersOf([], { ...whole, lost: { tasks: 1, edges: 20, events: 300 } });
    expect(lossy.lost).toBe(321);
    expect(lossy.missing.map((text) => Number.parseInt(text, 10)).slice(1)).toEqual([1, 20, 300]);
  });
});

describe('watchedCounters', () => {
  const line = (value: unknown): string => `${JSON.stringify(value)}\n`;
  const tasks = { event: 'watchedTasks', tasks: [row] };

  it('lines of one observation, put together', () => {
    const text = line(tasks) + line({ ...tasks, tasks: [other] }) + line(whole);
    expect(watchedCounters(parseEvents(text)).tasks.map(({ tid }) => tid)).toEqual([100, 101]);
  });

  it('numbers beyond 2^53 are text', () => {
    const text = line({ ...tasks, tasks: [{ ...row, ranNs: '9007199254740994' }] }) + line(whole);
    expect(watchedCounters(parseEvents(text)).tasks[0]?.ranNs).toBe(9007199254740994);
  });

  it('an end too early is a fault', () => {
    expect(() => watchedCounters(parseEvents(line(tasks)))).toThrow('before it had told');
  });

  it.each([
    ['a reason that there is not', { waits: [[12, 1, 1]] }],
    ['a cause that there is not', { wakes: [0, 0, 0, 0, 0, 1] }],
    ['a bucket too many', { runs: Array(histogramSize + 1).fill(1) }],
    ['a part that is missing', { io: [1, 2, 3] }],
  ])('%s is malformed', (_, change) => {
    expect(watchedTasksSchema.safeParse({ ...tasks, tasks: [{ ...row, ...change }] }).success).toBe(false);
    expect(() => parseEvents(line({ ...tasks, tasks: [{ ...row, ...change }] }))).toThrow('unknown');
  });
});
