// Failures that were found and kept (test/regressions): what has been mended must pass, what has not must fail as it did; when it passes, say in the file what mended it.

import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { digestOf } from '../../../src/core/canonical.ts';
import { regressionSchema } from '../../../src/core/scenario.ts';
import { readScenario } from '../../../src/simulator/fuzz/scenario.ts';
import { Simulator } from '../../../src/simulator/simulate.ts';
import { root } from '../../support/paths.ts';
import { attacked, run } from './attacked.ts';

const directory = `${root}/test/regressions`;
const files = readdirSync(directory).filter((name) => name.endsWith('.json'));
const simulator = new Simulator();

describe('test/regressions', () => {
  it('has some', () => {
    expect(files.length).toBeGreaterThan(3);
  });

  it.each(files)('%s', (name) => {
    const text = readFileSync(`${directory}/${name}`, 'utf8');
    const { policy, checker, mended } = regressionSchema.parse(JSON.parse(text));
    // faults that policy.json declares are to show here
    const own = attacked(policy.name);
    const ignores = own.ignores.filter((one) => one.checker !== checker);
    const { violations } = run(simulator, { ...own, ignores }, readScenario(text, name), { until: checker });
    if (mended !== undefined) expect(violations).toEqual([]);
    else {
      expect(digestOf(attacked(policy.name).object)).toBe(policy.object);
      expect(violations[0]?.checker).toBe(checker);
    }
  });
});
