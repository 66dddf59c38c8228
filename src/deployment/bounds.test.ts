// Hard limits: nothing outside of the table gets through, whatever it is called and whatever it is.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type BoundRequest, bounds, sliceFindings, startedInLastHour, withinBounds } from './bounds.ts';

describe('the table', () => {
  it('has the limits that are promised', () => {
    const limits = Object.fromEntries(bounds.map(({ name, low, high }) => [name, [low, high]]));
    expect(limits.cpuLimitPercent).toEqual([1, 95]); // issue 5, item 11
    expect(limits.timeoutMs?.[1]).toBe(5_000); // DESIGN.md section 3
    expect(limits.baseSliceNs).toEqual([100_000, 100_000_000]); // core/records.ts settingsSchema
    expect(limits.nice).toEqual([-20, 19]);
    expect(limits.cpuWeight).toEqual([1, 10_000]);
  });

  it('is whole: names are free, ends in order, each with a reason', () => {
    expect(new Set(bounds.map(({ name }) => name)).size).toBe(bounds.length);
    for (const { low, high, unit, why } of bounds) {
      expect(low).toBeLessThan(high);
      expect([unit, why].every((text) => text.length > 0)).toBe(true);
    }
  });
});

describe('a request', () => {
  it('any whole number: within or told, for each quantity', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...bounds),
        fc.oneof(fc.integer(), fc.maxSafeInteger()),
        ({ name, low, high }, value) => {
          expect(withinBounds({ [name]: value }).length === 0).toBe(low <= value && value <= high);
        },
      ),
      { seed: 2 },
    );
  });

  it.each(bounds)('$name: both ends, and one beyond each', ({ name, low, high }) => {
    for (const value of [low, high]) expect(withinBounds({ [name]: value })).toEqual([]);
    for (const value of [low - 1, high + 1]) {
      const [finding] = withinBounds({ [name]: value });
      expect(finding).toMatchObject({
        code: 'out-of-bounds',
        message: expect.stringContaining(`${name} ${value}`),
      });
    }
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY, 1.5, '50', null, undefined, true, 50n])(
    '%s is no number for it',
    (value) => {
      expect(withinBounds({ cpuLimitPercent: value as number })).toHaveLength(1);
    },
  );

  it('of what has no bounds is refused: a limit is not lifted by its spelling', () => {
    expect(withinBounds({ cpuLimit: 100 } as BoundRequest)).toMatchObject([
      { message: expect.stringContaining('cpuLimit') },
    ]);
    expect(withinBounds(JSON.parse('{"__proto__":1,"toString":1}'))).toHaveLength(2);
    expect(withinBounds({})).toEqual([]);
  });

  it('tells of all that is outside', () => {
    expect(withinBounds({ cpuLimitPercent: 96, sliceNs: 20_000_000, timeoutMs: 30_000 })).toHaveLength(2);
  });
});

it.each<[Parameters<typeof sliceFindings>[0], number]>([
  [{ slice_ns: 20_000_000 }, 0],
  [{ slice_ns: 99_999 }, 1],
  [{ slice_ns: '18446744073709551615' }, 1],
  [{ batch_slice_ns: 1_000_000_001 }, 1],
  [{ slice_min_ns: 1 }, 1],
  [{ slice_ns: 1, normal_slice_ns: 2 }, 2],
  [{ guard_ns: 1, sliced_ns: 1, slice: 1, preempt: true }, 0],
])('slices among %j', (parameters, count) => {
  expect(sliceFindings(parameters)).toHaveLength(count);
});

it('counts switches of the last hour, those that seem to come from the future too', () => {
  const now = 10_000_000;
  const hour = 3_600_000;
  expect(startedInLastHour([now - hour - 1, now - hour, now - hour + 1, now, now + 5, Number.NaN], now)).toBe(
    4,
  );
  expect(startedInLastHour([], now)).toBe(0);
});
