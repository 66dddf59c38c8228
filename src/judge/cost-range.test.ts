// Verdicts that hold at both ends of the cost ranges, and verdicts that the costs decide.

import { describe, expect, it } from 'vitest';
import { drive } from '../../test/judge/drive.ts';
import { costClaims } from './cost-range.ts';
import { judge } from './judge.ts';
import { createPlan } from './plan.ts';
import type { ArmSpec, OtherWorkload } from './types.ts';

const goal = { metric: 'makespanNs', direction: 'lower', unit: 'ns' } as const;
const fifo: ArmSpec = { id: 'fifo', name: 'fifo', kind: 'policy' };
const arms: ArmSpec[] = [{ id: 'default', name: 'default', kind: 'default' }, fifo];
const plan = createPlan({ seed: 1, goal, arms, profile: 'deterministic' });

/** Six pairs, the base 100 each. */
const end = (name: string, value: number | null, direction: 'lower' | 'higher' = 'lower'): OtherWorkload => ({
  name,
  scope: 'costs',
  goal: { ...goal, direction },
  pairs: Array.from({ length: 6 }, () => ({
    value,
    base: 100,
    ...(value === null ? { why: 'the run was ejected' } : {}),
  })),
});
const gain20 = drive(plan, (armId, { block }) => (armId === 'fifo' ? 80 : 100) * (1 + (block % 5) / 1000));
const decided = (...others: OtherWorkload[]) => {
  const { decision, why, chosen } = judge({ plan, observations: gain20, others });
  return { decision, why, chosen };
};
const harmless: OtherWorkload = { ...end('pipes', 100), scope: 'workload' };

describe('the ends of the cost ranges', () => {
  it('leave a gain that is one at both of them', () => {
    expect(decided(harmless, end('low', 90), end('high', 70))).toMatchObject({
      decision: 'accepted',
      chosen: 'fifo',
    });
  });

  it('make a gain that turns into a loss, or into nothing, inconclusive', () => {
    for (const value of [103, 100])
      expect(decided(harmless, end('low', 90), end('high', value))).toEqual({
        decision: 'inconclusive',
        why: 'the sign flips within the cost ranges: no gain with high',
        chosen: null,
      });
  });

  it('say so where a run at an end failed', () => {
    expect(decided(harmless, end('low', null), end('high', 70))).toEqual({
      decision: 'inconclusive',
      why: 'whether there is a gain with low is not known',
      chosen: null,
    });
  });

  it('are no other workloads: harm stays unmeasured beside them', () => {
    const { claims } = judge({ plan, observations: gain20, others: [end('low', 90), end('high', 90)] });
    expect(claims.find(({ kind }) => kind === 'no-harm')).toMatchObject({ holds: 'unknown', n: 0 });
    expect(claims.filter(({ kind }) => kind === 'cost-range').map(({ against }) => against)).toEqual([
      'low',
      'high',
    ]);
  });

  it('know which way is better', () => {
    const holds = (value: number): unknown => costClaims(plan, fifo, [end('low', value, 'higher')])[0]!.holds;
    expect([holds(101), holds(99)]).toEqual([true, false]);
  });
});
