// diff: two recordings of the real simulator behind the service, one of them altered as a known difference would alter it.

import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { faultOf } from '../../test/linux/support.ts';
import { fixedWorld } from '../../test/services/fixed-world.ts';
import type { Call } from '../core/calls.ts';
import { diffInput } from './run-schemas.ts';

/** Four sleepers on two CPUs, nothing drawn by chance. */
const workload = {
  kind: 'declared',
  name: 'sleepers',
  description: 'Four tasks that run and sleep.',
  goal: { metric: 'makespanNs', direction: 'lower' },
  jitter: { work: 0, start: 0 },
  rounds: 1,
  warmupRounds: 0,
  groups: [
    { name: 's', count: 4, start: 0, phases: [{ loop: 20, phases: [{ run: '1ms' }, { sleep: '1ms' }] }] },
  ],
};

function worldWith(traced: (calls: readonly Call[]) => Call[]) {
  const world = fixedWorld({ traced });
  const file = join(world.directory, 'sleepers.json');
  writeFileSync(file, JSON.stringify(workload));
  return { ...world, file };
}

describe('diff', () => {
  it('the same on both sides: no divergence at any level, whatever time it is', async () => {
    const { call, file } = worldWith((calls) => calls.map((one) => ({ ...one, ns: one.ns + 5_000_000 })));
    for (const level of ['order', 'cpus', 'numbers']) {
      const { output, exit, text } = await call('diff', { workload: file, policy: 'vtime', level });
      expect(output).toMatchObject({ same: true, first: null, order: null, patterns: [], divergences: 0 });
      expect(output.agreement).toBe(1);
      expect(exit).toBe(0);
      expect(text).toContain('No divergence.');
    }
  });

  it('one kfunc too many, once: found in its task, with what came before and after', async () => {
    const extra = (calls: readonly Call[]): Call[] => {
      const nth = calls.filter(({ what, task }) => what === 'ops.enqueue' && task === 2)[3]!;
      const at = calls.indexOf(nth);
      const kick: Call = { ...nth, what: 'scx_bpf_kick_cpu', task: null, args: [1, 2] };
      return calls.toSpliced(at + 1, 0, kick);
    };
    const { call, file } = worldWith(extra);
    const { output, exit, text } = await call('diff', { workload: file, policy: 'fifo', cpus: 1 });
    expect(exit).toBe(1);
    expect(output).toMatchObject({ same: false, divergences: 1, order: null });
    expect(output.agreement).toBeGreaterThan(0.99);
    expect(output.first).toMatchObject({
      task: 's-2',
      instead: [['scx_bpf_kick_cpu cpu=1 flags=0x2'], []],
    });
    // the machine's own tasks beside it: RCU still works off the forks
    for (const text of output.first.meanwhile)
      expect(text).toMatch(/^(rcu_preempt|ksoftirqd\/0|kworker\/0:1) on cpu0$/);
    expect(output.first.before.at(-1)).toMatch(/^ops\.enqueue enq_flags=0x/);
    expect(output.first.after[0]).toEqual(output.first.after[1]);
    expect(output.patterns).toMatchObject([{ count: 1, tasks: 1, says: ['scx_bpf_kick_cpu flags=0x2', ''] }]);
    expect(text).toMatch(/First divergence of 1: s-2, after \d+ steps that agree\./);
    expect(text).toMatch(/^> +-?\d+\.\d{6} cpu0 scx_bpf_kick_cpu cpu=1 flags=0x2 +-$/m);
  });

  it('what is lacking everywhere is one pattern, and its number is told', async () => {
    const without = (calls: readonly Call[]): Call[] => calls.filter(({ what }) => what !== 'ops.running');
    const { call, file } = worldWith(without);
    const { output } = await call('diff', { workload: file, policy: 'vtime' });
    expect(output.patterns[0]).toMatchObject({ says: ['', 'ops.running'], tasks: 4 });
    const running = output.counts.find((row: { what: string }) => row.what === 'ops.running');
    expect(running.calls[0]).toBe(0);
    // where a task ends, two are so close that they are one divergence
    expect(output.patterns[0].count).toBeGreaterThan(0.9 * running.calls[1]);
    for (const { says } of output.patterns) expect(says[1]).toContain('ops.running');
  });

  it('stays small enough for an agent, and keeps the recordings where it is told to', async () => {
    const { call, file, directory } = worldWith((calls) => calls.filter((_, i) => i % 7 !== 0));
    const { output, text } = await call('diff', { workload: file, policy: 'deadline', trace: directory });
    expect(output.divergences).toBeGreaterThan(20);
    expect(JSON.stringify(output).length).toBeLessThan(8000);
    for (const name of ['1-micro-vm', '2-simulator'])
      expect(readFileSync(join(directory, `${name}.pftrace`)).length).toBeGreaterThan(1000);
    expect(text).toContain(`\ntrace ${directory}/1-micro-vm.pftrace\n`);
  });

  it('under the default scheduler switches and wake-ups are compared', async () => {
    const { call, file } = worldWith((calls) => [...calls]);
    const { output } = await call('diff', { workload: file, machines: 'simulator,micro-vm' });
    expect(output).toMatchObject({ same: true, sides: [{ machine: 'simulator' }, { machine: 'micro-vm' }] });
    expect(output.sides[0].calls).toBeGreaterThan(100);
  });

  it('says why not: a machine that records nothing, a workload that is a command', async () => {
    const { call, directory } = fixedWorld();
    const file = join(directory, 'sleepers.json');
    writeFileSync(file, JSON.stringify(workload));
    expect(existsSync(file)).toBe(true);
    const none = await faultOf(() => call('diff', { workload: file, policy: 'fifo' }));
    expect(none).toMatchObject({ code: 'unsupported', message: 'the micro-vm records no calls' });
    const other = worldWith((calls) => [...calls]);
    for (const machines of ['micro-vm,simulator', 'simulator,simulator']) {
      const program = await faultOf(() => other.call('diff', { workload: 'build-bzip2', machines }));
      expect(program).toMatchObject({
        code: 'unsupported',
        next: expect.stringContaining('tune --workload'),
      });
      expect(program.message).toContain('build-bzip2 is a program');
    }
    expect(other.asked).toEqual([]);
    const input = { workload: other.file, trace: join(other.directory, 'no/where') };
    expect((await faultOf(() => other.call('diff', input))).code).toBe('not-found');
    expect(other.asked).toEqual([]);
    expect(diffInput.safeParse({ workload: 'w', policy: 'fifo', settings: 'batch' }).success).toBe(false);
  });
});
