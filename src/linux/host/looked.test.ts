// Counters out of what was looked at: differences, waits by place, hidden time, words for what is missing. And where root or a kernel is not as wished.

import { describe, expect, it } from 'vitest';
import { machineStatText, recordedProcfs, statLine } from '../../../test/linux/recorded-procfs.ts';
import { capabilities, capabilityNames } from './capabilities.ts';
import { countersOf, type Looked } from './looked.ts';
import { parseMachineStat, parseStat } from './procfs.ts';
import type { Watched } from './watched-tasks.ts';

const stat = (task: Parameters<typeof statLine>[0]) => parseStat(statLine(task))!;
const machine = (user: number) => parseMachineStat(machineStatText({ 0: [user, 0, 0, 100, 0, 0, 0, 0] }))!;
const disk = (reads: number) => ({ reads, writes: 0, readBytes: reads * 512, writtenBytes: 0 });

const watched = (parts: Partial<Watched> = {}): Watched => ({
  thread: { pid: 7, tid: 8 },
  startTicks: 100,
  isNew: false,
  hasSchedStat: true,
  seenNs: 0,
  first: { stat: stat({ pid: 8, user: 10, system: 5 }), sched: { ranNs: 100, delayNs: 10, runs: 2 } },
  stat: stat({ pid: 8, comm: 'x', user: 30, system: 6 }),
  sched: { ranNs: 300_000_100, delayNs: 100_000_010, runs: 12 },
  fd: -1,
  statFd: -1,
  statusFd: -1,
  endedNs: undefined,
  switches: { first: { voluntary: 1, involuntary: 1 }, last: { voluntary: 9, involuntary: 3 } },
  places: new Map([
    ['futex', 3],
    ['pipe', 1],
  ]),
  ...parts,
});

const looked = (parts: Partial<Looked> = {}): Looked => ({
  subject: 'machine',
  observedNs: 1e9,
  cpus: 2,
  tasks: [watched()],
  machine: [machine(10), machine(60)],
  disks: [disk(5), disk(25)],
  maxRssKiB: 12,
  looks: 9,
  unseen: 0,
  hiddenNs: 0,
  ...parts,
});

describe('counters', () => {
  it('are differences; the time asleep is shared out by where it was seen', () => {
    const counters = countersOf(looked());
    expect(counters).toMatchObject({ by: 'procfs', cpus: 2, busyNs: 5e8, folded: 0, maxRssKiB: 12 });
    expect(counters.blockIo).toEqual({ reads: 20, writes: 0, readBytes: 10_240, writtenBytes: 0 });
    expect(counters.tasks).toEqual([
      {
        tid: 8,
        tgid: 7,
        comm: 'x',
        isKernel: false,
        ranNs: 3e8,
        delayNs: 1e8,
        userNs: 2e8,
        systemNs: 1e7,
        bursts: 8,
        voluntary: 8,
        involuntary: 2,
        minorFaults: 0,
        majorFaults: 0,
        // 600 ms asleep in 8 waits; three looks of four found it in a futex.
        waits: { futex: { count: 6, ns: 4.5e8 }, pipe: { count: 2, ns: 1.5e8 } },
      },
    ]);
    expect(counters.missing.join()).toContain('estimate from 9 looks');
  });

  it('who was born meanwhile slept since then only; who has ended says when', () => {
    const [task] = countersOf(looked({ tasks: [watched({ isNew: true, seenNs: 2e8, endedNs: 9e8 })] })).tasks;
    expect(task).toMatchObject({
      bornNs: 2e8,
      endedNs: 9e8,
      waits: { futex: { ns: 2.25e8 }, pipe: { ns: 7.5e7 } },
    });
  });

  it('without schedstat: ticks, no delay, and it is said', () => {
    const { tasks, missing } = countersOf(
      looked({ tasks: [watched({ hasSchedStat: false, switches: undefined })] }),
    );
    expect(tasks[0]).toMatchObject({ ranNs: 2.1e8 });
    expect(tasks[0]).not.toHaveProperty('delayNs');
    expect(tasks[0]).not.toHaveProperty('voluntary');
    expect(missing.join('; ')).toMatch(/switches of 1 of 1 threads.*no schedstat/);
  });

  it('counters that went back count nothing', () => {
    const { tasks } = countersOf(looked({ tasks: [watched({ sched: { ranNs: 1, delayNs: 1, runs: 1 } })] }));
    expect(tasks[0]).toMatchObject({ ranNs: 0, delayNs: 0 });
  });

  it('children that nobody saw are one sum; a little is rounding', () => {
    const hidden = countersOf(looked({ unseen: 40, hiddenNs: 3e8 }));
    expect(hidden.folded).toBe(40);
    expect(hidden.tasks.at(-1)).toMatchObject({ tid: -1, ranNs: 3e8 });
    expect(hidden.missing.join()).toContain('40 tasks');
    expect(countersOf(looked({ unseen: 1, hiddenNs: 2e7 })).tasks).toHaveLength(1);
  });

  it('too many tasks: the least of them are folded, and nothing is lost', () => {
    const tasks = Array.from({ length: 9000 }, (_, n) =>
      watched({ thread: { pid: n + 1, tid: n + 1 }, sched: { ranNs: 100 + n, delayNs: 10, runs: 3 } }),
    );
    const counters = countersOf(looked({ tasks }));
    expect([counters.tasks.length, counters.folded]).toEqual([8193, 9000 - 8192]);
    expect(counters.tasks.reduce((sum, task) => sum + task.ranNs, 0)).toBe((8999 * 9000) / 2);
    expect(counters.tasks[0]!.ranNs).toBe(8999);
  });
});

describe('capabilities', () => {
  it('of a mask', () => {
    // Bits 2, 19, 21, 24, 38 and 39.
    expect(capabilityNames('c001280004')).toEqual([
      'CAP_DAC_READ_SEARCH',
      'CAP_SYS_PTRACE',
      'CAP_SYS_ADMIN',
      'CAP_SYS_RESOURCE',
      'CAP_PERFMON',
      'CAP_BPF',
    ]);
    expect(capabilityNames('0000000000000000')).toEqual([]);
    expect(capabilityNames('nonsense')).toEqual([]);
  });

  it('of an ordinary user in a container on a kernel without BTF, every no with its reason', async () => {
    const recorded = recordedProcfs({
      'proc/self/status':
        'Name:\tnode\nPid:\t9\nUid:\t1000\t1000\t1000\t1000\nCapEff:\t0000000000000000\nNSpid:\t9\n',
      'proc/self/mountinfo': '1 2 0:3 / /proc rw - proc proc rw,hidepid=invisible\n',
      'proc/sys/kernel/osrelease': '5.10.0\n',
      'proc/sys/kernel/task_delayacct': '0\n',
    });
    recorded.link('proc/self/ns/pid', 'pid:[4026532999]');
    const seen = await capabilities(recorded, new AbortController().signal);
    expect(seen).toMatchObject({
      kernel: '5.10.0',
      root: false,
      capabilities: [],
      container: expect.stringContaining('4026532999'),
    });
    const of = (what: string) => seen.checks.find((check) => check.what.startsWith(what));
    expect(of('probes')).toMatchObject({ ok: false, detail: expect.stringContaining('BTF') });
    expect(of('processes of other users')).toMatchObject({
      ok: false,
      detail: expect.stringContaining('hidepid'),
    });
    expect(of('cgroups')).toMatchObject({ ok: false });
    expect(of('pressure')).toMatchObject({ ok: false });
    expect(of('run delay')).toMatchObject({ ok: false });
    expect(of('waiting for block I/O')).toMatchObject({ ok: false, next: expect.stringContaining('sysctl') });
    expect(of('sched_ext')).toMatchObject({ ok: false });
    expect(of('PMU')).toMatchObject({ ok: false });
    const rooted = recordedProcfs({
      'proc/self/status': 'Pid:\t9\nUid:\t0\t0\t0\t0\nCapEff:\t000001ffffffffff\n',
      'sys/kernel/btf/vmlinux': '',
    });
    const { checks } = await capabilities(rooted, new AbortController().signal);
    expect(checks.find((check) => check.what.startsWith('probes'))?.ok).toBe(true);
  });
});
