// The measure of fingerprints, on shapes whose answer is known; and the runs on record against the constants.

import { describe, expect, it } from 'vitest';
import { type FingerprintRun, readFingerprintRuns } from '../../bench/fingerprint/collect.ts';
import { derive, score } from '../../bench/fingerprint/derive.ts';
import type { Shape } from '../../src/core/profile.ts';
import { fingerprintScale } from '../../src/profiles/fingerprint-scale.ts';

const run = (workload: string, label: string, seconds: number, shape: Shape): FingerprintRun => ({
  ...{ workload, label, seconds, cpus: 2, simulated: false, shape },
});
const woken = (task: number, timer: number): Shape => ({
  wakes: { task, timer, interrupt: 1 - task - timer, fork: 0 },
});

const runs = [
  run('pipes', 'messages', 2, woken(0.95, 0.05)),
  run('pipes', 'messages', 20, woken(0.92, 0.06)),
  run('frames', 'periodic', 2, woken(0.05, 0.9)),
  run('frames', 'periodic', 20, woken(0.06, 0.92)),
  run('server', 'requests', 2, woken(0.1, 0.05)),
  run('server', 'requests', 20, woken(0.12, 0.03)),
];

describe('the measure', () => {
  it('all are found again where classes lie apart', () => {
    expect(score(runs, derive(runs))).toEqual({ pairs: 6, right: 6, rightOfAll: 6, missed: [] });
  });

  it('a run that looks like another class is missed, by name', () => {
    const mixed = runs.map((one) =>
      one.workload === 'pipes' && one.seconds === 20 ? { ...one, shape: woken(0.05, 0.9) } : one,
    );
    const { pairs, right, missed } = score(mixed, derive(mixed));
    expect([pairs, right]).toEqual([6, 4]);
    expect(missed.map(({ pair, other }) => [pair, other])).toContainEqual([
      'pipes: 20 s on 2 CPUs and 2 s on 2 CPUs',
      'periodic',
    ]);
  });

  it('memory-bound is no other class than cpu-bound, unless there was a PMU', () => {
    const pmu = { instructionsPerCycle: 1, missesPerKiloInstruction: 30 };
    const twins = ['cpu-bound', 'memory-bound'].map((label) =>
      [2, 20].map((s) => run(label, label, s, woken(0.5, 0.2))),
    );
    const all = [...runs, ...twins.flat()];
    expect(score(all, derive(all)).right).toBe(10);
    const measured = all.map((one) =>
      one.label === one.workload ? { ...one, shape: { ...one.shape, pmu } } : one,
    );
    expect(score(measured, derive(measured)).right).toBe(6);
  });
});

describe('the constants', () => {
  it('a feature that changes from run to run weighs less than one that keeps its value', () => {
    const scale = derive(runs.map((one) => ({ ...one, shape: { ...one.shape, churn: one.seconds / 20 } })));
    expect(scale['wakes by task']?.weight).toBeGreaterThan(0.99);
    expect(scale.churn?.weight).toBeLessThan(0.1);
    expect(scale['waits for disk']).toMatchObject({ weight: 0 }); // never measured
  });

  it('find real programs again, run for 2 and for 20 s', () => {
    const real = readFingerprintRuns().filter(({ simulated }) => !simulated);
    const { pairs, right } = score(real, fingerprintScale);
    expect(pairs).toBeGreaterThanOrEqual(40);
    expect(right / pairs).toBeGreaterThanOrEqual(0.95);
  });
});
