import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  blockOf,
  blockValue,
  judgeSwitchback,
  type MeasuredBlock,
  planSwitchback,
  type SwitchbackOptions,
  type SwitchbackPlan,
} from './switchback.ts';

const s = 1e9;
const options: SwitchbackOptions = {
  seed: 7,
  goal: { metric: 'throughput', direction: 'higher', unit: '1/s' },
  step: 0,
  steps: 1,
  question: 'no-harm',
  blockNs: 10 * s,
  washoutNs: 2 * s,
  leastPairs: 6,
  mostPairs: 8,
};
const plan = planSwitchback(options);

/** Blocks of pairs whose candidate is so many times the default, which is 100. */
function pairs(of: SwitchbackPlan, ratios: readonly number[]): MeasuredBlock[] {
  return ratios.flatMap((ratio, pair) =>
    [2 * pair, 2 * pair + 1].map((block) => ({
      block,
      value: blockOf(of, block).arm === 'default' ? 100 : 100 * ratio,
    })),
  );
}

describe('planSwitchback', () => {
  // alpha (6/8)^1.5 = 0.0325 pays for 2/64, the rest for 2·2/256.
  it('looks where an interval can be paid for', () => {
    expect(plan.looks).toEqual([6, 8]);
    expect(planSwitchback({ ...options, mostPairs: 36 }).looks).toEqual([12, 18, 26, 36]);
  });

  it('shares the error among the steps of the canary', () => {
    const third = planSwitchback({ ...options, steps: 3, mostPairs: 24 });
    expect(third.alpha).toBeCloseTo(0.05 / 3, 12);
    expect(judgeSwitchback(third, pairs(third, Array(24).fill(1))).effect?.confidence).toBeCloseTo(
      1 - 0.05 / 3,
      12,
    );
  });

  it('dwells: no go before so much time, in pairs', () => {
    expect(planSwitchback({ ...options, dwellNs: 145 * s }).goPairs).toBe(8);
    expect(() => planSwitchback({ ...options, dwellNs: 1000 * s })).toThrow('50 pairs are needed');
  });

  it.each<[string, Partial<SwitchbackOptions>]>([
    ['leaves nothing after a washout', { washoutNs: 10 * s }],
    ['give no interval', { mostPairs: 5, leastPairs: 2 }],
    ['is not one of', { step: 1 }],
    ['is not in [0, 1)', { limit: 1 }],
  ])('refuses what %s', (message, change) => {
    expect(() => planSwitchback({ ...options, ...change })).toThrow(message);
  });
});

describe('blockOf', () => {
  it('gives each pair both arms, and each arm the first place about as often', () => {
    const first = Array.from({ length: 1000 }, (_, pair) => {
      const arms = [blockOf(plan, 2 * pair).arm, blockOf(plan, 2 * pair + 1).arm];
      expect(new Set(arms).size).toBe(2);
      return arms[0];
    });
    const count = first.filter((arm) => arm === 'default').length;
    // 500 ± 4 deviations of a fair coin
    expect(Math.abs(count - 500)).toBeLessThan(64);
    // neighbours agree half of the time: the coins are independent
    const same = first.filter((arm, i) => i > 0 && arm === first[i - 1]).length;
    expect(Math.abs(same - 500)).toBeLessThan(64);
  });

  it('throws other coins for another step', () => {
    const other = planSwitchback({ ...options, steps: 2, step: 1, mostPairs: 12 });
    const differ = Array.from(
      { length: 100 },
      (_, pair) => blockOf(plan, 2 * pair).arm !== blockOf(other, 2 * pair).arm,
    );
    expect(differ.filter(Boolean).length).toBeGreaterThan(20);
  });

  it('starts where the last one ends, and measures after the washout', () => {
    expect(blockOf(plan, 3)).toMatchObject({ startNs: 30 * s, measureNs: 32 * s, endNs: 40 * s });
  });
});

describe('blockValue', () => {
  const block = blockOf(plan, 0);
  const samples = (from: number, to: number, value: (at: number) => number) =>
    Array.from({ length: to - from }, (_, i) => ({ at: (from + i + 1) * s, value: value(from + i + 1) }));

  it('is the mean of the samples whose interval lies after the washout', () => {
    // samples 1 and 2 are washout, 3 … 10 count: mean of 3 … 10
    expect(
      blockValue(
        block,
        samples(0, 12, (at) => at),
        s,
      ),
    ).toEqual({ block: 0, value: 6.5 });
  });

  it('is nothing where less than half is there', () => {
    expect(
      blockValue(
        block,
        samples(7, 10, () => 1),
        s,
      ).value,
    ).toBeNull();
    expect(
      blockValue(
        block,
        samples(0, 10, (at) => (at > 6 ? Number.NaN : 1)),
        s,
      ).value,
    ).toBe(1);
    expect(
      blockValue(
        block,
        samples(0, 10, (at) => (at > 5 ? Number.NaN : 1)),
        s,
      ),
    ).toMatchObject({
      value: null,
      why: '3 of 8 samples were numbers',
    });
    expect(blockValue(block, [], s).value).toBeNull();
  });
});

describe('judgeSwitchback', () => {
  // At 6 pairs the interval is the range, at 8 the second smallest to the second largest Walsh average.
  it.each<[string, Partial<SwitchbackOptions>, number[], object]>([
    ['no block yet', {}, [], { decision: 'undecided', n: 0, effect: null, next: { block: 0 } }],
    ['five pairs', {}, [1, 1, 1, 1, 1], { decision: 'undecided', n: 0, next: { block: 10 } }],
    ['six without harm', {}, [0.96, 1, 1.1, 1, 0.99, 1], { decision: 'go', n: 6, next: null }],
    [
      'one of six beyond the limit',
      {},
      [0.94, 1, 1.1, 1, 1, 1],
      { decision: 'undecided', n: 6, next: { block: 12 } },
    ],
    [
      'one of eight beyond: the second smallest mean is of 0.94 and 0.99',
      {},
      [0.94, 1, 1.1, 1, 1, 0.99, 1, 1],
      { decision: 'go', n: 8 },
    ],
    [
      'two of eight beyond',
      {},
      [0.94, 1, 1.1, 1, 1, 0.94, 1, 1],
      { decision: 'undecided', n: 8, next: null },
    ],
    ['all beyond', {}, [0.94, 0.9, 0.94, 0.9, 0.8, 0.949], { decision: 'no-go', n: 6, next: null }],
    [
      'lower is better',
      { goal: { metric: 'p99', direction: 'lower', unit: 'ns' } },
      Array(6).fill(1.06),
      { decision: 'no-go' },
    ],
    [
      '… and 6 % less of it harms nobody',
      { goal: { metric: 'p99', direction: 'lower', unit: 'ns' } },
      Array(6).fill(0.94),
      { decision: 'go' },
    ],
    ['a gain of 3 % where 2 % is asked', { question: 'better' }, Array(6).fill(1.03), { decision: 'go' }],
    ['a gain of 1 %', { question: 'better' }, Array(6).fill(1.01), { decision: 'no-go' }],
    [
      'a gain that is not clear of zero',
      { question: 'better' },
      [0.99, 1.1, 1.1, 1.1, 1.1, 1.1],
      { decision: 'undecided', next: { block: 12 } },
    ],
    [
      'before the dwell time',
      { leastPairs: 8 },
      Array(6).fill(1),
      { decision: 'undecided', n: 6, next: { block: 12 } },
    ],
    ['… a no-go comes all the same', { leastPairs: 8 }, Array(6).fill(0.5), { decision: 'no-go', n: 6 }],
  ])('%s', (_, change, ratios, expected) => {
    const with_ = planSwitchback({ ...options, ...change });
    expect(judgeSwitchback(with_, pairs(with_, ratios))).toMatchObject(expected);
  });

  it('tells the effect as a change of the metric', () => {
    const { effect, words } = judgeSwitchback(plan, pairs(plan, [0.97, 0.98, 0.99, 1, 1.01, 1.02]));
    expect(effect?.low).toBeCloseTo(-0.03, 9);
    expect(effect?.high).toBeCloseTo(0.02, 9);
    expect(words).toContain('(95 % interval -3 % to +2 %) over 6 pairs of blocks: a loss below 5 % is shown');
  });

  it('a candidate that fails is a no-go at once; a measurement that fails costs its pair', () => {
    const blocks = pairs(plan, Array(9).fill(1));
    const candidate = [0, 1].find((block) => blockOf(plan, block).arm === 'candidate')!;
    const lose = (what: object) =>
      blocks.map((b) => (b.block === candidate ? { ...b, value: null, ...what } : b));
    expect(judgeSwitchback(plan, lose({ failed: true, why: 'ejected' }))).toMatchObject({
      decision: 'no-go',
      words: 'the candidate failed: ejected',
    });
    expect(judgeSwitchback(plan, lose({}).slice(0, 12))).toMatchObject({ n: 0, next: { block: 12 } });
    expect(judgeSwitchback(plan, lose({}).slice(0, 14))).toMatchObject({ decision: 'go', n: 6 });
  });

  it('gives up after too many lost pairs', () => {
    const blocks = pairs(plan, Array(4).fill(1)).map((b) => ({ ...b, value: Number.NaN }));
    expect(judgeSwitchback(plan, blocks)).toMatchObject({
      decision: 'undecided',
      next: null,
      words: '4 pairs of blocks gave no throughput',
    });
  });

  it('is the same in any order and any unit, and refuses a block told twice', () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: 0.5, max: 2, noNaN: true }), { minLength: 6, maxLength: 8 }),
        fc.double({ min: 1e-3, max: 1e6, noNaN: true }),
        (ratios, unit) => {
          const blocks = pairs(plan, ratios);
          const judged = judgeSwitchback(plan, blocks);
          expect(judgeSwitchback(plan, [...blocks].reverse())).toEqual(judged);
          const scaled = judgeSwitchback(
            plan,
            blocks.map((b) => ({ ...b, value: b.value! * unit })),
          );
          expect(scaled.decision).toBe(judged.decision);
        },
      ),
    );
    expect(() => judgeSwitchback(plan, [...pairs(plan, [1]), { block: 0, value: 1 }])).toThrow('told twice');
  });
});
