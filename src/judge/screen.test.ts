// The ranking of simulated candidates, held against values worked out by hand.

import { describe, expect, it } from 'vitest';
import { choose, rank } from './screen.ts';

const lower = { metric: 'makespanNs', direction: 'lower', unit: 'ns' } as const;
const arm = (id: string, values: (number | null)[], changes = 0, family = id) => ({
  id,
  family,
  changes,
  values,
});
const base = arm('default', [100, 200, 400]);

describe('rank', () => {
  it('orders by the median of the paired relative changes', () => {
    // −10 %, −50 %, +10 %: median −10 %; and −20 % on each seed; the sums of values would order them the other way round
    const ranked = rank(lower, base, [arm('a', [90, 100, 440]), arm('b', [80, 160, 320])]);
    expect(ranked.map(({ id }) => id)).toEqual(['b', 'a']);
    expect(ranked.map(({ gain }) => gain)).toEqual([-0.2, expect.closeTo(-0.1, 12)]);
  });

  it('takes only the seeds that an arm ran with', () => {
    expect(rank(lower, base, [arm('a', [90])])[0]!.gain).toBeCloseTo(-0.1, 12);
  });

  it('turns the sign where more is better', () => {
    const higher = { ...lower, direction: 'higher' } as const;
    const ranked = rank(higher, base, [arm('less', [90, 180, 360]), arm('more', [110, 220, 440])]);
    expect(ranked.map(({ id }) => id)).toEqual(['more', 'less']);
    expect(ranked[0]!.gain).toBeCloseTo(-0.1, 12);
  });

  it('puts what failed last, and what failed where the default did too', () => {
    const ranked = rank(lower, base, [
      arm('failed', [1, null]),
      arm('worse', [150, 300, 600]),
      arm('none', []),
    ]);
    expect(ranked.map(({ id, gain }) => [id, gain])).toEqual([
      ['worse', 0.5],
      ['failed', null],
      ['none', null],
    ]);
    expect(rank(lower, arm('default', [null]), [arm('a', [1])])[0]!.gain).toBeNull();
  });

  it('wants half a per cent for each changed parameter', () => {
    const plain = arm('plain', [90, 180, 360]); // −10 %
    const little = arm('little', [89.6, 179.2, 358.4], 1); // −10.4 %
    const enough = arm('enough', [89.4, 178.8, 357.6], 1); // −10.6 %
    expect(rank(lower, base, [little, plain, enough]).map(({ id }) => id)).toEqual([
      'enough',
      'plain',
      'little',
    ]);
  });
});

describe('choose', () => {
  it('takes the first, few of a family, none that failed', () => {
    const ranked = rank(lower, base, [
      arm('a1', [50], 0, 'a'),
      arm('a2', [51], 0, 'a'),
      arm('a3', [52], 0, 'a'),
      arm('b1', [60], 0, 'b'),
      arm('c1', [70], 0, 'c'),
      arm('d1', [null], 0, 'd'),
    ]);
    const ids = (count: number): string[] => choose(ranked, count, 2).map(({ id }) => id);
    expect(ids(4)).toEqual(['a1', 'a2', 'b1', 'c1']);
    expect(ids(3)).toEqual(['a1', 'a2', 'b1']);
    expect(ids(9)).toEqual(['a1', 'a2', 'b1', 'c1']);
  });
});
