// Kernel functions that a scheduling policy may call: what each costs, where it may be called, what its result is. Names, versions and places: kernel/sched/ext.c and
// kernel/sched/ext_idle.c (scx_kfunc_ids_*), kernel/bpf/helpers.c, kernel/bpf/cpumask.c, 6.16 to 7.3; what is not here does not belong into a policy.

import { table } from './table.ts';

/** Where the kernel lets it be called; `any` and what is absent: everywhere. */
export type Places =
  | 'any'
  | 'enqueue'
  | 'dispatch'
  | 'dispatch-or-unlocked'
  | 'cpu-release'
  | 'sleepable'
  | 'select';

export interface KfuncFact {
  /** About how many instructions it takes. */
  readonly cost: number;
  readonly places?: Places;
  /** First and last version that has it; absent: 6.16, and to the end. */
  readonly since?: string;
  readonly until?: string;
  /** The result may be null, and the verifier wants a test. */
  readonly mayBeNull?: true;
  /** The result must be given back by one of these. */
  readonly releasedBy?: string;
  /** The result is a CPU, or negative. */
  readonly mayBeNegative?: true;
  /** Needs the kernel's own tracking of idle CPUs. */
  readonly idle?: true;
}

const insert: KfuncFact = { cost: 150, places: 'enqueue' };
const idle = { idle: true } as const;
const pick = { cost: 120, mayBeNegative: true, idle: true } as const;
const mask = { releasedBy: 'scx_bpf_put_idle_cpumask', idle: true, cost: 5 } as const;
const ofMasks: KfuncFact = { cost: 30 };
const cid: KfuncFact = { cost: 10, since: '7.2' };
const sub: KfuncFact = { cost: 500, since: '7.3' };

export const kfuncs = table<KfuncFact>({
  scx_bpf_dsq_insert: insert,
  scx_bpf_dsq_insert_vtime: insert,
  scx_bpf_dsq_move_to_local: { cost: 250, places: 'dispatch' },
  scx_bpf_dispatch_nr_slots: { cost: 5, places: 'dispatch' },
  scx_bpf_dispatch_cancel: { cost: 5, places: 'dispatch' },
  scx_bpf_dsq_move: { cost: 250, places: 'dispatch-or-unlocked' },
  scx_bpf_dsq_move_vtime: { cost: 250, places: 'dispatch-or-unlocked' },
  scx_bpf_dsq_move_set_slice: { cost: 5, places: 'dispatch-or-unlocked' },
  scx_bpf_dsq_move_set_vtime: { cost: 5, places: 'dispatch-or-unlocked' },
  scx_bpf_sub_dispatch: { cost: 500, places: 'dispatch', since: '7.1' },
  scx_bpf_reenqueue_local: { cost: 500 },
  scx_bpf_dsq_reenq: { cost: 500, since: '7.1' },
  scx_bpf_create_dsq: { cost: 500, places: 'sleepable' },
  scx_bpf_destroy_dsq: { cost: 500 },
  scx_bpf_dsq_nr_queued: { cost: 30 },
  scx_bpf_dsq_peek: { cost: 30, since: '6.19', mayBeNull: true },
  bpf_iter_scx_dsq_new: { cost: 40 },
  bpf_iter_scx_dsq_next: { cost: 40, mayBeNull: true },
  bpf_iter_scx_dsq_destroy: { cost: 30 },
  scx_bpf_select_cpu_dfl: { cost: 300, places: 'select', ...idle },
  scx_bpf_select_cpu_and: { cost: 300, places: 'select', mayBeNegative: true, ...idle },
  scx_bpf_pick_idle_cpu: pick,
  scx_bpf_pick_idle_cpu_node: pick,
  // Negative only for an empty mask, which no task has.
  scx_bpf_pick_any_cpu: { cost: 120 },
  scx_bpf_pick_any_cpu_node: { cost: 120 },
  scx_bpf_test_and_clear_cpu_idle: { cost: 15, ...idle },
  scx_bpf_get_idle_cpumask: mask,
  scx_bpf_get_idle_smtmask: mask,
  scx_bpf_get_idle_cpumask_node: mask,
  scx_bpf_get_idle_smtmask_node: mask,
  scx_bpf_put_idle_cpumask: { cost: 2 },
  scx_bpf_get_online_cpumask: { cost: 2, releasedBy: 'scx_bpf_put_cpumask' },
  scx_bpf_get_possible_cpumask: { cost: 2, releasedBy: 'scx_bpf_put_cpumask' },
  scx_bpf_put_cpumask: { cost: 2 },
  scx_bpf_kick_cpu: { cost: 120 },
  scx_bpf_task_running: { cost: 3 },
  scx_bpf_task_cpu: { cost: 3 },
  scx_bpf_cpu_rq: { cost: 5, until: '7.1' },
  scx_bpf_locked_rq: { cost: 5, since: '6.18', mayBeNull: true },
  scx_bpf_cpu_curr: { cost: 5, since: '6.18', mayBeNull: true },
  scx_bpf_task_set_slice: { cost: 5, since: '6.19' },
  scx_bpf_task_set_dsq_vtime: { cost: 5, since: '6.19' },
  scx_bpf_task_cgroup: { cost: 20, releasedBy: 'bpf_cgroup_release' },
  scx_bpf_now: { cost: 10 },
  scx_bpf_events: { cost: 1000 },
  scx_bpf_nr_cpu_ids: { cost: 2 },
  scx_bpf_nr_node_ids: { cost: 2 },
  scx_bpf_cpu_node: { cost: 2 },
  scx_bpf_cpuperf_cap: { cost: 10 },
  scx_bpf_cpuperf_cur: { cost: 10 },
  scx_bpf_cpuperf_set: { cost: 60 },
  scx_bpf_error_bstr: { cost: 1000 },
  scx_bpf_exit_bstr: { cost: 1000 },
  scx_bpf_dump_bstr: { cost: 1000 },
  scx_bpf_tid_to_task: { cost: 40, since: '7.2', mayBeNull: true },
  scx_bpf_cid_override: cid,
  scx_bpf_cid_to_cpu: cid,
  scx_bpf_cid_topo: cid,
  scx_bpf_cidperf_cap: cid,
  scx_bpf_cidperf_cur: cid,
  scx_bpf_cidperf_set: cid,
  scx_bpf_nr_cids: cid,
  scx_bpf_nr_online_cids: cid,
  scx_bpf_task_cid: cid,
  scx_bpf_this_cid: cid,
  scx_bpf_cid_curr: { ...sub, cost: 5, mayBeNull: true },
  scx_bpf_cpu_to_cid: { ...sub, cost: 5 },
  scx_bpf_kick_cid: { ...sub, cost: 120 },
  scx_bpf_online_cmask: { ...sub, cost: 5 },
  scx_bpf_sub_caps: sub,
  scx_bpf_sub_grant: sub,
  scx_bpf_sub_kill_bstr: sub,
  scx_bpf_sub_revoke: sub,
  bpf_iter_num_new: { cost: 5 },
  bpf_iter_num_next: { cost: 3, mayBeNull: true },
  bpf_iter_num_destroy: { cost: 2 },
  bpf_iter_bits_new: { cost: 30 },
  bpf_iter_bits_next: { cost: 10, mayBeNull: true },
  bpf_iter_bits_destroy: { cost: 10 },
  bpf_iter_css_new: { cost: 10 },
  bpf_iter_css_next: { cost: 20, mayBeNull: true },
  bpf_iter_css_destroy: { cost: 2 },
  bpf_iter_task_new: { cost: 20 },
  bpf_iter_task_next: { cost: 20, mayBeNull: true },
  bpf_iter_task_destroy: { cost: 2 },
  bpf_rcu_read_lock: { cost: 2 },
  bpf_rcu_read_unlock: { cost: 2 },
  bpf_preempt_disable: { cost: 2 },
  bpf_preempt_enable: { cost: 2 },
  bpf_local_irq_save: { cost: 5 },
  bpf_local_irq_restore: { cost: 5 },
  bpf_res_spin_lock: { cost: 50 },
  bpf_res_spin_unlock: { cost: 30 },
  bpf_res_spin_lock_irqsave: { cost: 60 },
  bpf_res_spin_unlock_irqrestore: { cost: 40 },
  bpf_task_from_pid: { cost: 100, mayBeNull: true, releasedBy: 'bpf_task_release' },
  bpf_task_from_vpid: { cost: 100, mayBeNull: true, releasedBy: 'bpf_task_release' },
  bpf_task_acquire: { cost: 10, mayBeNull: true, releasedBy: 'bpf_task_release' },
  bpf_task_release: { cost: 10 },
  bpf_task_under_cgroup: { cost: 30 },
  bpf_cgroup_from_id: { cost: 100, mayBeNull: true, releasedBy: 'bpf_cgroup_release' },
  bpf_cgroup_ancestor: { cost: 20, mayBeNull: true, releasedBy: 'bpf_cgroup_release' },
  bpf_cgroup_acquire: { cost: 10, mayBeNull: true, releasedBy: 'bpf_cgroup_release' },
  bpf_cgroup_release: { cost: 10 },
  bpf_cpumask_create: { cost: 80, mayBeNull: true, releasedBy: 'bpf_cpumask_release' },
  bpf_cpumask_acquire: { cost: 5, releasedBy: 'bpf_cpumask_release' },
  bpf_cpumask_release: { cost: 40 },
  bpf_cpumask_test_cpu: { cost: 3 },
  bpf_cpumask_set_cpu: { cost: 5 },
  bpf_cpumask_clear_cpu: { cost: 5 },
  bpf_cpumask_test_and_set_cpu: { cost: 10 },
  bpf_cpumask_test_and_clear_cpu: { cost: 10 },
  bpf_cpumask_and: ofMasks,
  bpf_cpumask_or: ofMasks,
  bpf_cpumask_xor: ofMasks,
  bpf_cpumask_equal: ofMasks,
  bpf_cpumask_intersects: ofMasks,
  bpf_cpumask_subset: ofMasks,
  bpf_cpumask_empty: ofMasks,
  bpf_cpumask_full: ofMasks,
  bpf_cpumask_copy: ofMasks,
  bpf_cpumask_clear: ofMasks,
  bpf_cpumask_setall: ofMasks,
  bpf_cpumask_first: ofMasks,
  bpf_cpumask_first_and: ofMasks,
  bpf_cpumask_first_zero: ofMasks,
  bpf_cpumask_any_distribute: ofMasks,
  bpf_cpumask_any_and_distribute: ofMasks,
  bpf_cpumask_weight: ofMasks,
  bpf_cpumask_populate: ofMasks,
  bpf_obj_new_impl: { cost: 200, mayBeNull: true, releasedBy: 'bpf_obj_drop_impl' },
  bpf_obj_new: { cost: 200, mayBeNull: true, releasedBy: 'bpf_obj_drop' },
  bpf_obj_drop_impl: { cost: 200 },
  bpf_obj_drop: { cost: 200 },
  bpf_refcount_acquire_impl: { cost: 10 },
  bpf_rbtree_add_impl: { cost: 200 },
  bpf_rbtree_add: { cost: 200 },
  bpf_rbtree_first: { cost: 20, mayBeNull: true },
  bpf_rbtree_left: { cost: 5, mayBeNull: true },
  bpf_rbtree_right: { cost: 5, mayBeNull: true },
  bpf_rbtree_root: { cost: 5, mayBeNull: true },
  bpf_rbtree_remove: { cost: 200, mayBeNull: true },
  bpf_list_push_front_impl: { cost: 30 },
  bpf_list_push_back_impl: { cost: 30 },
  bpf_list_pop_front: { cost: 30, mayBeNull: true },
  bpf_list_pop_back: { cost: 30, mayBeNull: true },
  bpf_list_front: { cost: 10, mayBeNull: true },
  bpf_list_back: { cost: 10, mayBeNull: true },
  bpf_arena_alloc_pages: { cost: 2000 },
  bpf_arena_free_pages: { cost: 2000 },
  bpf_cast_to_kern_ctx: { cost: 1 },
  bpf_rdonly_cast: { cost: 1 },
  bpf_stream_vprintk_impl: { cost: 2000 },
  bpf_stream_vprintk: { cost: 2000 },
  bpf_wq_init: { cost: 300 },
  bpf_wq_set_callback_impl: { cost: 60 },
  bpf_wq_start: { cost: 200 },
  bpf_get_kmem_cache: { cost: 50 },
  bpf_strcmp: { cost: 40 },
  bpf_strlen: { cost: 20 },
  bpf_strnlen: { cost: 20 },
});

/** Kfuncs that programs have of each other, by other names: of the arena libraries in old kernels' headers. */
export const inserts: ReadonlySet<string> = new Set(['scx_bpf_dsq_insert', 'scx_bpf_dsq_insert_vtime']);
export const moves: ReadonlySet<string> = new Set(['scx_bpf_dsq_move', 'scx_bpf_dsq_move_vtime']);

/** What the kernel's BTF has although no policy may call it, by how names begin: enough to tell "unknown" from "not for a policy". */
export const otherKernelFunctions =
  /^(bpf_(crypto|dynptr|skb|xdp|sk_|sock|get_task_exe|put_file|path_d|key|lookup_|verify|throw|copy_from_user|probe_read|send_signal|remote|kfree|qdisc|session|task_work|iter_|modify|kfunc_call|percpu|get_(dentry|file|fsverity)|(set|remove)_dentry|str|cgroup_read|map_sum|testmod|fentry)|crash_kexec|css_rstat|cubictcp|hid_|tcp_|dctcp|bbr_)/;
