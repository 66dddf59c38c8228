import { describe, expect, it } from 'vitest';
import { drive, type MadeUpRun, observe } from '../../test/judge/drive.ts';
import { createRandom } from '../lib/random.ts';
import { createPlan, nextBlocks, type PlanOptions } from './plan.ts';
import type { ArmSpec, Observation } from './types.ts';

const arm = (id: string, kind: ArmSpec['kind'] = 'policy'): ArmSpec => ({ id, name: id, kind });
const options: PlanOptions = {
  seed: 1,
  goal: { metric: 'makespanNs', direction: 'lower', unit: 'ns' },
  arms: [arm('default', 'default'), arm('batch', 'settings'), arm('fifo'), arm('lavd'), arm('rusty')],
  profile: 'deterministic',
};
const plan = createPlan(options);
const flat =
  (values: Record<string, number | string>): MadeUpRun =>
  (id) =>
    values[id] ?? 100;
/** fifo looks best in screening, and is `value` in confirmation. */
const later =
  (value: (block: number) => number): MadeUpRun =>
  (id, { block }) =>
    id !== 'fifo' ? 100 : block < 6 ? 99 : value(block);
const stopOf = (run: MadeUpRun, of = plan) => nextBlocks(of, drive(of, run));
const armsOf = (observations: readonly Observation[], phase: Observation['phase']) =>
  [...new Set(observations.filter((o) => o.phase === phase).map((o) => o.armId))].sort();

describe('plan', () => {
  it('is data: it survives JSON and asks for the same blocks again', () => {
    const copy = JSON.parse(JSON.stringify(plan)) as typeof plan;
    const half = drive(plan, flat({ fifo: 90 }), 20);
    expect(nextBlocks(copy, half)).toEqual(nextBlocks(plan, half));
  });

  it.each<[string, Partial<PlanOptions>]>([
    ['exactly once', { arms: [arm('a'), arm('b')] }],
    ['exactly once', { arms: [arm('a', 'default'), arm('b', 'default')] }],
    ['nothing to compare', { arms: [arm('a', 'default')] }],
    ['same id', { arms: [arm('a', 'default'), arm('b'), arm('b')] }],
    ['alpha 0', { alpha: 0 }],
    ['margin 2', { margin: 2 }],
    ['can never give an interval', { maxConfirmBlocks: 5 }],
    ['can never give an interval', { maxConfirmBlocks: 0 }],
    ['at least one block', { maxScreenBlocks: 0 }],
    ['limited to 50', { maxConfirmBlocks: 51 }],
  ])('refuses: %s', (message, change) => {
    expect(() => createPlan({ ...options, ...change })).toThrow(message);
  });

  it('cuts its looks to the limits it is given', () => {
    expect(createPlan({ ...options, maxScreenBlocks: 4, maxConfirmBlocks: 12 })).toMatchObject({
      screenStages: [3, 4],
      confirmLooks: [8, 12],
    });
  });

  it('runs every arm once per block, seeds all different, every second order reversed', () => {
    const next = nextBlocks(plan, []);
    if (next.kind !== 'run') throw new Error('stopped');
    expect(next.phase).toBe('screen');
    expect(next.blocks.map((b) => b.block)).toEqual([0, 1, 2]);
    for (const block of next.blocks)
      expect([...block.order].sort()).toEqual(plan.arms.map((a) => a.id).sort());
    expect([...next.blocks[1]!.order].reverse()).toEqual(next.blocks[0]!.order);
    const seeds = drive(plan, flat({})).map((o) => `${o.block} ${o.seed}`);
    const blocks = new Set(seeds.map((s) => s.split(' ')[0]));
    expect(new Set(seeds).size).toBe(blocks.size);
    expect(new Set(seeds.map((s) => s.split(' ')[1])).size).toBe(blocks.size);
  });

  it('puts every arm first about as often', () => {
    const firsts = new Map<string, number>();
    for (let seed = 0; seed < 500; seed++) {
      const next = nextBlocks(createPlan({ ...options, seed }), []);
      const first = next.kind === 'run' ? next.blocks[0]!.order[0]! : '';
      firsts.set(first, (firsts.get(first) ?? 0) + 1);
    }
    for (const count of firsts.values()) expect(Math.abs(count - 100)).toBeLessThan(40);
  });

  it('screens, then confirms the best alone on seeds that screening did not see', () => {
    const observations = drive(plan, flat({ fifo: 90, lavd: 80, rusty: 120 }));
    expect(armsOf(observations, 'confirm')).toEqual(['default', 'lavd']);
    const seeds = (phase: string) =>
      new Set(observations.filter((o) => o.phase === phase).map((o) => o.seed));
    for (const seed of seeds('confirm')) expect(seeds('screen').has(seed)).toBe(false);
    expect(nextBlocks(plan, observations)).toEqual({ kind: 'stop', reason: 'accepted', chosen: 'lavd' });
  });

  it('drops after three blocks what lost every one of them', () => {
    const observations = drive(plan, flat({ fifo: 90, lavd: 80, rusty: 120 }));
    const count = (id: string) => observations.filter((o) => o.armId === id && o.phase === 'screen').length;
    expect(['rusty', 'fifo', 'lavd', 'batch', 'default'].map(count)).toEqual([3, 3, 6, 6, 6]);
  });

  it('does not screen a single arm', () => {
    const pair = createPlan({ ...options, arms: [arm('default', 'default'), arm('fifo')] });
    const observations = drive(pair, flat({ fifo: 110 }));
    expect(observations.map((o) => o.phase)).toEqual(Array(16).fill('confirm'));
    expect(nextBlocks(pair, observations)).toMatchObject({ reason: 'no-gain', chosen: null });
  });

  it('takes settings along when they look worth it, and prefers them to a policy that is no better', () => {
    const close = drive(plan, flat({ fifo: 79.5, batch: 80 }));
    expect(armsOf(close, 'confirm')).toEqual(['batch', 'default', 'fifo']);
    expect(nextBlocks(plan, close)).toMatchObject({ reason: 'accepted', chosen: 'batch' });
    expect(stopOf(flat({ fifo: 70, batch: 80 }))).toMatchObject({ reason: 'accepted', chosen: 'fifo' });
    expect(armsOf(drive(plan, flat({ fifo: 80, batch: 80 })), 'confirm')).toEqual(['batch', 'default']);
    expect(armsOf(drive(plan, flat({ fifo: 80, batch: 99 })), 'confirm')).toEqual(['default', 'fifo']);
  });

  it.each<[string, MadeUpRun, string, number]>([
    ['the margin is out of reach', flat({ fifo: 99.5 }), 'no-gain', 8],
    ['a gain is clear', flat({ fifo: 95 }), 'accepted', 8],
    ['gains and losses alternate', later((block) => (block % 2 ? 97.8 : 102.5)), 'futile', 8],
    ['the planned runs do not settle it', later((block) => (block % 3 ? 90 : 108)), 'exhausted', 24],
  ])('stops when %s', (_, run, reason, n) => {
    const observations = drive(plan, run);
    expect(nextBlocks(plan, observations)).toMatchObject({ kind: 'stop', reason });
    expect(observations.filter((o) => o.phase === 'confirm' && o.armId === 'fifo').length).toBe(n);
  });

  it('asks again for exactly what is missing, in whatever order observations arrive', () => {
    const all = drive(plan, flat({ fifo: 90 }));
    const shuffled = createRandom(5).shuffle(all);
    expect(nextBlocks(plan, shuffled)).toEqual(nextBlocks(plan, all));
    const next = nextBlocks(
      plan,
      all.filter((o) => !(o.block === 1 && ['fifo', 'default'].includes(o.armId))),
    );
    if (next.kind !== 'run') throw new Error('stopped');
    expect(next.blocks.map((b) => [b.block, [...b.order].sort()])).toEqual([[1, ['default', 'fifo']]]);
  });

  describe('failures', () => {
    it.each<[string, Partial<Observation>]>([
      ['invalid', { valid: false }],
      ['no value', { value: null }],
      ['zero', { value: 0 }],
      ['negative', { value: -1 }],
      ['not a number', { value: Number.NaN }],
      ['infinite', { value: Number.POSITIVE_INFINITY }],
    ])('%s: one such run takes an arm out of the plan', (_, bad) => {
      const next = nextBlocks(plan, []);
      if (next.kind !== 'run') throw new Error('stopped');
      const observations = next.blocks.flatMap((b) => observe(b, 'screen', flat({ fifo: 50 })));
      const at = observations.findIndex((o) => o.armId === 'fifo');
      observations[at] = { ...observations[at]!, ...bad };
      const after = nextBlocks(plan, observations);
      if (after.kind !== 'run') throw new Error('stopped');
      expect(after.blocks[0]!.order).not.toContain('fifo');
      expect(after.blocks[0]!.order).toContain('lavd');
    });

    it('a candidate that fails in confirmation gives its turn to the next, on fresh seeds', () => {
      const run: MadeUpRun = (id, { block }) =>
        id === 'fifo' ? (block === 8 ? 'ejected' : 80) : id === 'lavd' ? 90 : 100;
      const observations = drive(plan, run);
      expect(nextBlocks(plan, observations)).toMatchObject({ reason: 'accepted', chosen: 'lavd' });
      const confirmed = observations.filter((o) => o.phase === 'confirm');
      const last = Math.max(...confirmed.filter((o) => o.armId === 'fifo').map((o) => o.block));
      const first = Math.min(...confirmed.filter((o) => o.armId === 'lavd').map((o) => o.block));
      expect(first).toBeGreaterThan(last);
    });

    it('a second failing candidate ends it', () => {
      expect(stopOf((_id, b) => (b.block > 5 && _id !== 'default' ? 'ejected' : 100))).toMatchObject({
        reason: 'no-arms-left',
      });
      expect(stopOf((id) => (id === 'default' ? 100 : 'rejected by the verifier'))).toMatchObject({
        reason: 'no-arms-left',
      });
    });

    it('a failed default takes its block out and another replaces it; too many end it', () => {
      const run: MadeUpRun = (id, { block }) =>
        id === 'default' && [1, 7, 9].includes(block) ? 'timed out' : id === 'fifo' ? 80 : 100;
      const observations = drive(plan, run);
      expect(nextBlocks(plan, observations)).toMatchObject({ reason: 'accepted', chosen: 'fifo' });
      expect(Math.max(...observations.map((o) => o.block))).toBe(6 + 8 + 3 - 1);
      expect(stopOf((id) => (id === 'default' ? 'timed out' : 80))).toMatchObject({
        reason: 'default-failed',
      });
    });

    it('a default that never worked is not tried for long: a command that hangs would hang for all of the plan', () => {
      const runsOfDefault = (value: (block: number) => number | string): number =>
        drive(plan, (id, { block }) => (id === 'default' ? value(block) : 80), Infinity, 1).filter(
          (o) => o.armId === 'default',
        ).length;
      expect(runsOfDefault(() => 'timed out')).toBe(2);
      expect(runsOfDefault((block) => (block === 0 ? 100 : 'timed out'))).toBe(5);
    });

    it('the default is not run on alone, and what fails under every arm is tried once', () => {
      const all = drive(plan, () => 'no such program', Infinity, 1);
      expect(all).toHaveLength(plan.arms.length);
      expect(nextBlocks(plan, all)).toMatchObject({ reason: 'default-failed' });
      const arms = drive(plan, (id) => (id === 'default' ? 100 : 'rejected'), Infinity, 1);
      expect(arms).toHaveLength(plan.arms.length);
      expect(nextBlocks(plan, arms)).toMatchObject({ reason: 'no-arms-left' });
    });
  });

  it.each<[string, (o: Observation) => Observation[]]>([
    ['there twice', (o) => [o, o]],
    ['no such arm', (o) => [{ ...o, armId: 'stranger' }]],
    ['has seed', (o) => [{ ...o, seed: o.seed + 1 }]],
    ['has it in phase', (o) => [{ ...o, phase: 'confirm' }]],
  ])('refuses observations that are not its own: %s', (message, spoil) => {
    const [first, ...rest] = drive(plan, flat({}), 15);
    expect(() => nextBlocks(plan, [...spoil(first!), ...rest])).toThrow(message);
  });
});
