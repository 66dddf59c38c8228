// Every observation on real processes of this machine: a spinner, a sleeper, a process with many threads, names of any bytes. No rights are needed.

import { once } from 'node:events';
import { mkdirSync, openSync, symlinkSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  manyThreads,
  named,
  parentOfShortOnes,
  parentOfSpinner,
  sleeper,
  spinner,
  swapping,
} from '../../test/linux/real-processes.ts';
import { temporaryDirectory } from '../../test/linux/support.ts';
import type { Counters } from '../core/counters.ts';
import { Fault } from '../core/errors.ts';
import { parseStat } from './host/procfs.ts';
import { read } from './host/surfaces.ts';
import { openHost, readableRoots } from './host.ts';
import { sampleProcfs } from './procfs-counters.ts';

const signal = new AbortController().signal;
const page = { limit: 20, page: 1 };
const host = openHost({ roots: [] });
let spins = 0;
let sleeps = 0;
let threads = 0;
beforeAll(async () => {
  spins = spinner();
  sleeps = sleeper();
  threads = await manyThreads(12);
});

/** Where the kernel has CONFIG_SCHED_INFO, which all distributions set. */
const hasSchedStat = read('/proc/self/schedstat') !== undefined;

const ranSoFar = (pid: number): number => Number((read(`/proc/${pid}/schedstat`) ?? '').split(' ')[0]);

describe('of a spinner and a sleeper', () => {
  it('cpus: the spinner keeps some CPU busy', async () => {
    const seen = await host.cpus({ intervalMs: 300, ...page }, signal);
    expect(seen.count).toBeGreaterThanOrEqual(availableParallelism());
    // One of n CPUs is busy at least, but for what a hypervisor takes.
    expect(seen.utilisation! * seen.count).toBeGreaterThan(0.4);
    for (const row of seen.cpus) expect(row.busy ?? 0).toBeLessThanOrEqual(1);
  });

  it('queues: the spinner is runnable, the sleeper is not', async () => {
    const seen = await host.queues({ intervalMs: 300, samples: 5, ...page }, signal);
    const normal = seen.kinds.find((row) => row.kind === 'normal')!;
    expect(normal.mean).toBeGreaterThanOrEqual(1);
    expect(seen.runnable.max).toBeLessThan(seen.threads);
    expect(seen.cpus.reduce((sum, row) => sum + row.mean, 0)).toBeCloseTo(seen.runnable.mean, 6);
  });

  it('delays: the spinner ran or waited all the time', async () => {
    const seen = await host.delays({ pid: spins, intervalMs: 400, ...page }, signal);
    expect(seen.missing.length).toBeGreaterThan(0);
    if (!hasSchedStat) return;
    // A delay is counted when it is over: on a busy machine the last one is not yet.
    const used = (seen.ranNs + seen.delayNs) / seen.observedNs;
    expect(used).toBeGreaterThan(0.05);
    expect(used).toBeLessThan(2);
    expect(seen.tasks).toMatchObject([{ pid: spins, comm: 'sh' }]);
    const asleep = await host.delays({ pid: sleeps, intervalMs: 100, ...page }, signal);
    expect(asleep).toMatchObject({ threads: 1, ranNs: 0, delayNs: 0, tasks: [] });
  });

  it('switches: threads that sleep a hundred times a second', async () => {
    const seen = await host.switches({ pid: threads, intervalMs: 1000, ...page }, signal);
    expect(seen.machine.switchesPerS).toBeGreaterThan(10);
    if (!hasSchedStat) return;
    expect(seen.processes[0]).toMatchObject({ pid: threads });
    // 12 workers that sleep up to 100 times a second; on a busy machine fewer.
    expect(seen.processes[0]!.voluntaryPerS!).toBeGreaterThan(20);
    expect(seen.processes[0]!.voluntaryPerS!).toBeLessThan(20_000);
  });

  it('processes: sorted by CPU, as a tree, with threads', async () => {
    const own = { pid: process.pid, intervalMs: 300, ...page } as const;
    const byCpu = await host.processes({ ...own, sort: 'cpu', threads: false }, signal);
    const spinning = byCpu.rows.find((row) => row.pid === spins)!;
    // On a busy machine it waits for a CPU instead.
    if (hasSchedStat) expect(spinning.cpu! + spinning.delay!).toBeGreaterThan(0.05);
    expect(spinning.command).toContain('while :');
    const asleep = byCpu.rows.find((row) => row.pid === sleeps);
    expect(asleep?.cpu ?? 0).toBe(0);
    const tree = await host.processes({ ...own, sort: 'tree', threads: false, limit: 200 }, signal);
    expect(tree.rows[0]).toMatchObject({ pid: process.pid, depth: 0 });
    expect(tree.rows.find((row) => row.pid === spins)).toMatchObject({ depth: 1, ppid: process.pid });
    const each = await host.processes(
      { ...own, pid: threads, sort: 'cpu', threads: true, limit: 200 },
      signal,
    );
    expect(each.rows.length).toBeGreaterThan(12);
    expect(
      each.rows.filter((row) => (row.cpu ?? 0) + (row.delay ?? 0) > 0.005).length,
    ).toBeGreaterThanOrEqual(6);
    expect(new Set(each.rows.map((row) => row.pid))).toEqual(new Set([threads]));
  });

  it('process: one in detail', async () => {
    const seen = await host.process({ pid: threads, intervalMs: 300, limit: 5, page: 1 }, signal);
    expect(seen).toMatchObject({ pid: threads, ppid: process.pid, kernelThread: false, schedClass: 'other' });
    expect(seen.threads).toHaveLength(5);
    expect(seen.left).toBe(seen.threadCount - 5);
    expect(seen.threadCount).toBeGreaterThan(12);
    expect(seen.openFiles?.pipe).toBeGreaterThanOrEqual(2);
    expect(seen.maps!.regions).toBeGreaterThan(10);
    expect(seen.memory!.rssKiB).toBeGreaterThan(10_000);
    expect(seen.executable).toBe(process.execPath);
    if (hasSchedStat) expect(seen.cpu! + seen.delay!).toBeGreaterThan(0.01);
    const asleep = await host.process({ pid: sleeps, intervalMs: 50, ...page }, signal);
    expect(asleep).toMatchObject({ comm: 'sleep', state: 'S', threadCount: 1, command: 'sleep 60' });
    const { waitsIn } = asleep.threads[0]!;
    if (waitsIn !== undefined) expect(waitsIn).toContain('nanosleep');
  });

  it('a process that is gone is a fault that says what to do', async () => {
    const child = spinner();
    process.kill(child, 'SIGKILL');
    await wait(300);
    for (const look of [
      () => host.process({ pid: child, intervalMs: 10, ...page }, signal),
      () => host.delays({ pid: child, intervalMs: 10, ...page }, signal),
      () => sampleProcfs({ subject: { pid: child }, durationMs: 50 }, signal),
    ])
      await expect(look()).rejects.toMatchObject({
        code: 'not-found',
        next: expect.stringContaining('processes'),
      });
  });
});

it('names of any bytes are data', async () => {
  for (const [name, shown] of [
    [') R 1 (x', ') R 1 (x.'],
    ['\xff\xfea\nb', '\\xff\\xfea\\x0ab.'],
    ['\x1b[2Jgone', '\\x1b[2Jgone.'],
  ] as const) {
    const pid = await named(name);
    for (let tries = 0; tries < 50; tries++) {
      const seen = await host.process({ pid, intervalMs: 10, ...page }, signal);
      if (seen.comm === 'sh' && tries < 49) await wait(20);
      else {
        expect(seen).toMatchObject({ pid, ppid: process.pid, comm: shown });
        break;
      }
    }
  }
});

describe('counters out of procfs', () => {
  it('of a tree: who ran, who slept, and where', async () => {
    const parent = parentOfSpinner();
    await wait(200);
    // On a machine that is busy enough a spinner may not run at all for a while.
    let seen: Counters | undefined;
    for (let tries = 0; tries < 10 && !seen?.tasks.some((task) => task.ranNs > 2e7); tries++) {
      seen = await sampleProcfs({ subject: { pid: parent.pid }, durationMs: 800 }, signal);
    }
    parent.stdin!.end('\n');
    expect(seen?.tasks).toHaveLength(2);
    const [child, shell] = seen!.tasks;
    // Two spinners beside one another have about the same, but for a machine so busy that turns are rare.
    expect(child!.ranNs).toBeGreaterThan(2 * shell!.ranNs);
    // The other spinner, of which nobody was told, is not in it.
    expect(child!.ranNs).toBeLessThan(1.05 * seen!.observedNs);
    expect(shell).toMatchObject({ tid: parent.pid, ranNs: expect.any(Number) });
    expect(shell!.ranNs).toBeLessThan(5e7);
    expect(seen).toMatchObject({ by: 'procfs', folded: 0 });
    expect(seen!.missing.length).toBeGreaterThan(1);
    expect(seen!.busyNs! + 2e7).toBeGreaterThan(child!.ranNs);
  });

  it('of a process with threads: each of them, its switches, and what it waits for', async () => {
    const seen = await sampleProcfs({ subject: { pid: threads }, durationMs: 1000 }, signal);
    const busy = seen.tasks.filter((task) => task.ranNs > 5e6);
    expect(busy.length).toBeGreaterThanOrEqual(6);
    for (const task of busy) {
      expect(task.tgid).toBe(threads);
      expect(task.voluntary!).toBeGreaterThan(0);
      const slept = Object.values(task.waits ?? {}).reduce((sum, one) => sum + one.ns, 0);
      expect(slept).toBeLessThanOrEqual(seen.observedNs);
    }
    // Event loops wait in epoll: nine looks at twelve of them find some there.
    const reasons = new Set(seen.tasks.flatMap((task) => Object.keys(task.waits ?? {})));
    if (read('/proc/self/wchan') !== undefined && process.getuid?.() === 0) expect(reasons).toContain('poll');
  });

  it('of a machine: those that are born meanwhile are new, our own threads are left out', async () => {
    let child = 0;
    const until = wait(200).then(() => {
      child = spinner();
      return wait(400);
    });
    const seen = await sampleProcfs({ subject: 'machine', durationMs: 20_000, until }, signal);
    const all = ranSoFar(child);
    process.kill(child, 'SIGKILL');
    const born = seen.tasks.find((task) => task.tid === child)!;
    expect(born.bornNs!).toBeGreaterThan(1e8);
    expect(born.ranNs).toBeGreaterThan(0);
    expect(born.ranNs).toBeLessThanOrEqual(all);
    expect(seen.tasks.find((task) => task.tid === spins)!.ranNs).toBeGreaterThan(1e6);
    expect(seen.tasks.some((task) => task.tgid === process.pid)).toBe(false);
  });

  it('of many short children: their CPU time is not lost, seen or not', async () => {
    const parent = parentOfShortOnes();
    await wait(300);
    const told = (): number => {
      const stat = parseStat(read(`/proc/${parent.pid}/stat`) ?? '')!;
      return stat.userNs + stat.systemNs + stat.childrenNs;
    };
    const before = told();
    const counters = await sampleProcfs({ subject: { pid: parent.pid }, durationMs: 1500 }, signal);
    const outside = told() - before;
    parent.kill('SIGKILL');
    const inside = counters.tasks.reduce((sum, task) => sum + task.ranNs, 0);
    // Times of children are told in ticks of 10 ms each; what runs when it begins or ends is told later or before.
    expect(inside).toBeGreaterThan(0.4 * outside - 1e8);
    expect(inside).toBeLessThan(1.6 * outside + 2e8);
  });

  it('ends with its subject, and when it is asked to', async () => {
    const child = spinner();
    setTimeout(() => process.kill(child, 'SIGKILL'), 250);
    const seen = await sampleProcfs({ subject: { pid: child }, durationMs: 20_000 }, signal);
    expect(seen.observedNs).toBeLessThan(8e9);
    expect(seen.tasks).toMatchObject([{ tid: child, endedNs: expect.any(Number) }]);
    const until = wait(200);
    const asked = await sampleProcfs({ subject: 'machine', durationMs: 20_000, until }, signal);
    expect(asked.observedNs).toBeLessThan(8e9);
    const stopped = sampleProcfs({ subject: 'machine', durationMs: 20_000 }, AbortSignal.timeout(100));
    await expect(stopped).rejects.toMatchObject({ code: 'interrupted' });
  });
});

describe('what surrounds them', () => {
  it('pressure, cgroup, block, frequency, sched_ext, capabilities: an answer or the reason why not', async () => {
    const pressure = await host.pressure({});
    expect(pressure.on || (pressure.why ?? '') !== '').toBe(true);
    const group = await host
      .cgroup(
        {
          path: (await host.process({ pid: spins, intervalMs: 10, ...page }, signal)).cgroup ?? '/',
          ...page,
        },
        signal,
      )
      .catch((error: unknown) => error);
    if (group instanceof Fault) expect(['unavailable', 'not-found']).toContain(group.code);
    else expect(group).toMatchObject({ path: expect.stringMatching(/^\//) });
    const block = await host.block({ intervalMs: 50, all: true, ...page }, signal);
    expect(block.devices.length + block.notes.length).toBeGreaterThan(0);
    const frequency = await host.frequency({ intervalMs: 50, ...page }, signal);
    expect(frequency.cpus.length).toBeGreaterThan(0);
    expect((await host.schedExt()).supported).toBe(read('/sys/kernel/sched_ext/state') !== undefined);
    const { root, checks } = await host.capabilities(signal);
    expect(root).toBe(process.getuid?.() === 0);
    for (const check of checks) expect(check.ok === true || check.detail !== '').toBe(true);
    expect(checks.find((check) => check.what.includes('schedstat'))?.ok).toBe(hasSchedStat);
  });
});

describe('a file of the workload', () => {
  const directory = temporaryDirectory('schedcp-files-');
  const outside = temporaryDirectory('schedcp-outside-');
  const files = openHost({ roots: [directory] });
  const ask = (path: string) => files.workloadFile(path);
  writeFileSync(join(directory, 'Makefile'), 'all:\r\n\tcc -o a a.c \\\n\t\x1b[2Jx\u202e\n');
  writeFileSync(join(outside, 'secret'), 'secret');
  writeFileSync(join(directory, 'binary'), Buffer.from([0x7f, 0x45, 0x4c, 0x46, 0]));
  writeFileSync(join(directory, 'latin1'), Buffer.from([0x63, 0x61, 0x66, 0xe9, 0x0a]));
  writeFileSync(join(directory, 'large'), 'x'.repeat((1 << 20) + 1));
  mkdirSync(join(directory, 'sub'));
  symlinkSync(join(outside, 'secret'), join(directory, 'link'));
  symlinkSync(outside, join(directory, 'sub', 'away'));
  symlinkSync('Makefile', join(directory, 'inside'));
  symlinkSync('loop', join(directory, 'loop'));
  const held = openSync(join(outside, 'secret'), 'r');
  afterAll(() => void held);

  it('is read as it is, but for what does not print', async () => {
    expect((await ask('Makefile')).text).toBe('all:\n\tcc -o a a.c \\\n\t\\x1b[2Jx\\xe2\\x80\\xae\n');
    expect((await ask(join(directory, 'inside'))).text).toBe((await ask('Makefile')).text);
    expect(await ask('latin1')).toMatchObject({ bytes: 5, text: 'caf\\xe9\n' });
  });

  it.each([
    ['link', 'not-permitted'],
    ['sub/away/secret', 'not-permitted'],
    ['../x', 'not-permitted'],
    ['/etc/passwd', 'not-permitted'],
    ['/proc/self/environ', 'not-permitted'],
    ['/dev/zero', 'not-permitted'],
    [`/proc/self/fd/${held}`, 'not-permitted'],
    [`${directory}/../${outside.split('/').at(-1)}/secret`, 'not-permitted'],
    [`${directory}x`, 'not-permitted'],
    ['sub', 'unsupported'],
    ['binary', 'unsupported'],
    ['large', 'unsupported'],
    ['none', 'not-found'],
    ['Makefile/x', 'not-found'],
    ['loop', 'not-permitted'],
    ['a\0b', 'malformed'],
  ])('%s is refused: %s', async (path, code) => {
    const fault = await ask(path).then(
      () => undefined,
      (error: unknown) => error,
    );
    expect(fault).toBeInstanceOf(Fault);
    expect(fault).toMatchObject({ code, next: expect.any(String) });
    expect((fault as Fault).message).not.toContain('secret-content');
  });

  it('a directory that becomes a link while it is read leads nowhere', async () => {
    mkdirSync(join(directory, 'swapped'));
    writeFileSync(join(directory, 'swapped', 'secret'), 'inside');
    const turns = swapping(directory, 'swapped', outside);
    await once(turns.stdout!, 'data');
    const seen = new Set<string>();
    for (const end = performance.now() + 1500; performance.now() < end; )
      seen.add(
        await ask('swapped/secret').then(
          ({ text }) => text,
          (error: Fault) => error.code,
        ),
      );
    turns.kill('SIGKILL');
    expect(seen).toContain('inside');
    expect(seen).not.toContain('secret');
  });

  it('roots: the directory that we were started in, never all files, unless others are named', async () => {
    expect(readableRoots('/work', undefined)).toEqual(['/work']);
    expect(readableRoots('/', undefined)).toEqual([]);
    expect(readableRoots('/work', '/a:/b:relative')).toEqual(['/a', '/b']);
    await expect(openHost({ roots: [] }).workloadFile('/etc/hostname')).rejects.toMatchObject({
      code: 'not-permitted',
    });
    const root = openHost({ roots: ['/'] });
    await expect(root.workloadFile('/dev/zero')).rejects.toMatchObject({ code: 'unsupported' });
  });
});
