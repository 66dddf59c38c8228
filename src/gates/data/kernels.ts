// What differs between kernels for a policy: flags and members of sched_ext_ops, and when each kernel looks whether a kfunc is allowed. Source: the BTF of 6.16.12 to
// 7.3.4, kernel/sched/ext.c of these versions.

import { table } from './table.ts';

export const knownKernels = ['6.16', '6.17', '6.18', '6.19', '7.0', '7.1', '7.2', '7.3'] as const;
export type Kernel = (typeof knownKernels)[number];

/** "6.18.15+deb13" → 6.18; a newer one counts as the newest known, an older or unknown one is left out. */
export function kernelOf(release: string): Kernel | undefined {
  const [, major = '', minor = ''] = /^(\d+)\.(\d+)/.exec(release) ?? [];
  const name = `${major}.${minor}`;
  const known = knownKernels.find((kernel) => kernel === name);
  const newest = knownKernels.at(-1)!;
  return known ?? (major !== '' && orderOf(name) > orderOf(newest) ? newest : undefined);
}

export function orderOf(kernel: string): number {
  const [major = 0, minor = 0] = kernel.split('.').map(Number);
  return major * 1000 + minor;
}

export function hasIt(kernel: Kernel, { since, until }: { since?: string; until?: string }): boolean {
  const order = orderOf(kernel);
  return (since === undefined || order >= orderOf(since)) && (until === undefined || order <= orderOf(until));
}

/** From here on a kfunc in the wrong callback is refused at load; before, it ends the policy when it is called. */
export const checksPlacesAtLoad = '7.3';

/** SCX_OPS_*: bit by bit. */
export const opsFlags: Readonly<Record<string, { bit: bigint; since?: string; until?: string }>> = {
  SCX_OPS_KEEP_BUILTIN_IDLE: { bit: 1n },
  SCX_OPS_ENQ_LAST: { bit: 2n },
  SCX_OPS_ENQ_EXITING: { bit: 4n },
  SCX_OPS_SWITCH_PARTIAL: { bit: 8n },
  SCX_OPS_ENQ_MIGRATION_DISABLED: { bit: 16n },
  SCX_OPS_ALLOW_QUEUED_WAKEUP: { bit: 32n },
  SCX_OPS_BUILTIN_IDLE_PER_NODE: { bit: 64n },
  SCX_OPS_ALWAYS_ENQ_IMMED: { bit: 128n, since: '7.1' },
  SCX_OPS_TID_TO_TASK: { bit: 256n, since: '7.2' },
  SCX_OPS_HAS_CGROUP_WEIGHT: { bit: 65536n, until: '7.0' },
};

/** Members whose programs may sleep. */
export const sleepableMembers: ReadonlySet<string> = new Set([
  'init_task',
  'cgroup_init',
  'cgroup_exit',
  'cgroup_prep_move',
  'cgroup_set_bandwidth',
  'cpu_online',
  'cpu_offline',
  'init',
  'exit',
  'sub_attach',
  'sub_detach',
  'init_cids',
]);

/** Arguments by member; a trailing "?" may be null. */
export const memberArguments = table<readonly string[]>({
  select_cpu: ['p', 'prev_cpu', 'wake_flags'],
  enqueue: ['p', 'enq_flags'],
  dequeue: ['p', 'deq_flags'],
  dispatch: ['cpu', 'prev?'],
  tick: ['p'],
  runnable: ['p', 'enq_flags'],
  running: ['p'],
  stopping: ['p', 'runnable'],
  quiescent: ['p', 'deq_flags'],
  yield: ['from', 'to?'],
  core_sched_before: ['a', 'b'],
  set_weight: ['p', 'weight'],
  set_cpumask: ['p', 'cpumask'],
  update_idle: ['cpu', 'idle'],
  cpu_acquire: ['cpu', 'args'],
  cpu_release: ['cpu', 'args'],
  init_task: ['p', 'args'],
  exit_task: ['p', 'args'],
  enable: ['p'],
  disable: ['p'],
  dump: ['ctx'],
  dump_cpu: ['ctx', 'cpu', 'idle'],
  dump_task: ['ctx', 'p'],
  cgroup_init: ['cgrp', 'args'],
  cgroup_exit: ['cgrp'],
  cgroup_prep_move: ['p', 'from', 'to'],
  cgroup_move: ['p', 'from', 'to'],
  cgroup_cancel_move: ['p', 'from', 'to'],
  cgroup_set_weight: ['cgrp', 'weight'],
  cgroup_set_bandwidth: ['cgrp', 'period_us', 'quota_us', 'burst_us'],
  cgroup_set_idle: ['cgrp', 'idle'],
  cpu_online: ['cpu'],
  cpu_offline: ['cpu'],
  init: [],
  exit: ['info'],
  sub_attach: ['args'],
  sub_detach: ['args'],
});

/** Members that the kernel calls while it holds no lock of a run queue ("unlocked"). */
export const unlockedMembers: ReadonlySet<string> = new Set([
  'init',
  'exit',
  'init_task',
  'cgroup_init',
  'cgroup_exit',
  'cgroup_prep_move',
  'cgroup_move',
  'cgroup_cancel_move',
  'cgroup_set_weight',
  'cgroup_set_bandwidth',
  'cgroup_set_idle',
  'cpu_online',
  'cpu_offline',
  'dump',
  'sub_attach',
  'sub_detach',
]);

/** Numbers of CPUs that any kernel can have (NR_CPUS of distributions). */
export const mostCpus = 8192n;
export const dsq = {
  builtIn: 1n << 63n,
  localOn: 0xc000000000000000n,
  global: 0x8000000000000001n,
  local: 0x8000000000000002n,
} as const;
export const sliceInf = 0xffffffffffffffffn;
export const kick = { idle: 1n, preempt: 2n, wait: 4n } as const;
export const enqLast = 1n << 41n;
export const kthreadBit = 0x00200000n;

/** Enumerators that objects take from the kernel, and no kernel from 6.16 to 7.3 has changed. */
export const enumerators = table<bigint>({
  SCX_DSQ_FLAG_BUILTIN: dsq.builtIn,
  SCX_DSQ_FLAG_LOCAL_ON: 1n << 62n,
  SCX_DSQ_INVALID: dsq.builtIn,
  SCX_DSQ_GLOBAL: dsq.global,
  SCX_DSQ_LOCAL: dsq.local,
  SCX_DSQ_LOCAL_ON: dsq.localOn,
  SCX_SLICE_DFL: 20_000_000n,
  SCX_SLICE_INF: sliceInf,
  SCX_KICK_IDLE: kick.idle,
  SCX_KICK_PREEMPT: kick.preempt,
  SCX_KICK_WAIT: kick.wait,
  SCX_ENQ_WAKEUP: 1n,
  SCX_ENQ_PREEMPT: 1n << 32n,
  SCX_ENQ_REENQ: 1n << 40n,
  SCX_ENQ_LAST: enqLast,
});
