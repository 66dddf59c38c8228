// Every service over a world that is fixed: the shapes that the issue asks for, and what becomes of wrong requests.

import { rmSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { faultOf } from '../../test/linux/support.ts';
import { command, defaultArm, experiment, outcome, policyArm } from '../../test/records/build.ts';
import { type Fixed, type FixedOptions, fixedWorld, root } from '../../test/services/fixed-world.ts';
import type { Arm, Experiment } from '../core/records.ts';
import { tuneInput, tuneOutput } from './schemas.ts';
import type { Progress } from './service.ts';
import { serviceTable } from './table.ts';

const fast = (arm: Arm): number => (arm.name.startsWith('fifo') ? 0.8 : arm.kind === 'settings' ? 1.05 : 1);
const few = { workload: 'long-tail', policies: ['fifo', 'vtime'], settings: ['batch'], harm: false };
const accepted = async (options: FixedOptions = {}, input: object = {}) => {
  const fixed = fixedWorld({ factor: fast, ...options });
  return { fixed, ...(await fixed.call('tune', { ...few, harm: true, ...input })) };
};

describe('tune', () => {
  it('answers in the documented shape', async () => {
    const { output, exit, text } = await accepted();
    expect(exit).toBe(0);
    expect(output.verdict).toMatchObject({
      decision: 'accepted',
      policy: 'fifo',
      metric: 'makespanNs',
      direction: 'lower',
    });
    const { relative, low, high, confidence } = output.verdict.effect;
    expect(relative).toBeCloseTo(-0.2, 2);
    expect([low < relative, relative < high, high < 0, confidence]).toEqual([true, true, true, 0.95]);
    expect(output.arms.map((arm: { policy: string }) => arm.policy).sort()).toEqual([
      'batch',
      'default',
      'fifo',
      'vtime',
    ]);
    for (const arm of output.arms)
      expect(arm).toMatchObject({ n: expect.any(Number), median: expect.any(Number) });
    expect(output.arms.find((arm: { policy: string }) => arm.policy === 'batch').settings).toEqual({
      sched: 'batch',
    });
    expect(output.machine).toEqual({
      name: 'micro-vm',
      mode: 'deterministic',
      kernel: '6.18.0-test',
      cpus: 4,
      memoryMiB: 384,
    });
    expect(output.workload).toEqual({ name: 'long-tail', kind: 'declared' });
    expect(output.records[0].kind).toBe('verdict');
    for (const record of output.records) expect(record.digest).toMatch(/^[0-9a-f]{64}$/);
    expect(text).toMatch(
      /^long-tail on kernel 6\.18\.0-test, 4 CPUs, micro-vm \(deterministic\)\n\naccepted: use fifo\./,
    );
    expect(text).toContain(`schedcp show ${output.records[0].digest.slice(0, 12)}`);
  });

  it('leaves records that show, replay and compare', async () => {
    const { fixed, output } = await accepted();
    for (const { kind, digest } of output.records.slice(0, 3)) {
      const shown = await fixed.call('show', { record: digest.slice(0, 12) });
      expect(shown.text.startsWith(`${kind} ${digest}\n`)).toBe(true);
    }
    expect((await fixed.call('replay', { record: output.records[0].digest })).output).toMatchObject({
      same: true,
      kind: 'verdict',
      differences: [],
    });
    expect(
      (await fixed.call('compare', { a: output.records[1].digest, b: output.records[2].digest })).output.kind,
    ).toBe('outcome');
    expect(fixed.asked.filter((item) => item === 'tidy')).toHaveLength(1);
  });

  it('checks the winner on the other workloads for makespan, and on none when told so', async () => {
    const withHarm = await accepted();
    const claims = withHarm.output.verdict.claims.filter(
      (claim: { kind: string }) => claim.kind === 'no-harm',
    );
    expect(claims.length).toBeGreaterThan(3);
    expect(claims.map((claim: { against: string }) => claim.against)).not.toContain('long-tail');
    const names = new Set(withHarm.fixed.machine.ran.map((item: Experiment) => item.workload?.name));
    expect(names.has('long-tail-two')).toBe(true);
    expect(names.has('message-worker')).toBe(false); // another goal
    const without = await accepted({}, { harm: false });
    expect(new Set(without.fixed.machine.ran.map((item: Experiment) => item.workload?.name))).toEqual(
      new Set(['long-tail']),
    );
  });

  it.each([
    ['equal arms', { factor: () => 1, noise: 0.01 }, 1, ['rejected', 'inconclusive']],
    [
      'a default that fails',
      {
        finding: (e: Experiment) =>
          e.arm.kind === 'default' ? ({ code: 'timeout', message: 'slow' } as const) : undefined,
      },
      3,
      ['invalid'],
    ],
    [
      'arms that lose',
      { factor: (arm: Arm) => (arm.kind === 'default' ? 1 : 1.4) },
      1,
      ['rejected', 'inconclusive'],
    ],
  ])('%s: exit code', async (_, options, exit, decisions) => {
    const answer = await fixedWorld(options).call('tune', few);
    expect(answer.exit).toBe(exit);
    expect(decisions).toContain(answer.output.verdict.decision);
  });

  it('tells how an arm failed, the same failure once', async () => {
    const finding = (e: Experiment) =>
      e.arm.policy === undefined
        ? undefined
        : ({ code: 'load-rejected', message: 'no', detail: 'log\n'.repeat(30), next: 'read' } as const);
    const { output, text } = await accepted({ finding });
    expect(output.arms.find((arm: { policy: string }) => arm.policy === 'vtime')).toMatchObject({
      status: 'failed',
      finding: { code: 'load-rejected' },
    });
    expect(text.match(/load-rejected: no/g)).toHaveLength(1);
    expect(text.match(/^ {4}log$/gm)).toHaveLength(8);
  });

  it('tries the whole library and the standard settings by itself, with hints where they are taken', async () => {
    const fixed = fixedWorld();
    const { output } = await fixed.call('tune', { workload: 'long-tail', harm: false });
    const names = output.arms.map((arm: { policy: string }) => arm.policy);
    const cards = (await fixed.world.policies.list()).map(({ card }) => card);
    const expected = cards.flatMap((card) => (card.hints ? [card.name, `${card.name}+hints`] : [card.name]));
    expect(names.sort()).toEqual(['default', 'slice-short', 'slice-long', 'batch', ...expected].sort());
    const hinted = fixed.machine.ran.find((e) => e.arm.name === 'length+hints');
    expect(Object.keys(hinted?.arm.policy?.hints ?? {})).toHaveLength(40);
    expect(fixed.machine.ran.find((e) => e.arm.name === 'length')?.arm.policy?.hints).toBeUndefined();
  });

  it('sets parameters, and keeps two of a name apart', async () => {
    const fixed = fixedWorld();
    const policies = ['fifo', 'fifo', 'fifo?slice_ns=4000000', 'length+hints?shortest_first=true'];
    const { output } = await fixed.call('tune', {
      workload: 'long-tail',
      harm: false,
      settings: ['none'],
      policies,
    });
    const names = output.arms.map((arm: { policy: string }) => arm.policy).sort();
    expect(names).toEqual([
      'default',
      'fifo',
      'fifo slice_ns=4000000',
      'fifo#2',
      'length+hints shortest_first=true',
    ]);
    const set = output.arms.find((arm: { policy: string }) => arm.policy === 'fifo slice_ns=4000000');
    expect(set.parameters).toEqual({ slice_ns: 4_000_000 });
    expect(await fixed.world.store.records.newest(50)).toContainEqual(
      expect.objectContaining({ kind: 'candidate' }),
    );
  });

  it('takes settings by value, policies by file, seeds, sizes and limits', async () => {
    const fixed = fixedWorld();
    const file = join(root, 'policies/vtime/vtime.bpf.o');
    const input = {
      workload: 'long-tail',
      harm: false,
      settings: [{ nice: 5 }],
      policies: [file],
      seed: 9,
      cpus: 2,
      memory: 1024,
      limit: 7,
    };
    const { output } = await fixed.call('tune', input);
    expect(output.arms.map((arm: { policy: string }) => arm.policy).sort()).toEqual([
      'default',
      'settings-1',
      'vtime',
    ]);
    expect(fixed.machine.ran[0]).toMatchObject({ topology: { cpus: 2, memoryMiB: 1024 }, limitMs: 7000 });
    const again = await fixedWorld().call('tune', { ...input, seed: 9 });
    expect(again.output.records).toEqual(output.records);
    expect((await fixedWorld().call('tune', { ...input, seed: 10 })).output.records).not.toEqual(
      output.records,
    );
  });

  it('takes several names in one word', async () => {
    const wish = {
      workload: 'long-tail',
      harm: false,
      policies: ['vtime,fifo'],
      settings: ['batch,slice-long'],
    };
    const { output } = await fixedWorld().call('tune', wish);
    expect(output.arms.map((arm: { policy: string }) => arm.policy).sort()).toEqual([
      'batch',
      'default',
      'fifo',
      'slice-long',
      'vtime',
    ]);
  });

  it('a workload file by path', async () => {
    const fixed = fixedWorld({ factor: fast });
    const file = join(fixed.directory, 'own.json');
    const workload = {
      kind: 'declared',
      name: 'own',
      description: 'x',
      goal: { metric: 'makespanNs', direction: 'lower' },
      rounds: 2,
      warmupRounds: 0,
      groups: [{ name: 'g', count: 2, phases: [{ run: '1ms' }] }],
    };
    writeFileSync(file, JSON.stringify(workload));
    expect((await fixed.call('tune', { ...few, workload: file })).output).toMatchObject({
      verdict: { decision: 'accepted' },
      workload: { name: 'own' },
    });
    writeFileSync(file, '{"kind":"declared"');
    expect(await faultOf(() => fixed.call('tune', { ...few, workload: file }))).toMatchObject({
      code: 'malformed',
      message: expect.stringContaining('own.json'),
    });
  });

  const make = {
    command: ['make', '-j2'],
    with: ['gcc'],
    policies: ['fifo'],
    settings: ['none'],
    harm: false,
  };

  it('a command: one after the other, in fast mode, by elapsed time', async () => {
    const fixed = fixedWorld({ factor: fast, metric: 'elapsedNs', noise: 0.01 });
    const { output } = await fixed.call('tune', { ...make, env: { A: 'b' }, runs: 2 });
    expect(output).toMatchObject({
      verdict: { decision: 'accepted', policy: 'fifo', metric: 'elapsedNs', direction: 'lower' },
      machine: { mode: 'fast', cpus: 4, memoryMiB: 512 },
      workload: { name: 'make -j2', kind: 'command' },
    });
    expect(fixed.asked).toContain('pack make gcc');
    expect(fixed.machine.ran[0]?.workload).toMatchObject({
      kind: 'command',
      argv: ['/usr/bin/make', '-j2'],
      env: { A: 'b' },
      with: ['gcc'],
      runs: 2,
      cwd: fixed.directory,
    });
  });

  it('a command by a number that it prints', async () => {
    const fixed = fixedWorld({
      factor: (arm) => (arm.name === 'fifo' ? 1.3 : 1),
      metric: 'ops',
      noise: 0.01,
    });
    const input = { ...make, patterns: { ops: 'ops (\\d+)' } };
    const { output } = await fixed.call('tune', { ...input, direction: 'higher' });
    expect(output.verdict).toMatchObject({ decision: 'accepted', metric: 'ops', direction: 'higher' });
    expect(await faultOf(() => fixed.call('tune', input))).toMatchObject({
      code: 'malformed',
      next: expect.stringContaining('--direction'),
    });
  });

  it.each([
    ['declared', {}, 4],
    ['command', { ...make, with: [] }, 1],
    ['declared', { mode: 'fast' }, 1],
  ])('a %s workload with %j: at most %d at once', async (kind, input, expected) => {
    let [now, most] = [0, 0];
    const before = async (): Promise<void> => {
      most = Math.max(most, ++now);
      await new Promise((resolve) => setTimeout(resolve, 1));
      now--;
    };
    const metric = kind === 'command' ? 'elapsedNs' : 'makespanNs';
    const named = kind === 'command' ? { workload: undefined } : {};
    await fixedWorld({ before, metric }).call('tune', { ...few, ...named, ...input });
    expect(most).toBe(expected);
  });

  it('a standard program', async () => {
    const fixed = fixedWorld({ factor: fast, metric: 'elapsedNs', noise: 0.01 });
    const { output } = await fixed.call('tune', {
      workload: 'hackbench',
      policies: ['fifo'],
      settings: ['none'],
      harm: false,
    });
    expect(fixed.asked).toContain('program hackbench');
    expect(output.workload).toEqual({ name: 'hackbench', kind: 'command' });
  });

  it.each<[string, object, string, RegExp]>([
    ['a parameter just below', { policies: ['fifo?slice_ns=999999'] }, 'malformed', /outside/],
    ['a parameter just above', { policies: ['fifo?slice_ns=1000000001'] }, 'malformed', /outside/],
    ['an unknown policy', { policies: ['nope'] }, 'not-found', /classes, deadline, fifo/],
    ['a policy with parameters it has not', { policies: ['fifo?nope=1'] }, 'not-found', /it has: slice_ns/],
    [
      'a parameter out of bounds',
      { policies: ['fifo?slice_ns=1'] },
      'malformed',
      /outside 1000000\.\.1000000000/,
    ],
    [
      'a parameter beyond every bound',
      { policies: ['fifo?slice_ns=99999999999999999999'] },
      'malformed',
      /outside/,
    ],
    ['a parameter that is no number', { policies: ['fifo?slice_ns=2ms'] }, 'malformed', /NAME=INTEGER/],
    [
      'an unknown parameter of a file',
      { policies: [join(root, 'policies/fifo/fifo.bpf.o?x=1')] },
      'not-found',
      /slice_ns/,
    ],
    ['a file that is not there', { policies: ['./nope.bpf.o'] }, 'not-found', /nope\.bpf\.o/],
    ['a file that is no object', { policies: [join(root, 'package.json')] }, 'malformed', /ELF/],
    ['source that does not compile', { policies: ['./x.bpf.c'] }, 'malformed', /does not compile/],
    ['unknown settings', { settings: ['nope'] }, 'not-found', /slice-short, slice-long, batch/],
    ['the same settings twice', { settings: ['batch', 'batch'] }, 'malformed', /same id/],
    ['nothing to compare', { settings: ['none'], policies: ['none'] }, 'malformed', /nothing to compare/],
    ['an unknown workload', { workload: 'nope' }, 'not-found', /long-tail/],
    ['an unknown metric', { metric: 'nope' }, 'not-found', /there are: makespanNs, latencyNsP50:SERIES/],
    ['a metric without its series', { metric: 'latencyNsP99' }, 'not-found', /latencyNsP99:SERIES/],
    [
      'hints for a command',
      { workload: undefined, command: ['true'], policies: ['length+hints'] },
      'unsupported',
      /declared workloads only/,
    ],
    [
      'a missing command',
      { workload: undefined, command: ['no-such-program'] },
      'not-found',
      /no-such-program/,
    ],
    [
      'more CPUs than there are, for a command',
      { workload: undefined, command: ['true'], cpus: 8 },
      'unsupported',
      /--cpus 4/,
    ],
  ])('refuses %s', async (_, input, code, said) => {
    const fixed = fixedWorld();
    const fault = await faultOf(() => fixed.call('tune', { ...few, ...input }));
    expect(fault.code).toBe(code);
    expect(`${fault.message} ${fault.next ?? ''}`).toMatch(said);
    expect(fixed.machine.ran).toEqual([]);
  });

  it.each<[string, object, RegExp]>([
    ['neither', {}, /nothing to run/],
    ['an empty command', { command: [] }, /nothing to run/],
    ['both', { workload: 'long-tail', command: ['true'] }, /not both/],
    ['a pattern that is none', { command: ['true'], patterns: { x: '(' } }, /no regular expression/],
    ['a pattern without a group', { command: ['true'], patterns: { x: '\\d+' } }, /group/],
    ['a pattern without end', { command: ['true'], patterns: { x: `(${'a'.repeat(500)})` } }, /500/],
    ["a pattern with a metric's name", { command: ['true'], patterns: { elapsedNs: '(a)' } }, /metric/],
    [
      'a pattern with a hostile name',
      { command: ['true'], patterns: JSON.parse('{"constructor x":"(a)"}') },
      /name/,
    ],
    ['a seed beyond its bounds', { workload: 'w', seed: 2 ** 32 }, /seed|4294967295/],
    ['too little memory', { workload: 'w', memory: 1 }, /256/],
    ['settings out of bounds', { workload: 'w', settings: [{ nice: 40 }] }, /settings|Invalid/],
  ])('as input refuses %s', (_, input, said) => {
    const parsed = tuneInput.safeParse(input);
    expect(parsed.success).toBe(false);
    expect(JSON.stringify(parsed.error?.issues)).toMatch(said);
  });

  it('stops when interrupted, and says how far it is', async () => {
    const controller = new AbortController();
    const fixed = fixedWorld({ before: () => controller.abort() });
    const fault = await faultOf(() => fixed.call('tune', few, { signal: controller.signal }));
    expect(fault.code).toBe('interrupted');
    const said: Progress[] = [];
    await fixedWorld({ factor: fast }).call('tune', few, { progress: (item) => said.push(item) });
    expect(said.length).toBeGreaterThan(3);
    for (const { done = 0, total = 0 } of said) expect(done <= total).toBe(true);
  });
});

describe('verify', () => {
  const file = join(root, 'policies/fifo/fifo.bpf.o');

  it('says what the object is, and that it holds', async () => {
    const fixed = fixedWorld();
    const { output, exit, text } = await fixed.call('verify', { file, kernel: '6.18' });
    expect(exit).toBe(0);
    expect(output).toMatchObject({ accepted: true, policy: 'fifo', kernel: '6.18.0-test', finding: null });
    expect(output.parameters).toContainEqual({
      name: 'slice_ns',
      type: expect.any(String),
      default: 20_000_000,
    });
    expect(output.programs.length).toBeGreaterThan(2);
    expect(fixed.asked).toContain('machine 6.18');
    expect(fixed.machine.ran.map((e) => e.workload?.name)).toEqual(['hog-latency']);
    expect(text).toContain('slice_ns');
    const shown = await fixed.call('show', { record: output.records[0].digest });
    expect(shown.text).toContain('fifo × hog-latency');
  });

  it('says no with the reason', async () => {
    const finding = () =>
      ({ code: 'stalled', message: 'it stalled', next: 'mend it', detail: 'a\nb' }) as const;
    const { output, exit, text } = await fixedWorld({ finding }).call('verify', { file });
    expect([exit, output.accepted, output.finding.code]).toEqual([1, false, 'stalled']);
    expect(text).toContain('  stalled: it stalled\n  → mend it\n    a\n    b\n');
  });

  it.each([
    ['./nope.bpf.o', 'not-found'],
    ['./nope.bpf.c', 'malformed'],
    [join(root, 'README.md'), 'malformed'],
  ])('%s is a fault', async (path, code) => {
    const fixed = fixedWorld();
    expect((await faultOf(() => fixed.call('verify', { file: path }))).code).toBe(code);
    expect(fixed.asked.filter((item) => item.startsWith('machine'))).toEqual([]);
  });
});

/** A world with a verdict in it. */
const told = async (
  options: FixedOptions = {},
): Promise<{ fixed: Fixed; verdict: string; outcomes: string[] }> => {
  const { fixed, output } = await accepted({ factor: fast, ...options }, { harm: false });
  const [verdict, ...outcomes] = output.records.map((item: { digest: string }) => item.digest);
  return { fixed, verdict, outcomes };
};

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

  it('objects and workload files', async () => {
    const fixed = fixedWorld();
    const object = join(root, 'policies/fifo/fifo.bpf.o');
    expect((await fixed.call('show', { record: object })).text).toContain('slice_ns');
    expect((await fixed.call('show', { record: object, view: 'disasm' })).text).toContain('exit');
    expect((await fixed.call('show', { record: join(root, 'workloads/long-tail.json') })).text).toContain(
      'long-tail',
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
    expect((await fixed.call('show', { record, view: 'disasm', page: 999 })).output.page).toBe(pages);
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

describe('what there is', () => {
  it('policies, in pages, or one', async () => {
    const fixed = fixedWorld();
    const names: string[] = [];
    for (let page = 1; page < 9; page++)
      for (const policy of (await fixed.call('policies', { page })).output.policies) names.push(policy.name);
    expect(names).toEqual((await fixed.world.policies.list()).map(({ card }) => card.name));
    expect(names.length).toBeGreaterThanOrEqual(7);
    const { output, text } = await fixed.call('policies', { name: 'length' });
    expect(output.policies).toHaveLength(1);
    expect(output.policies[0]).toMatchObject({
      name: 'length',
      hints: true,
      object: expect.stringMatching(/^[0-9a-f]{64}$/),
    });
    expect(text).toMatch(/^length \(takes hints\): .*\n {2}good for/);
    expect(await faultOf(() => fixed.call('policies', { name: 'x' }))).toMatchObject({
      code: 'not-found',
      next: expect.stringContaining('fifo, layers'),
    });
  });

  it('workloads, in pages, or one', async () => {
    const fixed = fixedWorld();
    const names: string[] = [];
    for (let page = 1; page < 5; page++)
      for (const item of (await fixed.call('workloads', { page })).output.workloads)
        names.push(`${item.name} ${item.kind}`);
    expect(names).toEqual(
      expect.arrayContaining(['long-tail declared', 'hackbench program', 'build-bzip2 program']),
    );
    expect(new Set(names).size).toBe((await fixed.world.workloads.list()).length);
    expect((await fixed.call('workloads', { name: 'long-tail' })).output.workloads[0].goal).toEqual({
      metric: 'makespanNs',
      direction: 'lower',
    });
    expect((await faultOf(() => fixed.call('workloads', { name: 'x' }))).next).toContain('message-worker');
  });

  it('doctor and uninstall', async () => {
    const fixed = fixedWorld();
    expect((await fixed.call('doctor', { probe: true })).text.split('\n').slice(1, 4)).toEqual([
      'yes  one    fine',
      '?    two    probe true',
      'no   three  bad → do this',
    ]);
    expect((await fixed.call('uninstall')).text).toBe('Nothing to remove.\n');
    expect(await fixed.call('uninstall', { records: true })).toMatchObject({
      output: {
        removed: [
          { directory: '/c', bytes: 2e6 },
          { directory: '/r', bytes: 1e5 },
        ],
      },
      text: expect.stringContaining('2.0 MB'),
    });
  });
});

it('the table: names are free, texts are there, examples begin with the program', () => {
  const services = serviceTable(fixedWorld().world);
  expect(services.map((item) => item.name)).toEqual([
    'tune',
    'verify',
    'compare',
    'show',
    'replay',
    'policies',
    'workloads',
    'doctor',
    'uninstall',
  ]);
  expect(services.filter((item) => item.effect === 'remove').map((item) => item.name)).toEqual(['uninstall']);
  for (const { name, summary, description, cli } of services) {
    expect([summary, description].every((text) => text.endsWith('.'))).toBe(true);
    for (const example of cli.examples) expect(example.startsWith(`schedcp ${name}`)).toBe(true);
  }
  expect(Object.keys(tuneOutput.shape).sort()).toEqual(['arms', 'machine', 'records', 'verdict', 'workload']);
  expect(defaultArm.id).toBe('default');
});
