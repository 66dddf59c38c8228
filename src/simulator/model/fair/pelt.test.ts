import { describe, expect, it } from 'vitest';
import { decay, loadAvgMax, Pelt } from './pelt.ts';

const periodNs = 1024 * 1024;

describe('decay', () => {
  it('halves in 32 periods, and takes a 32nd root of that in one', () => {
    // y^0 is 0xffffffff / 2^32 in the kernel's table: one less than half
    expect(decay(1_000_000, 32)).toBe(499_999);
    expect(decay(1_000_000, 64)).toBe(249_999);
    expect(decay(1_000_000, 1)).toBe(Math.floor(1_000_000 / 2 ** (1 / 32)));
    expect(decay(1_000_000, 0)).toBe(1_000_000);
    expect(decay(1e15, 32 * 63 + 1)).toBe(0);
  });

  it('sums to the maximum that the kernel documents: 1024 a period for ever, rounded down each time', () => {
    let sum = 0;
    for (let last = -1; sum !== last; ) {
      last = sum;
      sum = decay(sum, 1) + 1024;
    }
    expect(Math.abs(sum - loadAvgMax)).toBeLessThanOrEqual(20); // the kernel's table rounds otherwise than its sum
  });
});

describe('averages', () => {
  const run = (periods: number, running: number, pelt = new Pelt(1), from = 0): Pelt => {
    for (let n = 1; n <= periods; n++) {
      pelt.update(0, (from + n) * periodNs, 1, 1, running);
      pelt.average(0, 1024);
    }
    return pelt;
  };

  it('of what always runs come to 1024', () => {
    const pelt = run(400, 1);
    expect(pelt.utilAvg[0]).toBeGreaterThanOrEqual(1022);
    expect(pelt.utilAvg[0]).toBeLessThanOrEqual(1024);
    expect(pelt.loadAvg[0]).toBeGreaterThanOrEqual(1022);
  });

  it('are half of it after 32 periods from nothing: 1 − y^32', () => {
    expect(run(32, 1).utilAvg[0]).toBeGreaterThanOrEqual(510);
    expect(run(32, 1).utilAvg[0]).toBeLessThanOrEqual(520);
  });

  it('halve in 32 periods of sleep', () => {
    const pelt = run(400, 1);
    pelt.update(0, 432 * periodNs, 0, 0, 0);
    pelt.average(0, 1024);
    expect(pelt.utilAvg[0]).toBeGreaterThanOrEqual(510);
    expect(pelt.utilAvg[0]).toBeLessThanOrEqual(513);
  });

  it('tell waiting from running: load and runnable of what waits, no utilization', () => {
    const pelt = run(400, 0);
    expect(pelt.utilAvg[0]).toBe(0);
    expect(pelt.runnableAvg[0]).toBeGreaterThanOrEqual(1022);
  });

  it('do not depend on how often they are looked at', () => {
    const once = new Pelt(1);
    once.update(0, 100 * periodNs, 1, 1, 1);
    once.average(0, 1024);
    expect(Math.abs(once.utilAvg[0]! - run(100, 1).utilAvg[0]!)).toBeLessThanOrEqual(1);
  });
});
