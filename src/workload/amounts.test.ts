import { describe, expect, test } from 'vitest';
import { createRandom } from '../lib/random.ts';
import { amountBounds, drawAmounts } from './draws.ts';
import { durationNs, durationText, mulDiv, spanNs } from './duration.ts';
import { poissonArrivals } from './poisson.ts';
import { select } from './selectors.ts';

test.each([
  ['37ms', 37_000_000],
  ['1.5us', 1500],
  ['0.0015us', 1],
  ['2s', 2e9],
  ['7ns', 7],
  [42, 42],
])('%s is %i ns', (text, ns) => {
  expect(durationNs(text)).toBe(ns);
});

test.each([
  [0, '0'],
  [7, '7ns'],
  [1500, '1.5us'],
  [999_999_999, '1000ms'],
  [37_000_000, '37ms'],
  [2_500_000_000, '2.5s'],
])('%i ns reads %s', (ns, text) => {
  expect(durationText(ns)).toBe(text);
});

test('rates give spans, and products beyond 2^53 lose nothing', () => {
  expect(spanNs('500/s', 100)).toBe(200_000_000);
  expect(spanNs('2.5/ms', 5)).toBe(2_000_000);
  expect(mulDiv(2 ** 52 - 1, 2 ** 40, 2 ** 40)).toBe(2 ** 52 - 1);
});

describe('draws are stratified', () => {
  const about = { about: 1_000_000, spread: 0.1 };

  test('their sum is off by less than half of one spread', () => {
    for (const count of [1, 7, 500]) {
      const sum = drawAmounts(about, count, createRandom(count)).reduce((a, b) => a + b, 0);
      expect(Math.abs(sum - count * 1e6)).toBeLessThanOrEqual(1e5 + count);
    }
  });

  test('each n-th of the range has exactly one', () => {
    const drawn = drawAmounts({ from: 0, to: 1000 }, 10, createRandom(5));
    expect(drawn.map((ns) => Math.floor(ns / 100)).sort()).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(drawn).not.toEqual([...drawn].sort((a, b) => a - b));
  });

  test('a mix keeps its shares exactly', () => {
    const mix = {
      mix: [
        { share: 3, amount: 10 },
        { share: 1, amount: { from: 100, to: 200 } },
      ],
    };
    const drawn = drawAmounts(mix, 40, createRandom(1));
    expect(drawn.filter((ns) => ns === 10)).toHaveLength(30);
    expect(Math.min(...drawn.filter((ns) => ns !== 10))).toBeLessThan(110);
    expect(amountBounds(mix)).toEqual({ lowNs: 10, highNs: 200 });
  });

  test('a bounded Pareto has the median 2·L·H ÷ (L + H), and most below the mean', () => {
    const drawn = drawAmounts({ from: 10_000, to: 1_000_000, shape: 'pareto' }, 1001, createRandom(1));
    const sorted = drawn.sort((a, b) => a - b);
    expect(sorted[500]! / ((2 * 10_000 * 1_000_000) / 1_010_000)).toBeCloseTo(1, 2);
    const mean = sorted.reduce((a, b) => a + b, 0) / sorted.length;
    expect(mean / ((1e6 * 1e4 * Math.log(100)) / 990_000)).toBeCloseTo(1, 1);
  });
});

test('Poisson arrivals: number and window fixed, gaps exponential (Kolmogorov-Smirnov at 0.1 %)', () => {
  const count = 4000;
  const times = poissonArrivals(createRandom(3), '1000/s', count);
  expect(times).toHaveLength(count);
  expect(times.at(-1)).toBeLessThan(4e9);
  const gaps = times.map((ns, i) => ns - (times[i - 1] ?? 0)).sort((a, b) => a - b);
  const distance = Math.max(
    ...gaps.map((gap, i) => Math.abs((i + 0.5) / count - (1 - Math.exp(-gap / 1e6)))),
  );
  expect(distance).toBeLessThan(1.95 / Math.sqrt(count));
});

test.each([
  ['x', []],
  ['x#', [7]],
  ['x#3', [3]],
  ['x#/4', [1]],
  ['x#%4', [3]],
  ['x#*2', [14, 15]],
  ['x@', [11]],
  ['x@%4', [3]],
])('%s selects %j', (selector, indexes) => {
  expect(select(selector, { index: 7, arrival: 11 })).toEqual({ family: 'x', indexes });
});
