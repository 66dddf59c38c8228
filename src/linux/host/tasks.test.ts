// Processes over recorded trees: those that vanish, ids that are used again, counters that go back, names of any bytes, thousands of them.

import { describe, expect, it } from 'vitest';
import {
  machineStatText,
  processFiles,
  type Recorded,
  recordedProcfs,
  statLine,
} from '../../../test/linux/recorded-procfs.ts';
import { histogramSize } from '../../core/counters.ts';
import { delays, distributionOf } from './delays.ts';
import { kindOfFile, parseMaps, processDetail } from './process-detail.ts';
import { masked, processes, treeOf } from './processes.ts';
import { switches } from './switches.ts';
import { descendants } from './tasks.ts';
import { reasonOf } from './wait-places.ts';

const signal = new AbortController().signal;
const page = { limit: 50, page: 1 };
const wish = { sort: 'cpu', threads: false, intervalMs: 1000, ...page } as const;

describe('processes', () => {
  const three = () =>
    recordedProcfs({
      'proc/uptime': '1000.00 1.00\n',
      ...processFiles({ pid: 1, comm: 'init', ppid: 0 }, '0 0 0'),
      ...processFiles({ pid: 20, comm: 'busy', ppid: 1, startTicks: 500, rssPages: 10 }, '100 50 3'),
      ...processFiles({ pid: 30, comm: ') R 1 (\n\xff', ppid: 20, nice: 5, schedClass: 3 }, '0 0 1'),
    });

  it('of a process that gets or loses threads meanwhile its stat tells at both ends', async () => {
    const files = (user: number, threads: number) =>
      processFiles({ pid: 20, ppid: 1, user, threads }, `${user * 1e7} 0 3`);
    for (const [first, last] of [
      [1, 2],
      [2, 1],
    ] as const) {
      const recorded = recordedProcfs({ 'proc/uptime': '1000.00 1.00\n', ...files(100, first) });
      recorded.during.push(() => recorded.write(files(150, last)));
      expect((await processes(recorded, wish, signal)).rows[0]!.cpu).toBeCloseTo(0.5, 9);
    }
  });

  it('CPU and delay over the interval, by identity', async () => {
    const recorded = three();
    recorded.during.push(() =>
      recorded.write({
        ...processFiles(
          { pid: 20, comm: 'busy', ppid: 1, startTicks: 500, rssPages: 10 },
          '500000100 250000050 9',
        ),
        // 30 has ended, and its id is another task's, which has run for long.
        ...processFiles({ pid: 30, comm: 'other', ppid: 1, startTicks: 99_000 }, '900000000 0 9'),
      }),
    );
    const seen = await processes(recorded, wish, signal);
    expect(seen).toMatchObject({ processes: 3, threads: 3, left: 0, observedNs: 1e9 });
    expect(seen.rows[0]).toMatchObject({ pid: 20, cpu: 0.5, delay: 0.25, rssKiB: 40, ageS: 995 });
    const other = seen.rows.find((row) => row.pid === 30)!;
    expect(other.comm).toBe('other');
    expect(other.cpu).toBeUndefined();
  });

  it('times that go back are no time', async () => {
    const recorded = three();
    recorded.during.push(() =>
      recorded.write(processFiles({ pid: 20, comm: 'busy', ppid: 1, startTicks: 500 }, '7 7 1')),
    );
    const seen = await processes(recorded, { ...wish, pid: 20 }, signal);
    expect(seen.rows.map((row) => [row.pid, row.cpu, row.delay])).toEqual([
      [20, 0, 0],
      [30, 0, 0],
    ]);
  });

  it('names of any bytes are shown as text; the class has its name', async () => {
    const seen = await processes(three(), { ...wish, sort: 'pid' }, signal);
    expect(seen.rows[2]).toMatchObject({ comm: ') R 1 (\\x0a\\xff', schedClass: 'batch', nice: 5 });
  });

  it('as a tree, and a page of it', async () => {
    const seen = await processes(three(), { ...wish, sort: 'tree', limit: 2 }, signal);
    expect(seen.rows.map((row) => [row.pid, row.depth])).toEqual([
      [1, 0],
      [20, 1],
    ]);
    expect(seen.left).toBe(1);
    // A cycle cannot be, and must not hang.
    const circle = [1, 2].map((pid) => ({ stat: { pid, ppid: 3 - pid } }));
    expect(treeOf(circle)).toEqual([]);
  });

  it('one that vanishes between listing and reading is left out; one that is not there is a fault', async () => {
    const recorded = three();
    recorded.write({ 'proc/40/nothing': '', 'proc/self/status': '' });
    expect((await processes(recorded, wish, signal)).processes).toBe(3);
    await expect(processes(recorded, { ...wish, pid: 99 }, signal)).rejects.toMatchObject({
      code: 'not-found',
    });
    recorded.during.push(() => recorded.write({ 'proc/20': undefined }));
    const detail = { pid: 20, intervalMs: 10, ...page };
    await expect(processDetail(recorded, detail, signal)).rejects.toMatchObject({ code: 'not-found' });
    const again = three();
    again.during.push(() => again.write(processFiles({ pid: 20, comm: 'new', startTicks: 501 })));
    await expect(processDetail(again, detail, signal)).rejects.toMatchObject({ code: 'not-found' });
  });
});

it('descendants: a forest, whatever the order', () => {
  const stat = (pid: number, ppid: number) => ({ pid, ppid }) as Parameters<typeof descendants>[0][number];
  const all = [stat(5, 4), stat(4, 2), stat(2, 1), stat(3, 1), stat(1, 0)];
  expect(descendants(all, 2).map((one) => one.pid)).toEqual([2, 4, 5]);
  expect(descendants(all, 77)).toEqual([]);
});

describe('delays', () => {
  const two = (a: string, b: string) => ({
    'proc/uptime': '10.00 1\n',
    ...processFiles({ pid: 7, comm: 'a', ppid: 0 }, a),
    ...processFiles({ pid: 8, comm: 'b', ppid: 7 }, b),
  });

  it('from schedstat: sums, means, and what is missing', async () => {
    const recorded = recordedProcfs(two('1000 100 10', '0 0 0'));
    recorded.during.push(() => recorded.write(two('5000 900 14', '20 40 2')));
    const seen = await delays(recorded, { intervalMs: 100, ...page }, signal);
    expect(seen).toMatchObject({
      by: 'schedstat',
      ranNs: 4020,
      delayNs: 840,
      runDelay: { count: 6, meanNs: 140 },
    });
    expect(seen.tasks).toEqual([
      { pid: 7, tid: 7, comm: 'a', ranNs: 4000, delayNs: 800, runs: 4, meanNs: 200 },
      { pid: 8, tid: 8, comm: 'b', ranNs: 20, delayNs: 40, runs: 2, meanNs: 20 },
    ]);
    expect(seen.missing.join()).toContain('probes are not loaded');
  });

  it('an id that is used again begins at nothing', async () => {
    const recorded = recordedProcfs(two('1000 100 10', '0 0 0'));
    recorded.during.push(() => recorded.write(two('30 5 1', '0 0 0')));
    const seen = await delays(recorded, { pid: 7, intervalMs: 100, ...page }, signal);
    expect(seen).toMatchObject({ ranNs: 30, delayNs: 5, threads: 2 });
  });

  it('from probes: histograms and quantiles', async () => {
    const histogram = new Array<number>(histogramSize).fill(0);
    histogram[10] = 90;
    histogram[20] = 10;
    const task = {
      tid: 3,
      tgid: 2,
      comm: 'x\n',
      isKernel: false,
      ranNs: 5,
      delayNs: 1000,
      delays: histogram,
    };
    const counters = {
      by: 'probes',
      observedNs: 7,
      cpus: 2,
      tasks: [task],
      folded: 4,
      missing: ['one thing'],
    } as const;
    const seen = await delays(
      recordedProcfs(),
      { pid: 2, intervalMs: 1, ...page },
      signal,
      async () => counters,
    );
    expect(seen).toMatchObject({ by: 'probes', threads: 5, missing: ['one thing'] });
    expect(seen.wakeup).toEqual({
      count: 100,
      meanNs: Math.round((90 * 2 ** 10 + 10 * 2 ** 20) / Math.LN2 / 100),
      p50Ns: 2 ** 11,
      p90Ns: 2 ** 11,
      p99Ns: 2 ** 21,
      histogram: [
        { fromNs: 2 ** 10, count: 90 },
        { fromNs: 2 ** 20, count: 10 },
      ],
    });
    // Run delay is more than the delays of wakeups, and told apart.
    expect(seen.delayNs).toBe(1000);
    expect(distributionOf(new Array<number>(histogramSize).fill(0), 3)).toEqual({ count: 0, histogram: [] });
    const refused = await delays(
      recordedProcfs(two('0 0 0', '0 0 0')),
      { intervalMs: 1, ...page },
      signal,
      async () => 'no rights',
    );
    expect(refused.missing[0]).toContain('no rights');
  });
});

it('switches: the machine, and those that are switched most', async () => {
  const status = (voluntary: number, involuntary: number) =>
    `Name:\tx\nvoluntary_ctxt_switches:\t${voluntary}\nnonvoluntary_ctxt_switches:\t${involuntary}\n`;
  const at = (n: number, counters: string): Record<string, string> => ({
    'proc/stat': machineStatText({ 0: [1, 0, 0, 1, 0, 0, 0, 0] }, counters),
    ...processFiles({ pid: 7, comm: 'pipe', ppid: 0 }, `0 0 ${n}`),
    'proc/7/task/7/status': status(n, n / 2),
    'proc/7/task/7/sched': `pipe (7, #threads: 1)\nse.nr_migrations   :    ${n / 10}\n`,
    ...processFiles({ pid: 8, comm: 'still', ppid: 0 }, '0 0 5'),
  });
  const recorded = recordedProcfs(at(100, 'intr 0\nctxt 1000\nprocesses 10\nsoftirq 0\n'));
  recorded.during.push(
    () => recorded.write(at(300, 'intr 1 1\nctxt 1500\nprocesses 11\nsoftirq 1\n')),
    () => recorded.write(at(500, 'intr 400 1\nctxt 2000\nprocesses 12\nsoftirq 200\n')),
  );
  const seen = await switches(recorded, { intervalMs: 2000, ...page }, signal);
  expect(seen.machine).toEqual({ switchesPerS: 500, interruptsPerS: 200, softirqsPerS: 100, forksPerS: 1 });
  expect(seen.processes).toEqual([
    {
      pid: 7,
      comm: 'pipe',
      threads: 1,
      voluntaryPerS: 200,
      involuntaryPerS: 100,
      runsPerS: 200,
      migrationsPerS: 20,
    },
  ]);
});

it('of a process that is not there no switches are told', async () => {
  const recorded = recordedProcfs({ 'proc/stat': machineStatText({ 0: [1, 0, 0, 1, 0, 0, 0, 0] }) });
  await expect(switches(recorded, { pid: 9, intervalMs: 10, ...page }, signal)).rejects.toMatchObject({
    code: 'not-found',
  });
});

it('switches stand behind many groups; where they do not stand they are not 0', async () => {
  const counts = 'voluntary_ctxt_switches:\t7\nnonvoluntary_ctxt_switches:\t3\n';
  const groups = `Groups:\t${Array.from({ length: 3000 }, (_, gid) => 100_000 + gid).join(' ')}\n`;
  for (const [status, expected] of [
    [`Name:\tx\n${groups}${counts}`, { voluntary: 7, involuntary: 3 }],
    [`Name:\tx\n${groups}`, {}],
  ] as const) {
    const recorded = recordedProcfs({
      'proc/uptime': '10.00 1\n',
      ...processFiles({ pid: 7, ppid: 0 }),
      'proc/7/task/7/status': status,
    });
    const { voluntary, involuntary } = await processDetail(
      recorded,
      { pid: 7, intervalMs: 10, ...page },
      signal,
    );
    expect({ voluntary, involuntary }).toEqual({ voluntary: undefined, involuntary: undefined, ...expected });
  }
});

it('what looks like a secret in a command is not told', () => {
  expect(masked('mysql --password=hunter2 -u me')).toBe('mysql --password=*** -u me');
  expect(masked('curl -H "X-Api-Key: abc" x')).toBe('curl -H "X-Api-Key: ***" x');
  expect(masked('env GITHUB_TOKEN=ghp_1 make -j2')).toBe('env GITHUB_TOKEN=*** make -j2');
  expect(masked('run --token abc file')).toBe('run --token *** file');
  expect(masked('make -j4 all')).toBe('make -j4 all');
});

it('kinds of open files, regions of memory', () => {
  const links = {
    'pipe:[12]': 'pipe',
    'socket:[1]': 'socket',
    'anon_inode:[eventpoll]': 'eventpoll',
    'anon_inode:inotify': 'inotify',
    '/dev/null': 'device',
    '/proc/stat': 'proc or sys',
    '/memfd:x (deleted)': 'memory',
    '/home/x': 'file',
    odd: 'other',
  };
  for (const [link, kind] of Object.entries(links)) expect(kindOfFile(link)).toBe(kind);
  const maps =
    '00400000-0040b000 r-xp 00000000 fd:01 12 /usr/bin/cat with blank\n7f00-7f01 rw-p 0 00:00 0 \n7f02-7f03 rw-p 0 fd:01 12 /usr/bin/cat with blank\n7f04-7f05 rw-p 0 00:00 0 [heap]\nbroken\n';
  expect(parseMaps(maps)).toEqual({ regions: 4, files: ['/usr/bin/cat with blank'] });
});

it('where tasks sleep says what they wait for', () => {
  const names = {
    hrtimer_nanosleep: 'sleep',
    futex_do_wait: 'futex',
    futex_wait_queue_me: 'futex',
    anon_pipe_read: 'pipe',
    pipe_write: 'pipe',
    do_epoll_wait: 'poll',
    'poll_schedule_timeout.constprop.0': 'poll',
    do_wait: 'child',
    folio_wait_bit_common: 'disk',
    jbd2_log_wait_commit: 'disk',
    unix_stream_read_generic: 'socket',
    __skb_wait_for_more_packets: 'socket',
    inet_csk_accept: 'socket',
    rwsem_down_read_slowpath: 'kernel',
    'sigsuspend.isra.0': 'other',
    '0': 'unknown',
    '': 'unknown',
  };
  for (const [name, reason] of Object.entries(names))
    expect([name, reasonOf(name, 'S', false)]).toEqual([name, reason]);
  expect(reasonOf(undefined, 'I', true)).toBe('idle');
});

it('four thousand processes, a page of them, in bounded time', async () => {
  const files: Record<string, string> = { 'proc/uptime': '1000.00 1\n' };
  for (let pid = 1; pid <= 4_000; pid++)
    files[`proc/${pid}/stat`] = statLine({ pid, ppid: pid === 1 ? 0 : 1, user: pid % 97 });
  const recorded: Recorded = recordedProcfs(files);
  const began = performance.now();
  const seen = await processes(recorded, { ...wish, limit: 20, page: 3 }, signal);
  expect(seen).toMatchObject({ processes: 4_000, threads: 4_000, left: 3_940 });
  expect(seen.rows).toHaveLength(20);
  expect(performance.now() - began).toBeLessThan(15_000);
  const stopped = AbortSignal.abort();
  await expect(processes(recorded, wish, stopped)).rejects.toMatchObject({ code: 'interrupted' });
});
