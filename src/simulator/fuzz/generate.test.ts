// What seeds give: valid scenarios within their limits, the same each time, with every attack in them, and files that read back.

import { describe, expect, it } from 'vitest';
import { attacks } from './attacks.ts';
import { isSaturation } from './checkers/shares.ts';
import { generate, type Range } from './generate.ts';
import { mistakeIn, readScenario } from './scenario.ts';

const range: Range = { hotplug: true, maxCpus: 8, maxTasks: 64, parameters: {} };
const seeds = Array.from({ length: 1500 }, (_, i) => (i * 2_654_435_761) >>> 0);

describe('every scenario', () => {
  it('is valid, and its file reads back as it is', () => {
    for (const seed of seeds) {
      const scenario = generate(seed, range);
      expect(mistakeIn(scenario), `seed ${seed}`).toBeUndefined();
      if (seed % 8 === 0) expect(readScenario(JSON.stringify(scenario), 'it')).toEqual(scenario);
    }
  });

  it.each([
    [1, 1],
    [2, 4],
    [3, 2],
    [8, 16],
  ])('keeps to %i CPUs and %i tasks', (maxCpus, maxTasks) => {
    for (const seed of seeds.slice(0, 400)) {
      const scenario = generate(seed, { ...range, maxCpus, maxTasks });
      expect(scenario.cpus).toBeLessThanOrEqual(maxCpus);
      expect(scenario.tasks.length).toBeLessThanOrEqual(maxTasks);
      expect(scenario.tasks.length).toBeGreaterThan(0);
      expect(mistakeIn(scenario), `seed ${seed}`).toBeUndefined();
    }
  });

  it('is the same for the same seed, and another for another', () => {
    const texts = seeds.slice(0, 300).map((seed) => JSON.stringify(generate(seed, range)));
    expect(seeds.slice(0, 300).map((seed) => JSON.stringify(generate(seed, range)))).toEqual(texts);
    expect(new Set(texts).size).toBe(300);
  });

  it('lasts from three to six seconds, and what disturbs it comes in the first part', () => {
    for (const seed of seeds.slice(0, 300)) {
      const { lengthNs, disturbances } = generate(seed, range);
      expect([3e9, 3.5e9, 4e9, 4.5e9, 5e9, 6e9]).toContain(lengthNs);
      for (const one of disturbances) expect(one.atNs).toBeLessThan(lengthNs);
    }
  });
});

it('every attack is the first of one seed in as many as there are; those of shares stand alone and can be judged', () => {
  const names = Object.keys(attacks);
  expect(names).toHaveLength(15);
  const first = names.map((_, seed) => generate(seed, range).attacks[0]);
  expect(first.sort()).toEqual(names.sort());
  for (let seed = 0; seed < 300; seed++) {
    const scenario = generate(seed, range);
    if (!scenario.attacks.some((name) => name === 'saturation' || name === 'latecomers')) continue;
    expect(scenario.attacks).toHaveLength(1);
    expect(isSaturation(scenario)).toBe(true);
  }
});

it('hotplug is for policies that follow it', () => {
  const goes = (hotplug: boolean): boolean[] =>
    seeds.slice(0, 400).map((seed) => {
      const { disturbances, attacks: used } = generate(seed, { ...range, hotplug });
      expect(used.includes('hotplug') || !disturbances.some((one) => 'offline' in one)).toBe(true);
      return disturbances.some((one) => 'offline' in one);
    });
  expect(goes(true).some(Boolean)).toBe(true);
  expect(goes(false).some(Boolean)).toBe(false);
});
