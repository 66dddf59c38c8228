// Pressure and cgroups over recorded trees: off, refused, versions 1 and 2, names of any bytes, paths that lead out.

import { describe, expect, it } from 'vitest';
import { type Recorded, recordedProcfs } from '../../../test/linux/recorded-procfs.ts';
import { findCgroup, parseCgroupMounts } from './cgroup-paths.ts';
import { cgroup, parseCpuMax, parseIoStat, processesIn } from './cgroups.ts';
import { parsePressure, pressure } from './pressure.ts';
import { parseCgroup } from './process-detail.ts';

const signal = new AbortController().signal;
const some = (avg: string, total: number) => `some avg10=${avg} avg60=0.50 avg300=0.00 total=${total}\n`;

describe('pressure', () => {
  it('percent and microseconds become shares and nanoseconds', () => {
    expect(parsePressure(`${some('12.50', 7)}full avg10=1.00 avg60=0.00 avg300=0.00 total=2\n`)).toEqual({
      some: { avg10: 0.125, avg60: 0.005, avg300: 0, totalNs: 7000 },
      full: { avg10: 0.01, avg60: 0, avg300: 0, totalNs: 2000 },
    });
    for (const text of ['', 'some avg10=x avg60=0 avg300=0 total=1', '\x00'])
      expect(parsePressure(text)).toBeUndefined();
  });

  it('of the machine; or why it is off', () => {
    const on = pressure(recordedProcfs({ 'proc/pressure/cpu': some('2.00', 9) }), {});
    expect(on).toMatchObject({
      of: 'machine',
      on: true,
      resources: [{ resource: 'cpu', some: { avg10: 0.02 } }],
    });
    expect(pressure(recordedProcfs(), {})).toMatchObject({
      on: false,
      why: expect.stringContaining('CONFIG_PSI'),
    });
  });

  it('of a cgroup; switched off for it', () => {
    const recorded = withCgroups({ 'a/cpu.pressure': some('3.00', 1), 'a/cgroup.pressure': '1\n' });
    expect(pressure(recorded, { cgroup: '/a' })).toMatchObject({ of: '/a', on: true });
    recorded.write({ 'cg/a/cgroup.pressure': '0\n' });
    expect(pressure(recorded, { cgroup: '/a' })).toMatchObject({
      on: false,
      why: expect.stringContaining('cgroup.pressure'),
    });
  });
});

/** A mount of version 2 below the recorded root. */
function withCgroups(
  files: Readonly<Record<string, string>>,
  v1: Readonly<Record<string, string>> = {},
): Recorded {
  const recorded = recordedProcfs({
    ...Object.fromEntries(Object.entries(files).map(([path, text]) => [`cg/${path}`, text])),
    ...Object.fromEntries(Object.entries(v1).map(([path, text]) => [`cpu/${path}`, text])),
  });
  const root = recorded.proc.slice(0, -'/proc'.length);
  const old = Object.keys(v1).length > 0 ? `32 31 0:29 / ${root}/cpu rw - cgroup cgroup rw,cpu\n` : '';
  recorded.write({
    'proc/self/mountinfo': `30 23 0:28 / ${root}/cg rw,relatime - cgroup2 cgroup2 rw\n${old}`,
  });
  return recorded;
}

describe('cgroup', () => {
  it('its statistics, limits and children, a page of them', async () => {
    const children = Object.fromEntries(
      Array.from({ length: 25 }, (_, n) => [
        `a/child-${String(n).padStart(2, '0')}/cgroup.procs`,
        n < 2 ? `${n + 50}\n` : '',
      ]),
    );
    const recorded = withCgroups({
      'a/cpu.stat':
        'usage_usec 1500\nuser_usec 1000\nsystem_usec 500\nnr_periods 10\nnr_throttled 4\nthrottled_usec 77\n',
      'a/cpu.weight': '50\n',
      'a/cpu.max': '20000 100000\n',
      'a/memory.current': '4096\n',
      'a/memory.max': 'max\n',
      'a/memory.events': 'low 0\noom_kill 2\n',
      'a/io.stat': '8:0 rbytes=10 wbytes=20 rios=1 wios=2 dbytes=0 dios=0\n',
      'a/pids.current': '3\n',
      'a/pids.max': 'max\n',
      'a/cgroup.events': 'populated 1\nfrozen 0\n',
      'a/cgroup.controllers': 'cpu memory\n',
      'a/cgroup.procs': '10\n11\n',
      'a/cgroup.stat': 'nr_descendants 25\n',
      ...children,
    });
    const seen = await cgroup(recorded, { path: '/a', limit: 10, page: 2 }, signal);
    expect(seen).toMatchObject({
      path: '/a',
      version: 'v2',
      controllers: ['cpu', 'memory'],
      populated: true,
      frozen: false,
      processes: 2,
      cpu: {
        usageNs: 1.5e6,
        userNs: 1e6,
        systemNs: 5e5,
        weight: 50,
        quotaNs: 2e7,
        periodNs: 1e8,
        periods: 10,
        throttled: 4,
        throttledNs: 77_000,
      },
      memory: { currentBytes: 4096, oomKills: 2 },
      io: [{ device: '8:0', readBytes: 10, writtenBytes: 20, reads: 1, writes: 2 }],
      pids: { current: 3 },
      descendants: 25,
      left: 5,
    });
    expect(seen.memory).not.toHaveProperty('maxBytes');
    expect(seen.children.map((row) => row.path)).toEqual(
      Array.from({ length: 10 }, (_, n) => `/a/child-${n + 10}`),
    );
  });

  it('names of any bytes: shown as text, and found by what was shown', async () => {
    const recorded = withCgroups({
      'we\x1bird\xff name\\/cgroup.procs': '5\n',
      'memory-hog/cgroup.procs': '6\n',
    });
    const root = await cgroup(recorded, { path: '/', limit: 10, page: 1 }, signal);
    expect(root.children.map((row) => row.path)).toEqual(['/memory-hog', '/we\\x1bird\\xff name\\\\']);
    const found = await cgroup(recorded, { path: root.children[1]!.path, limit: 10, page: 1 }, signal);
    expect(found).toMatchObject({ path: '/we\\x1bird\\xff name\\\\', processes: 1 });
  });

  it('no path leads out, and one that is not there says what to do', async () => {
    const recorded = withCgroups({ 'a/cgroup.procs': '' });
    const ask = (path: string) => cgroup(recorded, { path, limit: 10, page: 1 }, signal);
    await expect(ask('/../proc')).rejects.toMatchObject({ code: 'malformed' });
    await expect(ask('/a/../../proc')).rejects.toMatchObject({ code: 'malformed' });
    await expect(ask('/a\\x00b')).rejects.toMatchObject({ code: 'malformed' });
    await expect(ask('/b')).rejects.toMatchObject({ code: 'not-found', next: expect.stringContaining('/') });
    await expect(cgroup(recordedProcfs(), { path: '/', limit: 1, page: 1 }, signal)).rejects.toMatchObject({
      code: 'unavailable',
    });
    // As it is written by people who look at the mount.
    const mounted = `${recorded.proc.slice(0, -'/proc'.length)}/cg/a`;
    expect(await ask(mounted)).toMatchObject({ path: '/a' });
  });

  it('in a container that sees a part: from its own root, and from the real one', async () => {
    const recorded = withCgroups({ 'a/cgroup.procs': '' });
    const root = recorded.proc.slice(0, -'/proc'.length);
    recorded.write({ 'proc/self/mountinfo': `30 23 0:28 /docker/x ${root}/cg rw - cgroup2 cgroup2 rw\n` });
    for (const path of ['/a', '/docker/x/a'])
      expect(await cgroup(recorded, { path, limit: 1, page: 1 }, signal)).toMatchObject({ path: '/a' });
  });

  it('version 1 beside version 2: shares, quota', async () => {
    const recorded = withCgroups(
      { 'a/cgroup.procs': '1\n', 'a/cpu.stat': 'usage_usec 3\n' },
      {
        'a/cpu.shares': '2048\n',
        'a/cpu.cfs_quota_us': '-1\n',
        'a/cpu.stat': 'nr_periods 0\n',
        'b/cpu.shares': '512\n',
        'b/cpu.cfs_quota_us': '50000\n',
        'b/cpu.cfs_period_us': '100000\n',
      },
    );
    const a = await cgroup(recorded, { path: '/a', limit: 10, page: 1 }, signal);
    expect(a).toMatchObject({ version: 'v2 beside v1', cpu: { weight: 200, usageNs: 3000 } });
    expect(a.cpu).not.toHaveProperty('quotaNs');
    const b = await cgroup(recorded, { path: '/b', limit: 10, page: 1 }, signal);
    expect(b).toMatchObject({ version: 'v1', cpu: { weight: 50, quotaNs: 5e7, periodNs: 1e8 } });
  });

  it('processes of a group and all below it', () => {
    const recorded = withCgroups({
      'a/cgroup.procs': '1\n2\n',
      'a/b/cgroup.procs': '3\n',
      'a/b/c/cgroup.procs': '4\n0\n',
      'd/cgroup.procs': '9\n',
    });
    const mounts = parseCgroupMounts(`30 23 0:28 / ${recorded.proc.slice(0, -5)}/cg rw - cgroup2 x rw\n`);
    expect(processesIn(findCgroup(mounts, '/a')).sort()).toEqual([1, 2, 3, 4]);
  });
});

it('small files of cgroups', () => {
  expect(parseCpuMax('max 100000')).toEqual({ periodNs: 1e8 });
  expect(parseCpuMax('')).toEqual({});
  expect(parseIoStat('8:0 rbytes=1\n\nnonsense\n')).toEqual([
    { device: '8:0', readBytes: 1, writtenBytes: 0, reads: 0, writes: 0 },
  ]);
  const mounts = parseCgroupMounts(
    '1 2 0:3 /docker/x /mnt/with\\040blank rw shared:9 - cgroup2 none rw,nsdelegate\n4 2 0:5 / /v1 rw - cgroup cgroup rw,cpu,cpuacct\nbroken\n',
  );
  expect(mounts.v2).toEqual({ directory: '/mnt/with blank', root: '/docker/x' });
  expect([...mounts.v1.keys()]).toEqual(['cpu', 'cpuacct']);
  expect(parseCgroup('3:cpu,cpuacct:/old\n0::/new\n')).toBe('/new');
  expect(parseCgroup('3:cpu,cpuacct:/old\n0::/\n')).toBe('/old');
  expect(parseCgroup('')).toBeUndefined();
});
