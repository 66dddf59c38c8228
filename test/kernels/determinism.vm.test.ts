// The same experiment twice: cold, the same bytes; restored, metrics within 1 % of each other. Both runs of a pair share the host with
// each other, so its noise must not show either.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { canonicalJson } from '../../src/core/canonical.ts';
import type { Outcome, WorkloadRef } from '../../src/core/records.ts';
import { declared, defaultArm, experiment, type Lab, openLab } from '../support/lab.ts';

/** Wakeups, preemption, a lock and a pipe: what could tell two runs apart. */
const mix = JSON.stringify({
  kind: 'declared',
  name: 'mix',
  description: 'Sleepers, runners, and pairs that talk, on four CPUs.',
  goal: { metric: 'makespanNs', direction: 'lower' },
  rounds: 2,
  warmupRounds: 1,
  series: { wake: {} },
  groups: [
    { name: 'run', count: 9, phases: [{ run: { about: '8ms', spread: 0.4 } }] },
    {
      name: 'sleep',
      count: 4,
      phases: [{ loop: 15, phases: [{ timer: '3ms' }, { run: '150us' }, { since: 'wake' }] }],
    },
    {
      name: 'lock',
      count: 3,
      phases: [{ loop: 10, phases: [{ lock: 'one' }, { run: '200us' }, { unlock: 'one' }] }],
    },
  ],
});

let lab: Lab;
let workload: WorkloadRef;
beforeAll(async () => {
  lab = await openLab();
  workload = await declared(lab, mix, 3, 4);
});
afterAll(() => lab.close());

const twice = async (start: 'cold' | 'restored'): Promise<[Outcome, Outcome]> => {
  const one = experiment(lab, { arm: defaultArm, workload, start });
  if (start === 'restored') await lab.vm.run(one); // boots and saves
  return Promise.all([lab.vm.run(one), lab.vm.run(one)]);
};

describe('the same experiment twice', () => {
  it('cold: identical bytes', async () => {
    const [first, second] = await twice('cold');
    expect(first.finding).toBeNull();
    expect(Object.keys(first.metrics).length).toBeGreaterThan(5);
    expect(canonicalJson(second)).toBe(canonicalJson(first));
  });

  it('restored: every metric within 1 %', async () => {
    const [first, second] = await twice('restored');
    expect(first.finding).toBeNull();
    for (const [name, value] of Object.entries(first.metrics)) {
      const again = second.metrics[name] ?? Number.NaN;
      expect(Math.abs(again - value), `${name}: ${value} and ${again}`).toBeLessThanOrEqual(
        0.01 * Math.abs(value),
      );
    }
  });

  it('another seed is another run: the comparison can tell', async () => {
    const other = await declared(lab, mix, 4, 4);
    const [a, b] = await Promise.all(
      [workload, other].map((ref) => lab.vm.run(experiment(lab, { arm: defaultArm, workload: ref }))),
    );
    expect(canonicalJson(a!.metrics)).not.toBe(canonicalJson(b!.metrics));
  });
});
