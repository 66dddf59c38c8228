// What each kfunc refuses, in the kernel's words. Truth: the messages and the order of the checks in kernel/sched/ext.c and ext_idle.c, v6.18; the
// verifier's rules for sections. Return values are the kernel's −errno, or what it says a refused call gives.

import { describe, expect, test } from 'vitest';
import {
  Finding,
  type KfuncWorldOptions,
  kfuncTest,
  type TestKfuncs,
} from '../../../test/simulator/kfunc-world.ts';
import { linux6_18 } from '../kernel/versions.ts';
import { kfMask } from '../model/ext/ops.ts';
import { scxFlag } from '../model/ext/scx-flags.ts';

const perNode = { shape: { cpus: 4, nodes: 2 }, flags: scxFlag.ops.builtinIdlePerNode };
const noIdle = { updateIdle: true };
const local = [2, 0x80000000 | 0] as const;
const localOn = (cpu: number) => [cpu, 0xc0000000 | 0] as const;

interface Refusal {
  readonly kfunc: string;
  readonly args: (test: TestKfuncs) => readonly number[];
  readonly says: string;
  readonly gives: number | ((test: TestKfuncs) => number);
  readonly options?: KfuncWorldOptions;
  /** kfMask of the callback; default rest. */
  readonly within?: number;
}

const mask = (test: TestKfuncs): number => test.world.tasks.maskOf(0);
const none = (test: TestKfuncs): number => test.world.ext.cpuMemory.noneMask;
const place = (test: TestKfuncs): number => test.bytes(8);
const disabled = '1024: built-in idle tracking is disabled';
const wrongOp = (wanted: number, own: number): string =>
  `1024: kfunc with mask 0x${wanted.toString(16)} called from an operation only allowing 0x${own.toString(16)}`;

const refusals: readonly Refusal[] = [
  ...['scx_bpf_kick_cpu', 'scx_bpf_test_and_clear_cpu_idle', 'scx_bpf_cpu_rq', 'scx_bpf_cpu_curr'].map(
    (kfunc) => ({
      kfunc,
      args: () => [4, 0, 0],
      says: '1024: invalid CPU 4',
      gives: 0,
    }),
  ),
  { kfunc: 'scx_bpf_cpu_node', args: () => [-1], says: '1024: invalid CPU -1', gives: -1 },
  { kfunc: 'scx_bpf_cpuperf_cap', args: () => [9], says: '1024: invalid CPU 9', gives: 1024 },
  { kfunc: 'scx_bpf_cpuperf_cur', args: () => [9], says: '1024: invalid CPU 9', gives: 1024 },
  { kfunc: 'scx_bpf_cpuperf_set', args: () => [9, 1024], says: '1024: invalid CPU 9', gives: 0 },
  {
    kfunc: 'scx_bpf_cpuperf_set',
    args: () => [9, 1025],
    says: '1024: Invalid cpuperf target 1025 for CPU 9',
    gives: 0,
  },
  {
    kfunc: 'scx_bpf_cpuperf_set',
    args: () => [0, -1],
    says: '1024: Invalid cpuperf target 4294967295 for CPU 0',
    gives: 0,
  },
  { kfunc: 'scx_bpf_cpuperf_set', args: () => [3, 1], says: '1024: Invalid target CPU 3', gives: 0 },
  {
    kfunc: 'scx_bpf_dsq_nr_queued',
    args: () => localOn(4),
    says: '1024: invalid CPU 4',
    gives: -2,
  },
  {
    kfunc: 'scx_bpf_select_cpu_dfl',
    args: (test) => [test.task(0), 7, 0, 0, place(test)],
    says: '1024: invalid CPU 7',
    gives: 7,
    within: kfMask.enqueue,
  },
  {
    kfunc: 'scx_bpf_select_cpu_and',
    args: (test) => [test.task(0), 7, 0, 0, mask(test), 0, 0],
    says: '1024: invalid CPU 7',
    gives: -22,
    within: kfMask.enqueue,
  },
  {
    kfunc: 'scx_bpf_select_cpu_and',
    args: (test) => [test.task(0), 0, 0, 0, mask(test), 0, 0],
    says: disabled,
    gives: -16,
    options: noIdle,
    within: kfMask.enqueue,
  },
  {
    kfunc: 'scx_bpf_select_cpu_and',
    args: (test) => [test.task(0), 0, 0, 0, mask(test), 0, 0],
    says: wrongOp(0xc, 0x10),
    gives: -1,
  },
  { kfunc: 'scx_bpf_get_idle_cpumask', args: () => [], says: disabled, gives: none, options: noIdle },
  { kfunc: 'scx_bpf_get_idle_smtmask', args: () => [], says: disabled, gives: none, options: noIdle },
  { kfunc: 'scx_bpf_test_and_clear_cpu_idle', args: () => [1], says: disabled, gives: 0, options: noIdle },
  {
    kfunc: 'scx_bpf_pick_idle_cpu',
    args: (test) => [mask(test), 0, 0],
    says: disabled,
    gives: -16,
    options: noIdle,
  },
  ...['scx_bpf_get_idle_cpumask', 'scx_bpf_get_idle_smtmask'].map((kfunc) => ({
    kfunc,
    args: () => [],
    says: '1024: SCX_OPS_BUILTIN_IDLE_PER_NODE enabled',
    gives: none,
    options: perNode,
  })),
  ...['scx_bpf_pick_idle_cpu', 'scx_bpf_pick_any_cpu'].map((kfunc) => ({
    kfunc,
    args: (test: TestKfuncs) => [mask(test), 0, 0],
    says: '1024: per-node idle tracking is enabled',
    gives: -16,
    options: perNode,
  })),
  ...['scx_bpf_get_idle_cpumask_node', 'scx_bpf_get_idle_smtmask_node'].flatMap((kfunc) => [
    { kfunc, args: () => [0], says: '1024: per-node idle tracking is disabled', gives: none },
    { kfunc, args: () => [2], says: '1024: invalid node 2', gives: none, options: perNode },
    { kfunc, args: () => [-2], says: '1024: invalid node -2', gives: none, options: perNode },
    { kfunc, args: () => [-1], says: '', gives: none, options: perNode },
  ]),
  ...['scx_bpf_pick_idle_cpu_node', 'scx_bpf_pick_any_cpu_node'].flatMap((kfunc) => [
    {
      kfunc,
      args: (test: TestKfuncs) => [mask(test), 0, 0, 0],
      says: '1024: per-node idle tracking is disabled',
      gives: -95,
    },
    {
      kfunc,
      args: (test: TestKfuncs) => [mask(test), 2, 0, 0],
      says: '1024: invalid node 2',
      gives: -22,
      options: perNode,
    },
    { kfunc, args: (test: TestKfuncs) => [mask(test), -1, 0, 0], says: '', gives: -2, options: perNode },
  ]),
  {
    kfunc: 'scx_bpf_dsq_insert',
    args: (test) => [test.task(0), ...local, 0, 0, 0, 0],
    says: wrongOp(6, 0x10),
    gives: 0,
  },
  {
    kfunc: 'scx_bpf_dsq_insert',
    args: () => [0, ...local, 0, 0, 0, 0],
    says: '1024: called with NULL task',
    gives: 0,
    within: kfMask.dispatch,
  },
  {
    kfunc: 'scx_bpf_dsq_insert_vtime',
    args: (test) => [test.task(0), ...local, 0, 0, 0, 0, 5, 0x01000000],
    says: '1024: invalid enq_flags 0x100000000000005',
    gives: 0,
    within: kfMask.enqueue,
  },
  {
    kfunc: 'scx_bpf_dsq_move_to_local',
    args: () => [0x1234, 0],
    says: wrongOp(2, 4),
    gives: 0,
    within: kfMask.enqueue,
  },
  {
    kfunc: 'scx_bpf_dsq_move_to_local',
    args: () => [0x1234, 0],
    says: '1024: invalid DSQ ID 0x0000000000001234',
    gives: 0,
    within: kfMask.dispatch,
  },
  { kfunc: 'scx_bpf_dispatch_nr_slots', args: () => [], says: wrongOp(2, 0x10), gives: 0 },
  { kfunc: 'scx_bpf_dispatch_cancel', args: () => [], says: wrongOp(2, 0x10), gives: 0 },
  {
    kfunc: 'scx_bpf_dispatch_cancel',
    args: () => [],
    says: '1024: dispatch buffer underflow',
    gives: 0,
    within: kfMask.dispatch,
  },
  { kfunc: 'scx_bpf_reenqueue_local', args: () => [], says: wrongOp(1, 0x10), gives: 0 },
  {
    kfunc: 'scx_bpf_locked_rq',
    args: () => [],
    says: '1024: accessing rq without holding rq lock',
    gives: 0,
    within: kfMask.unlocked,
  },
  {
    kfunc: 'scx_bpf_locked_rq',
    args: () => [],
    says: '1024: accessing rq without holding rq lock',
    gives: 0,
    within: kfMask.enqueue | kfMask.selectCpu,
  },
  {
    kfunc: 'scx_bpf_kick_cpu',
    args: () => [1, 3, 0],
    says: '1024: PREEMPT/WAIT cannot be used with SCX_KICK_IDLE',
    gives: 0,
  },
  { kfunc: 'scx_bpf_create_dsq', args: () => [5, 0, 1], says: '', gives: -22, within: kfMask.unlocked },
  { kfunc: 'scx_bpf_create_dsq', args: () => [5, 0, -2], says: '', gives: -22, within: kfMask.unlocked },
  { kfunc: 'scx_bpf_create_dsq', args: () => [...local, -1], says: '', gives: -22, within: kfMask.unlocked },
  {
    kfunc: 'scx_bpf_dump_bstr',
    args: (test) => [place(test), 0, 0],
    says: '1024: scx_bpf_dump() must only be called from ops.dump() and friends',
    gives: 0,
  },
  { kfunc: 'bpf_iter_scx_dsq_new', args: (test) => [test.bytes(48), 5, 0, 0, 0], says: '', gives: -2 },
  { kfunc: 'bpf_iter_scx_dsq_new', args: (test) => [test.bytes(48), 5, 0, 1, 0], says: '', gives: -22 },
  { kfunc: 'bpf_iter_num_new', args: (test) => [place(test), 2, 1], says: '', gives: -22 },
  { kfunc: 'bpf_iter_num_new', args: (test) => [place(test), 0, 2 ** 23 + 1], says: '', gives: -7 },
  { kfunc: 'bpf_iter_css_new', args: (test) => [test.bytes(24), test.cgroups.root, 1], says: '', gives: -22 },
  { kfunc: 'bpf_iter_css_new', args: (test) => [test.bytes(24), test.cgroups.root, 5], says: '', gives: -22 },
];

test.each(refusals)('$kfunc: $says', ({ kfunc, args, says, gives, options, within = kfMask.rest }) => {
  const test = kfuncTest(options);
  const given = args(test);
  let result: number | undefined;
  test.within(within, () => {
    result = test.call(kfunc, ...given);
  });
  expect(test.exit()).toBe(says);
  expect(result).toBe(typeof gives === 'function' ? gives(test) : gives);
});

test('a kfunc of ops.dispatch in a callback within it', () => {
  const test = kfuncTest();
  test.within(kfMask.dispatch, () => test.within(kfMask.rest, () => test.call('scx_bpf_dispatch_nr_slots')));
  expect(test.exit()).toBe('1024: dispatch kfunc called from a nested operation');
});

test.each(['scx_bpf_error_bstr', 'scx_bpf_exit_bstr'])('%s: data and formats that cannot be', (kfunc) => {
  const say = (format: string, bytes: number): string => {
    const test = kfuncTest();
    const fmt = test.bytes(16);
    test.memory.u8.set(new TextEncoder().encode(format), fmt);
    const args = [fmt, test.bytes(128), bytes];
    test.within(kfMask.rest, () => test.call(kfunc, ...(kfunc.includes('exit') ? [7, 0] : []), ...args));
    return test.exit();
  };
  expect(say('a', 4)).toMatch(/^1024: invalid data=[0-9a-f]{16} and data__sz=4$/);
  expect(say('a', 104)).toMatch(/^1024: invalid data=[0-9a-f]{16} and data__sz=104$/);
  expect(say('%z', 8)).toBe('1024: format preparation failed (-22)');
  expect(say('a', 0)).toBe(kfunc.includes('exit') ? '65: a' : '1025: a');
});

describe('bad pointers are findings, and change nothing', () => {
  /** Which arguments are pointers, with good values for all. */
  const calls: Readonly<
    Record<string, (test: TestKfuncs) => readonly [readonly number[], readonly number[]]>
  > = {
    bpf_task_acquire: (test) => [[test.task(0)], [0]],
    bpf_task_release: (test) => [[test.task(0)], [0]],
    bpf_task_under_cgroup: (test) => [
      [test.task(0), test.cgroups.root],
      [0, 1],
    ],
    bpf_cgroup_acquire: (test) => [[test.cgroups.root], [0]],
    bpf_cgroup_release: (test) => [[test.cgroups.root], [0]],
    bpf_cgroup_ancestor: (test) => [[test.cgroups.root, 0], [0]],
    bpf_iter_css_new: (test) => [
      [test.bytes(24), test.cgroups.root, 2],
      [0, 1],
    ],
    bpf_iter_css_next: (test) => [[test.bytes(24)], [0]],
    bpf_iter_css_destroy: (test) => [[test.bytes(24)], [0]],
    bpf_iter_num_new: (test) => [[test.bytes(8), 0, 1], [0]],
    bpf_iter_num_next: (test) => [[test.bytes(8)], [0]],
    bpf_iter_num_destroy: (test) => [[test.bytes(8)], [0]],
    bpf_iter_scx_dsq_new: (test) => [[test.bytes(48), 5, 0, 0, 0], [0]],
    bpf_iter_scx_dsq_next: (test) => [[test.bytes(48)], [0]],
    bpf_iter_scx_dsq_destroy: (test) => [[test.bytes(48)], [0]],
    bpf_local_irq_save: (test) => [[test.bytes(8)], [0]],
    bpf_local_irq_restore: (test) => [[test.bytes(8)], [0]],
    scx_bpf_task_cgroup: (test) => [[test.task(0)], [0]],
    scx_bpf_task_cpu: (test) => [[test.task(0)], [0]],
    scx_bpf_task_running: (test) => [[test.task(0)], [0]],
    scx_bpf_events: (test) => [[test.bytes(72), 72, 0], [0]],
    scx_bpf_error_bstr: (test) => [
      [test.bytes(8), test.bytes(8), 8],
      [0, 1],
    ],
    scx_bpf_exit_bstr: (test) => [
      [0, 0, test.bytes(8), test.bytes(8), 8],
      [2, 3],
    ],
    scx_bpf_pick_idle_cpu: (test) => [[mask(test), 0, 0], [0]],
    scx_bpf_pick_any_cpu: (test) => [[mask(test), 0, 0], [0]],
    scx_bpf_pick_idle_cpu_node: (test) => [[mask(test), 0, 0, 0], [0]],
    scx_bpf_pick_any_cpu_node: (test) => [[mask(test), 0, 0, 0], [0]],
    scx_bpf_put_cpumask: (test) => [[mask(test)], [0]],
    scx_bpf_put_idle_cpumask: (test) => [[mask(test)], [0]],
    scx_bpf_select_cpu_dfl: (test) => [
      [test.task(0), 0, 0, 0, test.bytes(1)],
      [0, 4],
    ],
    scx_bpf_select_cpu_and: (test) => [
      [test.task(0), 0, 0, 0, mask(test), 0, 0],
      [0, 4],
    ],
    scx_bpf_dsq_insert: (test) => [[test.task(0) + 256 * 2, ...local, 0, 0, 0, 0], [0]],
    scx_bpf_dsq_insert_vtime: (test) => [[test.task(0), ...local, 0, 0, 0, 0, 0, 0], [0]],
    scx_bpf_dsq_move_set_slice: (test) => [[test.bytes(48), 0, 0], [0]],
    scx_bpf_dsq_move_set_vtime: (test) => [[test.bytes(48), 0, 0], [0]],
    scx_bpf_dsq_move: (test) => [
      [test.bytes(48), test.task(0), ...local, 0, 0],
      [0, 1],
    ],
    scx_bpf_dsq_move_vtime: (test) => [
      [test.bytes(48), test.task(0), ...local, 0, 0],
      [0, 1],
    ],
  };
  test('all kfuncs with pointers are here', () => {
    const named = Object.keys(kfuncTest().table.kfuncs).filter((name) => {
      const params = linux6_18.kfuncs.get(name)!.replace(/^(v|i|p.)/, '');
      // masks have a test of their own; the format of a dump is never read
      return params.includes('p') && !name.startsWith('bpf_cpumask_') && name !== 'scx_bpf_dump_bstr';
    });
    expect(named.sort()).toEqual(Object.keys(calls).sort());
  });

  test.each(Object.keys(calls))('%s', (name) => {
    const [, places] = calls[name]!(kfuncTest());
    for (const at of places)
      for (const bad of [8, 65_537, 0x7fff_fff0, -8]) {
        const test = kfuncTest(name.endsWith('_node') ? perNode : {});
        const args = [...calls[name]!(test)[0]];
        args[at] = bad;
        const mode =
          name.startsWith('scx_bpf_dsq_insert') || name.startsWith('scx_bpf_select')
            ? kfMask.enqueue
            : kfMask.dispatch;
        test.within(mode, () => {
          const before = test.memory.u8.slice();
          expect(() => test.call(name, ...args), `argument ${at} = ${bad}`).toThrow(Finding);
          expect(Buffer.compare(test.memory.u8, before)).toBe(0);
        });
      }
  });
});
