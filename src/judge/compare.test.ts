import { describe, expect, it } from 'vitest';
import { compareAt, compareFixed, fractionOf, gainFor, gainOf, planLooks, toEffect } from './compare.ts';

describe('compare', () => {
  it.each([
    ['lower', 90, 100, 0.1],
    ['lower', 110, 100, -0.1],
    ['higher', 110, 100, 0.1],
    ['higher', 90, 100, -0.1],
    ['lower', 100, 100, 0],
  ] as const)('%s is better: %d against %d is a gain of %d', (direction, value, base, gain) => {
    expect(fractionOf(direction, gainOf(direction, { value, base }))).toBeCloseTo(gain, 9);
    expect(gainFor(direction, gain)).toBeCloseTo(gainOf(direction, { value, base }), 9);
  });

  it('is exactly antisymmetric, and ties where ratios are equal on paper', () => {
    const gain = gainOf('lower', { value: 1004, base: 1000 });
    expect(gainOf('lower', { value: 1000, base: 1004 })).toBe(-gain);
    expect(gainOf('lower', { value: 3012, base: 3000 })).toBe(gain);
    expect(Object.is(gainOf('lower', { value: 5, base: 5 }), 0)).toBe(true);
  });

  // Walsh averages of 1, 2, 4, 8, …: with k = 0 the interval is the range, with k = 3 the fourth from each end.
  it('takes the Walsh averages that the look names', () => {
    const gains = [1, 2, 4, 8, 16, 32, 64, 128];
    expect(compareAt(gains, { n: 8, k: 0, error: 0.0078 }, 0.95)).toMatchObject({ low: 1, high: 128 });
    expect(compareAt(gains, { n: 8, k: 3, error: 0.039 }, 0.95)).toMatchObject({ low: 2.5, high: 72 });
    expect(compareFixed(gains, 0.05)).toMatchObject({ low: 2.5, high: 72, confidence: 1 - 10 / 256 });
    expect(compareFixed([1, 1, 1, 1, 1, 1000], 0.05).estimate).toBe(1);
  });

  it.each([
    [1, 0],
    [2, 0.5],
    [3, 0.75],
    [5, 1 - 2 / 32],
    [6, 1 - 2 / 64],
  ])('%d pairs give a confidence of %d, no more', (n, confidence) => {
    const gains = Array.from({ length: n }, (_, i) => i);
    expect(compareFixed(gains, 0.05)).toMatchObject({ n, confidence, low: 0, high: n - 1 });
  });

  it('spends no more than alpha over all looks, and never more than its share so far', () => {
    for (const counts of [[8, 12, 16, 24], [8, 12, 18, 26, 36], [6], [10, 12, 14, 16, 18, 20]]) {
      let spent = 0;
      for (const look of planLooks(counts, 0.05)) {
        spent += look.error;
        expect(spent).toBeLessThanOrEqual(0.05 * (look.n / counts.at(-1)!) ** 1.5 + 1e-12);
      }
      expect(spent).toBeGreaterThan(0.03);
    }
    expect(planLooks([8, 12, 16, 24], 0.05).map(({ n, k }) => [n, k])).toMatchInlineSnapshot(`
      [
        [
          8,
          0,
        ],
        [
          12,
          7,
        ],
        [
          16,
          19,
        ],
        [
          24,
          71,
        ],
      ]
    `);
    expect(planLooks([3, 4, 12], 0.05).map(({ n }) => n)).toEqual([12]);
  });

  it('turns gains into changes of the metric', () => {
    const gain = { n: 8, estimate: Math.log(1.25), low: 0, high: Math.log(2), confidence: 0.95 };
    const lower = toEffect('lower', gain);
    expect([lower.relative, lower.low, lower.high].map((x) => x.toFixed(6))).toEqual([
      '-0.200000',
      '-0.500000',
      '0.000000',
    ]);
    const higher = toEffect('higher', gain);
    expect([higher.relative, higher.low, higher.high].map((x) => x.toFixed(6))).toEqual([
      '0.250000',
      '0.000000',
      '1.000000',
    ]);
  });
});
