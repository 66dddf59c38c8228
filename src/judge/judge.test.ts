import { describe, expect, it } from 'vitest';
import { drive, type MadeUpRun } from '../../test/judge/drive.ts';
import { judge } from './judge.ts';
import { createPlan } from './plan.ts';
import { judgementText } from './text.ts';
import type { ArmSpec, Goal, Judgement, OtherWorkload } from './types.ts';

const arm = (id: string, kind: ArmSpec['kind'] = 'policy'): ArmSpec => ({ id, name: id, kind });
const arms = [arm('default', 'default'), arm('batch', 'settings'), arm('fifo'), arm('lavd')];
const goal: Goal = { metric: 'makespan', direction: 'lower', unit: 'ns' };
const plan = createPlan({ seed: 1, goal, arms, profile: 'deterministic' });

/** Milliseconds per arm, 100 where nothing is said; ± 0.5 % that differs by arm and block. */
const about =
  (values: Record<string, number | string>): MadeUpRun =>
  (armId, { block }) => {
    const value = values[armId] ?? 100;
    const wobble = 1 + (((block * 7 + armId.length * 3) % 11) - 5) / 1000;
    return typeof value === 'string' ? value : value * 1e6 * wobble;
  };
const judged = (run: MadeUpRun, others?: OtherWorkload[]): Judgement => {
  const observations = drive(plan, run);
  return judge(others === undefined ? { plan, observations } : { plan, observations, others });
};
const held = (judgement: Judgement) =>
  Object.fromEntries(judgement.claims.map((claim) => [`${claim.kind} ${claim.against}`, claim.holds]));
const other = (
  name: string,
  values: readonly (number | null)[],
  scope: OtherWorkload['scope'] = 'workload',
) => ({
  name,
  scope,
  goal: { metric: 'latencyP99', direction: 'lower', unit: 'ns' } as const,
  pairs: values.map((value) => ({ value, base: 100, ...(value === null ? { why: 'stalled' } : {}) })),
});
const same = (value: number, n = 8): number[] => Array(n).fill(value);

describe('judge', () => {
  it.each<[string, MadeUpRun, Partial<Judgement>]>([
    [
      'a policy that is better',
      about({ fifo: 80 }),
      { decision: 'accepted', chosen: 'fifo', candidate: 'fifo' },
    ],
    ['settings that are better', about({ batch: 90 }), { decision: 'accepted', chosen: 'batch' }],
    [
      'settings as good as a policy',
      about({ fifo: 79.6, batch: 80 }),
      { decision: 'accepted', chosen: 'batch' },
    ],
    [
      'a policy clearly better than settings',
      about({ fifo: 70, batch: 80 }),
      { decision: 'accepted', chosen: 'fifo' },
    ],
    [
      'all worse',
      about({ fifo: 120, lavd: 110, batch: 105 }),
      { decision: 'rejected', chosen: null, candidate: 'batch' },
    ],
    ['all equal to the last bit', () => 5, { decision: 'rejected', chosen: null }],
    [
      'a gain below the margin',
      about({ fifo: 98.9 }),
      { decision: 'rejected', chosen: null, candidate: 'fifo' },
    ],
    [
      'every arm fails',
      about({ fifo: 'ejected', lavd: 'ejected', batch: 'ejected' }),
      { decision: 'invalid', candidate: null, effect: null },
    ],
    [
      'the default fails',
      about({ default: 'timed out' }),
      { decision: 'invalid', why: 'the runs of default failed: timed out' },
    ],
    [
      'the best fails half-way',
      (id, b, o) => (id === 'fifo' && b.block > 8 ? 'ejected' : about({ fifo: 60, lavd: 80 })(id, b, o)),
      { decision: 'accepted', chosen: 'lavd' },
    ],
    [
      'every other run is wild',
      (id, { block }) =>
        id === 'default' ? 100 : id === 'fifo' ? (block < 6 ? 90 : block % 2 ? 60 : 150) : 101,
      { decision: 'inconclusive', chosen: null },
    ],
  ])('%s', (_, run, expected) => expect(judged(run)).toMatchObject(expected));

  it('gives the effect of confirmation, less being negative', () => {
    const { effect, arms } = judged(about({ fifo: 80 }));
    expect(effect!.relative).toBeCloseTo(-0.2, 2);
    expect(effect!.low).toBeLessThanOrEqual(effect!.relative);
    expect(effect!.high).toBeGreaterThanOrEqual(effect!.relative);
    expect(effect!.high).toBeLessThan(-0.18);
    expect(effect!.confidence).toBe(0.95);
    expect(arms.find((a) => a.id === 'fifo')).toMatchObject({ status: 'ok', phase: 'confirm', n: 8, effect });
    expect(arms.find((a) => a.id === 'default')).toMatchObject({ phase: 'confirm', n: 8, effect: null });
    expect(arms.find((a) => a.id === 'lavd')).toMatchObject({ status: 'dropped', phase: 'screen', n: 3 });
  });

  it('uses nothing of screening for the candidate: a lucky screening changes no number', () => {
    const lucky: MadeUpRun = (id, b, o) =>
      id === 'fifo' && b.block < 6 ? 50e6 : about({ fifo: 99 })(id, b, o);
    const { decision, effect } = judged(lucky);
    expect(decision).toBe('rejected');
    expect(effect!.low).toBeGreaterThan(-0.025);
  });

  it('turns around where higher is better', () => {
    const up = createPlan({
      seed: 1,
      goal: { ...goal, direction: 'higher', unit: '1/s' },
      arms,
      profile: 'deterministic',
    });
    const more = judge({ plan: up, observations: drive(up, about({ fifo: 125, lavd: 80 })) });
    expect(more).toMatchObject({ decision: 'accepted', chosen: 'fifo' });
    expect(more.effect!.relative).toBeCloseTo(0.25, 1);
    expect(more.effect!.low).toBeGreaterThan(0.2);
    expect(
      judge({ plan: up, observations: drive(up, about({ fifo: 80, lavd: 80, batch: 80 })) }).decision,
    ).toBe('rejected');
  });

  it.each<[string, MadeUpRun, Record<string, boolean | 'unknown'>]>([
    [
      'accepted policy',
      about({ fifo: 80 }),
      {
        'better-than-default default': true,
        'not-distinguishable default': false,
        'default-within default': false,
        'presence default': true,
        'no-harm other workloads': 'unknown',
      },
    ],
    [
      'accepted policy beside settings',
      about({ fifo: 70, batch: 80 }),
      {
        'better-than-default default': true,
        'not-distinguishable default': false,
        'default-within default': false,
        'better-than-settings batch': true,
        'presence default': true,
        'no-harm other workloads': 'unknown',
      },
    ],
    [
      'accepted settings',
      about({ batch: 80 }),
      {
        'better-than-default default': true,
        'not-distinguishable default': false,
        'default-within default': false,
        'no-harm other workloads': 'unknown',
      },
    ],
    [
      'equal',
      () => 5,
      {
        'better-than-default default': false,
        'not-distinguishable default': true,
        'default-within default': true,
      },
    ],
    [
      'worse',
      about({ fifo: 110, lavd: 120, batch: 130 }),
      {
        'better-than-default default': false,
        'not-distinguishable default': false,
        'default-within default': true,
        'presence default': true,
      },
    ],
  ])('claims: %s', (_, run, claims) => expect(held(judged(run))).toEqual(claims));

  it.each<[string, OtherWorkload[], string, boolean | 'unknown']>([
    ['none', [other('pipes', same(100))], 'accepted', true],
    ['a loss of 4 %', [other('pipes', same(104))], 'accepted', true],
    ['a loss of 6 %', [other('pipes', same(106))], 'rejected', false],
    ['one of two', [other('pipes', same(106)), other('frames', same(100))], 'rejected', false],
    ['a run that stalls', [other('pipes', [...same(100), null])], 'rejected', false],
    [
      'spread around the limit',
      [other('pipes', [90, 115, 95, 112, 100, 108, 99, 104])],
      'inconclusive',
      'unknown',
    ],
    ['too few pairs', [other('pipes', same(100, 4))], 'inconclusive', 'unknown'],
    ['just enough pairs', [other('pipes', same(100, 5))], 'accepted', true],
    ['a bystander, at the look', [other('hog', same(100), 'bystander')], 'accepted', true],
    ['a bystander, not at a look', [other('hog', same(100, 7), 'bystander')], 'inconclusive', 'unknown'],
    ['a bystander that loses', [other('hog', same(120), 'bystander')], 'rejected', false],
    ['a value of zero', [other('pipes', [...same(100), 0])], 'inconclusive', 'unknown'],
  ])('harm elsewhere: %s', (_, others, decision, holds) => {
    const judgement = judged(about({ fifo: 80 }), others);
    expect(judgement).toMatchObject({
      decision,
      chosen: decision === 'accepted' ? 'fifo' : null,
      candidate: 'fifo',
    });
    expect(judgement.claims.find((claim) => claim.kind === 'no-harm')!.holds).toBe(holds);
  });

  it('harm where higher is better: a bound of the loss', () => {
    const throughput = {
      ...other('web', same(97)),
      goal: { metric: 'throughput', direction: 'higher', unit: '1/s' } as const,
    };
    const claim = judged(about({ fifo: 80 }), [throughput]).claims.find(({ kind }) => kind === 'no-harm')!;
    expect(claim).toMatchObject({ holds: true, n: 8 });
    expect(claim.bound).toBeCloseTo(0.03, 9);
  });

  it('judges no more than the last complete look when it is stopped early', () => {
    const observations = drive(plan, about({ fifo: 80 }));
    for (const upTo of [0, 1, 10, 30, observations.length - 1])
      expect(judge({ plan, observations: observations.slice(0, upTo) })).toMatchObject({
        decision: 'inconclusive',
        chosen: null,
        effect: null,
        why: 'the comparison was stopped before its plan ended',
      });
    const wide: MadeUpRun = (id, { block }) => (id === 'fifo' ? (block % 3 ? 90 : 108) : 100);
    const twoLooks = drive(plan, wide).filter((o) => o.block < 6 + 14);
    expect(judge({ plan, observations: twoLooks }).arms.find((a) => a.id === 'fifo')).toMatchObject({
      n: 12,
    });
  });

  it('gives the same bytes from recorded JSON, and no number that JSON cannot hold', () => {
    const observations = drive(plan, about({ fifo: 80, lavd: 'ejected' }));
    const text = JSON.stringify(judge({ plan, observations }));
    expect(JSON.stringify(judge(JSON.parse(JSON.stringify({ plan, observations }))))).toBe(text);
    expect(JSON.parse(text)).toEqual(judge({ plan, observations }));
  });
});

describe('text', () => {
  const mixed: MadeUpRun = (id, b, o) =>
    about({ fifo: 80, batch: 93, lavd: b.block === 2 ? 'ejected: stall of 5.0 s' : 97 })(id, b, o);
  it.each<[string, () => Judgement]>([
    ['accepted', () => judged(mixed, [other('pipes', same(101.3))])],
    ['rejected', () => judged(about({ fifo: 99.4, lavd: 130, batch: 101 }))],
    [
      'not distinguishable',
      () => judged((id, b) => (id === 'fifo' ? (b.block < 6 ? 99 : b.block % 2 ? 97.8 : 102.5) : 100) * 1e6),
    ],
    [
      'harm',
      () => judged(about({ fifo: 80 }), [other('pipes', [...same(100), null]), other('web', same(109))]),
    ],
    ['invalid', () => judged(about({ default: 'timed out after 60 s' }))],
    ['nothing yet', () => judge({ plan, observations: [] })],
  ])('%s', (name, judgement) =>
    expect(judgementText(judgement())).toMatchFileSnapshot(
      `../../test/judge/golden/${name.replaceAll(' ', '-')}.txt`,
    ),
  );
});
