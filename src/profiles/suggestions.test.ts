import { describe, expect, it } from 'vitest';
import { counters, histogram, ms } from '../../test/profiles/counters.ts';
import * as examples from '../../test/profiles/examples.ts';
import { libraryWords } from '../../test/profiles/library.ts';
import { profile } from '../../test/profiles/profiles.ts';
import type { Profile } from '../core/profile.ts';
import { adviceOf, type PolicyWords } from './suggestions.ts';

const names = (
  shown: Pick<Profile, 'shape' | 'goal' | 'groups'>,
  policies: readonly PolicyWords[] = libraryWords,
): string[] => adviceOf(shown, policies).suggestions.map(({ name }) => name);

describe('what to try', () => {
  it('a build with a long tail: longest first', () => {
    const advice = adviceOf(profile(examples.build, { endsByItself: true }), libraryWords);
    const [first] = advice.suggestions;
    expect(first?.name).toBe('length');
    expect(first?.fits).toContain('batches that repeat, with some jobs much longer than others');
    expect(advice.defaultIsFine).toBe(false);
    // 0.04 of the time is delay, 0.404 CPU
    expect(advice.waiting).toBeCloseTo(189.5 / (189.5 + 1885), 2);
  });

  it('a server with CPUs to spare: what is for requests, and that nothing is needed', () => {
    const advice = adviceOf(profile(examples.server), libraryWords);
    expect(advice.suggestions.slice(0, 2).map(({ name }) => name)).toEqual(['classes', 'deadline']);
    expect(advice.defaultIsFine).toBe(true);
    expect(advice.headroom).toMatch(/^the default scheduler is probably fine: 1.6 % of its runnable time/);
  });

  it('requests beside batch work that takes their CPUs: and a shorter slice', () => {
    const beside = profile(
      counters(
        [
          {
            comm: 'api',
            ranNs: 300 * ms,
            delayNs: 200 * ms,
            bursts: 9000,
            wakes: { interrupt: 9000 },
            waits: { socket: { count: 9000, ns: 500 * ms } },
            runs: histogram([33_000, 9000]),
          },
          {
            comm: 'batch',
            ranNs: 600 * ms,
            delayNs: 400 * ms,
            bursts: 200,
            wakes: {},
            waits: {},
            runs: histogram([30 * ms, 200]),
          },
        ],
        { cpus: 1 },
      ),
    );
    expect(beside.goal.name).toBe('tail-latency');
    expect(names(beside)).toEqual(expect.arrayContaining(['classes', 'deadline', 'baseSliceNs=1000000']));
    expect(names(beside)).not.toContain('fifo');
    expect(names(beside)).not.toContain('vtime');
  });

  it('says nothing of policies whose words do not fit, and nothing is said of what was not measured', () => {
    const stranger = {
      name: 'stranger',
      summary: '',
      goodFor: ['games of chance'],
      badFor: ['build graphs'],
    };
    expect(names(profile(examples.build), [stranger])).not.toContain('stranger');
    const advice = adviceOf(profile(examples.machine), libraryWords);
    expect(advice.waiting).toBeUndefined();
    expect(advice.defaultIsFine).toBe(false);
    expect(advice.suggestions).toEqual([]);
  });

  it('words against it count', () => {
    const good = { name: 'good', summary: '', goodFor: ['build graphs'], badFor: [] };
    const torn = {
      ...good,
      name: 'torn',
      badFor: ['one long job among many short ones', 'lengths that change from run to run'],
    };
    expect(names(profile(examples.build, { endsByItself: true }), [good, torn])).toContain('good');
    expect(names(profile(examples.build, { endsByItself: true }), [good, torn])).not.toContain('torn');
  });
});
