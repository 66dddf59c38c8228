import { describe, expect, it } from 'vitest';
import { fairWorld, switchesOf } from '../../../../test/simulator/fair-world.ts';
import { defaultFeatures, defaultSliceNs, featuresOf, unsupportedFeatures } from './features.ts';

const ms = 1_000_000;

describe('the base slice', () => {
  it('is 0.7 ms and as much for each doubling of CPUs, up to eight', () => {
    // 4 CPUs: what /sys/kernel/debug/sched/base_slice_ns says in a guest of 6.18.15
    expect([1, 2, 4, 8, 16, 256].map(defaultSliceNs)).toEqual([
      700_000, 1_400_000, 2_100_000, 2_800_000, 2_800_000, 2_800_000,
    ]);
  });

  it('decides how often two hogs change places', () => {
    const changes = (baseSliceNs: number): number => {
      const world = fairWorld(
        { cpus: 1 },
        [{ runNs: Number.POSITIVE_INFINITY }, { runNs: Number.POSITIVE_INFINITY }],
        { baseSliceNs },
      );
      const switches = switchesOf(world);
      world.core.run(240 * ms);
      return switches.length;
    };
    expect(changes(3 * ms)).toBeGreaterThanOrEqual(80);
    expect(changes(3 * ms)).toBeLessThanOrEqual(82);
    expect(changes(24 * ms)).toBeLessThanOrEqual(12);
  });
});

describe('features', () => {
  it('are those that a guest of 6.18.15 lists, as far as the model has them', () => {
    const listed =
      'PLACE_LAG PLACE_DEADLINE_INITIAL PLACE_REL_DEADLINE RUN_TO_PARITY PREEMPT_SHORT NO_NEXT_BUDDY PICK_BUDDY CACHE_HOT_BUDDY DELAY_DEQUEUE DELAY_ZERO WAKEUP_PREEMPTION NO_HRTICK NO_HRTICK_DL NONTASK_CAPACITY TTWU_QUEUE SIS_UTIL NO_WARN_DOUBLE_CLOCK RT_PUSH_IPI NO_RT_RUNTIME_SHARE NO_LB_MIN ATTACH_AGE_LOAD WA_IDLE WA_WEIGHT WA_BIAS UTIL_EST NO_LATENCY_WARN NI_RANDOM';
    const own = Object.entries(defaultFeatures).map(([name, on]) => (on ? name : `NO_${name}`));
    expect(listed.split(' ')).toEqual(expect.arrayContaining(own));
  });

  it('are set as the debug file takes them', () => {
    const features = featuresOf({ features: ['NO_RUN_TO_PARITY', 'NEXT_BUDDY'] });
    expect(features.RUN_TO_PARITY).toBe(false);
    expect(features.NEXT_BUDDY).toBe(true);
    expect(features.PLACE_LAG).toBe(true);
  });

  it('that are not modelled are told', () => {
    expect(unsupportedFeatures(['NO_PLACE_LAG', 'HRTICK', 'NO_SUCH'])).toEqual(['HRTICK', 'NO_SUCH']);
  });

  it('without wake-up preemption let what runs finish its request', () => {
    const first = (features: string[]): number => {
      const lives = [{ runNs: Number.POSITIVE_INFINITY }, { runNs: ms, startNs: 4.6 * ms }];
      const world = fairWorld({ cpus: 1 }, lives, { baseSliceNs: 3 * ms, features });
      const switches = switchesOf(world);
      world.core.run(10 * ms);
      return switches.find(({ next }) => next === 1)!.atNs / ms;
    };
    expect(first([])).toBe(4.6);
    expect(first(['NO_WAKEUP_PREEMPTION'])).toBe(4.7); // seen to be ahead of V at the next reading
  });
});
