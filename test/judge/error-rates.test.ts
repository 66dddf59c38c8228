// The error rates that DESIGN.md section 8 promises, by simulation. bench/judge-error-rates.ts has the whole matrix.
import { describe, expect, it } from 'vitest';
import { measure, type Shape, shapes } from './simulation.ts';

/** So many of n at most, if the true rate is `rate`: three standard deviations above. */
const most = (n: number, rate: number) => n * rate + 3 * Math.sqrt(n * rate * (1 - rate));
const nulls = (n: number): number[] => Array(n).fill(0);

describe('error rates of the judge', () => {
  // One comparison, two-sided 5 %, so false acceptances are 2.5 % however many arms there are: half of what is promised.
  const equal: [number, Shape, number][] = [
    [10, shapes.quiet, 1000],
    [10, shapes.normal, 1000],
    [10, shapes.heavy, 1000],
    [10, shapes.ties, 1000],
    [10, shapes.fewValues, 1000],
    [10, shapes.fast10, 500],
    [10, shapes.fast10wild, 500],
    [30, shapes.normal, 300],
    [30, shapes.fast5, 200],
    [30, shapes.fast10, 300],
  ];
  it.each(equal)('%d equal arms, $1.name: hardly anything is accepted', (arms, shape, tunes) => {
    const rates = measure(tunes, (seed) => ({ shape, effects: nulls(arms), seed }));
    expect(rates.falselyAccepted).toBeLessThanOrEqual(most(tunes, 0.025));
    expect(rates.covered / rates.intervals).toBeGreaterThanOrEqual(0.93);
    expect(rates.intervals).toBe(tunes);
  });

  it('equal to the last bit: never accepted, and the default is within 0 %', () => {
    const rates = measure(20, (seed) => ({ shape: shapes.zero, effects: nulls(10), seed }));
    expect(rates).toMatchObject({ falselyAccepted: 0, rejected: 20, covered: 20 });
  });

  const planted: [number, Shape][] = [
    [-0.05, shapes.quiet],
    [-0.05, shapes.normal],
    [-0.05, shapes.heavy],
    [-0.05, shapes.ties],
    [-0.05, shapes.zero],
    [-0.2, shapes.fast5],
    [-0.2, shapes.fast10],
    [-0.2, shapes.fast10wild],
  ];
  it.each(planted)('%d planted among nine equal arms, $1.name: found', (effect, shape) => {
    const rates = measure(200, (seed) => ({ shape, effects: [...nulls(9), effect], seed }));
    expect(rates.found - rates.falselyAccepted).toBeGreaterThanOrEqual(190);
    expect(rates.covered / rates.intervals).toBeGreaterThanOrEqual(0.93);
  });

  // The hardest case for an interval that may stop early: an effect at the margin, where every look may end it.
  it.each([shapes.normal, shapes.skewed, shapes.fast5])(
    'an effect at the margin, $name: its interval holds',
    (shape) => {
      const rates = measure(1000, (seed) => ({ shape, effects: [-0.02], seed }));
      expect(rates.covered / rates.intervals).toBeGreaterThanOrEqual(
        0.95 - 3 * Math.sqrt((0.05 * 0.95) / 1000),
      );
    },
  );
});
