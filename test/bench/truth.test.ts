// The truth's files and what is read from them: cells of another machine or arm are never taken over, and effects are those of the pairs.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Cell, openTruth, readTruths, type Truth, writeTruth } from '../../bench/truth/files.ts';
import { isClear, truthEffects } from '../../bench/truth/summary.ts';
import type { Arm } from '../../src/core/records.ts';
import { temporaryDirectory } from '../linux/support.ts';
import { defaultArm, machine, policyArm } from '../records/build.ts';

const head = {
  version: 1,
  workload: { name: 'w', file: 'a'.repeat(64) },
  goal: { metric: 'makespanNs', direction: 'lower' },
  topology: { cpus: 2, memoryMiB: 384 },
  machine: machine('deterministic'),
  limitMs: 60_000,
} as const;
const fifo = policyArm('fifo');
const cell = (makespanNs: number): Cell => ({
  experiment: 'b'.repeat(64),
  expansion: 'c'.repeat(64),
  nuisance: { startOffsetNs: 1, pidOffset: 2 },
  metrics: { makespanNs },
  finding: null,
  events: {},
});
const failed: Cell = { ...cell(0), metrics: {}, finding: { code: 'stalled', message: 'stood still' } };
const seeds = (cells: readonly Cell[]): Record<string, Cell> =>
  Object.fromEntries(cells.map((item, index) => [index + 1, item]));
const truthOf = (base: readonly Cell[], other: readonly Cell[], goal: Truth['goal'] = head.goal): Truth => ({
  ...head,
  goal,
  arms: { default: defaultArm, [fifo.id]: fifo },
  cells: { default: seeds(base), [fifo.id]: seeds(other) },
  tasks: { default: [[1, 2, 3, 4]] },
});

describe('a file', () => {
  const file = join(temporaryDirectory(), '6.18', 'w.2cpu.json');
  const truth = truthOf([cell(100)], [cell(80)]);
  const kept = async (now: object, arms: readonly Arm[]): Promise<string[]> => {
    await writeTruth(file, truth);
    return Object.keys(openTruth(file, { ...head, ...now }, arms).cells);
  };

  it('reads as it was written, with a line for each cell, whatever the order of its keys', async () => {
    await writeTruth(file, truth);
    const text = readFileSync(file, 'utf8');
    expect(readTruths('6.18', join(file, '../..'))).toEqual([truth]);
    expect(text.split('\n').filter((line) => line.includes('"makespanNs":'))).toHaveLength(2);
    await writeTruth(file, Object.fromEntries(Object.entries(truth).reverse()) as unknown as Truth);
    expect(readFileSync(file, 'utf8')).toBe(text);
  });

  it('is gone on with', async () => {
    expect(await kept({}, [defaultArm, fifo])).toEqual(['default', fifo.id]);
    expect(openTruth(file, head, [defaultArm, fifo])).toEqual(truth);
  });

  it.each([
    ['another machine', { machine: { ...head.machine, runner: '9'.repeat(64) } }],
    ['another workload', { workload: { name: 'w', file: '9'.repeat(64) } }],
    ['another size', { topology: { cpus: 4, memoryMiB: 384 } }],
  ])('of %s is begun anew', async (_, now) => {
    expect(await kept(now, [defaultArm, fifo])).toEqual([]);
  });

  it('loses the arms that have changed and those that nobody asks for', async () => {
    const changed: Arm = {
      ...fifo,
      policy: { name: 'fifo', object: '9'.repeat(64), parameters: {} },
    };
    expect(await kept({}, [defaultArm, changed])).toEqual(['default']);
    expect(await kept({}, [fifo])).toEqual([fifo.id]);
  });
});

describe('effects', () => {
  const six = (value: number): Cell[] => Array.from({ length: 6 }, (_, index) => cell(value * (index + 1)));

  it('are those of pairs with one seed, at the confidence that six signs have', () => {
    const [effect, ...rest] = truthEffects(truthOf(six(100), six(80)));
    expect(rest).toEqual([]);
    expect(effect).toMatchObject({ armId: fifo.id, pairs: 6, confidence: 1 - 2 / 2 ** 6 });
    for (const value of [effect!.median, effect!.low, effect!.high]) expect(value).toBeCloseTo(-0.2, 9);
    expect(isClear(effect!)).toBe(true);
  });

  it('are changes of the metric also where more is better', () => {
    const [effect] = truthEffects(truthOf(six(100), six(80), { ...head.goal, direction: 'higher' }));
    expect(effect!.high).toBeCloseTo(-0.2, 9);
  });

  it('leave out runs that are no data, and are not clear when signs differ', () => {
    const [effect] = truthEffects(truthOf([cell(100), cell(100), cell(100)], [cell(90), failed, cell(120)]));
    expect(effect).toMatchObject({ pairs: 2, median: expect.closeTo(0.05, 9) });
    expect(isClear(effect!)).toBe(false);
    expect(truthEffects(truthOf([failed], [cell(1)]))).toEqual([]);
  });
});
