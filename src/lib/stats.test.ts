import { describe, expect, it } from 'vitest';
import { hodgesLehmann, median, signedRankCdf, signedRankCritical, walshAverages } from './stats.ts';

/** P(W ≤ w) by listing all 2^n signs. */
function listed(n: number, w: number): number {
  let hits = 0;
  for (let signs = 0; signs < 2 ** n; signs++) {
    let sum = 0;
    for (let rank = 1; rank <= n; rank++) if (signs & (1 << (rank - 1))) sum += rank;
    if (sum <= w) hits++;
  }
  return hits / 2 ** n;
}

describe('stats', () => {
  it.each([
    [[3], 3],
    [[4, 1], 2.5],
    [[9, 1, 2], 2],
    [[1, 2, 3, 100], 2.5],
  ])('median of %j is %d', (values, expected) => expect(median(values)).toBe(expected));

  it('takes all Walsh averages, and their median', () => {
    expect([...walshAverages([4, 0, 2])]).toEqual([0, 1, 2, 2, 3, 4]);
    expect(hodgesLehmann([4, 0, 2])).toBe(2);
    expect(hodgesLehmann([1, 1, 1, 1, 1000])).toBe(1);
  });

  it('agrees with listing all signs', () => {
    for (const n of [1, 2, 5, 8]) {
      const cdf = signedRankCdf(n);
      for (let w = 0; w < cdf.length; w++) expect(cdf[w]).toBe(listed(n, w));
      expect(cdf.at(-1)).toBe(1);
    }
  });

  // The printed tables' one-sided critical values: 17 at 5 %; 29 and 8 at 2.5 %.
  it.each([
    [12, 17, 0.0461],
    [16, 29, 0.0222],
    [10, 8, 0.0244],
  ])('n = %d: P(W ≤ %d) = %d', (n, w, p) => expect(signedRankCdf(n)[w]).toBeCloseTo(p, 3));

  it('finds the critical value, or says that there is none', () => {
    expect(signedRankCritical(5, 0.05)).toBeUndefined();
    expect(signedRankCritical(6, 0.05)).toEqual({ k: 0, error: 2 / 64 });
    expect(signedRankCritical(8, 0.05)).toEqual({ k: 3, error: (2 * 5) / 256 });
    expect(signedRankCritical(10, 0.05)?.k).toBe(8);
  });
});
