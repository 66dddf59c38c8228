import { describe, expect, it } from 'vitest';
import { counters, histogram, ms } from '../../test/profiles/counters.ts';
import * as examples from '../../test/profiles/examples.ts';
import { decided, profile } from '../../test/profiles/profiles.ts';
import type { Counters, TaskCounters } from '../core/counters.ts';
import { changesOf, changesText } from './changes.ts';

const worker: Partial<TaskCounters> = {
  ...{
    comm: 'worker',
    ranNs: 400 * ms,
    delayNs: 20 * ms,
    bursts: 10_000,
    voluntary: 10_000,
    involuntary: 100,
  },
  ...{ waits: { futex: { count: 10_000, ns: 580 * ms } }, wakes: { task: 9000, timer: 1000 } },
  ...{
    runs: histogram([40_000, 10_000]),
    sleeps: histogram([60_000, 10_000]),
    delays: histogram([2000, 9900], [50_000, 100]),
  },
};
const usual = counters([worker]);
const changed = (change: Partial<TaskCounters>, rest: Partial<Counters> = {}) =>
  changesOf(profile(usual), profile(counters([{ ...worker, ...change }], rest)));

describe('what changed', () => {
  it('nothing, between a profile and itself', () => {
    const same = changesOf(profile(examples.build), profile(examples.build));
    expect(same.changes).toEqual([]);
    expect(changesText(same)).toMatch(/^nothing moved by more than noise/);
  });

  it('nothing, within noise', () => {
    expect(changed({ ranNs: 410 * ms, delayNs: 21 * ms, bursts: 10_900, voluntary: 10_900 }).changes).toEqual(
      [],
    );
  });

  it('waits, and their share of the time', () => {
    const { changes } = changed({ ranNs: 200 * ms, waits: { disk: { count: 10_000, ns: 780 * ms } } });
    const said = changes.map(({ what }) => what);
    expect(said.slice(0, 2)).toEqual(['time.disk', 'time.futex']);
    expect(said).toContain('time.cpu');
    expect(changes[0]).toMatchObject({ before: 0, after: 0.78, text: 'time: disk: 0 % -> 78 %' });
  });

  it('lengths that doubled, in times', () => {
    const { changes } = changed({ delays: histogram([16_000, 9900], [50_000, 100]) });
    expect(changes.find(({ what }) => what === 'delayNs.p50')?.text).toBe(
      'delays p50: 1.5 us -> 12 us (x 8)', // 2^10.5 and 2^13.5,
    );
  });

  it('the same ratio is noise where few were counted', () => {
    const few = {
      ...worker,
      bursts: 12,
      ranNs: 1_000_000,
      runs: histogram([70_000, 12]),
      waits: {},
      delayNs: 0,
    };
    const before = profile(counters([few]));
    const longer = profile(counters([{ ...few, runs: histogram([140_000, 12]) }]));
    expect(changesOf(before, longer).changes.map(({ what }) => what)).not.toContain('runNs.p90');
    const many = changed({ runs: histogram([80_000, 10_000]) }).changes;
    expect(many.map(({ what }) => what)).toContain('runNs.p90');
  });

  it('class and goal', () => {
    const idle = profile(usual, { classify: () => ({ ...decided, name: 'idle', confidence: 0.7 }) });
    expect(changesOf(profile(usual), idle).changes).toEqual([
      {
        what: 'class',
        before: 'batch',
        after: 'idle',
        size: 10,
        text: 'class: batch (82 % sure) -> idle (70 % sure)',
      },
    ]);
  });

  it('names that came and went', () => {
    const other = profile(counters([{ ...worker, comm: 'new\n' }]));
    const groups = changesOf(profile(usual), other).changes.filter(({ what }) => what.startsWith('group'));
    expect(groups.map(({ text }) => text)).toEqual([
      'new\\x0a: not there -> 100 % of the CPU time',
      'worker: 100 % of the CPU time -> not there',
    ]);
  });

  it('what was not measured has not changed', () => {
    const bare = profile(counters([{ comm: 'worker', ranNs: 400 * ms }]));
    // the goal is guessed from less
    expect(changesOf(profile(usual), bare).changes.map(({ what }) => what)).toEqual(['goal']);
  });
});
