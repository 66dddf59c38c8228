// The error rates that DESIGN.md section 8 promises, by simulation. bench/judge-error-rates.ts has the whole matrix.
import { describe, expect, it } from 'vitest';
import { measure, shapes } from './simulation.ts';

/** So many of n at most, if the true rate is `rate`: three standard deviations above. */
const most = (n: number, rate: number) => n * rate + 3 * Math.sqrt(n * rate * (1 - rate));
const nulls = (n: number): number[] => Array(n).fill(0);

describe('error rates of the judge', () => {
  // One comparison, two-sided 5 %, so false acceptances are 2.5 % however many arms there are: half of what is promised.
  it.each([
    { arms: 10, shape: shapes.quiet, tunes: 500 },
    { arms: 10, shape: shapes.normal, tunes: 1000 },
    { arms: 10, shape: shapes.heavy, tunes: 1000 },
    { arms: 10, shape: shapes.ties, tunes: 1000 },
    { arms: 10, shape: shapes.fewValues, tunes: 500 },
    { arms: 10, shape: shapes.cold, tunes: 500 },
    { arms: 10, shape: shapes.fast10, tunes: 500 },
    { arms: 10, shape: shapes.fast10wild, tunes: 500 },
    { arms: 30, shape: shapes.normal, tunes: 300 },
    { arms: 30, shape: shapes.fast10, tunes: 300 },
  ])('$arms equal arms, $shape.name: hardly anything is accepted', ({ arms, shape, tunes }) => {
    const rates = measure(tunes, (seed) => ({ shape, effects: nulls(arms), seed }));
    expect(rates.falselyAccepted).toBeLessThanOrEqual(most(tunes, 0.025));
    expect(rates.covered / rates.intervals).toBeGreaterThanOrEqual(0.93);
    expect(rates.intervals).toBe(tunes);
  });

  it('equal policies and equal settings: settings are no second chance', () => {
    const equal = { shape: shapes.fast10, effects: nulls(5), settings: nulls(5) };
    expect(measure(500, (seed) => ({ ...equal, seed })).falselyAccepted).toBeLessThanOrEqual(
      most(500, 0.025),
    );
  });

  it('a policy and settings that are equally good: the settings; a policy that is better: the policy', () => {
    const good = { shape: shapes.quiet, effects: [-0.05, 0, 0], settings: [-0.05, 0] };
    const close = measure(200, (seed) => ({ ...good, seed }));
    expect(close.found).toBeGreaterThanOrEqual(195);
    expect(close.foundSettings).toBeGreaterThanOrEqual(180);
    const better = measure(200, (seed) => ({ ...good, effects: [-0.1, 0, 0], seed }));
    expect(better.found).toBeGreaterThanOrEqual(195);
    expect(better.foundSettings).toBeLessThanOrEqual(10);
  });

  it('equal to the last bit: never accepted, and the default is within 0 %', () => {
    const rates = measure(20, (seed) => ({ shape: shapes.zero, effects: nulls(10), seed }));
    expect(rates).toMatchObject({ falselyAccepted: 0, rejected: 20, covered: 20 });
  });

  it.each([
    { effect: -0.05, shape: shapes.quiet },
    { effect: -0.05, shape: shapes.normal },
    { effect: -0.05, shape: shapes.heavy },
    { effect: -0.05, shape: shapes.ties },
    { effect: -0.05, shape: shapes.cold },
    { effect: -0.05, shape: shapes.zero },
    { effect: -0.2, shape: shapes.fast5 },
    { effect: -0.2, shape: shapes.fast10 },
    { effect: -0.2, shape: shapes.fast10wild },
  ])('$effect planted among nine equal arms, $shape.name: found', ({ effect, shape }) => {
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
