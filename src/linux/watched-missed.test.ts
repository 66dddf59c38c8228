import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { TaskCounters } from '../core/counters.ts';
import { completed, scaledTo } from './watched-missed.ts';

const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0);
const counts = (task: TaskCounters): number[] => Object.values(task.waits ?? {}).map(({ count }) => count);

/** Lived 1000 of the 2000 ns that were observed; 200 on CPUs, 100 ready: 700 waiting. 41 voluntary switches: 40 waits, and its end. */
const task: TaskCounters = {
  ...{ tid: 5, tgid: 5, comm: 'a', isKernel: false, bornNs: 500, endedNs: 1500 },
  ...{ ranNs: 200, delayNs: 100, bursts: 9, voluntary: 41, involuntary: 7 },
  waits: { pipe: { count: 6, ns: 60 }, sleep: { count: 2, ns: 50 } },
  ...{ runs: [0, 8], sleeps: [0, 4, 4], delays: [9, 0] },
};

describe('completed', () => {
  it('in the proportions that were seen, as many as the kernel says', () => {
    expect(completed(task, 2000)).toEqual({
      ...task,
      bursts: 41, // one of its fork, and one after each wait
      waits: { pipe: { count: 30, ns: 300 }, sleep: { count: 10, ns: 250 } }, // five times as many, so five times as long
      ...{ runs: [0, 41], sleeps: [0, 20, 20], delays: [41, 0] },
    });
  });

  it('who lives on: its last wait is not over, or its last burst not', () => {
    const { endedNs, ...living } = { ...task, voluntary: 40 };
    const done = completed(living, 2000);
    expect([done.bursts, sum(done.sleeps!), sum(counts(done))]).toEqual([40, 39, 40]);
  });

  it('who waited when it began: a wait more, and its first burst comes after it', () => {
    const { bornNs, ...old } = task;
    expect(sum(counts(completed(old, 2000, true)))).toBe(41);
    expect(completed(old, 2000, true).bursts).toBe(41);
    expect([sum(counts(completed(old, 2000))), completed(old, 2000).bursts]).toEqual([40, 40]);
  });

  it('never longer than it lived', () => {
    const long = completed({ ...task, waits: { pipe: { count: 8, ns: 700 } } }, 2000);
    expect(long.waits).toEqual({ pipe: { count: 40, ns: 700 } });
  });

  it('of whom nothing was seen waits for nobody knows what', () => {
    const unseen = { ...task, bursts: 0, waits: {}, runs: [0], sleeps: [0], delays: [0] };
    const done = completed(unseen, 2000);
    expect(done).toMatchObject({ waits: { unknown: { count: 40, ns: 700 } }, bursts: 41, runs: [0] });
    expect(completed({ ...unseen, voluntary: 1 }, 2000).waits).toEqual({});
  });

  it('the sum of many lives stays as it was estimated', () => {
    expect(completed({ ...task, tid: -1 }, 2000)).toEqual({ ...task, tid: -1 });
  });
});

it('scaledTo: whole numbers, exactly that sum, each within one of its share', () => {
  const histogram = fc.array(fc.nat(10_000), { minLength: 1, maxLength: 40 });
  fc.assert(
    fc.property(histogram, fc.nat(100_000), (list, wanted) => {
      const out = scaledTo(list, wanted);
      const all = sum(list);
      expect(sum(out)).toBe(all === 0 ? 0 : wanted);
      for (const [i, count] of out.entries()) {
        expect(Number.isInteger(count) && count >= 0).toBe(true);
        if (all > 0) expect(Math.abs(count - (list[i]! * wanted) / all)).toBeLessThanOrEqual(1);
        if (list[i] === 0) expect(count).toBe(0);
      }
    }),
  );
});
