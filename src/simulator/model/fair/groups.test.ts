import { describe, expect, it } from 'vitest';
import { fairWorld, ranMs } from '../../../../test/simulator/fair-world.ts';
import type { Life } from '../../../../test/simulator/little-player.ts';
import type { GroupSpec } from './fair-class.ts';

const ms = 1_000_000;
const hog = (cgroup = -1, more: Partial<Life> = {}): Life => ({
  runNs: Number.POSITIVE_INFINITY,
  cgroup,
  ...more,
});
const on = (cpu: number, life: Life): Life => ({ ...life, affinity: [cpu], startCpu: cpu });
const group = (weight: number, more: Partial<GroupSpec> = {}): GroupSpec => ({
  parent: -1,
  weight,
  quotaNs: 0,
  ...more,
});

function sharesAfter(
  cpus: number,
  lives: readonly Life[],
  groups: readonly GroupSpec[],
  untilMs = 2000,
): number[] {
  const world = fairWorld({ cpus }, lives, {}, groups);
  world.core.run(untilMs * ms);
  return ranMs(world).map((each) => each / untilMs);
}

describe('cpu.weight', () => {
  it('divides between groups, however many tasks they have', () => {
    const [a, b, c, d] = sharesAfter(1, [hog(0), hog(0), hog(0), hog(1)], [group(100), group(300)]);
    expect(a! + b! + c!).toBeCloseTo(0.25, 1);
    expect(d).toBeCloseTo(0.75, 1);
    expect(a).toBeCloseTo(b!, 1);
  });

  it('of 100 is a nice-0 task beside tasks in no group', () => {
    const [inside, also, outside] = sharesAfter(1, [hog(0), hog(0), hog()], [group(100)]);
    expect(outside).toBeCloseTo(0.5, 1);
    expect(inside! + also!).toBeCloseTo(0.5, 1);
  });

  it('is divided again below: a half, and a third and two thirds of the other half', () => {
    const groups = [group(100), group(100), group(100, { parent: 1 }), group(200, { parent: 1 })];
    const shares = sharesAfter(1, [hog(0), hog(2), hog(3)], groups);
    expect(shares[0]).toBeCloseTo(1 / 2, 1);
    expect(shares[1]).toBeCloseTo(1 / 6, 1);
    expect(shares[2]).toBeCloseTo(1 / 3, 1);
  });

  it('follows the load over CPUs: all of a group on one CPU, the other on both', () => {
    // On CPU 0 a group of one hog meets a group with a hog on each CPU, half of whose weight is there: 2 : 1.
    const lives = [on(0, hog(0)), on(0, hog(1)), on(1, hog(1))];
    const shares = sharesAfter(2, lives, [group(100), group(100)], 4000);
    expect(shares[0]).toBeCloseTo(2 / 3, 1);
    expect(shares[1]).toBeCloseTo(1 / 3, 1);
    expect(shares[2]).toBeGreaterThan(0.99);
  });
});

describe('cpu.max', () => {
  const piece = 5; // ms that a CPU takes at once

  it('gives a group its quota in each period of 100 ms', () => {
    const [limited] = sharesAfter(1, [hog(0)], [group(100, { quotaNs: 20 * ms })], 1000);
    expect(limited! * 1000).toBeGreaterThanOrEqual(200 - piece);
    expect(limited! * 1000).toBeLessThanOrEqual(200 + piece);
  });

  it('counts all CPUs: two hogs have 50 ms together', () => {
    const lives = [on(0, hog(0)), on(1, hog(0))];
    const [a, b] = sharesAfter(2, lives, [group(100, { quotaNs: 50 * ms })], 1000);
    expect((a! + b!) * 1000).toBeGreaterThanOrEqual(500 - 2 * piece);
    expect((a! + b!) * 1000).toBeLessThanOrEqual(500 + 2 * piece);
  });

  it('leaves the rest to others', () => {
    const [limited, free] = sharesAfter(1, [hog(0), hog()], [group(10_000, { quotaNs: 30 * ms })], 1000);
    expect(limited! * 1000).toBeLessThanOrEqual(300 + piece);
    expect((limited! + free!) * 1000).toBeCloseTo(1000, -1);
  });

  it('of a parent holds for its children together', () => {
    const groups = [group(100, { quotaNs: 40 * ms }), group(100, { parent: 0 }), group(300, { parent: 0 })];
    const [a, b] = sharesAfter(1, [hog(1), hog(2)], groups, 1000);
    expect((a! + b!) * 1000).toBeLessThanOrEqual(400 + piece);
    expect((a! + b!) * 1000).toBeGreaterThanOrEqual(400 - piece);
    expect(b! / (a! + b!)).toBeCloseTo(0.75, 1);
  });

  it('does not save up what it has not used', () => {
    const lives = [hog(0, { runNs: 5 * ms, sleepNs: 45 * ms }), hog(0, { startNs: 1000 * ms })];
    const world = fairWorld({ cpus: 1 }, lives, {}, [group(100, { quotaNs: 20 * ms })]);
    world.core.run(1000 * ms);
    const before = ranMs(world)[0]!;
    world.core.run(1300 * ms);
    expect(ranMs(world).reduce((a, b) => a + b) - before).toBeLessThanOrEqual(4 * 20 + piece);
  });

  it('leaves an idle CPU idle while the group is throttled, whatever comes to the group', () => {
    const lives = [hog(0), hog(0, { runNs: ms, startNs: 50 * ms })];
    const world = fairWorld({ cpus: 1 }, lives, {}, [group(100, { quotaNs: 10 * ms })]);
    world.core.run(60 * ms);
    expect(world.core.cpus.curr[0]).toBe(-1);
    expect(world.core.cpus.nrRunning[0]).toBe(2);
    expect(world.fair.machine.running(0)).toBe(0);
    expect(world.fair.machine.isIdle(0)).toBe(true);
  });

  it('throttles nobody who needs less', () => {
    const world = fairWorld({ cpus: 1 }, [hog(0, { runNs: ms, sleepNs: 9 * ms })], {}, [
      group(100, { quotaNs: 20 * ms }),
    ]);
    world.core.run(1000 * ms);
    expect(world.player.rounds[0]).toBeGreaterThanOrEqual(98);
  });

  it('lets sleepers of a throttled group wake, and run with the next period', () => {
    const lives = [hog(0), hog(0, { runNs: ms, sleepNs: 30 * ms })];
    const world = fairWorld({ cpus: 1 }, lives, {}, [group(100, { quotaNs: 10 * ms })]);
    world.core.run(2000 * ms);
    expect(ranMs(world).reduce((a, b) => a + b)).toBeLessThanOrEqual(200 + piece);
    expect(world.player.rounds[1]).toBeGreaterThanOrEqual(18);
    expect(world.core.cpus.nrRunning[0]).toBeGreaterThanOrEqual(1);
  });
});
