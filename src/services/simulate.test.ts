// simulate: the real simulator behind the service. What it answers is bytes that repeat; what it shows is who ran where.

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { faultOf } from '../../test/linux/support.ts';
import { fixedWorld, root } from '../../test/services/fixed-world.ts';
import { simulateInput } from './run-schemas.ts';

const { call, directory } = fixedWorld();

/** Two tasks of 10 ms each, nothing drawn by chance. */
function twoTasks(parts: object = {}): string {
  const file = join(directory, `two-${JSON.stringify(parts).length}.json`);
  const workload = {
    kind: 'declared',
    name: 'two',
    description: 'Two hogs.',
    goal: { metric: 'makespanNs', direction: 'lower' },
    jitter: { work: 0, start: 0 },
    rounds: 1,
    warmupRounds: 0,
    groups: [{ name: 'hog', count: 2, start: 0, phases: [{ run: '10ms' }], ...parts }],
  };
  writeFileSync(file, JSON.stringify(workload));
  return file;
}

describe('simulate', () => {
  it('two tasks take 20 ms of one CPU, 10 ms of two', async () => {
    const workload = twoTasks();
    for (const policy of [undefined, 'fifo', 'vtime'])
      for (const [cpus, ms] of [
        [1, 20],
        [2, 10],
      ] as const) {
        const { output, exit } = await call('simulate', { workload, policy, cpus, costs: 'free' });
        expect(exit).toBe(0);
        expect(output.metrics.makespanNs / 1e6).toBeCloseTo(ms, 1);
      }
  });

  it('shows who ran on which CPU', async () => {
    const { text } = await call('simulate', { workload: twoTasks(), policy: 'fifo', cpus: 2, costs: 'free' });
    const [head, ...rows] = text.split('\n');
    expect(head).toBe('policy fifo   workload two   cpus 2   seed 1');
    const [first, second] = [0, 1].map((cpu) => rows.find((row) => row.trimStart().startsWith(`cpu${cpu}`)));
    expect(first).toMatch(/A{20,}/);
    expect(second).toMatch(/B{20,}/);
    expect(text).toContain('makespanNs');
  });

  it('answers the same bytes each time, in another process’ stead too, and others for another seed', async () => {
    const input = { workload: 'long-tail', policy: 'vtime', cpus: 3 };
    const answer = async (more: object, world = fixedWorld()): Promise<string> =>
      JSON.stringify((await world.call('simulate', { ...input, ...more })).output);
    const first = await answer({});
    expect(await answer({})).toBe(first);
    expect(await answer({ mode: 'fast' })).toBe(first);
    expect(await answer({ seed: 2 })).not.toBe(first);
  });

  it('takes topologies, parameters, settings and hints', async () => {
    const input = { workload: 'long-tail', cpus: 16, nodes: 2, llcs: 4, threads: 2 };
    for (const more of [
      { policy: 'llc' },
      { policy: 'vtime?slice_ns=4000000' },
      { policy: 'length+hints' },
      { policy: join(root, 'policies/fifo/fifo.bpf.o') },
      { settings: 'slice-long' },
      { costs: 'hardware' },
    ])
      expect((await call('simulate', { ...input, ...more })).output.status, JSON.stringify(more)).toBe(
        'completed',
      );
  });

  it.each<[object, object]>([
    [{ workload: 'hackbench' }, { code: 'unsupported' }],
    [{ workload: 'nothing' }, { code: 'not-found' }],
    [{ workload: 'long-tail', policy: 'nobody' }, { code: 'not-found' }],
    [
      { workload: 'long-tail', policy: 'fifo?slice_ns=1' },
      { code: 'malformed', next: 'give a value from 1000000 to 1000000000' },
    ],
    [
      { workload: 'long-tail', llcs: 3 },
      { code: 'malformed', next: expect.stringContaining('divide') },
    ],
    [{ workload: 'long-tail', policy: 'fifo', trace: '/nonexistent/dir/x' }, { code: 'not-found' }],
  ])('%j: refused, in words', async (input, fault) => {
    expect(await faultOf(() => call('simulate', input))).toMatchObject(fault);
  });

  it.each<[object, RegExp]>([
    [{ cpus: 6, llcs: 4 }, /6 CPUs do not divide into 4 last-level caches/],
    [{ cpus: 4, threads: 8 }, /cores with 8 threads/],
    [{ llcs: 3, nodes: 2 }, /NUMA/],
    [{ policy: 'fifo?slice_ns=abc' }, /NAME=INTEGER/],
    [{ policy: 'fifo?slice_ns' }, /NAME=INTEGER/],
    [{ policy: './a,b.bpf.o?x=1&y=' }, /NAME=INTEGER/],
    [{ policy: 'fifo', settings: 'batch' }, /not both/],
    [{ policy: 'fifo,vtime' }, /one is wanted/],
  ])('as input refuses %j: it can be seen without reading anything', (input, said) => {
    const parsed = simulateInput.safeParse({ workload: 'long-tail', ...input });
    expect(parsed.error?.issues.map(({ message }) => message).join()).toMatch(said);
  });

  it.each(['fifo', 'fifo?', 'vtime?slice_ns=5000000&guard_ns=-1', './x.bpf.o?on=true', './a,b.bpf.o'])(
    'takes %s as a policy',
    (policy) => {
      expect(simulateInput.safeParse({ workload: 'w', policy }).success).toBe(true);
    },
  );

  it('refuses a program before anything is fetched for it', async () => {
    const fixed = fixedWorld();
    for (const workload of ['build-bzip2', 'perf-pipe'])
      expect(await faultOf(() => fixed.call('simulate', { workload }))).toMatchObject({
        code: 'unsupported',
        next: `it needs a micro-VM: tune --workload ${workload}`,
      });
    expect(fixed.asked).toEqual([]);
  });

  it('names the trace that it has written', async () => {
    const trace = join(directory, 'run.pftrace');
    const { text } = await call('simulate', { workload: twoTasks(), policy: 'fifo', trace });
    expect(text).toContain(`\ntrace ${trace}, for ui.perfetto.dev\n`);
    expect(readFileSync(trace).length).toBeGreaterThan(1000);
  });

  it('a policy that leaves the machine without a task’s turn: exit 1, with what the kernel says', async () => {
    const { output, exit, text } = await call('simulate', { workload: 'long-tail', limit: 1, cpus: 1 });
    expect([exit, output.status, output.finding.code]).toEqual([1, 'failed', 'timeout']);
    expect(text).toContain('timeout');
  });
});
