import { describe, expect, it } from 'vitest';
import { createRandom, derive, mix32, xoshiro128 } from './random.ts';

const draw = (n: number, f: () => number) => Array.from({ length: n }, f);
const mean = (xs: readonly number[]) => xs.reduce((a, b) => a + b, 0) / xs.length;

describe('random', () => {
  it("gives the authors' numbers for xoshiro128**", () => {
    expect(draw(10, xoshiro128([1, 2, 3, 4]))).toEqual([
      11520, 0, 5927040, 70819200, 2031721883, 1637235492, 1287239034, 3734860849, 3729100597, 4258142804,
    ]);
  });

  it('never changes: workload identities depend on it', () => {
    const random = createRandom(1);
    expect({
      uint32: draw(2, random.uint32),
      below: draw(8, () => random.below(10)),
      uniform: random.uniform(),
      exponential: draw(3, random.exponential),
      normal: draw(3, random.normal),
      shuffle: random.shuffle([1, 2, 3, 4, 5]),
      derive: derive(1, 'screen', 3),
    }).toMatchInlineSnapshot(`
      {
        "below": [
          1,
          9,
          6,
          8,
          0,
          9,
          5,
          8,
        ],
        "derive": 2803800721,
        "exponential": [
          0.6107860237825662,
          1.0533980668988079,
          0.9196681736502796,
        ],
        "normal": [
          -1.9603930527810007,
          1.35650489712134,
          0.9417106148321182,
        ],
        "shuffle": [
          5,
          1,
          2,
          4,
          3,
        ],
        "uint32": [
          2442144158,
          3238099751,
        ],
        "uniform": 0.5031179694392033,
      }
    `);
  });

  it('draws integers below a limit without bias', () => {
    const random = createRandom(7);
    const counts = [0, 0, 0];
    for (let i = 0; i < 30_000; i++) counts[random.below(3)]!++;
    for (const count of counts)
      expect(Math.abs(count - 10_000)).toBeLessThan(4 * Math.sqrt(10_000 * (2 / 3)));
    // 3 × 2^30 leaves a quarter of the range over: without rejection the low third would be drawn twice as often.
    const low = draw(20_000, () => random.below(3 * 2 ** 30)).filter((x) => x < 2 ** 30).length;
    expect(Math.abs(low - 20_000 / 3)).toBeLessThan(300);
    expect(() => random.below(0)).toThrow('limit 0');
  });

  it('draws exponential and normal numbers with the right moments and tails', () => {
    const random = createRandom(11);
    const e = draw(40_000, random.exponential);
    expect(mean(e)).toBeCloseTo(1, 1);
    expect(mean(e.map((x) => x * x))).toBeCloseTo(2, 0);
    expect(e.filter((x) => x > 2).length / e.length).toBeCloseTo(Math.exp(-2), 2);
    const z = draw(40_000, random.normal);
    expect(mean(z)).toBeCloseTo(0, 1);
    expect(mean(z.map((x) => x * x))).toBeCloseTo(1, 1);
    expect(z.filter((x) => Math.abs(x) > 1.959964).length / z.length).toBeCloseTo(0.05, 2);
    expect(z.filter((x) => Math.abs(x) < 0.6744898).length / z.length).toBeCloseTo(0.5, 1);
  });

  it('derives streams that differ by every label, and mixes without collisions', () => {
    const seeds = new Set<number>();
    for (let i = 0; i < 50; i++)
      for (const l of ['a', 'b', 'ab']) seeds.add(derive(i, l)).add(derive(1, l, i));
    expect(seeds.size).toBeGreaterThanOrEqual(297);
    expect(derive(1, 'a', 'b')).not.toBe(derive(1, 'ab'));
    expect(new Set(Array.from({ length: 5000 }, (_, i) => mix32(i))).size).toBe(5000);
  });

  it('shuffles a copy, every order about as often', () => {
    const random = createRandom(3);
    const counts = new Map<string, number>();
    for (let i = 0; i < 6000; i++) {
      const key = random.shuffle(['a', 'b', 'c']).join('');
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
    expect(counts.size).toBe(6);
    for (const count of counts.values()) expect(Math.abs(count - 1000)).toBeLessThan(120);
  });
});
