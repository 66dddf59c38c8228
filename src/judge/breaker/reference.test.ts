import { describe, expect, it } from 'vitest';
import { createRandom } from '../../lib/random.ts';
import { freedomOf, gainAgainst, referenceOf, standardError, varianceOfMean } from './reference.ts';

describe('varianceOfMean', () => {
  it.each([
    ['independent: σ²/n', 0, 4, 1 / 4],
    // two values: (1 + 1 + 2·0.5) / 4
    ['AR(1) 0.5, two', 0.5, 2, 3 / 4],
    // three values: (3 + 4·0.5 + 2·0.25) / 9
    ['AR(1) 0.5, three', 0.5, 3, 5.5 / 9],
    ['one value', 0.8, 1, 1],
  ])('%s', (_, correlation, n, expected) => {
    expect(varianceOfMean({ deviation: 1, correlation }, n)).toBeCloseTo(expected, 12);
  });
});

describe('referenceOf', () => {
  it('is the median, and clips what is far off it', () => {
    // gains −ln 2, 0, 0, 0, ln 2; the median deviation is 0, so the clip is 2.5 tolerated losses
    const reference = referenceOf([50, 100, 100, 100, 200], 'higher', 0.1, 2, 7)!;
    expect(reference).toMatchObject({ value: 100, clip: 0.25, n: 5, endNs: 7 });
    expect(reference.centre).toBeCloseTo(0, 12);
    expect(gainAgainst(reference, 'higher', 0)).toBeCloseTo(-0.25, 12);
    expect(gainAgainst(reference, 'higher', 90)).toBeCloseTo(Math.log(0.9), 9);
    expect(gainAgainst(reference, 'lower', 90)).toBeCloseTo(-Math.log(0.9), 9);
  });

  it('takes off what dips do to the mean', () => {
    // gains 0, 0, 0, 0 and a dip clipped at −0.25: centre −0.05
    const reference = referenceOf([100, 100, 50, 100, 100], 'higher', 0.1, 2, 0)!;
    expect(reference.centre).toBeCloseTo(-0.05, 12);
    expect(gainAgainst(reference, 'higher', 100)).toBeCloseTo(0.05, 12);
  });

  it('has an error of its own', () => {
    const reference = {
      ...referenceOf([99, 100, 101], 'higher', 0.1, 2, 0)!,
      deviation: 1,
      correlation: 0,
      n: 16,
    };
    expect(standardError({ ...reference, excess: 1 }, 9)).toBeCloseTo(Math.sqrt(1 / 9 + 1 / 16), 12);
    expect(standardError({ ...reference, excess: 4 }, 9)).toBeCloseTo(2 * Math.sqrt(1 / 9 + 1 / 16), 12);
  });

  it('needs a level above zero', () => {
    expect(referenceOf([0, 0, 0, 5], 'higher', 0.1, 2, 0)).toBeUndefined();
  });

  /** 300 samples of an AR(1). */
  const series = (rho: number, seed: number, sigma = 0.1): number[] => {
    const random = createRandom(seed);
    let x = random.normal();
    return Array.from({ length: 300 }, () => {
      x = rho * x + Math.sqrt(1 - rho * rho) * random.normal();
      return 1000 * Math.exp(sigma * x);
    });
  };

  it.each([0, 0.5, 0.8])('finds deviation and correlation of an AR(1) %d', (rho) => {
    const all = Array.from(
      { length: 200 },
      (_, seed) => referenceOf(series(rho, seed), 'higher', 0.2, 18, 0)!,
    );
    const mean = (of: (one: (typeof all)[0]) => number) =>
      all.reduce((sum, one) => sum + of(one), 0) / all.length;
    expect(Math.abs(mean((one) => one.deviation) / 0.1 - 1)).toBeLessThan(0.02);
    expect(Math.abs(mean((one) => one.correlation) - rho)).toBeLessThan(rho === 0 ? 0.03 : 0.008);
    // σ √(f(18)/18 + f(300)/300), and a little more: the greater of two estimates is taken
    const exact = Math.sqrt(
      varianceOfMean({ deviation: 0.1, correlation: rho }, 18) +
        varianceOfMean({ deviation: 0.1, correlation: rho }, 300),
    );
    const found = mean((one) => standardError(one, 18));
    expect(found / exact).toBeGreaterThan(0.97);
    expect(found / exact).toBeLessThan(1.2);
  });

  it('takes drift for no noise', () => {
    const random = createRandom(9);
    const drift = (i: number) => 0.1 * Math.sin((Math.PI * i) / 300 + 1);
    const values = Array.from({ length: 300 }, (_, i) => 100 * Math.exp(0.05 * random.normal() + drift(i)));
    const reference = referenceOf(values, 'higher', 0.2, 18, 0)!;
    expect(Math.abs(reference.deviation - 0.05)).toBeLessThan(0.006);
    expect(reference.correlation).toBeLessThan(0.15);
  });

  it('sees that windows vary more than an AR(1) explains', () => {
    // blocks of 36 that are 12 % up or down in turns, with noise in between that hides it from neighbours
    const random = createRandom(5);
    const values = Array.from(
      { length: 324 },
      (_, i) => 100 * Math.exp(0.2 * random.normal() + ((i / 36) & 1 ? 0.12 : -0.12)),
    );
    const reference = referenceOf(values, 'higher', 0.2, 18, 0)!;
    expect(reference.excess).toBeGreaterThan(1.2);
  });

  it('counts correlated samples for what they are worth', () => {
    const base = referenceOf(series(0, 1), 'higher', 0.2, 18, 0)!;
    // 300 · 0.2 / 1.8 − 1
    expect(freedomOf({ ...base, correlation: 0.8 })).toBeCloseTo(32.33, 2);
  });
});
