import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { counters, histogram, ms } from '../../test/profiles/counters.ts';
import * as examples from '../../test/profiles/examples.ts';
import { libraryWords } from '../../test/profiles/library.ts';
import { decided, profile } from '../../test/profiles/profiles.ts';
import type { Counters, TaskCounters } from '../core/counters.ts';
import { type Profile, profileSchema } from '../core/profile.ts';
import { waitReasons } from '../core/trace.ts';
import { type PageInput, pagesOf, summaryTokens, type Tier, tiers } from './pages.ts';
import { tokensOf } from './words.ts';

const golden = (name: string): string => `../../test/profiles/golden/${name}.txt`;
/** Golden pages outlive the constants of fingerprints. */
const plain = (shown: Profile): Profile => ({
  ...shown,
  fingerprint: { version: 1, values: [0.6, 0, -0.8] },
});
const build: PageInput = {
  profile: plain(profile(examples.build, { endsByItself: true })),
  counters: examples.build,
  policies: libraryWords,
};

describe('golden pages', () => {
  it('a build', async () => {
    await expect(pagesOf(build).summary).toMatchFileSnapshot(golden('build-summary'));
    await expect(wholeText(build, 'comprehensive')).toMatchFileSnapshot(golden('build-comprehensive'));
  });

  it('a server, watched by probes', async () => {
    const subject = { what: 'process', name: 'nginx (812)' } as const;
    const shown = plain(profile(examples.server, { subject }));
    const input = { profile: shown, counters: examples.server, policies: libraryWords };
    await expect(pagesOf(input).summary).toMatchFileSnapshot(golden('server-summary'));
  });

  it('a machine of which next to nothing is known', async () => {
    const unsure: Profile['class'] = {
      ...decided,
      ...{ name: 'unsure', confidence: 0.3, look: ['wakeups: run it as root'] },
    };
    const subject = { what: 'machine', name: 'this machine' } as const;
    const shown = plain(profile(examples.machine, { subject, classify: () => unsure }));
    await expect(pagesOf({ profile: shown, counters: examples.machine }).summary).toMatchFileSnapshot(
      golden('machine-summary'),
    );
  });
});

/** A tier on one page. */
function wholeText(input: PageInput, tier: Tier): string {
  const page = pagesOf(input).page({ tier, tokens: 1e9 });
  expect(page).toEqual({ text: page.text, tokens: tokensOf(page.text) });
  return page.text;
}

describe('tiers', () => {
  it('each has all of the smaller one', () => {
    const [summary, detailed, comprehensive] = tiers.map((tier) => wholeText(build, tier));
    expect(detailed!.startsWith(summary!)).toBe(true);
    expect(comprehensive!.startsWith(detailed!)).toBe(true);
    expect(comprehensive!.length).toBeGreaterThan(detailed!.length);
    expect(detailed!.length).toBeGreaterThan(summary!.length);
  });

  it('cost what they said before', () => {
    const pages = pagesOf(build);
    for (const tier of tiers) expect(tokensOf(wholeText(build, tier))).toBe(pages.tokens[tier]);
    expect(pages.summary).toMatch(
      new RegExp(
        `detailed +${pages.tokens.detailed} tokens, comprehensive +${pages.tokens.comprehensive} tokens`,
      ),
    );
  });
});

it('cells that are too wide are cut, and the cost stays exact', () => {
  const waits = { unknown: { count: 1, ns: 1e15 } };
  const wide = counters(
    Array.from({ length: 50 }, (_, i) => ({
      tid: -2_000_000_000 - i,
      comm: 'a comm of many words',
      ranNs: 1e15,
      waits,
    })),
    { edges: [{ from: 0, to: 1, count: 3 }] },
  );
  const input: PageInput = { profile: profile(wide), counters: wide };
  expect(tokensOf(wholeText(input, 'comprehensive'))).toBe(pagesOf(input).tokens.comprehensive);
  expect(wholeText(input, 'comprehensive')).toMatch(/^ {2}-20000~ a comm of many ~ {4}1M s /m);
});

describe('pages', () => {
  const many = counters(
    Array.from({ length: 700 }, (_, i) => ({ tid: 1000 + i, comm: `worker-${i}`, ranNs: (700 - i) * ms })),
  );
  const input: PageInput = { profile: profile(many), counters: many };
  const pages = pagesOf(input);

  it.each([200, 333, 1500])('of %d tokens: no larger, every task once, in order', (tokens) => {
    const seen: string[] = [];
    let [cursor, count]: [string | undefined, number] = [undefined, 0];
    do {
      const page = pages.page({ tier: 'comprehensive', tokens, ...(cursor !== undefined && { cursor }) });
      expect(page.tokens).toBeLessThanOrEqual(tokens);
      seen.push(...(page.text.match(/^ {2}1\d{3} /gm) ?? []));
      cursor = page.next;
      count++;
    } while (cursor !== undefined);
    expect(count).toBeGreaterThanOrEqual(pages.tokens.comprehensive / tokens);
    expect(seen).toEqual(Array.from({ length: 700 }, (_, i) => `  ${1000 + i} `));
  });

  it('a cursor goes on from the same place with another size', () => {
    const { next } = pages.page({ tier: 'comprehensive', tokens: 4000 });
    const small = pages.page({ tier: 'comprehensive', cursor: next!, tokens: 300 });
    const large = pages.page({ tier: 'comprehensive', cursor: next!, tokens: 900 });
    expect(large.text.startsWith(small.text)).toBe(true);
    expect(small.text).toMatch(/^tasks \d+ to \d+ of 700, by CPU time \(continued\)\n {2}tid/);
  });

  it.each(['', 'summary.0.0.01234567', 'comprehensive.0.0.fedcba98', 'comprehensive.x', '../../etc/passwd'])(
    'refuses the cursor %j',
    (cursor) => {
      expect(() => pages.page({ tier: 'comprehensive', cursor })).toThrow(/cursor is not of this profile/);
    },
  );
});

describe('a summary of anything', () => {
  const hostile = fc.string({ unit: 'binary', maxLength: 200 });
  const some = fc.nat(1_000_000);
  const task = fc.record(
    {
      ...{
        comm: hostile,
        tid: fc.integer(),
        ranNs: some,
        delayNs: some,
        bursts: some,
        isKernel: fc.boolean(),
      },
      ...{ voluntary: some, involuntary: some, forks: some, bornNs: some, endedNs: some },
      waits: fc.dictionary(hostile, fc.record({ count: some, ns: some }), { maxKeys: 3 }),
      runs: fc.array(some, { minLength: 40, maxLength: 40 }),
    },
    { requiredKeys: ['comm', 'ranNs'] },
  );
  const words = fc.array(hostile, { maxLength: 12 });

  it('is printable and costs 1,500 tokens at most', () => {
    fc.assert(
      fc.property(
        fc.array(task, { maxLength: 30 }),
        words,
        hostile,
        words,
        some,
        (tasks, missing, name, why, repeat) => {
          const all = counters(
            Array.from({ length: 1 + (repeat % 20) }, () => tasks as Partial<TaskCounters>[]).flat(),
            {
              missing: missing.map((text) => text.repeat(20)),
              edges: tasks.map((_, from) => ({ from, to: 0, count: repeat })),
            },
          );
          check(all, name.repeat(30), why);
        },
      ),
      { numRuns: 150 },
    );
  });

  it('5,000 tasks with hostile names', () => {
    const bytes = Array.from({ length: 256 }, (_, i) => String.fromCharCode(i)).join('');
    const tasks = Array.from({ length: 5000 }, (_, i) => ({
      ...{
        comm: bytes.slice(i % 240, (i % 240) + 15) + String.fromCharCode(65 + (i % 26), 65 + ((i / 26) % 26)),
        ranNs: i * ms,
      },
      ...{
        delayNs: i,
        wakes: { task: i, timer: 3 },
        waits: { futex: { count: i, ns: i * ms } },
        runs: histogram([i, i]),
      },
    }));
    check(
      counters(tasks, { edges: tasks.map((_, i) => ({ from: i, to: (i * 7) % 5000, count: i })) }),
      bytes.repeat(9),
      [bytes],
    );
  });

  it('the longest of everything: fewer rows', () => {
    const long = 'abcdefghij'.repeat(40);
    const tasks = Array.from({ length: 60 }, (_, i) => ({
      ...{
        comm: `${String.fromCharCode(65 + (i % 26))}-${'x'.repeat(30)}${String.fromCharCode(65 + i)}`,
        ranNs: 9_876 * (i + 1) * ms,
      },
      ...{
        delayNs: 8_765 * ms,
        bursts: 123_456,
        voluntary: 99_999,
        involuntary: 99_999,
        migrations: 54_321,
        forks: 4321,
        minorFaults: 98_765,
      },
      ...{
        bornNs: 12,
        endedNs: 99_999 * ms,
        userNs: 1,
        systemNs: 2,
        runs: histogram([30, 9], [90 * ms, 99]),
        sleeps: histogram([9e9, 3]),
      },
      ...{
        waits: Object.fromEntries(waitReasons.map((reason) => [reason, { count: 9, ns: 700 * ms }])),
        delays: histogram([7e7, 5]),
      },
      wakes: { task: 777, timer: 777, interrupt: 777, fork: 777 },
    }));
    const all = counters(tasks, {
      ...{
        observedNs: 123_456 * ms,
        edges: tasks.map((_, i) => ({ from: i, to: (i * 7) % 60, count: 12_345 + i })),
        lost: 9999,
        events: 99_999,
      },
      ...{
        sampled: 0.1234,
        folded: 1234,
        missing: Array.from({ length: 20 }, () => long),
        parallelNs: [ms, ms, ms],
        queuedNs: [0, 0, 9 * ms],
      },
      ...{
        blockIo: { reads: 1e9, writes: 1e9, readBytes: 1e15, writtenBytes: 1e15 },
        pmu: { cycles: 12, instructions: 7, cacheMisses: 3 },
      },
      extras: {
        criticalPath: { ns: 98_765 * ms, tasks: 60, longest: tasks.map((_, task) => ({ task, ns: 9 * ms })) },
        lastShare: 0.3456,
        overTime: Array.from({ length: 64 }, () => 7),
      },
    });
    const words = ['request', 'frames', 'throughput', 'beside batch', 'build graphs', 'latency'].map(
      (word) => `${word} ${long}`,
    );
    const policies = Array.from({ length: 9 }, (_, i) => ({
      name: `${long}${i}`,
      summary: '',
      goodFor: words,
      badFor: ['one long job', long],
    }));
    const why = Array.from({ length: 9 }, () => long);
    const summary = check(all, long, why, policies, why);
    expect(summary).toMatch(/tasks by name \([35] of 60\)/);
    expect(summary).toMatch(/and \d+ more/);
  });

  function check(
    all: Counters,
    name: string,
    why: readonly string[],
    policies = libraryWords,
    reasons?: string[],
  ): string {
    const shown = profile(all, {
      subject: { what: 'command', name },
      classify: () => ({ ...decided, why: [...why], look: [...why] }),
    });
    expect(profileSchema.safeParse(shown).error).toBeUndefined();
    const goal = { ...shown.goal, ...(reasons && { reasons }) };
    const { summary } = pagesOf({ profile: { ...shown, goal }, counters: all, policies });
    expect(tokensOf(summary)).toBeLessThanOrEqual(summaryTokens);
    expect(summary).toMatch(/^[\n -~]*$/);
    expect(summary).toMatch(/what to try/);
    return summary;
  }
});
