import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { counters, histogram, ms } from '../../test/profiles/counters.ts';
import { littleTrace } from '../../test/profiles/little-trace.ts';
import type { TaskCounters } from '../core/counters.ts';
import { shapeSchema } from '../core/profile.ts';
import { bursts } from '../traces/bursts.ts';
import { countersOf } from './from-trace.ts';
import { elementOf, quantileIn, quantilesOf } from './histogram.ts';
import { shapeOf } from './shape.ts';

describe('histograms', () => {
  it.each([
    [0, 0],
    [1, 0],
    [2, 1],
    [3, 1],
    [4, 2],
    [2 ** 32 - 1, 31],
    [2 ** 32, 32],
    [2 ** 39 - 1, 38],
    [2 ** 45, 39],
  ])('%d ns are counted in element %d', (ns, element) => {
    expect(elementOf(ns)).toBe(element);
  });

  it('quantiles: by rank, and within an element on a logarithmic scale', () => {
    // ranks 1 to 8 in [16, 32), 9 and 10 in [1024, 2048)
    const counts = histogram([16, 8], [1024, 2]);
    expect(quantileIn(counts, 0.4)).toBe(Math.round(16 * Math.SQRT2));
    expect(quantileIn(counts, 0.8)).toBe(32);
    expect(quantileIn(counts, 1)).toBe(2048);
    expect(quantileIn(histogram(), 0.5)).toBeUndefined();
    expect(quantilesOf(histogram([16, 8], [1024, 2]), 500)?.mean).toBe(50);
  });
});

describe('a shape', () => {
  it('of next to nothing has next to nothing', () => {
    expect(shapeOf(counters([{ ranNs: 400 * ms }], { cpus: 2 }))).toEqual({
      ...{ cpus: 2, tasks: 1, cpuNs: 400 * ms, utilisation: 0.2, time: { cpu: 0.4 } },
    });
    expect(shapeOf(counters([], { observedNs: 0 }))).toEqual({ cpus: 4, tasks: 0, cpuNs: 0 });
  });

  it('time by what it was spent on, and waits by their number', () => {
    // they lived 1000 and 600 ms
    const shape = shapeOf(
      counters([
        {
          ranNs: 200 * ms,
          delayNs: 40 * ms,
          waits: { futex: { count: 30, ns: 720 * ms }, kernel: { count: 10, ns: 40 * ms } },
        },
        {
          ...{ bornNs: 100 * ms, endedNs: 700 * ms, forks: 0 },
          ranNs: 520 * ms,
          delayNs: 40 * ms,
          waits: { disk: { count: 10, ns: 40 * ms } },
        },
      ]),
    );
    const { time, waits } = shape;
    expect(time?.cpu).toBeCloseTo(720 / 1600);
    expect(time?.delay).toBeCloseTo(80 / 1600);
    expect(time?.futex).toBeCloseTo(720 / 1600);
    expect([time?.disk, time?.other, time?.pipe]).toEqual([40 / 1600, 40 / 1600, 0]);
    expect(Object.values(time ?? {}).reduce((sum: number, share) => sum + (share ?? 0), 0)).toBeCloseTo(1);
    expect([waits?.futex, waits?.disk, waits?.other]).toEqual([0.6, 0.2, 0.2]);
    expect(shape.churn).toBe(0.5);
  });

  it('says nothing of reasons when most of the waiting has none', () => {
    const task = {
      ranNs: 100 * ms,
      waits: { unknown: { count: 1, ns: 600 * ms }, pipe: { count: 1, ns: 300 * ms } },
    };
    expect(shapeOf(counters([task]))).toMatchObject({ time: { cpu: 0.1 } });
    expect(shapeOf(counters([task])).waits).toBeUndefined();
    expect(shapeOf(counters([task])).time?.pipe).toBeUndefined();
  });

  it('who waits from the start to the end hides no reasons of those that ran', () => {
    const task = { ranNs: 100 * ms, waits: { pipe: { count: 9, ns: 800 * ms } } };
    const quiet = { ranNs: 0, waits: { unknown: { count: 1, ns: 1000 * ms } } };
    const shape = shapeOf(counters([task, quiet]));
    expect(shape.waits?.pipe).toBe(1);
    expect(shape.time?.pipe).toBeCloseTo(0.4); // 800 of the 2000 ms that the two lived
    expect(shapeOf(counters([quiet])).time).toEqual({ cpu: 0 });
  });

  it('who runs and waits at once', () => {
    // 0 for 500 ms (100 counted, 400 left out), 1 for 300, 3 for 200
    const shape = shapeOf(
      counters([], { parallelNs: [100 * ms, 300 * ms, 0, 200 * ms, 0], queuedNs: [960 * ms, 0, 40 * ms] }),
    );
    expect(shape.parallelism).toEqual({ mean: 0.9, p50: 0, p95: 3, max: 3 });
    expect(shape.queued).toEqual({ mean: 0.08, p95: 0 });
  });

  it('rates are per second and task that runs, or per second', () => {
    const busy = {
      ranNs: 50 * ms,
      bursts: 300,
      voluntary: 270,
      involuntary: 30,
      migrations: 6,
      forks: 4,
      minorFaults: 20,
    };
    const shape = shapeOf(
      counters([busy, { ...busy, bornNs: 500 * ms }, { bursts: 0, voluntary: 0, involuntary: 0 }], {
        observedNs: 2000 * ms,
      }),
    );
    expect(shape.burstsPerS).toBeCloseTo(600 / 3.5); // they lived 2 and 1.5 s
    expect(shape).toMatchObject({
      switchesPerS: 300,
      involuntaryShare: 0.1,
      migrationsPerS: 6,
      forksPerS: 4,
      faultsPerS: 20,
    });
  });

  it('wakes and their graph', () => {
    const edges = [
      { from: 0, to: 1, count: 40 },
      { from: 1, to: 0, count: 30 },
      { from: 0, to: 2, count: 20 },
      { from: 2, to: 1, count: 10 }, // both wake others, but not each other
    ];
    const wakes = [{ task: 30, timer: 10 }, { task: 40 }, { task: 10, interrupt: 10, start: 7 }];
    const shape = shapeOf(
      counters(
        wakes.map((one) => ({ wakes: one })),
        { edges },
      ),
    );
    expect(shape.wakes).toEqual({ task: 0.8, timer: 0.1, interrupt: 0.1, fork: 0 });
    expect(shape.wakeGraph).toEqual({ pairs: 4, fanOut: 2, mutualShare: 0.7 });
    expect(shape.ownWakes).toBe(1); // 100 by one another, and as many in all
    const half = shapeOf(counters([{ wakes: { task: 150, interrupt: 50 } }], { edges }));
    expect(half.ownWakes).toBe(0.5);
  });

  it('the long tail: of eleven tasks the two longest', () => {
    const times = [1, 1, 1, 1, 1, 1, 1, 1, 1, 40, 51];
    expect(shapeOf(counters(times.map((ranNs) => ({ ranNs })))).longTail).toEqual({ topShare: 0.91 });
    expect(shapeOf(counters([{ ranNs: 5 }])).longTail).toBeUndefined();
  });

  it('kernel threads count only where there is nobody else', () => {
    const kernel: Partial<TaskCounters> = { isKernel: true, ranNs: 10 * ms };
    expect(shapeOf(counters([kernel, { ranNs: ms }]))).toMatchObject({ tasks: 1, cpuNs: ms });
    expect(shapeOf(counters([kernel]))).toMatchObject({ tasks: 1, cpuNs: 10 * ms });
  });

  it('tasks that were not kept one by one are counted, and their sum is no task', () => {
    expect(shapeOf(counters([{ ranNs: ms }, { tid: -1, ranNs: 9 * ms }], { folded: 30 }))).toMatchObject({
      tasks: 31,
      cpuNs: 10 * ms,
    });
  });

  it('from a trace to the end: critical path, lonely end, time that adds up', () => {
    const trace = littleTrace({
      cpus: 2,
      endNs: 60,
      steps: [
        [10, 0, 'fork', 'w', 'main'],
        [12, 1, 'switch', '', 'w'],
        [20, 0, 'switch', 'main', '', 'child'],
        [40, 1, 'wake', 'main', 'w'],
        [41, 0, 'switch', '', 'main'],
        [42, 1, 'switch', 'w', '', 'ended'],
        [60, 0, 'switch', 'main', '', 'ended'],
      ],
    });
    const shape = shapeOf(countersOf(trace, bursts(trace)));
    expect(shape.criticalPath).toEqual({ ns: 57, share: 57 / 60, tasks: 2 });
    expect(shape.utilisation).toBeCloseTo(69 / 120);
    expect(shape.time?.cpu).toBeCloseTo(69 / 92); // they lived 60 and 32 ns
    expect(shape.time?.child).toBeCloseTo(20 / 92);
    expect(shape.time?.delay).toBeCloseTo(3 / 92);
    expect(shapeSchema.parse(shape)).toEqual(shape);
  });

  it('keeps its schema, whatever was counted', () => {
    const ns = fc.integer({ min: 0, max: 10 ** 12 });
    const some = fc.integer({ min: 0, max: 1000 });
    const task = fc.record(
      {
        ...{
          tid: fc.integer({ min: -1, max: 9 }),
          ranNs: ns,
          delayNs: ns,
          bornNs: ns,
          endedNs: ns,
          userNs: ns,
          systemNs: ns,
        },
        ...{ bursts: some, voluntary: some, involuntary: some, forks: some, isKernel: fc.boolean() },
        waits: fc.dictionary(
          fc.constantFrom('unknown', 'sleep', 'kernel', 'disk'),
          fc.record({ count: some, ns }),
          { maxKeys: 4 },
        ),
        runs: fc.array(some, { minLength: 40, maxLength: 40 }),
      },
      { requiredKeys: ['ranNs'] },
    );
    fc.assert(
      fc.property(
        fc.array(task, { maxLength: 12 }),
        ns,
        fc.array(ns, { maxLength: 5 }),
        (tasks, observedNs, parallelNs) => {
          const shape = shapeOf(counters(tasks as Partial<TaskCounters>[], { observedNs, parallelNs }));
          expect(shapeSchema.safeParse(shape).error).toBeUndefined();
        },
      ),
    );
  });
});
