// The observations of CPUs, devices and sched_ext over recorded trees: what machines other than this one tell, and what changes between two looks.

import { describe, expect, it } from 'vitest';
import {
  machineStatText,
  processFiles,
  type Recorded,
  recordedProcfs,
} from '../../../test/linux/recorded-procfs.ts';
import { block, deviceRates, grownMs, parseDiskStats } from './block.ts';
import { frequency } from './frequency.ts';
import { queues } from './queues.ts';
import { schedExt } from './sched-ext.ts';
import { cpus } from './topology.ts';

const signal = new AbortController().signal;
const page = { limit: 100, page: 1 };

/** Two packages of two cores with two threads: CPUs 0-3 and 4-7, siblings n and n + 2, a last-level cache for each package; CPU 7 is offline. */
function twoPackages(): Recorded {
  const recorded = recordedProcfs({
    'sys/devices/system/cpu/online': '0-6\n',
    'sys/devices/system/cpu/possible': '0-7\n',
    'proc/stat': machineStatText(
      Object.fromEntries([0, 1, 2, 3, 4, 5, 6].map((cpu) => [cpu, [0, 0, 0, 0, 0, 0, 0, 0]])),
    ),
  });
  for (let cpu = 0; cpu < 7; cpu++) {
    const at = `sys/devices/system/cpu/cpu${cpu}`;
    const base = cpu < 4 ? 0 : 4;
    const core = base + ((cpu - base) % 2);
    recorded.write({
      [`${at}/topology/physical_package_id`]: `${cpu < 4 ? 0 : 1}\n`,
      [`${at}/topology/core_cpus_list`]: core + 2 === 7 ? `${core}\n` : `${core},${core + 2}\n`,
      [`${at}/node${cpu < 4 ? 0 : 1}/cpulist`]: '',
      [`${at}/cache/index0/level`]: '1\n',
      [`${at}/cache/index0/type`]: 'Data\n',
      [`${at}/cache/index0/shared_cpu_list`]: `${cpu}\n`,
      [`${at}/cache/index3/level`]: '3\n',
      [`${at}/cache/index3/type`]: 'Unified\n',
      [`${at}/cache/index3/shared_cpu_list`]: cpu < 4 ? '0-3\n' : '4-6\n',
      [`${at}/cache/index3/size`]: '16384K\n',
    });
  }
  return recorded;
}

describe('cpus', () => {
  it('packages, nodes, caches, cores, threads, and who is offline', async () => {
    const seen = await cpus(twoPackages(), { intervalMs: 0, ...page }, signal);
    expect(seen).toMatchObject({
      count: 7,
      online: '0-6',
      offline: '7',
      packages: 2,
      nodes: 2,
      llcs: 2,
      cores: 4,
      llcKiB: 16384,
    });
    expect(seen.cpus.map((row) => [row.cpu, row.node, row.llc, row.core])).toEqual([
      [0, 0, 0, 0],
      [1, 0, 0, 1],
      [2, 0, 0, 0],
      [3, 0, 0, 1],
      [4, 1, 1, 2],
      [5, 1, 1, 3],
      [6, 1, 1, 2],
    ]);
  });

  it('shares of what the clock counted; counters that go back count nothing', async () => {
    const recorded = recordedProcfs({
      'sys/devices/system/cpu/online': '0-1\n',
      'proc/stat': machineStatText({ 0: [100, 0, 50, 500, 40, 0, 0, 0], 1: [0, 0, 0, 900, 0, 0, 0, 0] }),
    });
    // CPU 0: 50 user, 10 nice, 20 system, 10 irq, 10 idle, and its iowait falls. CPU 1 was away and begins anew.
    recorded.during.push(() =>
      recorded.write({
        'proc/stat': machineStatText({ 0: [150, 10, 70, 510, 30, 4, 6, 0], 1: [0, 0, 0, 5, 0, 0, 0, 0] }),
      }),
    );
    const seen = await cpus(recorded, { intervalMs: 1000, ...page }, signal);
    expect(seen.observedNs).toBe(1e9);
    expect(seen.cpus[0]).toMatchObject({ busy: 0.9, user: 0.6, system: 0.2, interrupts: 0.1, iowait: 0 });
    expect(seen.cpus[1]?.busy).toBeUndefined();
  });

  it('says so when topology is not told, and pages', async () => {
    const times = Object.fromEntries(
      Array.from({ length: 300 }, (_, cpu) => [cpu, [1, 0, 0, 1, 0, 0, 0, 0]]),
    );
    const recorded = recordedProcfs({ 'proc/stat': machineStatText(times) });
    const seen = await cpus(recorded, { intervalMs: 200, limit: 50, page: 2 }, signal);
    expect(seen).toMatchObject({ count: 300, online: '0-299', left: 200 });
    expect(seen.cpus.map((row) => row.cpu)).toEqual(Array.from({ length: 50 }, (_, index) => 50 + index));
    expect(seen.notes.join()).toContain('topology');
    await expect(cpus(recordedProcfs(), { intervalMs: 0, ...page }, signal)).rejects.toMatchObject({
      code: 'unavailable',
    });
  });
});

describe('queues', () => {
  it('kinds and CPUs, from the states of all threads', async () => {
    const recorded = recordedProcfs({
      'sys/devices/system/cpu/online': '0-1\n',
      ...processFiles({ pid: 10, state: 'R', cpu: 0 }),
      ...processFiles({ pid: 11, state: 'R', cpu: 0, schedClass: 1 }),
      ...processFiles({ pid: 12, state: 'R', cpu: 1, schedClass: 3 }),
      ...processFiles({ pid: 13, state: 'R', cpu: 1, flags: 0x20_8040 }),
      ...processFiles({ pid: 14, state: 'D', cpu: 1 }),
      ...processFiles({ pid: 15, state: 'S', cpu: 1 }),
      ...processFiles({ pid: 16, state: 'R', cpu: 1, schedClass: 7 }),
    });
    recorded.during.push(() => recorded.write({ 'proc/11': undefined, 'proc/16': undefined }));
    const seen = await queues(recorded, { intervalMs: 100, samples: 2, ...page }, signal);
    expect(seen).toMatchObject({ samples: 2, threads: 5, runnable: { mean: 4, max: 5 } });
    expect(Object.fromEntries(seen.kinds.map((row) => [row.kind, row.mean]))).toEqual({
      'kernel thread': 1,
      deadline: 0,
      'real-time': 0.5,
      normal: 1,
      sched_ext: 0.5,
      'batch or idle': 1,
      uninterruptible: 1,
    });
    expect(seen.cpus).toEqual([
      { cpu: 0, mean: 1.5, max: 2 },
      { cpu: 1, mean: 2.5, max: 3 },
    ]);
  });
});

describe('block', () => {
  const line = (name: string, fields: readonly number[]) => ` 254 0 ${name} ${fields.join(' ')}\n`;
  const idle = new Array<number>(17).fill(0);

  it('rates, latencies and queue over the interval', async () => {
    const recorded = recordedProcfs({
      'proc/diskstats':
        line('vda', [100, 0, 800, 50, 10, 0, 80, 5, 1, 1000, 60, 0, 0, 0, 0, 2, 4]) +
        line('vda1', idle) +
        line('loop0', idle),
      'sys/block/vda/stat': '',
      'sys/block/loop0/stat': '',
    });
    // In 2 s: 20 reads of 8 sectors in 40 ms, 5 writes of 2 sectors in 50 ms, 1 flush in 3 ms; busy for 500 ms, 100 ms of requests.
    recorded.during.push(() =>
      recorded.write({
        'proc/diskstats':
          line('vda', [120, 0, 960, 90, 15, 0, 90, 55, 0, 1500, 160, 0, 0, 0, 0, 3, 7]) +
          line('vda1', idle) +
          line('loop0', idle),
      }),
    );
    const seen = await block(recorded, { intervalMs: 2000, all: false, ...page }, signal);
    expect(seen.devices).toEqual([
      {
        device: 'vda',
        readsPerS: 10,
        writesPerS: 2.5,
        readBytesPerS: (160 * 512) / 2,
        writtenBytesPerS: (10 * 512) / 2,
        readNs: 2e6,
        writeNs: 1e7,
        discardsPerS: 0,
        flushesPerS: 0.5,
        flushNs: 3e6,
        inFlight: 0,
        queue: 0.05,
        busy: 0.25,
      },
    ]);
    expect(seen.notes.join()).toContain('2 devices');
  });

  it('milliseconds that wrap at 2^32 go on; counters of a new device of that name do not go negative', () => {
    expect(grownMs(2 ** 32 - 10, 20)).toBe(30);
    expect(grownMs(100, 20)).toBe(0);
    const [before] = parseDiskStats(line('sda', [1000, 0, 8, 9, 1, 1, 1, 1, 1, 1, 1]));
    const [after] = parseDiskStats(line('sda', [3, 0, 2, 1, 0, 0, 0, 0, 0, 0, 0]));
    const rates = deviceRates(before!, after!, 1e9);
    expect([rates.readsPerS, rates.readBytesPerS, rates.readNs, rates.queue]).toEqual([0, 0, undefined, 0]);
    expect(rates.discardsPerS).toBeUndefined();
    expect(parseDiskStats('garbage\n1 2 sda 1 2\n')).toEqual([]);
  });
});

it('frequency: what cpufreq and cpuidle tell', async () => {
  const recorded = recordedProcfs({
    'sys/devices/system/cpu/online': '0\n',
    'sys/devices/system/cpu/cpufreq/policy0/scaling_driver': 'intel_pstate\n',
    'sys/devices/system/cpu/cpuidle/current_driver': 'intel_idle\n',
    'sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq': '2400000\n',
    'sys/devices/system/cpu/cpu0/cpufreq/scaling_governor': 'powersave\n',
    'sys/devices/system/cpu/cpu0/cpuidle/state0/name': 'POLL\n',
    'sys/devices/system/cpu/cpu0/cpuidle/state0/time': '5\n',
    'sys/devices/system/cpu/cpu0/cpuidle/state0/usage': '1\n',
    'sys/devices/system/cpu/cpu0/cpuidle/state1/name': 'C6\n',
    'sys/devices/system/cpu/cpu0/cpuidle/state1/time': '1000\n',
    'sys/devices/system/cpu/cpu0/cpuidle/state1/usage': '10\n',
  });
  recorded.during.push(() =>
    recorded.write({
      'sys/devices/system/cpu/cpu0/cpuidle/state1/time': '751000\n',
      'sys/devices/system/cpu/cpu0/cpuidle/state1/usage': '60\n',
    }),
  );
  const seen = await frequency(recorded, { intervalMs: 1000, ...page }, signal);
  expect(seen).toMatchObject({ driver: 'intel_pstate', idleDriver: 'intel_idle', notes: [] });
  expect(seen.cpus).toMatchObject([
    {
      kHz: 2_400_000,
      governor: 'powersave',
      idle: [
        { state: 'POLL', share: 0, entriesPerS: 0 },
        { state: 'C6', share: 0.75, entriesPerS: 50 },
      ],
    },
  ]);
});

it('sched_ext: with a policy, without one, and in a kernel that has none', () => {
  expect(schedExt(recordedProcfs())).toMatchObject({ supported: false });
  const idle = {
    'sys/kernel/sched_ext/state': 'disabled\n',
    'sys/kernel/sched_ext/enable_seq': '3\n',
    'sys/kernel/sched_ext/nr_rejected': '0\n',
  };
  expect(schedExt(recordedProcfs(idle))).toEqual({
    supported: true,
    state: 'disabled',
    enableSeq: 3,
    rejected: 0,
    notes: [],
  });
  const busy = recordedProcfs({
    'sys/kernel/sched_ext/state': 'enabled\n',
    'sys/kernel/sched_ext/switch_all': '1\n',
    'sys/kernel/sched_ext/enable_seq': '4\n',
    'sys/kernel/sched_ext/nr_rejected': '2\n',
    'sys/kernel/sched_ext/root/ops': 'vtime\n',
    'sys/kernel/sched_ext/root/events': 'SCX_EV_SELECT_CPU_FALLBACK 0\nSCX_EV_DISPATCH_KEEP_LAST 17\n',
  });
  expect(schedExt(busy)).toEqual({
    supported: true,
    state: 'enabled',
    ops: 'vtime',
    switchAll: true,
    enableSeq: 4,
    rejected: 2,
    events: { SCX_EV_SELECT_CPU_FALLBACK: 0, SCX_EV_DISPATCH_KEEP_LAST: 17 },
    notes: [],
  });
});
