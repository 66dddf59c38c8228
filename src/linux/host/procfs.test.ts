import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { statLine } from '../../../test/linux/recorded-procfs.ts';
import {
  cpuList,
  parseCpuList,
  parseFields,
  parseMachineStat,
  parseSchedStat,
  parseStat,
  parseSwitches,
} from './procfs.ts';

describe('a task’s stat', () => {
  it('by field numbers of proc_pid_stat(5)', () => {
    const line = statLine({
      pid: 42,
      comm: 'make',
      state: 'R',
      ppid: 7,
      user: 150,
      system: 30,
      nice: -5,
      threads: 3,
      startTicks: 8_000,
      rssPages: 12,
      cpu: 2,
      schedClass: 3,
    });
    expect(parseStat(line)).toMatchObject({
      pid: 42,
      comm: 'make',
      state: 'R',
      ppid: 7,
      userNs: 1.5e9,
      systemNs: 3e8,
      nice: -5,
      threads: 3,
      startTicks: 8_000,
      rssPages: 12,
      cpu: 2,
      schedClass: 3,
    });
  });

  it('any name: ends at the last parenthesis', () => {
    for (const comm of [') R 1', 'a) S (b', '\n', '', ' ', '((', '\xff\xfe)', ') S 1 1 1']) {
      const stat = parseStat(statLine({ pid: 9, comm, state: 'D', ppid: 3, schedClass: 5 }));
      expect(stat).toMatchObject({ pid: 9, comm, state: 'D', ppid: 3, schedClass: 5 });
    }
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        const comm = Buffer.from(bytes).toString('latin1');
        expect(parseStat(statLine({ pid: 1, comm, cpu: 7 }))).toMatchObject({ comm, cpu: 7, ppid: 1 });
      }),
    );
  });

  it('what is none: undefined, never an error', () => {
    const whole = statLine({ pid: 42, comm: 'x' });
    for (const text of ['', '\n', '42', '42 (x', '42 (x) ', '42 (x) S 1 2 3', '42 x) S', whole.slice(0, 60)])
      expect(parseStat(text)).toBeUndefined();
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        const text = Buffer.from(bytes).toString('latin1');
        parseStat(text);
        parseMachineStat(text);
        parseFields(text);
        parseSwitches(text);
        parseSchedStat(text);
        parseCpuList(text);
      }),
    );
  });
});

it('schedstat and status', () => {
  expect(parseSchedStat('123456789 42 7\n')).toEqual({ ranNs: 123_456_789, delayNs: 42, runs: 7 });
  expect(parseSchedStat('')).toBeUndefined();
  const status =
    'Name:\tvoluntary_ctxt_switches:\nState:\tS\nvoluntary_ctxt_switches:\t31\nnonvoluntary_ctxt_switches:\t4\n';
  expect(parseSwitches(status)).toEqual({ voluntary: 31, involuntary: 4 });
  expect(parseSwitches('Name:\tx\n')).toBeUndefined();
});

it('the machine’s stat: CPUs by number, also where some are offline', () => {
  const text =
    'cpu  30 5 10 200 4 1 2 3 0 0\ncpu0 10 5 10 100 4 1 2 3 0 0\ncpu7 20 0 0 100 0 0 0 0 0 0\nintr 99 1 2 3\nctxt 1234\nprocesses 55\nprocs_running 2\nsoftirq 77 1\n';
  const stat = parseMachineStat(text)!;
  expect([...stat.cpus.keys()]).toEqual([0, 7]);
  expect(stat.cpus.get(0)).toEqual({
    userNs: 1.5e8,
    systemNs: 1e8,
    idleNs: 1e9,
    iowaitNs: 4e7,
    interruptNs: 3e7,
    stealNs: 3e7,
  });
  expect(stat).toMatchObject({ switches: 1234, forks: 55, interrupts: 99, softirqs: 77, running: 2 });
  expect(parseMachineStat('intr 5\n')).toBeUndefined();
});

describe('lists of CPUs', () => {
  it('as the kernel writes them', () => {
    expect(parseCpuList('0-2,5,8-9\n')).toEqual([0, 1, 2, 5, 8, 9]);
    expect(parseCpuList('\n')).toEqual([]);
    expect(cpuList([0, 1, 2, 5, 8, 9])).toBe('0-2,5,8-9');
    for (const text of ['a', '3-1', '1,,2', '0-99999999', '-1']) expect(parseCpuList(text)).toBeUndefined();
  });
  it('there and back', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.nat(300)), (numbers) => {
        const sorted = [...numbers].sort((a, b) => a - b);
        expect(parseCpuList(cpuList(sorted))).toEqual(sorted);
      }),
    );
  });
});
