// Every policy of the library under every attack: no complaint (what it does not promise aside), and the model in order after each event. And one that follows hotplug.

import { describe, expect, it } from 'vitest';
import { attacks } from '../../../src/simulator/fuzz/attacks.ts';
import { generate } from '../../../src/simulator/fuzz/generate.ts';
import { Simulator } from '../../../src/simulator/simulate.ts';
import { watchIntegrity } from '../integrity.ts';
import { attacked, library, run, scenarioOf } from './attacked.ts';

const names = library.map(({ card }) => card.name);
const simulator = new Simulator();
const seeds = Array.from({ length: Object.keys(attacks).length }, (_, seed) => seed);

describe.each([...names, 'starver', 'loser', 'unfair'])('%s', (name) => {
  const policy = attacked(name);
  const isPlanted = !names.includes(name);

  it('under every attack: the model is in order after each event', { timeout: 120_000 }, () => {
    for (const seed of seeds) {
      // small and short: what goes wrong in the model goes wrong soon
      const small = generate(seed, { hotplug: false, maxCpus: 4, maxTasks: 12, parameters: {} });
      let checks = (): number => 0;
      run(
        simulator,
        policy,
        { ...small, lengthNs: 400_000_000 },
        {
          prepare: (model) => {
            checks = watchIntegrity(model);
          },
        },
      );
      expect(checks()).toBeGreaterThan(100);
    }
  });

  it.skipIf(isPlanted)('passes, and runs the same each time', { timeout: 120_000 }, () => {
    for (const seed of seeds) {
      const { violations, switches, unsupported } = run(simulator, policy, scenarioOf(seed));
      expect({ seed, violations, unsupported }).toEqual({ seed, violations: [], unsupported: undefined });
      if (seed < 3) expect(run(new Simulator(), policy, scenarioOf(seed)).switches).toBe(switches);
    }
  });
});

it('every-op, which follows hotplug: CPUs go and come, the model stays in order', {
  timeout: 120_000,
}, () => {
  const policy = { ...attacked('every-op'), ignores: [{ checker: 'weights' as const, why: 'a fifo' }] };
  let flips = 0;
  for (let seed = 0; seed < 30; seed++) {
    const scenario = generate(seed, { hotplug: true, maxCpus: 8, maxTasks: 12, parameters: {} });
    if (!scenario.attacks.includes('hotplug')) continue;
    const { violations } = run(simulator, policy, scenario, {
      prepare: (model) => void watchIntegrity(model),
    });
    expect({ seed, violations }).toEqual({ seed, violations: [] });
    flips += scenario.disturbances.filter((one) => 'offline' in one).length;
  }
  expect(flips).toBeGreaterThan(5);
});
