// Screening over a machine whose answers are known.

import { describe, expect, it } from 'vitest';
import { policyArm } from '../../test/records/build.ts';
import { type Script, scriptedMachine, trial } from '../../test/stages/scripted.ts';
import { type Arm, type Experiment, screeningSchema } from '../core/records.ts';
import { type Contender, type ScreenInput, screen, screenAgain } from './screen.ts';

const goal = { metric: 'makespanNs', direction: 'lower', unit: 'ns' } as const;
const byDefault: Contender = {
  arm: { id: 'default', name: 'default', kind: 'default' },
  hinted: false,
  family: 'default',
};
const member = (name: string, family = name): Contender => ({ arm: policyArm(name), hinted: false, family });
const gains: Record<string, number> = { default: 1, good: 0.8, better: 0.7, best: 0.6, child: 0.5, bad: 1.2 };

function prepare(script: Script = {}, more: Partial<ScreenInput<Contender>> = {}) {
  const machine = scriptedMachine({ factor: ({ name }: Arm) => gains[name.split('#')[0]!] ?? 1, ...script });
  const said: string[] = [];
  const input: ScreenInput<Contender> = {
    machine,
    signal: new AbortController().signal,
    trial: trial({ parallel: 1 }),
    goal,
    seed: 7,
    contenders: [byDefault, ...['bad', 'good', 'best', 'better'].map((name) => member(name))],
    neighbours: () => [],
    count: 2,
    progress: (text) => said.push(text),
    ...more,
  };
  return { machine, said, input, run: () => screen(input) };
}

const names = (chosen: readonly { contender: Contender }[]): string[] =>
  chosen.map(({ contender }) => contender.arm.name);

describe('screen', () => {
  it('sends the best on, with what they gained', async () => {
    const { chosen, record, runs } = await prepare().run();
    expect(names(chosen)).toEqual(['best', 'better']);
    for (const { contender, gain } of chosen) expect(gain).toBeCloseTo(gains[contender.arm.name]! - 1, 2);
    expect(runs).toBe(5 * 6); // few enough that all run with all seeds
    expect(screeningSchema.parse(record)).toEqual(record);
    expect(record.chosen).toEqual(['policy:best', 'policy:better']);
    expect(record.seeds).toHaveLength(6);
  });

  it('runs everybody with two seeds, and the better sixteen with all', async () => {
    const many = Array.from({ length: 30 }, (_, i) => member(i < 20 ? `good#${i}` : `bad#${i}`));
    const { machine, run } = prepare({ noise: 0 }, { contenders: [byDefault, ...many] });
    const { runs, record } = await run();
    expect(runs).toBe(6 + 30 * 2 + 16 * 4);
    const lengths = new Map(record.arms.map(({ arm, values }) => [arm.name, values.length]));
    for (const { arm } of many.slice(20)) expect(lengths.get(arm.name)).toBe(2);
    expect([...lengths.values()].filter((n) => n === 6)).toHaveLength(17);
    const seeds = new Set(machine.ran.map(({ seed }: Experiment) => seed));
    expect([...seeds].sort()).toEqual([...record.seeds].sort());
  });

  it('tries neighbours of the best, best first, as long as there are new ones', async () => {
    const asked: string[][] = [];
    const neighbours = (best: readonly Contender[]): Contender[] => {
      asked.push(best.map(({ arm }) => arm.name));
      return [member('child'), member('good')];
    };
    const { chosen } = await prepare({ noise: 0 }, { neighbours }).run();
    expect(names(chosen)).toEqual(['child', 'best']);
    expect(asked).toEqual([
      ['best', 'better', 'good', 'bad'],
      ['child', 'best', 'better', 'good', 'bad'],
    ]);
  });

  it('sends at most two of a family on', async () => {
    const contenders = [
      byDefault,
      member('best', 'f'),
      member('better', 'f'),
      member('good', 'f'),
      member('bad'),
    ];
    expect(names((await prepare({}, { contenders, count: 3 }).run()).chosen)).toEqual([
      'best',
      'better',
      'bad',
    ]);
  });

  it('keeps some of each family, however good another one is', async () => {
    const family = Array.from({ length: 30 }, (_, i) => member(`best#${i}`, 'f'));
    const contenders = [byDefault, ...family, member('bad')];
    const { record, chosen } = await prepare({}, { contenders, count: 3 }).run();
    expect(record.arms.filter(({ values }) => values.length === 6)).toHaveLength(1 + 4 + 1);
    expect(names(chosen).at(-1)).toBe('bad');
  });

  it('an arm that fails runs no more, and the record says why', async () => {
    const finding = ({ arm, seed }: Experiment) =>
      arm.name === 'best' && seed % 2 === 0 ? ({ code: 'stalled', message: 'stuck' } as const) : undefined;
    const { machine, run } = prepare({ finding });
    const { chosen, record } = await run();
    expect(names(chosen)).toEqual(['better', 'good']);
    const row = record.arms.at(-1)!;
    expect(row).toMatchObject({ arm: { name: 'best' }, why: 'stuck' });
    const failedAt = row.values.indexOf(null);
    expect(machine.ran.filter(({ arm }: Experiment) => arm.name === 'best')).toHaveLength(failedAt + 1);
  });

  it('stops when interrupted', async () => {
    const controller = new AbortController();
    const { run } = prepare({ before: () => controller.abort() }, { signal: controller.signal });
    await expect(run()).rejects.toMatchObject({ code: 'interrupted' });
  });
});

describe('screenAgain', () => {
  it('finds nothing where nothing changed, and names what did', async () => {
    const { machine, input, run } = prepare();
    const { record } = await run();
    expect(await screenAgain(record, machine, input.trial, input.signal)).toEqual([]);
    const other = scriptedMachine({ factor: ({ name }: Arm) => (name === 'bad' ? 1.3 : gains[name]!) });
    const differences = await screenAgain(record, other, input.trial, input.signal);
    expect(differences).toHaveLength(6);
    expect(differences[0]!.what).toBe(`bad, seed ${record.seeds[0]}`);
  });
});
