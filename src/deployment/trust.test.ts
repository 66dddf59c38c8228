// How far an agent may go: what a change takes, what a history gives, and when a person is asked.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Change, type Level, levelOf } from './changes.ts';
import { type Asked, type Deployed, permission, trustOf } from './trust.ts';

const declared = [
  { name: 'slice_ns', min: 1_000_000, max: 1_000_000_000, default: 20_000_000 },
  { name: 'credit_ns', min: 0, max: 1_000, default: 0 },
  { name: 'nice', min: -21, max: 19, default: -5 },
  { name: 'preempt', min: false, max: true, default: true },
  { name: 'wide', min: 0, max: '18446744073709551615', default: '10000000000000000000' },
];
const change = (parameters: Change['parameters'], how: Change['how'] = 'library'): Change => ({
  how,
  parameters,
  declared,
});

describe('what a change takes', () => {
  it.each<[string, Change, Level]>([
    ['nothing changed', change({}), 0],
    ['20 % more', change({ slice_ns: 24_000_000 }), 0],
    ['20 % less', change({ slice_ns: 16_000_000 }), 0],
    ['one more than 20 % more', change({ slice_ns: 24_000_001 }), 1],
    ['one less than 20 % less', change({ slice_ns: 15_999_999 }), 1],
    ['anything but the same, of a default of 0', change({ credit_ns: 1 }), 1],
    ['a negative default, 20 %', change({ nice: -6 }), 0],
    ['a negative default, more', change({ nice: -7 }), 1],
    ['a boolean as it was', change({ preempt: true }), 0],
    ['a boolean turned', change({ preempt: false }), 1],
    ['beyond 2^53, exactly 20 %', change({ wide: '12000000000000000000' }), 0],
    ['beyond 2^53, one more', change({ wide: '12000000000000000001' }), 1],
    ['the boldest counts', change({ slice_ns: 20_000_000, preempt: false }), 1],
    ['reconfigured', change({ slice_ns: 20_000_000 }, 'reconfigured'), 0],
    ['revised', change({}, 'revised'), 2],
    ['revised, and set wide', change({ slice_ns: 1_000_000 }, 'revised'), 2],
    ['generated', change({}, 'generated'), 3],
    ['given from somewhere', change({}, 'given'), 3],
    ['of which nothing is declared', { how: 'library', parameters: {}, declared: undefined }, 3],
  ])('%s', (_, asked, level) => {
    expect(levelOf(asked)).toEqual({ level, findings: [] });
  });

  it.each<[string, Change]>([
    ['below what is declared', change({ slice_ns: 999_999 })],
    ['above what is declared', change({ slice_ns: '1000000001' })],
    ['what is not declared', change({ other: 1 })],
    ['of a generated policy too', change({ slice_ns: 1 }, 'generated')],
  ])('beyond all levels: %s', (_, asked) => {
    expect(levelOf(asked).findings).toMatchObject([{ code: 'out-of-bounds' }]);
  });
});

const one = (result: Deployed['result'], level: Level = 0, parts: Partial<Deployed> = {}): Deployed => ({
  agent: 'a',
  atMs: 0,
  result,
  level,
  isCritical: false,
  ...parts,
});
const many = (count: number, deployed: Deployed): Deployed[] => Array.from({ length: count }, () => deployed);
const kept = (count: number, level: Level = 0) => many(count, one('kept', level));
const full = [...kept(3, 0), ...kept(5, 1), ...kept(10, 2)];

describe('what a history gives', () => {
  it.each<[string, Deployed[], Level, number]>([
    ['none', [], 0, 0],
    ['two kept', kept(2), 0, 2],
    ['three kept: a level up, and counted anew', kept(3), 1, 0],
    ['kept ones that take less lead no further', kept(50), 1, 0],
    ['five that took level 1', [...kept(3), ...kept(5, 1)], 2, 0],
    ['ten that took level 2', full, 3, 0],
    ['no further than the last', [...full, ...kept(99, 3)], 3, 99],
    ['undone counts for nothing', [...kept(2), one('undone'), ...kept(1)], 1, 0],
    ['undone alone', many(50, one('undone')), 0, 0],
    ['a trip at the beginning', [...kept(2), one('tripped')], 0, 0],
    ['a trip at level 1', [...kept(3), ...kept(4, 1), one('tripped', 1)], 0, 0],
    ['a trip at level 3 leads to 1', [...full, one('tripped', 3)], 1, 0],
    ['two trips', [...full, one('tripped', 3), one('tripped', 1)], 0, 0],
    ['trips of somebody else', [...kept(3), one('tripped', 0, { agent: 'b' })], 1, 0],
  ])('%s', (_, history, level, count) => {
    expect(trustOf('a', history)).toMatchObject({ level, kept: count });
  });

  it('whatever the history: a trip never helps, and others’ histories change nothing', () => {
    const deployed = fc.record({
      agent: fc.constantFrom('a', 'b'),
      atMs: fc.nat(),
      result: fc.constantFrom('kept' as const, 'tripped' as const, 'undone' as const),
      level: fc.constantFrom<Level>(0, 1, 2, 3),
      isCritical: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(deployed, { maxLength: 60 }), (history) => {
        const trust = trustOf('a', history);
        expect(
          trustOf(
            'a',
            history.filter(({ agent }) => agent === 'a'),
          ),
        ).toEqual(trust);
        const after = trustOf('a', [...history, one('tripped', 0)]);
        expect(after.level).toBeLessThanOrEqual(Math.max(0, trust.level - (trust.level > 0 ? 1 : 0)));
        expect(after).toMatchObject({ kept: 0, criticalDone: 0 });
      }),
      { seed: 12 },
    );
  });
});

describe('permission', () => {
  const asked = (parts: Partial<Asked> = {}): Asked => ({
    agent: 'a',
    level: 0,
    isCritical: false,
    anomalies: [],
    mode: 'normal',
    isByHand: false,
    isApproved: false,
    ...parts,
  });
  const critical = many(3, one('kept', 0, { isCritical: true }));
  it.each<[string, Partial<Asked>, Deployed[], string, string[]]>([
    ['what a new agent may', {}, [], 'deploy', []],
    ['wider than trusted', { level: 1 }, [], 'not', ['not-trusted']],
    ['wider, after trust', { level: 1 }, kept(3), 'deploy', []],
    ['generated, at level 2', { level: 3 }, [...kept(3), ...kept(5, 1)], 'not', ['not-trusted']],
    ['generated, at level 3', { level: 3 }, full, 'deploy', []],
    ['an approval lifts no level', { level: 1, isApproved: true }, [], 'not', ['not-trusted']],
    ['advice mode', { mode: 'advice' }, full, 'not', ['advice-mode']],
    ['advice mode, approved', { mode: 'advice', isApproved: true }, full, 'not', ['advice-mode']],
    ['critical, the first', { isCritical: true }, [], 'ask', ['needs-approval']],
    ['critical, the third', { isCritical: true }, critical.slice(0, 2), 'ask', ['needs-approval']],
    ['critical, the fourth', { isCritical: true }, critical, 'deploy', []],
    ['critical, approved', { isCritical: true, isApproved: true }, [], 'deploy', []],
    [
      'critical after a trip: from the beginning',
      { isCritical: true },
      [...critical, one('tripped')],
      'ask',
      ['needs-approval'],
    ],
    [
      'something odd',
      { anomalies: ['a new kernel', 'a trip just now'] },
      full,
      'ask',
      ['needs-approval', 'needs-approval'],
    ],
    ['something odd, approved', { anomalies: ['a new kernel'], isApproved: true }, full, 'deploy', []],
    ['a person has changed it by hand', { isByHand: true }, full, 'ask', ['by-hand']],
  ])('%s', (_, parts, history, may, codes) => {
    const answer = permission(asked(parts), history);
    expect(answer.may).toBe(may);
    expect('findings' in answer ? answer.findings.map(({ code }) => code) : []).toEqual(codes);
  });

  it('says who ends the waiting after a change by hand', () => {
    const answer = permission(asked({ isByHand: true }), full);
    expect(answer).toMatchObject({ findings: [{ next: expect.stringContaining('approve --go-on') }] });
  });

  it('says how many more lead on', () => {
    const answer = permission(asked({ level: 1 }), kept(1));
    expect(answer).toMatchObject({ findings: [{ next: expect.stringContaining('2 more') }] });
  });
});
