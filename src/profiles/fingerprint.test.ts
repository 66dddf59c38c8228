import { describe, expect, it } from 'vitest';
import { counters, histogram, ms } from '../../test/profiles/counters.ts';
import * as examples from '../../test/profiles/examples.ts';
import type { Counters, TaskCounters } from '../core/counters.ts';
import { type FingerprintScale, featureNames, featuresOf } from './features.ts';
import { fingerprintOf, fingerprintVersion, likeness } from './fingerprint.ts';
import { fingerprintScale } from './fingerprint-scale.ts';
import { shapeOf } from './shape.ts';

const length = (values: readonly number[]): number => Math.hypot(...values);
const two: FingerprintScale = {
  'waits for futex': { centre: 0.5, spread: 0.5, weight: 1 },
  'wakes by timer': { centre: 0, spread: 0.25, weight: 0.5 },
};
const at = (feature: string): number => featureNames.indexOf(feature);

describe('a fingerprint', () => {
  it('is centred, scaled, weighed, and of unit length', () => {
    // (0.9 − 0.5) / 0.5 = 0.8; (0.3 / 0.25) × 0.5 = 0.6
    const { values, version } = fingerprintOf({ waits: { futex: 0.81 }, wakes: { timer: 0.09 } }, two);
    expect([values[at('waits for futex')], values[at('wakes by timer')]]).toEqual([0.8, 0.6]);
    expect(values.filter((value) => value !== 0)).toHaveLength(2);
    expect([version, values.length]).toEqual([fingerprintVersion, featureNames.length]);
  });

  it('what lies far off counts no more than two spreads', () => {
    const { values } = fingerprintOf({ waits: { futex: 0.25 }, wakes: { timer: 1 } }, two);
    expect(values[at('waits for futex')]).toBe(0); // just what is usual
    expect(values[at('wakes by timer')]).toBe(1); // min(4, 2) × 0.5, alone
  });

  it('of what was not measured is neutral', () => {
    expect(fingerprintOf({}, two).values.every((value) => value === 0)).toBe(true);
    expect(likeness(fingerprintOf({}, two), fingerprintOf({ wakes: { timer: 1 } }, two))).toBe(0);
  });

  it('has a constant for each feature, and no others', () => {
    expect(Object.keys(fingerprintScale).sort()).toEqual([...featureNames].sort());
    for (const example of [examples.build, examples.server, examples.machine])
      expect(length(fingerprintOf(shapeOf(example)).values)).toBeCloseTo(1, 4);
  });
});

it('likeness: the cosine; nothing between versions', () => {
  const of = (...values: number[]) => ({ version: 1, values });
  expect(likeness(of(0.6, 0.8), of(0.6, 0.8))).toBe(1);
  expect(likeness(of(1, 0), of(0.6, 0.8))).toBeCloseTo(0.6);
  expect(likeness(of(1, 0), of(-1, 0))).toBe(-1);
  expect(likeness(of(1, 0), { version: 2, values: [1, 0] })).toBeUndefined();
  expect(likeness(of(1, 0), of(1))).toBeUndefined();
});

describe('features do not ask how long or on how many CPUs', () => {
  /** A worker that computes and waits for a lock, for `seconds`, delayed by so much for each second of work. */
  function workers(seconds: number, cpus: number, delay: number): Counters {
    const ran = 300 * ms * seconds;
    const worker: Partial<TaskCounters> = {
      ...{
        ranNs: ran,
        delayNs: ran * delay,
        forks: 30 * seconds,
        minorFaults: 500 * seconds,
        bursts: 1000 * seconds,
      },
      ...{
        waits: { futex: { count: 1000 * seconds, ns: 500 * ms * seconds } },
        wakes: { task: 1000 * seconds },
      },
      ...{ runs: histogram([300_000, 1000 * seconds]), sleeps: histogram([500_000, 1000 * seconds]) },
    };
    const observedNs = seconds * ms * 300 * (1 + delay) + 500 * ms * seconds;
    return counters([worker, worker, worker, worker], { observedNs, cpus });
  }
  const [brief, extended, crowded] = [workers(2, 4, 0), workers(20, 4, 0), workers(2, 2, 1)].map((one) =>
    featuresOf(shapeOf(one)),
  );

  it.each(featureNames.filter((name) => name !== 'CPUs used').map((name) => [name, at(name)] as const))(
    '%s',
    (_, i) => {
      if (brief![i] === undefined) return expect([extended![i], crowded![i]]).toEqual([undefined, undefined]);
      expect(extended![i]).toBeCloseTo(brief![i]!, 6);
      expect(crowded![i]).toBeCloseTo(brief![i]!, 6);
    },
  );
});
