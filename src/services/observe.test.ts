// observe: from what was seen to a page and records. The observations are made by hand, so that every number of theirs is known.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { faultOf } from '../../test/linux/support.ts';
import { fixedWorld } from '../../test/services/fixed-world.ts';
import { perfettoPackets } from '../../test/traces/perfetto-schema.ts';
import type { Observation } from '../core/observation.ts';
import { stillRunnable, type Trace, traceKinds } from '../core/trace.ts';
import { TraceBuilder } from '../traces/builder.ts';
import { decodeTrace } from '../traces/file.ts';
import { reasonIndex } from '../traces/wait-reasons.ts';

const ms = 1e6;

/** One task: runs 3 ms, loses its CPU for 1 ms, runs 2 ms, sleeps 4 ms, runs 10 ms to its end. */
function threeBursts(): Trace {
  const builder = new TraceBuilder();
  const [task, other] = [builder.taskOf(100), builder.taskOf(7)];
  Object.assign(builder.tasks[task]!, { comm: 'job', isFollowed: true });
  const switched = (at: number, from: number, to: number, why = 0): void =>
    builder.add(at * ms, traceKinds.switch, 0, from, to, why);
  switched(0, -1, task);
  switched(3, task, other, stillRunnable);
  switched(4, other, task, reasonIndex.other);
  switched(6, task, -1, reasonIndex.sleep);
  builder.add(10 * ms, traceKinds.wake, 0, task, -1, 3);
  switched(10, -1, task);
  builder.add(20 * ms, traceKinds.exit, 0, task);
  switched(20, task, -1, 254);
  return builder.finish({ source: 'probes', cpus: 2, release: '6.18', subject: { name: 'job' } });
}

const machine = { name: 'host', kernel: '6.18', cpus: 2 } as const;
const output = { stdout: 'done', stderr: 'oops\n', exit: 'exit code 0' };
const seen = (parts: Partial<Observation> = {}): Observation => ({
  machine,
  trace: threeBursts(),
  output,
  ...parts,
});

describe('observe', () => {
  it('a command: what its tasks did, on record with its trace', async () => {
    const { call, world, asked } = fixedWorld({ observation: seen() });
    const { output: answer, text, exit } = await call('observe', { command: ['./job', '-x'] });
    expect(exit).toBe(0);
    expect(asked).toContain('observe command');
    const { shape, subject } = answer.profile;
    expect(subject).toEqual({ what: 'command', name: './job -x' });
    expect(shape).toMatchObject({ tasks: 1, cpuNs: 15 * ms });
    // 20 ms of life: 15 on a CPU, 1 without one, 4 asleep
    expect(shape.time).toMatchObject({ cpu: 0.75, delay: 0.05, sleep: 0.2 });
    expect(text).toContain('./job -x');
    const stored = await world.store.records.get(answer.record);
    expect(stored).toEqual(answer.profile);
    const trace = decodeTrace(await world.store.blobs.get(answer.trace.digest));
    expect([trace.count, trace.subject.endNs]).toEqual([8, 20 * ms]);
    expect(answer.trace).toMatchObject({ events: 8, lost: 0, file: null });
    expect([answer.ended, answer.stdout, answer.stderr]).toEqual(['exit code 0', 'done', 'oops\n']);
  });

  it('its record is a workload: the same burst lengths, replayed', async () => {
    const { call } = fixedWorld({ observation: seen() });
    const { record, next } = (await call('observe', { command: ['x'] })).output;
    const [, tune] = next;
    const name = tune.split(' ').at(-1);
    expect(record.startsWith(name)).toBe(true);
    const { output: outcome } = await call('simulate', { workload: name, cpus: 1, costs: 'free' });
    // 5 ms, a sleep of 4 ms, 10 ms; nobody takes its CPU here. Work varies by 2 %
    expect(outcome.metrics.makespanNs / ms).toBeGreaterThan(18.5);
    expect(outcome.metrics.makespanNs / ms).toBeLessThan(19.5);
    expect(await faultOf(() => call('simulate', { workload: '0123456789' }))).toMatchObject({
      code: 'not-found',
    });
  });

  it('writes the trace where it was asked to', async () => {
    const { call, directory, asked } = fixedWorld({ observation: seen() });
    const file = join(directory, 'a.trace');
    const perfetto = join(directory, 'a.pftrace');
    const { output: answer, text } = await call('observe', { command: ['x'], record: file, perfetto });
    expect(asked).toContain('observe command, recorded');
    expect(decodeTrace(readFileSync(file)).count).toBe(8);
    const packets = perfettoPackets(readFileSync(perfetto));
    expect(packets.some((one) => one.ftrace_events?.event.length > 0)).toBe(true);
    expect(answer.trace.file).toBe(file);
    expect(text).toContain(`schedcp tune --workload ${file}`);
    expect(text).toContain(`${perfetto}: for ui.perfetto.dev`);
    const nowhere = { command: ['x'], record: join(directory, 'no/where/a.trace') };
    expect(await faultOf(() => call('observe', nowhere))).toMatchObject({ code: 'not-found' });
  });

  it('says that a command failed before it says anything else', async () => {
    const failed = seen({ output: { ...output, exit: 'signal 11' } });
    const { text, output: answer } = await fixedWorld({ observation: failed }).call('observe', {
      command: ['x'],
    });
    expect(text.split('\n').slice(0, 2)).toEqual(['The command ended with signal 11:', 'oops']);
    expect(answer.ended).toBe('signal 11');
  });

  it('what the command wrote is shown, not obeyed, and no line is long', async () => {
    const stderr = `\x1b[31mred\x1b]0;title\x07\r\n${'x'.repeat(10_000)}\n`;
    const failed = seen({ output: { ...output, stderr, exit: 'exit code 2' } });
    const { text, output: answer } = await fixedWorld({ observation: failed }).call('observe', {
      command: ['x'],
    });
    const [, first, second] = text.split('\n');
    expect(first).toBe('\\u001b[31mred\\u001b]0;title\\u0007');
    expect(second).toBe(`${'x'.repeat(199)}…`);
    expect(answer.stderr).toBe(stderr);
  });

  it('what the kernel says of an ended command, a recording does not hold', async () => {
    const usage = { userNs: 3 * ms, systemNs: ms, maxRssKiB: 5000 };
    const { call } = fixedWorld({ observation: seen({ output: { ...output, usage } }) });
    const { shape } = (await call('observe', { command: ['x'] })).output.profile;
    expect(shape).toMatchObject({ systemShare: 0.25, maxRssKiB: 5000 });
    expect(
      (await fixedWorld({ observation: seen() }).call('observe', { command: ['x'] })).output.profile.shape
        .systemShare,
    ).toBeUndefined();
  });

  it('a larger tier has all of the smaller one, at the price that was named', async () => {
    const { call } = fixedWorld({ observation: seen() });
    const texts = new Map<string, string>();
    for (const tier of ['summary', 'detailed', 'comprehensive'])
      texts.set(tier, (await call('observe', { command: ['x'], tier })).text);
    const { tokens } = (await call('observe', { command: ['x'] })).output;
    expect(tokens.summary).toBeLessThanOrEqual(1500);
    expect(tokens.summary).toBeLessThan(tokens.detailed);
    const lines = (tier: string): string[] => texts.get(tier)!.split('\n');
    expect(lines('detailed')).toEqual(expect.arrayContaining(lines('summary')));
    expect(lines('comprehensive')).toEqual(expect.arrayContaining(lines('detailed')));
  });

  it('others: a process, a group, the machine, each by its own name', async () => {
    const { call, asked } = fixedWorld({ observation: { machine, trace: threeBursts() } });
    const names: string[] = [];
    for (const target of [{ pid: 12 }, { cgroup: '/a/b' }, { all: true }])
      names.push((await call('observe', target)).output.profile.subject.name);
    expect(names).toEqual(['process 12', '/a/b', 'this machine']);
    expect(asked.filter((one) => one.startsWith('observe'))).toEqual([
      'observe process',
      'observe cgroup',
      'observe machine',
    ]);
  });

  it.each([[{}], [{ command: ['x'], pid: 3 }], [{ command: [] }], [{ pid: 1, all: true }]])(
    'one target, not %j',
    async (input) => {
      await expect(fixedWorld().call('observe', input)).rejects.toThrow('give one of');
    },
  );

  it('a guest starts what it observes, and is recorded', async () => {
    const { call } = fixedWorld();
    expect(await faultOf(() => call('observe', { pid: 1, machine: 'micro-vm' }))).toMatchObject({
      code: 'unsupported',
      next: 'give a command',
    });
    expect(
      await faultOf(() => call('observe', { command: ['x'], machine: 'micro-vm', how: 'watch' })),
    ).toMatchObject({ code: 'unsupported' });
  });

  it('who may not observe is told so', async () => {
    expect(await faultOf(() => fixedWorld().call('observe', { all: true }))).toMatchObject({
      code: 'not-permitted',
    });
  });
});
