import { describe, expect, it } from 'vitest';
import { cgroupWeight, idleWeight, niceWeight, virtualFactor } from './weights.ts';

describe('weights', () => {
  it('have nice 0 at 1024, and five steps at a third: 1.25 to the fifth is 3.05', () => {
    expect(niceWeight(0)).toBe(1024);
    for (let nice = -20; nice <= 14; nice++)
      expect(niceWeight(nice) / niceWeight(nice + 5)).toBeCloseTo(1.25 ** 5, 0);
  });

  it('move the share of two tasks by about ten points a step', () => {
    for (let nice = -20; nice < 19; nice++) {
      const [a, b] = [niceWeight(nice), niceWeight(nice + 1)];
      expect(a / (a + b) - 0.5).toBeGreaterThan(0.035);
      expect(a / (a + b) - 0.5).toBeLessThan(0.075);
    }
  });

  it('refuse nice values that there are not', () => {
    expect(() => niceWeight(20)).toThrow('nice 20');
    expect(() => niceWeight(-21)).toThrow('nice -21');
  });

  it('are 100 for nice 0 on the scale of cgroups, at least 1', () => {
    expect(cgroupWeight(0, false)).toBe(100);
    expect(cgroupWeight(-20, false)).toBe(Math.round((88_761 * 100) / 1024));
    expect(cgroupWeight(19, false)).toBe(1); // 1.46
    expect(cgroupWeight(0, true)).toBe(1); // 0.29
  });
});

describe('virtual time', () => {
  it('goes by 1024 over the weight, as near as a 32-bit inverse allows', () => {
    for (const weight of [88_761, 3121, 1023, 1024, 1025, 335, 110, 15, idleWeight, 2]) {
      const exact = (1_000_000 * 1024) / weight;
      const virtual = Math.floor(1_000_000 * virtualFactor(weight));
      expect(virtual).toBeLessThanOrEqual(exact);
      expect(virtual).toBeGreaterThan(exact * (1 - 2 ** -15) - 1);
    }
  });
});
