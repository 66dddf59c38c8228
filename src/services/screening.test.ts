// tune with the real simulator before a machine whose answers are fixed: what goes on, what is kept, and what happens where there is no micro-VM.

import { describe, expect, it } from 'vitest';
import { faultOf } from '../../test/linux/support.ts';
import { fixedWorld } from '../../test/services/fixed-world.ts';
import { Fault } from '../core/errors.ts';
import type { Arm, Experiment } from '../core/records.ts';

const plain = { workload: 'long-tail', harm: false };

describe('tune after a screening', () => {
  it('runs the best of the simulator, and says what it saw', async () => {
    const fixed = fixedWorld({ factor: (arm: Arm) => (arm.kind === 'default' ? 1 : 0.8) });
    const wish = { policies: ['length', 'length+hints', 'fifo'], settings: ['batch'] };
    const { output, text } = await fixed.call('tune', { ...plain, ...wish, screen: 3 });
    const { screening } = output;
    const values = async (name: string): Promise<number> => {
      const { card } = await fixed.world.policies.get(name);
      return 1 + card.parameters.reduce((sum, parameter) => sum + (parameter.values ?? []).length, 0);
    };
    const atLeast = 1 + 2 * (await values('length')) + (await values('fifo'));
    expect(screening.candidates).toBeGreaterThanOrEqual(atLeast);
    const went = Object.keys(screening.predicted);
    expect(went).toHaveLength(3);
    expect(output.arms.map((arm: { policy: string }) => arm.policy).sort()).toEqual(
      ['default', ...went].sort(),
    );
    // one of 40 tasks takes a third of the time, and who is told so and starts it first wins about that
    expect(screening.predicted[went[0]!]).toBeLessThan(-0.2);
    expect(text).toMatch(/simulator tried \d+ candidates/);
    const hinted = fixed.machine.ran.filter(({ arm }: Experiment) => arm.name.includes('+hints'));
    for (const { arm } of hinted) expect(Object.keys(arm.policy?.hints ?? {})).toHaveLength(40);
  });

  it('keeps a record that shows, replays, and that the candidates come from', async () => {
    const fixed = fixedWorld();
    const { output } = await fixed.call('tune', {
      ...plain,
      screen: 1,
      policies: ['vtime', 'fifo'],
      settings: ['none'],
    });
    const { record } = output.screening;
    expect((await fixed.call('show', { record })).text).toMatch(/^screening .*\nlong-tail: makespanNs/);
    expect((await fixed.call('replay', { record })).output).toMatchObject({ same: true, kind: 'screening' });
    const candidates = (await fixed.world.store.records.newest(50)).filter(
      ({ kind }) => kind === 'candidate',
    );
    const from = await Promise.all(
      candidates.map(
        async ({ digest }) => ((await fixed.world.store.records.get(digest)) as { from: string[] }).from,
      ),
    );
    expect(from.filter((one) => one.includes(record))).toHaveLength(1);
  });

  it('is left out where policies or settings are named, for commands, and on demand', async () => {
    for (const input of [{ policies: ['fifo'] }, { settings: ['batch'], policies: ['none'] }, { screen: 0 }])
      expect((await fixedWorld().call('tune', { ...plain, ...input })).output.screening).toBeUndefined();
    const command = { command: ['make'], policies: ['fifo'], settings: ['none'], harm: false };
    const fixed = fixedWorld({ metric: 'elapsedNs' });
    expect((await fixed.call('tune', command)).output.screening).toBeUndefined();
    expect(await faultOf(() => fixed.call('tune', { ...command, screen: 2 }))).toMatchObject({
      code: 'unsupported',
    });
  });
});

describe('tune without micro-VMs', () => {
  const unavailable = new Fault('unavailable', 'cannot fetch package lists');
  const named = { ...plain, policies: ['length'], settings: ['none'] };

  it('uses the simulator and says so', async () => {
    const fixed = fixedWorld({ unavailable });
    const said: string[] = [];
    const { output, text, exit } = await fixed.call('tune', named, {
      progress: (item) => said.push(item.text),
    });
    expect(output.machine).toMatchObject({ name: 'simulator', mode: 'simulated', memoryMiB: 0 });
    expect(output.instead).toContain('cannot fetch package lists');
    expect(text.startsWith('no micro-VM can be had here: cannot fetch package lists.')).toBe(true);
    expect(said.some((line) => line.includes('using the simulator'))).toBe(true);
    expect([exit, output.verdict.decision]).toEqual([0, 'accepted']);
    const [verdict, outcome] = output.records;
    for (const { digest } of [verdict, outcome])
      expect((await fixed.call('replay', { record: digest })).output.same).toBe(true);
  });

  it('does not where somebody insists, and not for commands', async () => {
    for (const input of [
      { machine: 'micro-vm' },
      { kernel: '6.18' },
      { workload: undefined, command: ['make'] },
    ])
      expect(
        await faultOf(() => fixedWorld({ unavailable }).call('tune', { ...named, ...input })),
      ).toMatchObject({
        code: 'unavailable',
      });
    const broken = new Fault('malformed', 'SCHEDCP_CACHE_LIMIT is wrong');
    expect(await faultOf(() => fixedWorld({ unavailable: broken }).call('tune', named))).toMatchObject({
      code: 'malformed',
    });
  });

  it('simulates machines that no guest can be, with the costs of hardware', async () => {
    const fixed = fixedWorld();
    const wish = { ...named, machine: 'simulator', cpus: 32, llcs: 4, blocks: 6 };
    const { output } = await fixed.call('tune', wish);
    const outcome = output.records[1].digest;
    const { from } = (await fixed.world.store.records.get(outcome)) as { from: string[] };
    expect(await fixed.world.store.records.get(from[0]!)).toMatchObject({
      topology: { cpus: 32, llcs: 4 },
      machine: { emulator: expect.stringMatching(/costs hardware$/) },
    });
    for (const [input, word] of [
      [{ cpus: 32 }, '32 CPUs'],
      [{ llcs: 2 }, 'llcs'],
    ] as const)
      expect(await faultOf(() => fixedWorld().call('tune', { ...named, ...input }))).toMatchObject({
        code: 'unsupported',
        message: expect.stringContaining(word),
        next: expect.stringContaining('--machine simulator'),
      });
  });

  it('is asked for by name', async () => {
    const fixed = fixedWorld();
    const { output } = await fixed.call('tune', { ...named, machine: 'simulator', cpus: 8 });
    expect(output.machine).toMatchObject({ name: 'simulator', cpus: 8 });
    expect(output.instead).toBeUndefined();
    expect(fixed.machine.ran).toEqual([]);
  });
});
