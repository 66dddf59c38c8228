import { describe, expect, it } from 'vitest';
import { counters, histogram, ms } from '../../test/profiles/counters.ts';
import * as examples from '../../test/profiles/examples.ts';
import { decided, profile } from '../../test/profiles/profiles.ts';
import { canonicalJson } from '../core/canonical.ts';
import { type Profile, profileSchema } from '../core/profile.ts';
import { groupsOf } from './groups.ts';
import { pagesOf } from './pages.ts';
import { shapeOf } from './shape.ts';

describe('the record', () => {
  it('is put together, and keeps its schema', () => {
    const shown = profile(examples.server, { from: ['f'.repeat(64)] });
    expect(profileSchema.parse(JSON.parse(canonicalJson(shown)))).toEqual(shown);
    expect(shown).toMatchObject({
      ...{ kind: 'profile', by: 'probes', observedNs: 1e10, class: decided, from: ['f'.repeat(64)] },
      ...{ events: { seen: 1_200_000, lost: 800, sampled: 0.25 }, missing: examples.server.missing },
    });
    expect(shown.shape).toEqual(shapeOf(examples.server));
  });

  it('what share of the switches was seen, and that the rest is estimated', () => {
    const cut = { ...examples.server, switchesSeen: 0.125 };
    const shown = profile(cut);
    expect(shown.events).toMatchObject({ switchesSeen: 0.125 });
    expect(pagesOf({ profile: shown, counters: cut }).summary).toMatch(/13 % of the switches were seen/);
  });

  it('the classifier is asked with the shape', () => {
    const asked: unknown[] = [];
    profile(examples.build, {
      classify: (shape) => {
        asked.push(shape);
        return decided;
      },
    });
    expect(asked).toEqual([shapeOf(examples.build)]);
  });

  it('a command that ended by itself speaks for makespan', () => {
    const reasons = (endsByItself: boolean): string =>
      profile(examples.build, { endsByItself }).goal.reasons.join();
    expect(reasons(true)).toMatch(/ends by itself/);
    expect(reasons(false)).not.toMatch(/ends by itself/);
    const ended = { ...examples.build, tasks: examples.build.tasks.map((task) => ({ ...task, endedNs: 9 })) };
    expect(profile(ended).goal.reasons).toContain('it ends by itself');
    expect(profile(ended, { endsByItself: false }).goal.reasons).not.toContain('it ends by itself');
    const watched = profile(ended, { subject: { what: 'process', name: 'make (7)' } });
    expect(watched.goal.reasons).not.toContain('it ends by itself');
    expect(profile(examples.build).goal.reasons).not.toContain('it ends by itself'); // make is still there
  });
});

describe('groups', () => {
  it('by name without numbers, where there are several; shares, quantiles, most frequent reasons', () => {
    const all = counters(
      [
        {
          comm: 'worker-1',
          ranNs: 100 * ms,
          delayNs: 50 * ms,
          waits: { futex: { count: 1, ns: 10 }, disk: { count: 9, ns: 5 } },
        },
        {
          comm: 'worker-22',
          ranNs: 200 * ms,
          delayNs: 150 * ms,
          wakes: { task: 30, timer: 20 },
          runs: histogram([16, 4]),
        },
        { comm: 'cc1', ranNs: 100 * ms },
        { comm: 'cc1', ranNs: 100 * ms },
        { comm: '42' },
      ],
      { observedNs: 2000 * ms },
    );
    expect(groupsOf(all)).toEqual([
      {
        ...{
          comm: 'worker-#',
          tasks: 2,
          cpuShare: 0.6,
          delayShare: 200 / 4000,
          runNsP50: Math.round(16 * Math.SQRT2),
        },
        ...{ wakesPerS: 25, waitsFor: 'futex', wokenBy: 'task' },
      },
      { comm: 'cc1', tasks: 2, cpuShare: 0.4 },
      { comm: '42', tasks: 1, cpuShare: 0 },
    ]);
  });

  it('wakeups that were counted for a part of the time', () => {
    const seen = counters([{ wakes: { timer: 20 } }], { observedNs: 2000 * ms, sampled: 0.25 });
    expect(groupsOf(seen)[0]?.wakesPerS).toBe(40); // 20 in half a second
  });

  it('names are escaped, and tasks that were not kept one by one are counted', () => {
    const all = counters(
      [
        { comm: 'a\nb\xff', ranNs: 1 },
        { tid: -1, comm: '', ranNs: 3 },
      ],
      { folded: 50 },
    );
    expect(groupsOf(all).map(({ comm, tasks }) => [comm, tasks])).toEqual([
      ['(others)', 50],
      ['a\\x0ab\\xff', 1],
    ]);
  });
});

it('5,000 threads: a summary of at most 1,500 tokens', () => {
  const one = histogram([30_000, 50], [3 * ms, 2]);
  const threads = Array.from({ length: 5000 }, (_, i) => ({
    ...{
      comm: `thread-${i % 300}`,
      ranNs: i * 1000,
      delayNs: i,
      userNs: i * 900,
      systemNs: i * 100,
      bursts: 52,
      voluntary: 52,
      involuntary: 3,
    },
    ...{
      waits: { futex: { count: 40, ns: 900 * ms }, poll: { count: 12, ns: 90 * ms } },
      wakes: { task: 40, interrupt: 12 },
    },
    ...{ runs: one, sleeps: one, delays: one },
  }));
  const edges = Array.from({ length: 4096 }, (_, i) => ({ from: i, to: (i * 7) % 5000, count: i }));
  const all = counters(threads, { edges, parallelNs: [500 * ms, 500 * ms], queuedNs: [1000 * ms] });
  const shown: Profile = profile(all);
  const { summary } = pagesOf({ profile: shown, counters: all }).tokens;
  expect(summary).toBeGreaterThan(300);
  expect(summary).toBeLessThanOrEqual(1500);
});
