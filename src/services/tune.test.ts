// tune over a world that is fixed: the shape that the issue asks for, arms, workloads and commands.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { faultOf } from '../../test/linux/support.ts';
import { fixedWorld, root } from '../../test/services/fixed-world.ts';
import { accepted, fast, few } from '../../test/services/told.ts';
import type { Arm, Experiment } from '../core/records.ts';
import type { Progress } from './service.ts';

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
      /^long-tail: .*\nlong-tail on kernel 6\.18\.0-test, 4 CPUs, micro-vm \(deterministic\)\n\naccepted: use fifo\./s,
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
    const { output } = await fixed.call('tune', { workload: 'long-tail', harm: false, screen: 0 });
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
