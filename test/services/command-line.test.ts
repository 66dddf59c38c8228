// What is typed wrongly at the real services: what can be seen in the command line alone is usage (2), what needs records, cards or files is a fault (3);
// both say what to do, to people and to agents.

import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { runCli } from '../../src/interfaces/cli.ts';
import { serviceTable } from '../../src/services/table.ts';
import { fixedWorld } from './fixed-world.ts';

const { world } = fixedWorld();

async function schedcp(...argv: string[]) {
  const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()];
  const io = { stdin, stdout, stderr, isTTY: false, columns: 100, signal: new AbortController().signal };
  const exit = await runCli(serviceTable(world), argv, io, { version: '1', about: 'a' });
  return { exit, out: String(stdout.read() ?? ''), err: String(stderr.read() ?? '') };
}

const simulate = ['simulate', '--workload', 'long-tail'];
const kpi = (value: object): string[] => ['deploy', '1234', '--kpi', JSON.stringify(value)];
const log = { from: 'log', file: 'a', line: 'served {number}' };

describe('usage: 2', () => {
  it.each<[string[], string]>([
    [[...simulate, '--policy', 'fifo?slice_ns=abc'], '--policy: after "?" come NAME=INTEGER'],
    [[...simulate, '--cpus', '4', '--llcs', '3'], '4 CPUs do not divide into 3 last-level caches'],
    [[...simulate, '--policy', 'fifo', '--settings', 'batch'], 'give a policy or settings'],
    [['diff', '--workload', 'w', '--policy', 'fifo', '--settings', 'batch'], 'give a policy or settings'],
    [['tune', '--workload', 'w', '--policies', 'fifo?x'], '--policies (0): after "?" come NAME=INTEGER'],
    [['verify', 'fifo?slice_ns=1ms'], 'FILE: after "?" come NAME=INTEGER'],
    [['verify', 'fifo', '--knobs', 'slice ns=1..2'], '--knobs (slice ns): the name has 1 to 64 letters'],
    [
      ['fuzz', 'fifo', '--param', 'slice_ns=abc'],
      '--param (slice_ns): is no whole number, true or false, got "abc"',
    ],
    [['analyse', 'BAD'], 'NAME: a name starts with a-z and has at most 40 of a-z, 0-9 and "-", got "BAD"'],
    [
      kpi({ name: 'rate', direction: 'up', source: log }),
      '--kpi (0.direction): expected one of "higher"|"lower", got "up"',
    ],
    [
      kpi({ name: 'rate' }),
      '--kpi (0.direction) is missing: expected one of "higher"|"lower"; --kpi (0.source) is missing: expected an object with "from": one of command,',
    ],
    [
      kpi({ name: 'rate', direction: 'lower', source: { from: 'moon' } }),
      'one of command, prometheus, log, pressure, output',
    ],
    [
      kpi({ name: 'rate', direction: 'lower', source: { from: 'output', line: 'served' } }),
      '--kpi (0.source.line): ',
    ],
    [
      kpi({ name: 'rate', direction: 'lower', source: log, every: 5 }),
      '--kpi (0): Unrecognized key: "every"',
    ],
  ])('%j', async (argv, said) => {
    const { exit, out, err } = await schedcp(...argv);
    expect([exit, out]).toEqual([2, '']);
    expect(err).toContain(`error: `);
    expect(err).toContain(said);
    expect(err).toMatch(/\n→ .+\n$/);
    expect(err).not.toMatch(/pattern|Invalid input/);
  });
});

describe('a fault: 3', () => {
  it.each<[string[], string]>([
    [[...simulate, '--policy', 'fifo?slice_ns=1'], 'slice_ns=1 is outside 1000000..1000000000'],
    [[...simulate, '--llcs', '3'], '4 CPUs do not divide'],
    [['simulate', '--workload', 'perf-pipe'], 'perf-pipe is a program'],
    [['show', 'zzz'], 'zzz is not a record'],
    [['show', '--page', '9'], 'no page 9'],
    [['policies', '--page', '99'], 'no page 99'],
  ])('%j', async (argv, said) => {
    const { exit, err } = await schedcp(...argv);
    expect(exit).toBe(3);
    expect(err).toContain(said);
    expect(err).toMatch(/\n→ .+\n$/);
  });
});
