// How a policy comes and goes: what ops.init may answer, what is refused after it, cgroups, CPUs that go. Truth: scx_enable(), check_hotplug_seq(),
// validate_ops(), ops_sanitize_err(), scx_cgroup_init(), scx_tg_online(), scx_cgroup_exit(), handle_hotplug(), scx_disable_workfn() in
// kernel/sched/ext.c, v6.18.

import { describe, expect, test } from 'vitest';
import { type ExtOptions, extWorld, type Kernel, ms } from '../../../../test/simulator/ext-world.ts';
import { cgroupInitArgs, exitInfo } from '../../kernel/structs.ts';
import { setOnline } from '../changes.ts';
import { scxFlag } from './scx-flags.ts';

const { enqLast, builtinIdlePerNode, keepBuiltinIdle } = scxFlag.ops;

describe('refused after ops.init', () => {
  const refusals: readonly { name: string; options: ExtOptions; says: string }[] = [
    {
      name: 'ops.init gives an errno',
      options: { ops: { init: () => -12 } },
      says: '1024: ops.init() failed (-12)',
    },
    {
      name: 'ops.init gives what is none',
      options: { ops: { init: () => 5 } },
      says: '1024: ops.init() returned an invalid errno 5',
    },
    {
      name: 'ops.init gives less than the smallest errno',
      options: { ops: { init: () => -4096 } },
      says: '1024: ops.init() returned an invalid errno -4096',
    },
    {
      name: 'SCX_OPS_ENQ_LAST and nobody to tell',
      options: { flags: enqLast },
      says: '1024: SCX_OPS_ENQ_LAST requires ops.enqueue() to be implemented',
    },
    {
      name: 'masks of nodes that nobody keeps',
      options: { flags: builtinIdlePerNode, ops: { update_idle: () => {} } },
      says: '1024: SCX_OPS_BUILTIN_IDLE_PER_NODE requires CPU idle selection enabled',
    },
    {
      name: 'CPUs have come or gone since the policy looked',
      options: { shape: { cpus: 4 }, hotplugSeq: '9' },
      says: '66: expected hotplug seq 9 did not match actual 3',
    },
    {
      name: 'a buffer that no CPU has memory for',
      options: { maxBatch: 1024 },
      says: '1024: scx_enable() failed (-12)',
    },
    {
      name: 'ops.cgroup_init gives an errno',
      options: { ops: { cgroup_init: () => -28 } },
      says: '1024: ops.cgroup_init() failed (-28)',
    },
  ];
  for (const { name, options, says } of refusals)
    test(name, () => {
      const w = extWorld({ ...options, hears: ['exit'] });
      expect(w.exit()).toBe(says);
      expect(w.log).toEqual(['0 exit']);
    });
  test('and what is not', () => {
    const fine: readonly ExtOptions[] = [
      { flags: enqLast, ops: { enqueue: () => {} } },
      { flags: builtinIdlePerNode },
      { flags: builtinIdlePerNode | keepBuiltinIdle, ops: { update_idle: () => {} } },
      { shape: { cpus: 4 }, hotplugSeq: '3' },
      { maxBatch: 1023 },
    ];
    for (const options of fine) expect(extWorld(options).exit()).toBe('');
  });
  test('SCX_ECODE_ACT_RESTART and SCX_ECODE_RSN_HOTPLUG go with the number of CPUs', () => {
    expect(extWorld({ hotplugSeq: '77' }).scx.exit?.code).toBe(String(2n ** 48n + 2n ** 32n));
  });
});

test('a fork that ops.init_task refuses fails; what is no errno ends the policy', () => {
  const refused = (result: number): string => {
    const w = extWorld({ hears: ['enable'], ops: { init_task: () => result } });
    w.add({ runNs: ms });
    expect(w.log).toEqual([]);
    return w.exit();
  };
  expect(refused(-12)).toBe('');
  expect(refused(1)).toBe('1024: ops.init_task() returned an invalid errno 1');
  expect(refused(-5000)).toBe('1024: ops.init_task() returned an invalid errno -5000');
});

test('at attach a refused task ends the policy', () => {
  const w = extWorld({ ops: { init_task: (k) => k.word(k.low(1)) - 1 } });
  const task = w.add({ runNs: ms }); // a fork: args->fork is 1
  expect(w.ext.initTask(task, false)).toBe(false);
  expect(w.exit()).toBe('1024: ops.init_task() failed (-1) for A[1000]');
});

test('ops.exit finds kind, code, reason and words', () => {
  const found: string[] = [];
  const w = extWorld({ ops: { exit: (k) => found.push(...[0, 1, 2, 3].map((n) => describeExit(k, n))) } });
  const describeExit = (k: Kernel, n: number): string => {
    const { kind, exitCode, reason, msg } = exitInfo.offsets;
    const at = k.low(0) + [kind, exitCode, reason, msg][n]!;
    const value = k.word(at);
    if (n === 0) return String(value);
    if (n === 1) return `${k.word(at + 4)}:${value}`;
    return String.fromCharCode(...w.sim.u8.subarray(value, w.sim.u8.indexOf(0, value)));
  };
  setOnline(w.core, 1, false);
  w.ext.detach();
  // the code's two halves: SCX_ECODE_ACT_RESTART | SCX_ECODE_RSN_HOTPLUG
  expect(found).toEqual([
    '66',
    `${2 ** 16 + 1}:0`,
    'unregistered from the main kernel',
    'cpu 1 going offline, exiting scheduler',
  ]);
});

test('cgroups: the root first, each as it is made, then what it has otherwise; out in reverse', () => {
  const w = extWorld({
    cgroups: ['heavy', 'plain', 'bounded'],
    cgroupOptions: { weights: [400, 100, 50], quotasUs: [0, 0, 20_000] },
    hears: [
      'init',
      'cgroup_init',
      'cgroup_set_weight',
      'cgroup_set_bandwidth',
      'cgroup_exit',
      'init_task',
      'exit',
    ],
    ops: {
      cgroup_init: (k) => {
        const { weight, bwPeriodUs, bwQuotaUs, bwBurstUs } = cgroupInitArgs.offsets;
        const words = [weight, bwPeriodUs, bwQuotaUs, bwQuotaUs + 4, bwBurstUs];
        k.note(words.map((at) => k.word(k.low(1) + at)).join(' '));
      },
    },
  });
  const asMade = '100 100000 -1 -1 0';
  expect(w.take()).toEqual([
    '0 init',
    '0 cgroup_init cgroup0',
    asMade,
    '0 cgroup_init cgroup1',
    asMade,
    '0 cgroup_set_weight cgroup1 400',
    '0 cgroup_init cgroup2',
    asMade,
    '0 cgroup_init cgroup3',
    asMade,
    '0 cgroup_set_weight cgroup3 50',
    '0 cgroup_set_bandwidth cgroup3 100000 20000',
  ]);
  w.add({ runNs: ms, cgroup: 1 });
  expect(w.take()).toEqual(['0 init_task A']);
  w.ext.detach();
  expect(w.take()).toEqual([
    '0 cgroup_exit cgroup3',
    '0 cgroup_exit cgroup2',
    '0 cgroup_exit cgroup1',
    '0 cgroup_exit cgroup0',
    '0 exit',
  ]);
});

describe('a CPU goes or comes', () => {
  test('a policy without the callback has to go', () => {
    const w = extWorld({ ops: { cpu_online: () => {} } });
    setOnline(w.core, 1, false);
    expect(w.exit()).toBe('66: cpu 1 going offline, exiting scheduler');
    expect(w.scx.exit?.code).toBe(String(2n ** 48n + 2n ** 32n));
  });
  test('one with both stays', () => {
    const w = extWorld({ hears: ['cpu_online', 'cpu_offline', 'running', 'dispatch'] });
    w.add({ runNs: 100 * ms });
    w.add({ runNs: 100 * ms });
    w.run(ms);
    w.take();
    setOnline(w.core, 1, false);
    w.run(2 * ms); // B leaves, and nobody asks for work there
    setOnline(w.core, 1, true);
    expect(w.take().map((line) => line.slice(2))).toEqual(['cpu_offline 1', 'cpu_online 1']);
    expect(w.exit()).toBe('');
    expect(w.running()).toBe('A.');
  });
});
