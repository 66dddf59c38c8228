// Each checker complains of the fault that it is for, and of nothing when there is none: by a small policy with that fault, or by breaking the model.

import { describe, expect, it } from 'vitest';
import type { CheckerName, Scenario } from '../../../src/core/scenario.ts';
import { Simulator } from '../../../src/simulator/simulate.ts';
import { attacked, faults, run, scenarioOf, search } from './attacked.ts';

const simulator = new Simulator();
const faulty = attacked('faulty');
const hogs = (count: number, cpus: number, more: Partial<Scenario['tasks'][number]> = {}): Scenario => ({
  kind: 'scenario',
  version: 1,
  seed: 1,
  attacks: [],
  cpus,
  llcs: 1,
  threads: 1,
  lengthNs: 3_000_000_000,
  parameters: {},
  tasks: Array.from({ length: count }, (_, i) => ({
    comm: `hog${i}`,
    startNs: 0,
    nice: 0,
    class: 'other',
    cpus: [],
    forked: false,
    ops: [{ run: 1_000_000_000 }],
    times: 'forever',
    ...more,
  })),
  disturbances: [],
});
/** Who complains of `fault` in the scenarios of these seeds, and how often. */
function complaints(
  fault: (typeof faults)[number],
  seeds: readonly number[],
): Partial<Record<CheckerName, number>> {
  const parameters = { fault: faults.indexOf(fault) };
  const found: Partial<Record<CheckerName, number>> = {};
  for (const seed of seeds)
    for (const { checker } of run(simulator, faulty, scenarioOf(seed, parameters)).violations)
      found[checker] = (found[checker] ?? 0) + 1;
  return found;
}

describe('faulty', () => {
  it('without a fault passes', () => {
    expect(complaints('none', [0, 1, 2, 4, 9, 15, 22, 39])).toEqual({});
  });

  it.each([
    ['idles', 'work-conservation', 0],
    ['prefers', 'equal-shares', 9],
    ['dawdles', 'latency', 1],
    ['spins', 'livelock', 4],
    ['forgets', 'lost-task', 0],
    ['wanders', 'ejected', 2],
    ['complains', 'ejected', 1],
  ] as const)('%s: %s', (fault, checker, seed) => {
    expect(complaints(fault, [seed])[checker]).toBe(1);
  });
});

it('program: what no verifier lets through, with the instruction', () => {
  const [violation] = run(simulator, attacked('nullderef'), scenarioOf(0)).violations;
  expect(violation?.checker).toBe('program');
  expect(violation?.message).toMatch(/null/i);
});

it('program: an object that does not load', () => {
  const [violation] = run(simulator, attacked('nokfunc'), scenarioOf(0)).violations;
  expect(violation).toMatchObject({ checker: 'program', message: expect.stringContaining('does not load') });
});

it('weights: by hand, three hogs of nice 0, 0 and 5 on one CPU under fifo, which ignores them', () => {
  const scenario = hogs(3, 1);
  scenario.tasks[2]!.nice = 5;
  const policy = { ...attacked('fifo'), ignores: [] };
  const [violation] = run(simulator, policy, scenario).violations;
  // of 2.5 s after the first half second each gets a third; 335 of 2383 would be 351 ms
  expect(violation?.checker).toBe('weights');
  expect(violation?.message).toMatch(/^hog2 \(task 2\), nice 5, got 8\d\d(\.\d)? ms .* worth 35\d(\.\d)? ms/);
  expect(run(simulator, attacked('vtime'), scenario).violations).toEqual([]);
});

it('starvation and latency: not counted while real-time tasks have the CPU', () => {
  const scenario = hogs(2, 1);
  scenario.lengthNs = 8_000_000_000;
  Object.assign(scenario.tasks[0]!, {
    class: 'fifo',
    ops: [{ run: 3_500_000_000 }],
    times: 1,
    startNs: 1_000_000,
  });
  expect(run(simulator, faulty, scenario).violations).toEqual([]);
});

it('but real-time tasks on a CPU that a task may not use are no excuse', () => {
  const brief = hogs(30, 2, { cpus: [0], ops: [{ run: 1_000_000 }], times: 1 });
  const [rt] = hogs(1, 2, { comm: 'rt', class: 'fifo' }).tasks;
  const parameters = { fault: faults.indexOf('forgets') }; // the 64th time that a task is to be queued, after all have been born
  const beside = (cpu: number): string[] => {
    const tasks = [...brief.tasks, { ...rt!, cpus: [cpu] }];
    const scenario = { ...brief, lengthNs: 4_000_000_000, parameters, tasks };
    return run(simulator, faulty, scenario).violations.map(({ checker }) => checker);
  };
  expect(beside(1)).toContain('lost-task');
  expect(beside(0)).toEqual([]);
});

describe('affinity, with a model that forgets it', () => {
  const scenario = { ...hogs(1, 2), lengthNs: 500_000_000 };

  it('a running task stays where it may not', () => {
    const { violations } = run(simulator, faulty, scenario, {
      prepare({ core }) {
        const { startNs } = { startNs: core.now };
        core.afterEvent = () => {
          if (core.now < startNs + 200_000_000) return;
          const cpu = core.tasks.cpu[0]!;
          core.tasks.mask[0] = 1 << (1 - cpu); // nobody is told
        };
      },
    });
    expect(violations.map(({ checker }) => checker)).toContain('affinity');
    expect(violations.find(({ checker }) => checker === 'affinity')!.message).toMatch(
      /^hog0 \(task 0\) (still runs on CPU \d .* after it may not any more|was put on CPU \d, which it may not use)$/,
    );
  });

  it('and with one that does not', () => {
    const moved: Scenario = { ...scenario, disturbances: [{ atNs: 200_000_000, affinity: 0, cpus: [0] }] };
    expect(run(simulator, faulty, moved).violations).toEqual([]);
    const back = {
      ...moved,
      disturbances: [...moved.disturbances, { atNs: 300_000_000, affinity: 0, cpus: [1] }],
    };
    expect(run(simulator, faulty, back).violations).toEqual([]);
  });
});

it('work conservation, with a model that does not wake a CPU', () => {
  const { violations } = run(simulator, faulty, hogs(2, 2), {
    prepare({ core }) {
      const resched = core.resched.bind(core);
      core.resched = (cpu) => {
        if (cpu !== 1) resched(cpu);
      };
    },
  });
  expect(violations.map(({ checker }) => checker)).toContain('work-conservation');
});

it('what the policy says it does not promise is not checked, everything else is', async () => {
  const slow = { firstSeed: 23, scenarios: 1, parameters: { fault: faults.indexOf('prefers') } };
  const checkers = async (ignores: typeof faulty.ignores): Promise<string[]> => {
    const { failure } = await search({ ...faulty, ignores }, { ...slow, seconds: 0.01 });
    return (failure?.before ?? []).map(({ checker }) => checker);
  };
  expect(await checkers([])).toEqual(['weights', 'equal-shares']);
  expect(await checkers([{ checker: 'weights', why: 'so' }])).toEqual(['equal-shares']);
  expect(await checkers([{ checker: 'weights', only: 'several-llcs', why: 'so' }])).toEqual(
    scenarioOf(23).llcs > 1 ? ['equal-shares'] : ['weights', 'equal-shares'],
  );
});

it('a run does not depend on those before it, with other parameters or other scenarios', () => {
  const runs = [
    [4, 'spins'],
    [9, 'none'],
    [9, 'prefers'],
    [0, 'idles'],
    [9, 'none'],
  ] as const;
  const result = (used: Simulator, [seed, fault]: (typeof runs)[number]): object =>
    run(used, faulty, scenarioOf(seed, { fault: faults.indexOf(fault) }));
  const used = new Simulator();
  const results = runs.map((one) => result(used, one));
  expect(results).toEqual(runs.map((one) => result(new Simulator(), one)));
  expect(results[1]).toEqual(results[4]);
  expect(results[1]).not.toEqual(results[2]);
});
