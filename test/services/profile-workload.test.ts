// profile-workload: tiers of profiles of hand-made counters, whose numbers are known, and of a process of this machine as procfs shows it.

import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Counters } from '../../src/core/counters.ts';
import { resultOf } from '../../src/interfaces/mcp/reply.ts';
import { jsonBytes } from '../../src/interfaces/mcp/shrink.ts';
import { observeHost } from '../../src/machines/host-observer.ts';
import { tiers } from '../../src/profiles/pages.ts';
import { profileWorkload } from '../../src/services/profile-workload.ts';
import { faultOf } from '../linux/support.ts';
import { counters, histogram, ms } from '../profiles/counters.ts';
import * as examples from '../profiles/examples.ts';
import { type Fixed, fixedWorld } from './fixed-world.ts';

const golden = (name: string): string => `golden/profile-workload-${name}.txt`;
const machine = { name: 'host', kernel: '6.18.0-amd64', cpus: 4 } as const;
const worldOf = (seen: Counters): Fixed => fixedWorld({ observation: { counters: seen, machine } });
/** What it costs to read on, whatever it costs just now. */
const head = (text: string): string =>
  (text.split('\n\n')[0] ?? '').replace(/\b[0-9a-f]{12}\b/g, 'DIGEST').replace(/\d+/g, 'N');

/** Every page of a tier. */
async function pagesOf({ call }: Fixed, profile: string, tier: string): Promise<string[]> {
  const texts: string[] = [];
  for (let page = 1, pages = 1; page <= pages; page++) {
    const { output } = await call('profile-workload', { profile, tier, page });
    expect(output).toMatchObject({ tier, page });
    pages = output.pages[tier];
    texts.push(output.text);
  }
  return texts;
}

const rowsOf = (texts: readonly string[]): string[] =>
  texts.flatMap((text) => text.split('\n')).filter((line) => line !== '' && !line.endsWith('(continued)'));

const many = (count: number): Counters =>
  counters(
    Array.from({ length: count }, (_, i) => ({
      ...{ tid: 5000 + i, comm: `w${i % 37}\u001b[2J`, ranNs: (count - i) * ms, delayNs: i * 1000 },
      ...{ bursts: i, waits: { futex: { count: i, ns: i * ms } }, runs: histogram([ms, i]) },
    })),
  );

describe('profile-workload', () => {
  it('observes, keeps the profile, and says what each tier costs', async () => {
    const fixed = worldOf(examples.build);
    const { output, text, exit } = await fixed.call('profile-workload', { command: ['make', '-j4'] });
    expect(exit).toBe(0);
    expect(fixed.asked).toContain('observe command');
    expect(output).toMatchObject({
      subject: { what: 'command', name: 'make -j4' },
      by: 'recording',
      observedNs: 2200 * ms,
      tier: 'summary',
      page: 1,
    });
    expect(await fixed.world.store.records.get(output.record)).toMatchObject({
      kind: 'profile',
      class: output.class,
    });
    expect(output.tokens.summary).toBeLessThanOrEqual(1500);
    for (const tier of tiers) {
      const texts = await pagesOf(fixed, output.record, tier);
      const whole = texts.join('').length / 4;
      // a page that continues a part repeats its title and header
      expect(whole).toBeGreaterThanOrEqual(output.tokens[tier] - 1);
      expect(whole).toBeLessThan(output.tokens[tier] + 60 * texts.length);
      for (const one of texts) expect(one.length / 4).toBeLessThanOrEqual(730);
      expect(text).toContain(`${tier} ${output.tokens[tier]} tokens (${output.pages[tier]} page`);
    }
    await expect(head(text)).toMatchFileSnapshot(golden('costs'));
  });

  it('reads a profile on record without observing anything, by any unambiguous digits', async () => {
    const fixed = worldOf(examples.server);
    const { output } = await fixed.call('profile-workload', { pid: 812 });
    const before = fixed.asked.length;
    const again = await fixed.call('profile-workload', { profile: output.record.slice(0, 10) });
    expect(fixed.asked).toHaveLength(before);
    expect(again.output).toEqual(output);
  });

  it('each tier has all rows of the smaller one, and every thread stands in the largest', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 250 }), async (count) => {
        const fixed = worldOf(many(count));
        const { record } = (await fixed.call('profile-workload', { all: true })).output;
        const [summary, detailed, comprehensive] = await Promise.all(
          tiers.map(async (tier) => rowsOf(await pagesOf(fixed, record, tier))),
        );
        const missing = (small: string[], large: string[]) => small.filter((row) => !large.includes(row));
        expect(missing(summary!, detailed!)).toEqual([]);
        expect(missing(detailed!, comprehensive!)).toEqual([]);
        const tids = comprehensive!.flatMap((row) => /^ +(5\d{3}) /.exec(row)?.[1] ?? []);
        expect(new Set(tids)).toEqual(new Set(Array.from({ length: count }, (_, i) => String(5000 + i))));
      }),
      { numRuns: 5, seed: 1, examples: [[1], [250]] },
    );
  });

  it('every page of 5,000 threads fits an MCP answer whole, with what changed', async () => {
    const fixed = worldOf(many(5000));
    const service = profileWorkload(fixed.world);
    const first = (await fixed.call('profile-workload', { all: true })).output;
    const other = worldOf(examples.machine);
    const since = (await other.call('profile-workload', { all: true })).output.record;
    await fixed.world.store.records.put(await other.world.store.records.get(since));
    for (const blob of [((await other.world.store.records.get(since)) as { counters: string }).counters])
      await fixed.world.store.blobs.put(await other.world.store.blobs.get(blob));
    for (const page of [1, 2, first.pages.comprehensive, 1_000_000]) {
      const input = { profile: first.record, tier: 'comprehensive', since, page };
      const parsed = service.input.parse(input);
      const reply = await service.run(parsed, { progress: () => {}, signal: new AbortController().signal });
      const result = resultOf(service, parsed, reply);

      expect(jsonBytes(result)).toBeLessThanOrEqual(7_600);
      expect(result.structuredContent).toEqual(reply.output);
      expect((result.structuredContent as { since: object }).since).toMatchObject({
        record: since,
        changed: expect.any(Number),
      });
    }
  });

  it('what is said has no control characters, whatever names there are', async () => {
    const fixed = worldOf(many(50));
    const { output, text } = await fixed.call('profile-workload', {
      command: ['x\u001b]0;title\u0007', '\u202e'],
    });
    expect(text).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/);
    expect(JSON.stringify(output)).not.toMatch(/\u202e/);
  });

  it('says that a command failed before it says anything else', async () => {
    const output = { stdout: '', stderr: '', exit: 'exit code 2' };
    const fixed = fixedWorld({ observation: { counters: examples.build, machine, output } });
    const reply = await fixed.call('profile-workload', { command: ['make'] });
    expect(reply.output.ended).toBe('exit code 2');
    expect(reply.text).toMatch(/^The command ended with exit code 2: /);
    const later = await fixed.call('profile-workload', { profile: reply.output.record });
    expect(later.output.ended).toBe(undefined);
    expect(later.text).toMatch(/^profile /);
  });

  it('page 0 is all of a tier', async () => {
    const fixed = worldOf(many(300));
    const { output, text } = await fixed.call('profile-workload', {
      all: true,
      tier: 'comprehensive',
      page: 0,
    });
    expect(output.page).toBe(1);
    const own = text.slice(text.indexOf('\n\n') + 2);
    expect(Math.ceil(own.length / 4)).toBe(output.tokens.comprehensive);
    expect(own.startsWith(output.text.trimEnd())).toBe(true);
  });

  it('since: what changed, or nothing', async () => {
    const fixed = worldOf(examples.build);
    const before = (await fixed.call('profile-workload', { command: ['make', '-j4'] })).output.record;
    const same = await fixed.call('profile-workload', { command: ['make', '-j4'], since: before });
    expect(same.output.since).toEqual({ record: before, likeness: expect.closeTo(1), changed: 0, most: [] });
    expect(same.text).toContain('nothing moved by more than noise');
    const slow = {
      ...examples.build,
      tasks: examples.build.tasks.map((task) => ({ ...task, delayNs: 20 * task.ranNs })),
    };
    const other = fixedWorld({ observation: { counters: slow, machine } });
    const store = {
      ...other.world.store,
      records: fixed.world.store.records,
      blobs: fixed.world.store.blobs,
    };
    const changed = await profileWorkload({ ...other.world, store }).run(
      profileWorkload(other.world).input.parse({ command: ['other'], since: before }),
      { progress: () => {}, signal: new AbortController().signal },
    );
    const { since } = changed.output as { since: { changed: number; most: string[] } };
    expect(since.changed).toBeGreaterThan(0);
    expect(since.most.some((text) => text.startsWith('time: delay'))).toBe(true);
    expect(changed.text).toContain('(of another subject: make -j4)');
    expect(changed.text.split('\n\n')[1]).toMatch(
      /^since [0-9a-f]{12} \(of another.*\): \d+ changed; likeness [01]\.\d\d\n {2}\S/,
    );
  });

  it.each([[{}], [{ profile: 'abcd', pid: 1 }], [{ pid: 1, all: true }], [{ command: [] }]])(
    'one target, not %j',
    async (input) => {
      await expect(fixedWorld().call('profile-workload', input)).rejects.toThrow('give one of');
    },
  );

  it('what is no profile is refused before anything is observed', async () => {
    const fixed = worldOf(examples.build);
    const record = await fixed.world.store.records.put({ kind: 'candidate', version: 1 });
    for (const input of [{ profile: record }, { all: true, since: record }])
      expect(await faultOf(() => fixed.call('profile-workload', input))).toMatchObject({
        code: 'unsupported',
      });
    for (const since of ['ffff', '../..', ''])
      expect(['not-found', 'malformed']).toContain(
        (await faultOf(() => fixed.call('profile-workload', { all: true, since }))).code,
      );
    expect(fixed.asked).toEqual([]);
  });

  it('a process of this machine, out of procfs', async () => {
    const child = spawn(process.execPath, [
      '-e',
      'for (const end = Date.now() + 20_000; Date.now() < end;);',
    ]);
    const ranNs = () => Number(readFileSync(`/proc/${child.pid}/schedstat`, 'utf8').split(' ')[0]);
    try {
      const fixed = fixedWorld();
      const parts = { runner: () => Promise.reject(new Error('not needed')), probes: '' };
      const observe = (...[target, wish, { signal }]: Parameters<typeof fixed.world.observe>) =>
        observeHost(parts, target, wish, signal);
      const service = profileWorkload({ ...fixed.world, observe });
      const beforeNs = ranNs();
      const input = service.input.parse({ pid: child.pid, seconds: 1, how: 'procfs' });
      const { output, text } = await service.run(input, {
        progress: () => {},
        signal: new AbortController().signal,
      });
      expect(output).toMatchObject({
        subject: { name: `process ${child.pid}` },
        by: 'procfs',
        class: { name: expect.any(String) },
      });
      expect(text).toMatch(/node/);
      const { shape } = (await fixed.world.store.records.get((output as { record: string }).record)) as {
        shape: { cpuNs: number; tasks: number };
      };
      // What the kernel counted itself, over a little longer
      const countedNs = ranNs() - beforeNs;
      expect(shape.cpuNs).toBeGreaterThan(0.3 * countedNs - 20 * ms);
      expect(shape.cpuNs).toBeLessThan(countedNs + 20 * ms);
    } finally {
      child.kill('SIGKILL');
    }
  });
});
