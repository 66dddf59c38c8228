// The declared loads on machines of few CPUs.

import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { root } from '../../../test/support/paths.ts';
import { loadNames } from '../../core/gauntlet.ts';
import { expand } from '../../workload/expand.ts';
import { parseWorkload } from '../../workload/read.ts';
import { folded, hasLeft } from './kernels.ts';

describe.each(['provoke', 'crowd'])('the load %s', (name) => {
  const file = parseWorkload(readFileSync(`${root}/workloads/gauntlet/${name}.json`, 'utf8'), name);

  it.each([1, 2, 3, 4, 8])('can be played on %i CPUs', (cpus) => {
    expect(expand(folded(file, cpus), { seed: 1, cpus }).tasks.length).toBeGreaterThan(0);
  });
  it('is as written where there are enough', () => {
    expect(folded(file, 4)).toEqual(file);
  });
});

it('what is not there becomes what is, each CPU once', () => {
  const phases = [{ loop: 2, phases: [{ cpus: [0, 2, 3] }, { run: '1ms' }, { cpus: 'half' }] }];
  const groups = [{ name: 'a', cpus: [3], phases }];
  const goal = { metric: 'makespanNs', direction: 'lower' };
  const text = { kind: 'declared', name: 'w', description: 'A test.', goal, groups };
  const { groups: after } = folded(parseWorkload(JSON.stringify(text)), 2);
  expect(after[0]!.cpus).toEqual([1]);
  expect(after[0]!.phases).toEqual([
    { loop: 2, phases: [{ cpus: [0, 1] }, { run: '1ms' }, { cpus: 'half' }] },
  ]);
});

it('a policy leaves for a CPU where one comes or goes, whatever its own record of the exit says', () => {
  const exit = { kind: 66, code: 2 ** 48 + 2 ** 32, reason: '', message: '', dump: '' };
  expect(loadNames.filter((load) => hasLeft(load, { exit }))).toEqual(['hotplug']);
  expect(hasLeft('hotplug', { exit: { ...exit, code: 0 } })).toBe(false);
  expect(hasLeft('hotplug', { exit: null })).toBe(false);
});
