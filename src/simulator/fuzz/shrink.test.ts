// Shrinking by itself: whatever fails, what is left still fails, is valid, no larger, and has nothing that can be left out.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Scenario } from '../../core/scenario.ts';
import { generate } from './generate.ts';
import { mistakeIn, taskOf } from './scenario.ts';
import { keepTasks, shrink, withoutParts } from './shrink.ts';

const range = { hotplug: true, maxCpus: 8, maxTasks: 64, parameters: {} };
const scenarios = fc.integer({ min: 0, max: 0xffff_ffff }).map((seed) => generate(seed, range));

/** Things that a scenario may have, each of which could be why it fails. */
const reasons: Record<string, (scenario: Scenario) => boolean> = {
  'a hog': ({ tasks }) => tasks.some(({ comm }) => comm.startsWith('hog')),
  'a change of affinity': ({ disturbances }) => disturbances.some((one) => 'affinity' in one),
  'two killed tasks': ({ disturbances }) =>
    new Set(disturbances.filter((one) => 'kill' in one).map(taskOf)).size >= 2,
  'a forked task': ({ tasks }) => tasks.some(({ forked }) => forked),
  'three CPUs and a sleeper': ({ cpus, tasks }) =>
    cpus >= 3 && tasks.some(({ ops }) => ops.some((op) => 'sleep' in op)),
  'a CPU that goes, and a second task': ({ disturbances, tasks }) =>
    disturbances.some((one) => 'offline' in one) && tasks.length >= 2,
  'more work than CPUs, late': ({ tasks, cpus }) =>
    tasks.filter(({ startNs }) => startNs > 20_000_000).length > cpus,
};

/** What is left at least: tasks, disturbances, CPUs. */
const least: Record<string, [number, number, number]> = {
  'a hog': [1, 0, 1],
  'a change of affinity': [1, 1, 1],
  'two killed tasks': [2, 2, 1],
  'a forked task': [2, 0, 1],
  'three CPUs and a sleeper': [1, 0, 3],
  'a CPU that goes, and a second task': [2, 1, 1],
  'more work than CPUs, late': [2, 0, 1],
};

describe('shrink', () => {
  it.each(Object.keys(reasons))('keeps %s and little else', async (name) => {
    const has = reasons[name]!;
    let asked = 0;
    const property = fc.asyncProperty(scenarios.filter(has), async (scenario) => {
      const small = await shrink(scenario, async (candidate) => {
        asked++;
        expect(mistakeIn(candidate)).toBeUndefined();
        return has(candidate);
      });
      expect(has(small)).toBe(true);
      expect(mistakeIn(small)).toBeUndefined();
      expect([small.tasks.length, small.disturbances.length, small.cpus]).toEqual(least[name]);
      expect(small.lengthNs).toBe(500_000_000);
    });
    await fc.assert(property, { numRuns: 15, seed: 1 });
    expect(asked).toBeGreaterThan(15);
  });

  it('gives back what cannot be smaller, and asks about nothing twice', async () => {
    const asked: string[] = [];
    const scenario = generate(3, range);
    const same = await shrink(scenario, async (candidate) => {
      asked.push(JSON.stringify(candidate));
      return false;
    });
    expect(same).toBe(scenario);
    expect(new Set(asked).size).toBe(asked.length);
    expect(asked).not.toContain(JSON.stringify(scenario));
  });

  it('is over when patience is', async () => {
    let asked = 0;
    const small = await shrink(generate(5, range), async ({ tasks }) => ++asked <= 10 && tasks.length > 5);
    expect(mistakeIn(small)).toBeUndefined();
    expect(small.tasks.length).toBeGreaterThan(5);
    expect(asked).toBeGreaterThan(10);
  });
});

it('withoutParts: whatever must stay, everything else goes', async () => {
  const property = fc.asyncProperty(
    fc.integer({ min: 0, max: 40 }),
    fc.func(fc.boolean()),
    async (count, must) => {
      let left = Array.from({ length: count }, (_, i) => i);
      const needed = left.filter((i) => must(i));
      await withoutParts(count, async (kept) => {
        const fewer = left.filter((_, position) => kept(position));
        if (!needed.every((one) => fewer.includes(one))) return false;
        left = fewer;
        return true;
      });
      expect(left).toEqual(needed);
    },
  );
  await fc.assert(property, { numRuns: 200, seed: 1 });
});

it('keepTasks: names and disturbances of those that stay stay theirs', () => {
  const property = fc.property(scenarios, fc.func(fc.boolean()), (scenario, keep) => {
    const small = keepTasks(scenario, keep);
    expect(mistakeIn(small)).toBeUndefined();
    const stays = new Set(small.tasks.map(({ comm }) => comm));
    const told = (one: Scenario): string[] =>
      one.disturbances.map((d) => {
        const task = taskOf(d);
        return `${d.atNs} ${Object.keys(d)[1]} ${task === undefined ? '' : one.tasks[task]!.comm}`;
      });
    const expected = told(scenario).filter((text) => {
      const comm = text.split(' ')[2]!;
      return comm === '' || stays.has(comm);
    });
    expect(told(small)).toEqual(expected);
    for (const [index, { comm }] of scenario.tasks.entries())
      if (stays.has(comm)) expect(keep(index)).toBe(true);
  });
  fc.assert(property, { numRuns: 60, seed: 1 });
});
