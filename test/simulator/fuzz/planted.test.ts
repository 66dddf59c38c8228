// The three planted bugs: found from seed 0 within the minute that the issue of attack mode gives, shrunk to what shows them, and the same again.

import { expect, it } from 'vitest';
import { mistakeIn } from '../../../src/simulator/fuzz/scenario.ts';
import { Simulator } from '../../../src/simulator/simulate.ts';
import { attacked, run, search } from './attacked.ts';

it.each([
  // three that sleep and wake up again keep a CPU busy; the fourth never runs
  { name: 'starver', checker: 'starvation', tasks: 4, disturbances: 0, cpus: 1 },
  // two run, one waits in the queue and may then use one CPU only: dropped by the other
  { name: 'loser', checker: 'lost-task', tasks: 3, disturbances: 1, cpus: 2 },
  // nice −5 beside another
  { name: 'unfair', checker: 'weights', tasks: 2, disturbances: 0, cpus: 1 },
])(
  '$name is found and shrunk',
  { timeout: 150_000 },
  async ({ name, checker, tasks, disturbances, cpus }) => {
    const policy = attacked(name);
    const { failure } = await search(policy);
    expect(failure?.violation.checker).toBe(checker);
    expect(failure!.seconds.found).toBeLessThan(60);
    expect(failure!.seconds.shrunk).toBeLessThan(60);
    const { scenario, found, violation } = failure!;
    expect(mistakeIn(scenario)).toBeUndefined();
    expect(found.tasks.length).toBeGreaterThan(scenario.tasks.length);
    expect(scenario.tasks.length).toBeLessThanOrEqual(tasks);
    expect(scenario.disturbances).toHaveLength(disturbances);
    expect(scenario.cpus).toBe(cpus);
    // the same again, in another simulator: of a regression nothing else is known
    expect(run(new Simulator(), policy, scenario, { until: violation.checker }).violations).toEqual([
      violation,
    ]);
  },
);

it('unfair: what it says is what the hogs got', async () => {
  const { failure } = await search(attacked('unfair'), { firstSeed: 51, scenarios: 1 });
  // nice 0 weighs 1024 and nice −5 3121, so of 1.5 s of one CPU the first is to get 1024 / 4145
  expect(failure!.violation.message).toContain('hog1 (task 1), nice 0, got ');
  expect(failure!.violation.message).toContain('among 2 hogs is worth 37');
  expect(failure!.timeline).toMatch(/^cpu0 [AB]{80} {3}1 column = 5 ms\nA hog\d+ {3}B hog\d+\n$/);
});

it('the same seed gives the same failure, to the byte', async () => {
  const told = async (): Promise<string> => {
    const { failure } = await search(attacked('unfair'), { firstSeed: 51, scenarios: 1 });
    return JSON.stringify({ ...failure, seconds: undefined });
  };
  expect(await told()).toBe(await told());
});
