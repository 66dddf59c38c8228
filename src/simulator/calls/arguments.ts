// What the arguments of recorded ops and kfuncs are, in their order. Source: struct sched_ext_ops and the kfuncs of kernel/sched/ext.c and ext_idle.c, v6.18.
// What becomes a number of a Call stands in the order of core/calls.ts.

/** 'other': an argument that is not recorded. */
export type Argument =
  | 'task'
  | 's32'
  | 'u32'
  | 'u64'
  | 'bool'
  /** Address of a bool, and of structures of which one member is recorded. */
  | 'bool at'
  | 'cpumask'
  | 'init args'
  | 'exit args'
  | 'exit info'
  | 'other';

/** Those of ops that are not here are not recorded. */
export const opArguments: Readonly<Record<string, readonly Argument[]>> = {
  'ops.select_cpu': ['task', 's32', 'u64'],
  'ops.enqueue': ['task', 'u64'],
  'ops.dequeue': ['task', 'u64'],
  'ops.dispatch': ['s32', 'task'],
  'ops.tick': ['task'],
  'ops.runnable': ['task', 'u64'],
  'ops.running': ['task'],
  'ops.stopping': ['task', 'bool'],
  'ops.quiescent': ['task', 'u64'],
  'ops.yield': ['task', 'task'],
  'ops.core_sched_before': ['task', 'task'],
  'ops.set_weight': ['task', 'u32'],
  'ops.set_cpumask': ['task', 'cpumask'],
  'ops.update_idle': ['s32', 'bool'],
  'ops.cpu_acquire': ['s32'],
  'ops.cpu_release': ['s32'],
  'ops.init_task': ['task', 'init args'],
  'ops.exit_task': ['task', 'exit args'],
  'ops.enable': ['task'],
  'ops.disable': ['task'],
  'ops.cgroup_prep_move': ['task'],
  'ops.cgroup_move': ['task'],
  'ops.cgroup_cancel_move': ['task'],
  'ops.cgroup_set_weight': ['other', 'u32'],
  'ops.cpu_online': ['s32'],
  'ops.cpu_offline': ['s32'],
  'ops.exit': ['exit info'],
};

export const kfuncArguments: Readonly<Record<string, readonly Argument[]>> = {
  scx_bpf_dsq_insert: ['task', 'u64', 'u64', 'u64'],
  scx_bpf_dsq_insert_vtime: ['task', 'u64', 'u64', 'u64', 'u64'],
  scx_bpf_dsq_move_to_local: ['u64'],
  scx_bpf_dsq_move: ['other', 'task', 'u64', 'u64'],
  scx_bpf_dsq_move_vtime: ['other', 'task', 'u64', 'u64'],
  scx_bpf_dsq_move_set_slice: ['other', 'u64'],
  scx_bpf_dsq_move_set_vtime: ['other', 'u64'],
  scx_bpf_select_cpu_dfl: ['task', 's32', 'u64', 'bool at'],
  scx_bpf_select_cpu_and: ['task', 's32', 'u64', 'other', 'u64'],
  scx_bpf_pick_idle_cpu: ['other', 'u64'],
  scx_bpf_pick_any_cpu: ['other', 'u64'],
  scx_bpf_test_and_clear_cpu_idle: ['s32'],
  scx_bpf_kick_cpu: ['s32', 'u64'],
  scx_bpf_reenqueue_local: [],
  scx_bpf_create_dsq: ['u64', 's32'],
  scx_bpf_destroy_dsq: ['u64'],
};
