// show, replay and compare over a world with records in it.

import { rmSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { faultOf } from '../../test/linux/support.ts';
import { build, server } from '../../test/profiles/examples.ts';
import { profile } from '../../test/profiles/profiles.ts';
import { command, digest, experiment, outcome, policyArm } from '../../test/records/build.ts';
import { fixedWorld, root } from '../../test/services/fixed-world.ts';
import { told } from '../../test/services/told.ts';
import { canonicalJson } from '../core/canonical.ts';

describe('show', () => {
  it('nothing, when there is nothing', async () => {
    expect((await fixedWorld().call('show')).text).toMatch(/^No records yet/);
  });

  it('the newest records', async () => {
    const { fixed, verdict } = await told();
    const file = join(fixed.world.store.root, 'records', verdict.slice(0, 2), `${verdict}.json`);
    utimesSync(file, new Date(), new Date(Date.now() + 1000)); // file systems keep time in steps
    const { text } = await fixed.call('show');
    expect(text.trimEnd().split('\n')).toHaveLength(21);
    expect(text.split('\n')[1]).toContain(verdict.slice(0, 12));
  });

  it('each kind of record', async () => {
    const { fixed, verdict, outcomes } = await told();
    const { records } = fixed.world.store;
    const [first = ''] = outcomes;
    const { from } = (await records.get(first)) as { from: string[] };
    const candidate = ((await records.get(from[0] ?? '')) as { from: string[] }).from[0] ?? '';
    const text = async (record: string, view?: string): Promise<string> =>
      (await fixed.call('show', { record, ...(view === undefined ? {} : { view }) })).text;
    expect(await text(verdict)).toMatch(/^verdict [0-9a-f]{64}\naccepted: use fifo/);
    expect(await text(first)).toMatch(
      /^outcome .*\n.* × long-tail × seed \d+ on micro-vm \(deterministic, restored\), kernel 6\.18\.0-test, 4 CPUs, 384 MiB\nstatus: completed\n/,
    );
    expect(await text(from[0] ?? '')).toMatch(/^experiment /);
    expect(await text(candidate)).toMatch(/^candidate .*\n(default|settings|policy) /);
    expect(JSON.parse(await text(verdict, 'json'))).toEqual(await records.get(verdict));
    expect((await faultOf(() => text(verdict, 'timeline'))).next).toBe('show an outcome');
    for (const [record, view] of [
      [verdict, 'object'],
      [first, 'workload'],
    ] as const)
      expect(await faultOf(() => text(record, view))).toMatchObject({
        code: 'unsupported',
        next: 'it has: summary, json',
      });
  });

  it('an anchor: where the audit was', async () => {
    const fixed = fixedWorld();
    const anchor = { kind: 'anchor', version: 1, from: [], seq: 15, hash: digest('a') };
    const record = await fixed.world.store.records.put(anchor);
    expect((await fixed.call('show', { record })).text).toContain(`line 15, with hash ${digest('a')}`);
    expect(await faultOf(() => fixed.call('replay', { record }))).toMatchObject({ code: 'unsupported' });
  });

  it('a timeline', async () => {
    const fixed = fixedWorld();
    const asked = await fixed.world.store.records.put(experiment());
    const row = { round: 1, delayNs: 0 };
    const timeline = [
      { ...row, task: 'warm', round: 0, startNs: 0, endNs: 9e9, cpuNs: 1 },
      { ...row, task: 'late', startNs: 30e6, endNs: 60e6, cpuNs: 30e6 },
      { ...row, task: 'idle', startNs: 0, endNs: 30e6, cpuNs: 3e6 },
    ];
    const record = await fixed.world.store.records.put(outcome({ from: [asked], timeline }));
    const { text } = await fixed.call('show', { record, view: 'timeline' });
    expect(text.split('\n')).toEqual([
      'policy default   workload w   cpus 4   seed 7   round 1',
      `idle              10 % ${'-'.repeat(30)}`,
      `late             100 % ${' '.repeat(30)}${'#'.repeat(30)}`,
      '1 column = 1.0 ms; the share of its life that a task ran stands beside its name',
      '',
    ]);
    const empty = await fixed.world.store.records.put(outcome({ from: [asked], notes: ['empty'] }));
    expect((await fixed.call('show', { record: empty, view: 'timeline' })).text).toContain('round 0');
  });

  it('a profile: its summary, more of it while its counters are there', async () => {
    const fixed = fixedWorld();
    const { blobs, records } = fixed.world.store;
    const counters = await blobs.put(Buffer.from(canonicalJson(build)));
    const record = await records.put(profile(build, { digest: counters }));
    const { text } = await fixed.call('show', { record });
    expect(text).toMatch(/^profile [0-9a-f]{64}\nmake -j4: batch, wants makespan\n/);
    expect(text).toMatch(/24 x cc1 -> make/);
    expect(text).toMatch(/policy length for/);
    const other = await records.put(profile(build, { digest: digest('0') }));
    const less = await fixed.call('show', { record: other });
    expect(less.text).toMatch(/make -j4: batch/);
    expect(less.text).not.toMatch(/cc1 -> make/);
    expect((await faultOf(() => fixed.call('replay', { record }))).message).toMatch(/nothing to replay/);
  });

  it('objects and workload files', async () => {
    const fixed = fixedWorld();
    const object = join(root, 'policies/fifo/fifo.bpf.o');
    expect((await fixed.call('show', { record: object })).text).toContain('slice_ns');
    expect((await fixed.call('show', { record: object, view: 'disasm' })).text).toContain('exit');
    const workload = join(root, 'workloads/long-tail.json');
    expect((await fixed.call('show', { record: workload })).text).toContain('long-tail');
    for (const [record, view] of [
      [object, 'timeline'],
      [workload, 'disasm'],
    ] as const)
      expect((await faultOf(() => fixed.call('show', { record, view }))).message).toContain(
        `no view ${view}`,
      );
  });

  it('in pages that join to the whole', async () => {
    const fixed = fixedWorld();
    const record = join(root, 'policies/layers/layers.bpf.o');
    const first = await fixed.call('show', { record, view: 'disasm' });
    const { pages } = first.output;
    expect(pages).toBeGreaterThan(2);
    const texts: string[] = [];
    for (let page = 1; page <= pages; page++) {
      const { output } = await fixed.call('show', { record, view: 'disasm', page });
      expect(output).toMatchObject({ page, pages });
      expect(Buffer.byteLength(JSON.stringify(output.text))).toBeLessThanOrEqual(3500);
      texts.push(output.text);
    }
    expect(texts.join('')).toBe(first.text);
    expect((await fixed.call('show', { record, view: 'disasm', page: 2 })).text).toBe(texts[1]);
    expect(await faultOf(() => fixed.call('show', { record, view: 'disasm', page: 999 }))).toMatchObject({
      code: 'not-found',
      next: `ask for a page from 1 to ${pages}`,
    });
    expect((await faultOf(() => fixed.call('show', { page: 9 }))).message).toContain('there is one page');
  });

  it('what is no record is a fault, and so is one of a later version', async () => {
    const fixed = fixedWorld();
    expect((await faultOf(() => fixed.call('show', { record: 'zz' }))).code).toBe('malformed');
    expect((await faultOf(() => fixed.call('show', { record: 'abcd' }))).code).toBe('not-found');
    const later = await fixed.world.store.records.put({ ...outcome(), version: 2 });
    expect(await faultOf(() => fixed.call('show', { record: later }))).toMatchObject({
      code: 'unsupported',
      next: expect.stringContaining('version'),
    });
  });
});

describe('replay', () => {
  it('an outcome and an experiment: again, and the same', async () => {
    const { fixed, outcomes } = await told();
    const [first = ''] = outcomes;
    const { from } = (await fixed.world.store.records.get(first)) as { from: string[] };
    const before = fixed.machine.ran.length;
    expect(await fixed.call('replay', { record: first })).toMatchObject({
      exit: 0,
      output: { same: true, kind: 'outcome' },
    });
    expect(await fixed.call('replay', { record: from[0] })).toMatchObject({
      exit: 0,
      output: { same: true, kind: 'experiment' },
    });
    expect(fixed.machine.ran.length - before).toBe(2);
    expect(fixed.machine.ran.at(-1)).toEqual(await fixed.world.store.records.get(from[0] ?? ''));
    expect(fixed.asked.at(-1)).toBe('machine 6.18.0-test');
  });

  it('a verdict with one of its runs', async () => {
    const { fixed, verdict } = await told();
    const before = fixed.machine.ran.length;
    expect((await fixed.call('replay', { record: verdict })).exit).toBe(0);
    expect(fixed.machine.ran.length).toBe(before);
    expect((await fixed.call('replay', { record: verdict, rerun: true })).exit).toBe(0);
    expect(fixed.machine.ran.length).toBe(before + 1);
  });

  it('tells what differs', async () => {
    const { fixed, outcomes } = await told();
    const real = (await fixed.world.store.records.get(outcomes[0] ?? '')) as {
      metrics: Record<string, number>;
    };
    const bent = await fixed.world.store.records.put({ ...real, metrics: { makespanNs: 1 } });
    const { exit, output, text } = await fixed.call('replay', { record: bent });
    expect([exit, output.same, output.note]).toEqual([1, false, '1 difference']);
    expect(output.differences[0]).toMatchObject({ what: 'makespanNs', recorded: 1 });
    expect(text).toMatch(/what +recorded +now\nmakespanNs/);
  });

  it('refuses a candidate, a kernel that is another, and files that have changed', async () => {
    const { fixed, outcomes } = await told();
    const { from } = (await fixed.world.store.records.get(outcomes[0] ?? '')) as { from: string[] };
    const { from: candidates } = (await fixed.world.store.records.get(from[0] ?? '')) as { from: string[] };
    expect((await faultOf(() => fixed.call('replay', { record: candidates[0] }))).code).toBe('unsupported');
    const other = fixedWorld({ image: '0'.repeat(64) });
    const moved = await other.world.store.records.put(experiment());
    expect(await faultOf(() => other.call('replay', { record: moved }))).toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining('another build'),
    });
    const changed = fixedWorld({ payload: '9'.repeat(64) });
    const built = await changed.world.store.records.put(experiment({ workload: command() }));
    expect(await faultOf(() => changed.call('replay', { record: built }))).toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining('have changed'),
    });
    expect([...other.machine.ran, ...changed.machine.ran]).toEqual([]);
  });

  it('a missing outcome is told', async () => {
    const { fixed, verdict, outcomes } = await told();
    const [first = ''] = outcomes;
    rmSync(join(fixed.world.store.root, 'records', first.slice(0, 2), `${first}.json`));
    expect(await faultOf(() => fixed.call('replay', { record: verdict }))).toMatchObject({
      code: 'not-found',
      message: `no record ${first}`,
    });
  });
});

describe('compare', () => {
  it('two profiles: what changed', async () => {
    const fixed = fixedWorld();
    const { records } = fixed.world.store;
    const [a, b] = [await records.put(profile(build)), await records.put(profile(server))];
    const { output, text } = await fixed.call('compare', { a, b });
    expect(text).toMatch(/ changed; likeness /);
    const { kind, rows } = output as { kind: string; rows: object[] };
    expect(kind).toBe('profile');
    expect(rows).toContainEqual({
      name: 'goal',
      a: 'makespan',
      b: 'tail-latency',
      difference: null,
      relative: null,
    });
    expect((await fixed.call('compare', { a, b: a })).output).toEqual({ kind: 'profile', rows: [] });
  });

  it('two outcomes and two verdicts', async () => {
    const { fixed, verdict } = await told();
    const put = (metrics: Record<string, number>): Promise<string> =>
      fixed.world.store.records.put(outcome({ metrics }));
    const [a, b] = [await put({ x: 10, zero: 0, only: 1 }), await put({ x: 15, zero: 5 })];
    const { output, text } = await fixed.call('compare', { a, b });
    expect(output).toEqual({
      kind: 'outcome',
      rows: [
        { name: 'status', a: 'completed', b: 'completed', difference: null, relative: null },
        { name: 'only', a: 1, b: null, difference: null, relative: null },
        { name: 'x', a: 10, b: 15, difference: 5, relative: 0.5 },
        { name: 'zero', a: 0, b: 5, difference: 5, relative: null },
      ],
    });
    expect(text).toMatch(/x +10 +15 +5 +50\.0 %/);
    const same = await fixed.call('compare', { a: verdict, b: verdict });
    expect(same.output.rows.find((row: { name: string }) => row.name === 'decision')).toMatchObject({
      a: 'accepted',
      b: 'accepted',
    });
    expect(same.output.rows.find((row: { name: string }) => row.name === 'median of fifo')).toMatchObject({
      difference: 0,
    });
  });

  it('refuses what cannot be compared', async () => {
    const { fixed, verdict, outcomes } = await told();
    expect(await faultOf(() => fixed.call('compare', { a: verdict, b: outcomes[0] }))).toMatchObject({
      code: 'unsupported',
      message: 'records of kind verdict and outcome cannot be compared',
    });
    const asked = await fixed.world.store.records.put(experiment({ arm: policyArm('x') }));
    expect((await faultOf(() => fixed.call('compare', { a: asked, b: asked }))).message).toMatch(
      /no numbers/,
    );
  });
});
