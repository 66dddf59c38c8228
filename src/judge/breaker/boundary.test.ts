import { describe, expect, it } from 'vitest';
import { allowedRate, boundaryAt, studentised } from './boundary.ts';

const minute = 60e9;

describe('allowedRate', () => {
  it('spends what is allowed in the first minute, and as much in each doubling of time after it', () => {
    const spent = (from: number, to: number): number => {
      let total = 0;
      const steps = 10_000;
      for (let i = 0; i < steps; i++)
        total += (allowedRate(0.004, from + ((i + 0.5) / steps) * (to - from)) * (to - from)) / steps;
      return total;
    };
    expect(spent(0, minute)).toBeCloseTo(0.004, 7);
    expect(spent(minute, 3 * minute)).toBeCloseTo(0.004, 7);
    // log2 of 61 minutes, of 1441 minutes
    expect(spent(0, 60 * minute)).toBeCloseTo(0.004 * 5.93, 5);
    expect(spent(0, 1440 * minute)).toBeCloseTo(0.004 * 10.49, 4);
  });
});

describe('boundaryAt', () => {
  // φ(4) · 4 = 5.353e-4, φ(4.5) · 4.5 = 7.191e-5 (tables of the normal density)
  it.each([
    [5.3532e-4, 4],
    [7.1909e-5, 4.5],
  ])('%d crossings a window: z = %d', (crossings, z) => {
    expect(boundaryAt(crossings / 2e9, 2e9)).toBeCloseTo(z, 3);
  });

  // the same times exp(−0.583 · 4 · √(2/18)) = 0.45959
  it('steps jump over it', () => {
    expect(boundaryAt((5.3532e-4 * 0.45959) / 2e9, 2e9, 18)).toBeCloseTo(4, 3);
  });

  it('has a floor', () => {
    expect(boundaryAt(1, 1)).toBeCloseTo(2, 6);
  });
});

describe('studentised', () => {
  // upper 0.1 % points: normal 3.0902, Student with 30 degrees 3.3852, with 120 3.1595 (tables)
  it.each([
    [30, 3.385],
    [120, 3.16],
  ])('with %d degrees of freedom the upper 0.1 %% point is %d', (freedom, t) => {
    expect(studentised(3.0902, freedom)).toBeCloseTo(t, 2);
  });
});
