// How a policy ends: small policies that each do one thing wrong (objects/wrong.bpf.c), the finding, the kernel's exit kind and the kernel's words. The words stand in
// kernel/sched/ext.c and ext_idle.c, v6.18, at the function that each case names.

import { readFileSync } from 'node:fs';
import { expect } from 'vitest';
import type { Outcome } from '../../../src/core/records.ts';
import { object, root } from '../../support/paths.ts';
import { type Case, cell, completed, workload } from '../case.ts';
import { built, plain } from '../objects.ts';
import type { ArmWish } from '../subject.ts';

/** As the enum of wrong.bpf.c names them. */
const source = readFileSync(`${root}/test/conformance/objects/wrong.bpf.c`, 'utf8');
const faultNames = [
  ...source
    .split('enum {')[1]!
    .split('};')[0]!
    .matchAll(/^\t([A-Z_]+),/gm),
].map(([, name]) => name!);

function wrong(fault: string): ArmWish {
  const number = faultNames.indexOf(fault);
  expect(number, `wrong.bpf.c knows ${fault}`).toBeGreaterThanOrEqual(0);
  return { name: 'wrong', object: built('wrong'), parameters: { fault: number } };
}

/** Both CPUs are busy when the bad tasks come, which may use the first only; each wakes the good one. */
const trouble = workload('trouble', {
  groups: [
    { name: 'hog', count: 2, phases: [{ run: '30ms' }] },
    { name: 'bad', count: 2, cpus: [0], start: '2ms', phases: [{ run: '1ms' }, { signal: 'go' }] },
    { name: 'good', phases: [{ wait: 'go' }, { run: '1ms' }] },
  ],
});

const reasons = {
  65: 'unregistered from BPF',
  1024: 'runtime error',
  1025: 'scx_bpf_error',
  1026: 'runnable task stall',
} as const;
const codes = { 65: 'ejected', 1024: 'ejected', 1025: 'ejected', 1026: 'stalled' } as const;

/** Pids differ between machines, and so does how long somebody has waited when the watchdog looks. */
function inGeneral(message: string): string {
  return message.replaceAll(/\[\d+\]/g, '[pid]').replace(/for \d+\.\d{3}s$/, 'for N.NNNs');
}

function expectExit(outcome: Outcome, kind: keyof typeof reasons, message: string, code = 0): void {
  const { finding, exit, status, metrics } = outcome;
  expect(exit && { ...exit, message: inGeneral(exit.message) }).toMatchObject({
    kind,
    reason: reasons[kind],
    message,
    code,
  });
  expect(finding?.code).toBe(codes[kind]);
  expect(inGeneral(finding!.message)).toContain(`${reasons[kind]}: ${message}`);
  expect({ status, metrics }).toEqual({ status: 'failed', metrics: {} });
}

const ejections: readonly (readonly [string, keyof typeof reasons, string, string])[] = [
  ['BPF_ERROR', 1025, 'a task called bad, of nice 0', 'scx_bpf_error_bstr'],
  ['NO_DSQ', 1024, 'non-existent DSQ 0x1234 for bad-0[pid]', 'find_dsq_for_dispatch'],
  ['NO_BUILTIN_DSQ', 1024, 'non-existent DSQ 0x8000000000000003 for bad-0[pid]', 'find_dsq_for_dispatch'],
  ['LOCAL_ON_NO_CPU', 1024, 'invalid CPU 999 in SCX_DSQ_LOCAL_ON dispatch verdict', 'ops_cpu_valid'],
  [
    'LOCAL_ON_WRONG',
    1024,
    'SCX_DSQ_LOCAL[_ON] target CPU 1 not allowed for bad-0[pid]',
    'task_can_run_on_remote_rq',
  ],
  ['TWICE', 1024, 'bad-0[pid] already direct-dispatched', 'mark_direct_dispatch'],
  [
    'ANOTHER',
    1024,
    'scheduling for good-0[pid] but trying to direct-dispatch bad-0[pid]',
    'mark_direct_dispatch',
  ],
  ['OVERFLOW', 1024, 'dispatch buffer overflow', 'scx_dsq_insert_commit'],
  ['FIFO_THEN_VTIME', 1024, 'DSQ ID 0x0000000000000001 already had FIFO-enqueued tasks', 'dispatch_enqueue'],
  ['VTIME_THEN_FIFO', 1024, 'DSQ ID 0x0000000000000001 already had PRIQ-enqueued tasks', 'dispatch_enqueue'],
  ['VTIME_BUILTIN', 1024, 'cannot use vtime ordering for built-in DSQs', 'dispatch_enqueue'],
  ['WRONG_OP', 1024, 'kfunc with mask 0x2 called from an operation only allowing 0x4', 'scx_kf_allowed'],
  ['KICK_IDLE_PREEMPT', 1024, 'PREEMPT/WAIT cannot be used with SCX_KICK_IDLE', 'scx_kick_cpu'],
  ['KICK_NO_CPU', 1024, 'invalid CPU 999', 'ops_cpu_valid'],
  ['IDLE_NO_CPU', 1024, 'invalid CPU 999', 'ops_cpu_valid'],
  ['MOVE_NO_DSQ', 1024, 'invalid DSQ ID 0x0000000000001234', 'scx_bpf_dsq_move_to_local'],
  [
    'MOVE_WRONG_CPU',
    1024,
    'SCX_DSQ_LOCAL[_ON] target CPU 1 not allowed for bad-0[pid]',
    'move_task_between_dsqs',
  ],
  ['MOVE_NO_CPU', 1024, 'invalid CPU 999 in SCX_DSQ_LOCAL_ON dispatch verdict', 'ops_cpu_valid'],
  ['MOVE_VTIME_BUILTIN', 1024, 'cannot use vtime ordering for built-in DSQs', 'dispatch_enqueue'],
  ['REENQUEUE', 1024, 'kfunc with mask 0x1 called from an operation only allowing 0x4', 'scx_kf_allowed'],
  ['DESTROY_BUSY', 1024, 'attempting to destroy in-use dsq 0x0000000000000001 (nr=1)', 'destroy_dsq'],
  ['DESTROYED', 1024, 'non-existent DSQ 0x1 for bad-0[pid]', 'find_dsq_for_dispatch'],
  ['INIT_FAILS', 1024, 'ops.init() failed (-12)', 'scx_enable'],
  ['QUEUE_EXISTS', 1024, 'ops.init() failed (-17)', 'create_dsq: EEXIST'],
  ['BUILTIN_QUEUE', 1024, 'ops.init() failed (-22)', 'create_dsq: EINVAL'],
  ['INIT_BAD_ERRNO', 1024, 'ops.init() returned an invalid errno -5000', 'ops_sanitize_err'],
  ['DROPPED', 1026, 'bad-0[pid] failed to run for N.NNNs', 'check_rq_for_timeouts'],
  ['INVALID_DSQ', 1026, 'bad-0[pid] failed to run for N.NNNs', 'mark_direct_dispatch: as good as none'],
];

const ejected: Case[] = ejections.map(([fault, kind, message, where]) => ({
  name: `fault ${fault}`,
  why: `${where}() says so, and the policy is ejected`,
  check: async (bench) => expectExit(await bench.run(cell(trouble, 2, wrong(fault))), kind, message),
}));

const anyCpu = workload('anywhere', {
  groups: [
    { name: 'hog', phases: [{ run: '30ms' }] },
    { name: 'bad', start: '2ms', phases: [{ run: '1ms' }] },
  ],
});

const special: Case[] = [
  {
    name: 'fault SOUND',
    why: 'the policy that the faults are planted in is sound without them',
    async check(bench) {
      const { exit } = await completed(bench, cell(trouble, 2, wrong('SOUND')));
      expect(exit).toMatchObject({ kind: 64, code: 0, reason: 'unregistered from user space', message: '' });
    },
  },
  {
    name: 'fault BPF_EXIT',
    why: 'scx_bpf_exit_bstr(): the policy leaves by itself, with a code of its own',
    check: async (bench) =>
      expectExit(await bench.run(cell(trouble, 2, wrong('BPF_EXIT'))), 65, 'leaving, code 7', 7),
  },
  {
    name: 'fault SELECT_NO_CPU',
    why: 'select_task_rq_scx() checks the answer; it asks only for tasks that have a choice (select_task_rq())',
    check: async (bench) =>
      expectExit(
        await bench.run(cell(anyCpu, 2, wrong('SELECT_NO_CPU'))),
        1024,
        'invalid CPU 999 from ops.select_cpu()',
      ),
  },
  {
    name: 'fault INTERNAL_FLAGS',
    why: 'scx_dsq_insert_preamble(): the highest byte of enq_flags is the kernel’s',
    async check(bench) {
      const outcome = await bench.run(cell(trouble, 2, wrong('INTERNAL_FLAGS')));
      expect(outcome.exit).toMatchObject({ kind: 1024, reason: 'runtime error' });
      expect(outcome.exit!.message).toMatch(/^invalid enq_flags 0x1000000000000[0-9a-f]{2}$/);
    },
  },
  {
    name: 'fault INIT_TASK_FAILS',
    why: 'scx_fork() fails with what ops.init_task() said, and fork() with it: no task, and the policy stays',
    async check(bench) {
      const { finding, exit, status } = await bench.run(cell(trouble, 2, wrong('INIT_TASK_FAILS')));
      expect({ status, kind: exit?.kind, code: finding?.code }).toEqual({
        status: 'failed',
        kind: 64,
        code: 'runner-refused',
      });
      expect(finding!.message).toMatch(/^cannot fork task \d: Cannot allocate memory$/);
    },
  },
  {
    name: 'built-in idle tracking is off',
    why: 'validate_ops() and check_builtin_idle_enabled(): a policy with ops.update_idle keeps its own account, unless it asks for both',
    check: async (bench) =>
      expectExit(
        await bench.run(cell(trouble, 2, { name: 'blind', object: built('blind') })),
        1024,
        'built-in idle tracking is disabled',
      ),
  },
];

const refusals: Case[] = [
  {
    name: 'a flag that no kernel knows',
    why: 'bpf_scx_init_member(): -EINVAL for what is not in SCX_OPS_ALL_FLAGS',
    async check(bench) {
      const outcome = await bench.run(cell(trouble, 2, { name: 'flags', object: built('flags') }));
      expect(outcome.finding).toMatchObject({ code: 'attach-refused' });
      expect(outcome.finding!.message).toContain('EINVAL');
      expect(outcome).toMatchObject({ status: 'failed', exit: null, timeline: [] });
    },
  },
  {
    name: 'a kfunc that no kernel has',
    why: 'libbpf finds no such function in the kernel’s BTF',
    async check(bench) {
      const arm = { name: 'nokfunc', object: readFileSync(object('nokfunc')) };
      const { finding } = await bench.run(cell(trouble, 2, arm));
      expect(finding).toMatchObject({ code: 'load-rejected' });
      expect(finding!.detail).toContain('scx_bpf_no_such_kfunc');
      expect(finding!.detail).toContain('not found in kernel or module BTFs');
    },
  },
  {
    name: 'a program that the verifier rejects',
    why: 'a value of a map is used without a look whether there is one',
    async check(bench) {
      const arm = { name: 'nullderef', object: readFileSync(object('nullderef')) };
      const { finding } = await bench.run(cell(trouble, 2, arm));
      expect(finding).toMatchObject({ code: 'load-rejected' });
      expect(finding!.detail).toContain("R0 invalid mem access 'map_value_or_null'");
    },
  },
];

const others: Case[] = [
  {
    name: 'a policy that drains nothing',
    why: 'some task waits for ever, or the watchdog itself does (scx_tick()): both are a stall',
    async check(bench) {
      const outcome = await bench.run(
        cell(anyCpu, 2, { name: 'stall', object: readFileSync(object('stall')) }),
      );
      expect(outcome.finding).toMatchObject({ code: 'stalled' });
      expect(outcome.exit).toMatchObject({ kind: 1026, reason: 'runnable task stall' });
      expect(outcome.exit!.message).toMatch(
        /^(\S+\[\d+\] failed to run|watchdog failed to check in) for \d+\.\d{3}s$/,
      );
    },
  },
  {
    name: 'a policy without an exit record',
    why: 'how it ended is then known from the kernel’s own words',
    async check(bench) {
      const arm = { name: 'norecord', object: readFileSync(object('norecord')) };
      const { exit } = await completed(bench, cell(anyCpu, 2, arm));
      expect(exit).toMatchObject({ kind: 64, reason: 'unregistered from user space', message: '' });
    },
  },
  {
    name: 'hints for a policy that takes none',
    why: 'the runner finds no such map in the object',
    async check(bench) {
      const { finding, exit } = await bench.run(cell(anyCpu, 2, { ...plain, hinted: true }));
      expect(finding).toMatchObject({
        code: 'load-rejected',
        detail: 'the object has no map called hints\n',
      });
      expect(finding!.message).toContain('EINVAL, map');
      expect(exit).toBeNull();
    },
  },
];

export const faults: readonly Case[] = [...ejected, ...special, ...refusals, ...others];
