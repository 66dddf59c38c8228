// Facts of Linux 6.18.15+deb13-cloud-amd64, written by scripts/kernel-facts.mts from the BTF and the configuration of that kernel.
import type { KernelFacts } from './facts.ts';

export const linux618: KernelFacts = {
  release: '6.18.15',
  complete: 'scx_ sched_ext_',
  config: `
    TICK_ONESHOT=y NO_HZ_COMMON=y NO_HZ_FULL=y HIGH_RES_TIMERS=y BPF=y BPF_SYSCALL=y BPF_JIT=y BPF_JIT_DEFAULT_ON=y BPF_UNPRIV_DEFAULT_OFF=y
    BPF_LSM=y PREEMPT_BUILD=y PREEMPT_LAZY=y PREEMPT_COUNT=y PREEMPTION=y PREEMPT_DYNAMIC=y SCHED_CLASS_EXT=y PSI=y PREEMPT_RCU=y
    UCLAMP_TASK=y UCLAMP_BUCKETS_COUNT=5 NUMA_BALANCING=y NUMA_BALANCING_DEFAULT_ENABLED=y CGROUPS=y CGROUP_WRITEBACK=y CGROUP_SCHED=y
    FAIR_GROUP_SCHED=y CFS_BANDWIDTH=y EXT_GROUP_SCHED=y SCHED_MM_CID=y UCLAMP_TASK_GROUP=y CGROUP_PIDS=y CGROUP_RDMA=y CGROUP_FREEZER=y
    CGROUP_HUGETLB=y CGROUP_DEVICE=y CGROUP_CPUACCT=y CGROUP_PERF=y CGROUP_BPF=y CGROUP_MISC=y SCHED_AUTOGROUP=y 64BIT=y X86_64=y SMP=y
    SCHED_OMIT_FRAME_POINTER=y NR_CPUS_RANGE_BEGIN=8192 NR_CPUS_RANGE_END=8192 NR_CPUS_DEFAULT=8192 NR_CPUS=8192 SCHED_MC_PRIO=y NUMA=y
    X86_64_ACPI_NUMA=y HZ_250=y HZ=250 SCHED_HRTICK=y CPU_FREQ=y CPU_FREQ_GOV_ATTR_SET=y CPU_FREQ_GOV_COMMON=y CPU_FREQ_STAT=y
    CPU_FREQ_DEFAULT_GOV_SCHEDUTIL=y CPU_FREQ_GOV_PERFORMANCE=y CPU_FREQ_GOV_POWERSAVE=m CPU_FREQ_GOV_USERSPACE=m CPU_FREQ_GOV_ONDEMAND=m
    CPU_FREQ_GOV_CONSERVATIVE=m CPU_FREQ_GOV_SCHEDUTIL=y CPU_IDLE=y CPU_IDLE_GOV_LADDER=y CPU_IDLE_GOV_MENU=y CPU_IDLE_GOV_HALTPOLL=y
    SCHED_SMT=y SCHED_CLUSTER=y SCHED_MC=y PREEMPT_NOTIFIERS=y NUMA_KEEP_MEMINFO=y NUMA_MEMBLKS=y CGROUP_NET_PRIO=y CGROUP_NET_CLASSID=y
    BPF_STREAM_PARSER=y SCHED_STACK_END_CHECK=y SCHED_INFO=y SCHEDSTATS=y BPF_EVENTS=y
`,
  structs: {
    bpf_cpumask: 'cpumask:cpumask usage:refcount_struct',
    bpf_iter_bits: '__opaque:u64[2]',
    bpf_iter_css: '__opaque:u64[3]',
    bpf_iter_num: '__opaque:u64[1]',
    bpf_iter_scx_dsq: '__opaque:u64[6]',
    bpf_iter_task: '__opaque:u64[3]',
    bpf_spin_lock: 'val:u32',
    bpf_timer: '__opaque:u64[2]',
    cfs_rq: `
    load:load_weight nr_queued:u32 h_nr_queued:u32 h_nr_runnable:u32 h_nr_idle:u32 avg_vruntime:s64 avg_load:u64 zero_vruntime:u64
    tasks_timeline:rb_root_cached curr:ptr next:ptr avg:sched_avg removed:anonymous last_update_tg_load_avg:u64 tg_load_avg_contrib:u64
    propagate:s64 prop_runnable_sum:s64 h_load:u64 last_h_load_update:u64 h_load_next:ptr rq:ptr on_list:s32 leaf_cfs_rq_list:list_head
    tg:ptr idle:s32 runtime_enabled:s32 runtime_remaining:s64 throttled_pelt_idle:u64 throttled_clock:u64 throttled_clock_pelt:u64
    throttled_clock_pelt_time:u64 throttled_clock_self:u64 throttled_clock_self_time:u64 throttled:bool/1 pelt_clock_throttled:bool/1
    throttle_count:s32 throttled_list:list_head throttled_csd_list:list_head throttled_limbo_list:list_head
`,
    cgroup: `
    self:cgroup_subsys_state flags:u64 level:s32 max_depth:s32 nr_descendants:s32 nr_dying_descendants:s32 max_descendants:s32
    nr_populated_csets:s32 nr_populated_domain_children:s32 nr_populated_threaded_children:s32 nr_threaded_children:s32 kill_seq:u32 kn:ptr
    procs_file:cgroup_file events_file:cgroup_file psi_files:cgroup_file[3] subtree_control:u16 subtree_ss_mask:u16 old_subtree_control:u16
    old_subtree_ss_mask:u16 subsys:ptr[14] nr_dying_subsys:s32[14] root:ptr cset_links:list_head e_csets:list_head[14] dom_cgrp:ptr
    old_dom_cgrp:ptr rstat_base_cpu:ptr _pad_:cacheline_padding last_bstat:cgroup_base_stat bstat:cgroup_base_stat prev_cputime:prev_cputime
    pidlists:list_head pidlist_mutex:mutex offline_waitq:wait_queue_head release_agent_work:work_struct psi:ptr bpf:cgroup_bpf
    freezer:cgroup_freezer_state bpf_cgrp_storage:ptr ancestors:ptr[0]
`,
    cgroup_subsys_state: `
    cgroup:ptr ss:ptr refcnt:percpu_ref rstat_cpu:ptr sibling:list_head children:list_head id:s32 flags:u32 serial_nr:u64 online_cnt:atomic_t
    destroy_work:work_struct destroy_rwork:rcu_work parent:ptr nr_descendants:s32 rstat_flush_next:ptr
`,
    cpumask: 'bits:u64[128]',
    css_set: `
    subsys:ptr[14] refcount:refcount_struct dom_cset:ptr dfl_cgrp:ptr nr_tasks:s32 tasks:list_head mg_tasks:list_head dying_tasks:list_head
    task_iters:list_head e_cset_node:list_head[14] threaded_csets:list_head threaded_csets_node:list_head hlist:hlist_node
    cgrp_links:list_head mg_src_preload_node:list_head mg_dst_preload_node:list_head mg_node:list_head mg_src_cgrp:ptr mg_dst_cgrp:ptr
    mg_dst_cset:ptr dead:bool callback_head:callback_head
`,
    kernel_cpustat: 'cpustat:u64[10]',
    kernfs_node: `
    count:atomic_t active:atomic_t __parent:ptr name:ptr rb:rb_node ns:ptr hash:u32 flags:u16 mode:u16 dir:kernfs_elem_dir
    symlink:kernfs_elem_symlink attr:kernfs_elem_attr id:u64 priv:ptr iattr:ptr rcu:callback_head
`,
    list_head: 'next:ptr prev:ptr',
    load_weight: 'weight:u64 inv_weight:u32',
    rb_node: '__rb_parent_color:u64 rb_right:ptr rb_left:ptr',
    rq: `
    __lock:raw_spinlock nr_running:u32 nr_numa_running:u32 nr_preferred_running:u32 numa_migrate_on:u32 last_blocked_load_update_tick:u64
    has_blocked_load:u32 nohz_csd:__call_single_data nohz_tick_stopped:u32 nohz_flags:atomic_t ttwu_pending:u32 nr_switches:u64
    uclamp:uclamp_rq[2] uclamp_flags:u32 cfs:cfs_rq rt:rt_rq dl:dl_rq scx:scx_rq fair_server:sched_dl_entity leaf_cfs_rq_list:list_head
    tmp_alone_branch:ptr nr_uninterruptible:u64 donor:ptr curr:ptr dl_server:ptr idle:ptr stop:ptr next_balance:u64 prev_mm:ptr
    clock_update_flags:u32 clock:u64 clock_task:u64 clock_pelt:u64 lost_idle_time:u64 clock_pelt_idle:u64 clock_idle:u64 nr_iowait:atomic_t
    last_seen_need_resched_ns:u64 ticks_without_resched:s32 membarrier_state:s32 rd:ptr sd:ptr cpu_capacity:u64 balance_callback:ptr
    nohz_idle_balance:u8 idle_balance:u8 misfit_task_load:u64 active_balance:s32 push_cpu:s32 active_balance_work:cpu_stop_work cpu:s32
    online:s32 cfs_tasks:list_head avg_rt:sched_avg avg_dl:sched_avg idle_stamp:u64 avg_idle:u64 max_idle_balance_cost:u64
    hotplug_wait:rcuwait prev_steal_time:u64 calc_load_update:u64 calc_load_active:s64 hrtick_csd:__call_single_data hrtick_timer:hrtimer
    hrtick_time:s64 rq_sched_info:sched_info rq_cpu_time:u64 yld_count:u32 sched_count:u32 sched_goidle:u32 ttwu_count:u32 ttwu_local:u32
    idle_state:ptr nr_pinned:u32 push_busy:u32 push_work:cpu_stop_work scratch_mask:ptr cfsb_csd:__call_single_data cfsb_csd_list:list_head
`,
    rt_rq: `
    active:rt_prio_array rt_nr_running:u32 rr_nr_running:u32 highest_prio:anonymous overloaded:bool pushable_tasks:plist_head rt_queued:s32
    tg:ptr
`,
    sched_avg: `
    last_update_time:u64 load_sum:u64 runnable_sum:u64 util_sum:u32 period_contrib:u32 load_avg:u64 runnable_avg:u64 util_avg:u64
    util_est:u32
`,
    sched_entity: `
    load:load_weight run_node:rb_node deadline:u64 min_vruntime:u64 min_slice:u64 group_node:list_head on_rq:u8 sched_delayed:u8
    rel_deadline:u8 custom_slice:u8 exec_start:u64 sum_exec_runtime:u64 prev_sum_exec_runtime:u64 vruntime:u64 vlag:s64 vprot:u64 slice:u64
    nr_migrations:u64 depth:s32 parent:ptr cfs_rq:ptr my_q:ptr runnable_weight:u64 avg:sched_avg
`,
    sched_ext_entity: `
    dsq:ptr dsq_list:scx_dsq_list_node dsq_priq:rb_node dsq_seq:u32 dsq_flags:u32 flags:u32 weight:u32 sticky_cpu:s32 holding_cpu:s32
    selected_cpu:s32 kf_mask:u32 kf_tasks:ptr[2] ops_state:atomic64_t runnable_node:list_head runnable_at:u64 ddsp_dsq_id:u64
    ddsp_enq_flags:u64 slice:u64 dsq_vtime:u64 disallow:bool cgrp_moving_from:ptr tasks_node:list_head
`,
    sched_ext_ops: `
    select_cpu:ptr enqueue:ptr dequeue:ptr dispatch:ptr tick:ptr runnable:ptr running:ptr stopping:ptr quiescent:ptr yield:ptr
    core_sched_before:ptr set_weight:ptr set_cpumask:ptr update_idle:ptr cpu_acquire:ptr cpu_release:ptr init_task:ptr exit_task:ptr
    enable:ptr disable:ptr dump:ptr dump_cpu:ptr dump_task:ptr cgroup_init:ptr cgroup_exit:ptr cgroup_prep_move:ptr cgroup_move:ptr
    cgroup_cancel_move:ptr cgroup_set_weight:ptr cgroup_set_bandwidth:ptr cpu_online:ptr cpu_offline:ptr init:ptr exit:ptr
    dispatch_max_batch:u32 flags:u64 timeout_ms:u32 exit_dump_len:u32 hotplug_seq:u64 name:char[128] priv:ptr
`,
    sched_rt_entity:
      'run_list:list_head timeout:u64 watchdog_stamp:u64 time_slice:u32 on_rq:u16 on_list:u16 back:ptr',
    scx_bstr_buf: 'data:u64[12] line:char[1024]',
    scx_cgroup_init_args: 'weight:u32 bw_period_us:u64 bw_quota_us:u64 bw_burst_us:u64',
    scx_cpu_acquire_args: '',
    scx_cpu_release_args: 'reason:enum32 task:ptr',
    scx_dispatch_q: `
    lock:raw_spinlock list:list_head priq:rb_root nr:u32 seq:u32 id:u64 hash_node:rhash_head free_node:llist_node rcu:callback_head
`,
    scx_dsp_buf_ent: 'task:ptr qseq:u64 dsq_id:u64 enq_flags:u64',
    scx_dsp_ctx: 'rq:ptr cursor:u32 nr_tasks:u32 buf:scx_dsp_buf_ent[0]',
    scx_dsq_list_node: 'node:list_head flags:u32 priv:u32',
    scx_dump_ctx: 'kind:enum32 exit_code:s64 reason:ptr at_ns:u64 at_jiffies:u64',
    scx_dump_data: 'cpu:s32 first:bool cursor:s32 s:ptr prefix:ptr buf:scx_bstr_buf',
    scx_event_stats: `
    SCX_EV_SELECT_CPU_FALLBACK:s64 SCX_EV_DISPATCH_LOCAL_DSQ_OFFLINE:s64 SCX_EV_DISPATCH_KEEP_LAST:s64 SCX_EV_ENQ_SKIP_EXITING:s64
    SCX_EV_ENQ_SKIP_MIGRATION_DISABLED:s64 SCX_EV_REFILL_SLICE_DFL:s64 SCX_EV_BYPASS_DURATION:s64 SCX_EV_BYPASS_DISPATCH:s64
    SCX_EV_BYPASS_ACTIVATE:s64
`,
    scx_exit_info: 'kind:enum32 exit_code:s64 flags:u64 reason:ptr bt:ptr bt_len:u32 msg:ptr dump:ptr',
    scx_exit_task_args: 'cancelled:bool',
    scx_idle_cpus: 'cpu:ptr smt:ptr',
    scx_init_task_args: 'fork:bool cgroup:ptr',
    scx_kick_pseqs: 'rcu:callback_head seqs:u64[0]',
    scx_rq: `
    local_dsq:scx_dispatch_q runnable_list:list_head ddsp_deferred_locals:list_head ops_qseq:u64 extra_enq_flags:u64 nr_running:u32
    cpuperf_target:u32 cpu_released:bool flags:u32 clock:u64 cpus_to_kick:ptr cpus_to_kick_if_idle:ptr cpus_to_preempt:ptr cpus_to_wait:ptr
    pnt_seq:u64 deferred_bal_cb:balance_callback deferred_irq_work:irq_work kick_cpus_irq_work:irq_work
`,
    scx_sched: `
    ops:sched_ext_ops has_op:u64[1] dsq_hash:rhashtable global_dsqs:ptr pcpu:ptr warned_zero_slice:bool/1 warned_deprecated_rq:bool/1
    exit_kind:atomic_t exit_info:ptr kobj:kobject helper:ptr error_irq_work:irq_work disable_work:kthread_work rcu_work:rcu_work
`,
    scx_sched_pcpu: 'event_stats:scx_event_stats',
    scx_task_group: 'flags:u32 weight:u32 bw_period_us:u64 bw_quota_us:u64 bw_burst_us:u64',
    scx_task_iter: 'cursor:sched_ext_entity locked_task:ptr rq:ptr rf:rq_flags cnt:u32 list_locked:bool',
    task_group: `
    css:cgroup_subsys_state idle:s32 se:ptr cfs_rq:ptr shares:u64 load_avg:atomic64_t scx:scx_task_group rcu:callback_head list:list_head
    parent:ptr siblings:list_head children:list_head autogroup:ptr cfs_bandwidth:cfs_bandwidth uclamp_pct:u32[2] uclamp_req:uclamp_se[2]
    uclamp:uclamp_se[2]
`,
    task_struct: `
    thread_info:thread_info __state:u32 saved_state:u32 stack:ptr usage:refcount_struct flags:u32 ptrace:u32 on_cpu:s32
    wake_entry:__call_single_node wakee_flips:u32 wakee_flip_decay_ts:u64 last_wakee:ptr recent_used_cpu:s32 wake_cpu:s32 on_rq:s32 prio:s32
    static_prio:s32 normal_prio:s32 rt_priority:u32 se:sched_entity rt:sched_rt_entity dl:sched_dl_entity dl_server:ptr scx:sched_ext_entity
    sched_class:ptr sched_task_group:ptr sched_throttle_work:callback_head throttle_node:list_head throttled:bool uclamp_req:uclamp_se[2]
    uclamp:uclamp_se[2] stats:sched_statistics preempt_notifiers:hlist_head btrace_seq:u32 policy:u32 max_allowed_capacity:u64
    nr_cpus_allowed:s32 cpus_ptr:ptr user_cpus_ptr:ptr cpus_mask:cpumask migration_pending:ptr migration_disabled:u16 migration_flags:u16
    rcu_read_lock_nesting:s32 rcu_read_unlock_special:rcu_special rcu_node_entry:list_head rcu_blocked_node:ptr rcu_tasks_nvcsw:u64
    rcu_tasks_holdout:u8 rcu_tasks_idx:u8 rcu_tasks_idle_cpu:s32 rcu_tasks_holdout_list:list_head rcu_tasks_exit_cpu:s32
    rcu_tasks_exit_list:list_head trc_reader_nesting:s32 trc_ipi_to_cpu:s32 trc_reader_special:rcu_special trc_holdout_list:list_head
    trc_blkd_node:list_head trc_blkd_cpu:s32 sched_info:sched_info tasks:list_head pushable_tasks:plist_node pushable_dl_tasks:rb_node mm:ptr
    active_mm:ptr faults_disabled_mapping:ptr exit_state:s32 exit_code:s32 exit_signal:s32 pdeath_signal:s32 jobctl:u64 personality:u32
    sched_reset_on_fork:u32/1 sched_contributes_to_load:u32/1 sched_migrated:u32/1 sched_task_hot:u32/1 sched_remote_wakeup:u32/1
    sched_rt_mutex:u32/1 in_execve:u32/1 in_iowait:u32/1 restore_sigmask:u32/1 in_lru_fault:u32/1 no_cgroup_migration:u32/1 frozen:u32/1
    use_memdelay:u32/1 in_memstall:u32/1 in_eventfd:u32/1 pasid_activated:u32/1 reported_split_lock:u32/1 in_thrashing:u32/1
    in_nf_duplicate:u32/1 atomic_flags:u64 restart_block:restart_block pid:s32 tgid:s32 stack_canary:u64 real_parent:ptr parent:ptr
    children:list_head sibling:list_head group_leader:ptr ptraced:list_head ptrace_entry:list_head thread_pid:ptr pid_links:hlist_node[4]
    thread_node:list_head vfork_done:ptr set_child_tid:ptr clear_child_tid:ptr worker_private:ptr utime:u64 stime:u64 gtime:u64
    prev_cputime:prev_cputime vtime:vtime tick_dep_mask:atomic_t nvcsw:u64 nivcsw:u64 start_time:u64 start_boottime:u64 min_flt:u64
    maj_flt:u64 posix_cputimers:posix_cputimers posix_cputimers_work:posix_cputimers_work ptracer_cred:ptr real_cred:ptr cred:ptr
    cached_requested_key:ptr comm:char[16] nameidata:ptr sysvsem:sysv_sem sysvshm:sysv_shm last_switch_count:u64 last_switch_time:u64 fs:ptr
    files:ptr io_uring:ptr nsproxy:ptr signal:ptr sighand:ptr blocked:sigset_t real_blocked:sigset_t saved_sigmask:sigset_t
    pending:sigpending sas_ss_sp:u64 sas_ss_size:u64 sas_ss_flags:u32 task_works:ptr audit_context:ptr loginuid:kuid_t sessionid:u32
    seccomp:seccomp syscall_dispatch:syscall_user_dispatch parent_exec_id:u64 self_exec_id:u64 alloc_lock:spinlock pi_lock:raw_spinlock
    wake_q:wake_q_node pi_waiters:rb_root_cached pi_top_task:ptr pi_blocked_on:ptr blocked_on:ptr blocker:u64 in_ubsan:u32 journal_info:ptr
    bio_list:ptr plug:ptr reclaim_state:ptr io_context:ptr capture_control:ptr ptrace_message:u64 last_siginfo:ptr ioac:task_io_accounting
    psi_flags:u32 acct_rss_mem1:u64 acct_vm_mem1:u64 acct_timexpd:u64 mems_allowed:nodemask_t mems_allowed_seq:seqcount_spinlock
    cpuset_mem_spread_rotor:s32 cgroups:ptr cg_list:list_head closid:u32 rmid:u32 robust_list:ptr compat_robust_list:ptr
    pi_state_list:list_head pi_state_cache:ptr futex_exit_mutex:mutex futex_state:u32 perf_recursion:u8[4] perf_event_ctxp:ptr
    perf_event_mutex:mutex perf_event_list:list_head perf_ctx_data:ptr mempolicy:ptr il_prev:s16 il_weight:u8 pref_node_fork:s16
    numa_scan_seq:s32 numa_scan_period:u32 numa_scan_period_max:u32 numa_preferred_nid:s32 numa_migrate_retry:u64 node_stamp:u64
    last_task_numa_placement:u64 last_sum_exec_runtime:u64 numa_work:callback_head numa_group:ptr numa_faults:ptr total_numa_faults:u64
    numa_faults_locality:u64[3] numa_pages_migrated:u64 rseq:ptr rseq_len:u32 rseq_sig:u32 rseq_event_mask:u64 mm_cid:s32 last_mm_cid:s32
    migrate_from_cpu:s32 mm_cid_active:s32 cid_work:callback_head tlb_ubc:tlbflush_unmap_batch splice_pipe:ptr task_frag:page_frag delays:ptr
    nr_dirtied:s32 nr_dirtied_pause:s32 dirty_paused_when:u64 timer_slack_ns:u64 default_timer_slack_ns:u64 curr_ret_stack:s32
    curr_ret_depth:s32 ret_stack:ptr ftrace_timestamp:u64 ftrace_sleeptime:u64 trace_overrun:atomic_t tracing_graph_pause:atomic_t
    trace_recursion:u64 memcg_nr_pages_over_high:u32 active_memcg:ptr objcg:ptr throttle_disk:ptr utask:ptr sequential_io:u32
    sequential_io_avg:u32 kmap_ctrl:kmap_ctrl rcu:callback_head rcu_users:refcount_struct pagefault_disabled:s32 oom_reaper_list:ptr
    oom_reaper_timer:timer_list stack_vm_area:ptr stack_refcount:refcount_struct patch_state:s32 security:ptr bpf_storage:ptr bpf_ctx:ptr
    bpf_net_context:ptr mce_vaddr:ptr mce_kflags:u64 mce_addr:u64 mce_ripv:u64/1 mce_whole_page:u64/1 __mce_reserved:u64/62
    mce_kill_me:callback_head mce_count:s32 kretprobe_instances:llist_head rethooks:llist_head l1d_flush_kill:callback_head
    thread:thread_struct
`,
    thread_info: 'flags:u64 syscall_work:u64 status:u32 cpu:u32',
  },
  enums: {
    cgroup_subsys_id: `
    cpuset_cgrp_id=0 cpu_cgrp_id=1 cpuacct_cgrp_id=2 io_cgrp_id=3 memory_cgrp_id=4 devices_cgrp_id=5 freezer_cgrp_id=6 net_cls_cgrp_id=7
    perf_event_cgrp_id=8 net_prio_cgrp_id=9 hugetlb_cgrp_id=10 pids_cgrp_id=11 rdma_cgrp_id=12 misc_cgrp_id=13 CGROUP_SUBSYS_COUNT=14
`,
    cpu_usage_stat: `
    CPUTIME_USER=0 CPUTIME_NICE=1 CPUTIME_SYSTEM=2 CPUTIME_SOFTIRQ=3 CPUTIME_IRQ=4 CPUTIME_IDLE=5 CPUTIME_IOWAIT=6 CPUTIME_STEAL=7
    CPUTIME_GUEST=8 CPUTIME_GUEST_NICE=9 NR_STATS=10
`,
    pid_type: 'PIDTYPE_PID=0 PIDTYPE_TGID=1 PIDTYPE_PGID=2 PIDTYPE_SID=3 PIDTYPE_MAX=4',
    scx_consts: `
    SCX_DSP_DFL_MAX_BATCH=32 SCX_DSP_MAX_LOOPS=32 SCX_WATCHDOG_MAX_TIMEOUT=7500 SCX_EXIT_BT_LEN=64 SCX_EXIT_MSG_LEN=1024
    SCX_EXIT_DUMP_DFL_LEN=32768 SCX_CPUPERF_ONE=1024 SCX_TASK_ITER_BATCH=32
`,
    scx_cpu_preempt_reason:
      'SCX_CPU_PREEMPT_RT=0 SCX_CPU_PREEMPT_DL=1 SCX_CPU_PREEMPT_STOP=2 SCX_CPU_PREEMPT_UNKNOWN=3',
    scx_deq_flags: 'SCX_DEQ_SLEEP=1 SCX_DEQ_CORE_SCHED_EXEC=4294967296',
    scx_dsq_id_flags: `
    SCX_DSQ_FLAG_BUILTIN=9223372036854775808 SCX_DSQ_FLAG_LOCAL_ON=4611686018427387904 SCX_DSQ_INVALID=9223372036854775808
    SCX_DSQ_GLOBAL=9223372036854775809 SCX_DSQ_LOCAL=9223372036854775810 SCX_DSQ_LOCAL_ON=13835058055282163712
    SCX_DSQ_LOCAL_CPU_MASK=4294967295
`,
    scx_dsq_iter_flags: `
    SCX_DSQ_ITER_REV=65536 __SCX_DSQ_ITER_HAS_SLICE=1073741824 __SCX_DSQ_ITER_HAS_VTIME=2147483648 __SCX_DSQ_ITER_USER_FLAGS=65536
    __SCX_DSQ_ITER_ALL_FLAGS=3221291008
`,
    scx_dsq_lnode_flags: 'SCX_DSQ_LNODE_ITER_CURSOR=1 __SCX_DSQ_LNODE_PRIV_SHIFT=16',
    scx_enable_state: 'SCX_ENABLING=0 SCX_ENABLED=1 SCX_DISABLING=2 SCX_DISABLED=3',
    scx_enq_flags: `
    SCX_ENQ_WAKEUP=1 SCX_ENQ_HEAD=16 SCX_ENQ_CPU_SELECTED=1024 SCX_ENQ_PREEMPT=4294967296 SCX_ENQ_REENQ=1099511627776
    SCX_ENQ_LAST=2199023255552 __SCX_ENQ_INTERNAL_MASK=18374686479671623680 SCX_ENQ_CLEAR_OPSS=72057594037927936
    SCX_ENQ_DSQ_PRIQ=144115188075855872
`,
    scx_ent_dsq_flags: 'SCX_TASK_DSQ_ON_PRIQ=1',
    scx_ent_flags: `
    SCX_TASK_QUEUED=1 SCX_TASK_RESET_RUNNABLE_AT=4 SCX_TASK_DEQD_FOR_SLEEP=8 SCX_TASK_STATE_SHIFT=8 SCX_TASK_STATE_BITS=2
    SCX_TASK_STATE_MASK=768 SCX_TASK_CURSOR=-2147483648
`,
    scx_exit_code: 'SCX_ECODE_RSN_HOTPLUG=4294967296 SCX_ECODE_ACT_RESTART=281474976710656',
    scx_exit_flags: 'SCX_EFLAG_INITIALIZED=0',
    scx_exit_kind: `
    SCX_EXIT_NONE=0 SCX_EXIT_DONE=1 SCX_EXIT_UNREG=64 SCX_EXIT_UNREG_BPF=65 SCX_EXIT_UNREG_KERN=66 SCX_EXIT_SYSRQ=67 SCX_EXIT_ERROR=1024
    SCX_EXIT_ERROR_BPF=1025 SCX_EXIT_ERROR_STALL=1026
`,
    scx_kf_mask: `
    SCX_KF_UNLOCKED=0 SCX_KF_CPU_RELEASE=1 SCX_KF_DISPATCH=2 SCX_KF_ENQUEUE=4 SCX_KF_SELECT_CPU=8 SCX_KF_REST=16 __SCX_KF_RQ_LOCKED=31
    __SCX_KF_TERMINAL=28
`,
    scx_kick_flags: 'SCX_KICK_IDLE=1 SCX_KICK_PREEMPT=2 SCX_KICK_WAIT=4',
    scx_opi: `
    SCX_OPI_BEGIN=0 SCX_OPI_NORMAL_BEGIN=0 SCX_OPI_NORMAL_END=30 SCX_OPI_CPU_HOTPLUG_BEGIN=30 SCX_OPI_CPU_HOTPLUG_END=32 SCX_OPI_END=32
`,
    scx_ops_flags: `
    SCX_OPS_KEEP_BUILTIN_IDLE=1 SCX_OPS_ENQ_LAST=2 SCX_OPS_ENQ_EXITING=4 SCX_OPS_SWITCH_PARTIAL=8 SCX_OPS_ENQ_MIGRATION_DISABLED=16
    SCX_OPS_ALLOW_QUEUED_WAKEUP=32 SCX_OPS_BUILTIN_IDLE_PER_NODE=64 SCX_OPS_HAS_CGROUP_WEIGHT=65536 SCX_OPS_ALL_FLAGS=65663
    __SCX_OPS_INTERNAL_MASK=18374686479671623680 SCX_OPS_HAS_CPU_PREEMPT=72057594037927936
`,
    scx_ops_state:
      'SCX_OPSS_NONE=0 SCX_OPSS_QUEUEING=1 SCX_OPSS_QUEUED=2 SCX_OPSS_DISPATCHING=3 SCX_OPSS_QSEQ_SHIFT=2',
    scx_pick_idle_cpu_flags: 'SCX_PICK_IDLE_CORE=1 SCX_PICK_IDLE_IN_NODE=2',
    scx_public_consts: 'SCX_OPS_NAME_LEN=128 SCX_SLICE_DFL=20000000 SCX_SLICE_INF=18446744073709551615',
    scx_rq_flags: `
    SCX_RQ_ONLINE=1 SCX_RQ_CAN_STOP_TICK=2 SCX_RQ_BAL_PENDING=4 SCX_RQ_BAL_KEEP=8 SCX_RQ_BYPASSING=16 SCX_RQ_CLK_VALID=32
    SCX_RQ_BAL_CB_PENDING=64 SCX_RQ_IN_WAKEUP=65536 SCX_RQ_IN_BALANCE=131072
`,
    scx_task_state:
      'SCX_TASK_NONE=0 SCX_TASK_INIT=1 SCX_TASK_READY=2 SCX_TASK_ENABLED=3 SCX_TASK_NR_STATES=4',
    scx_tg_flags: 'SCX_TG_ONLINE=1 SCX_TG_INITED=2',
    scx_wake_flags: 'SCX_WAKE_FORK=4 SCX_WAKE_TTWU=8 SCX_WAKE_SYNC=16',
    uclamp_id: 'UCLAMP_MIN=0 UCLAMP_MAX=1 UCLAMP_CNT=2',
  },
  kfuncs: `
    __bpf_trap:v bpf_arena_alloc_pages:pvpvpviii bpf_arena_free_pages:vpvpvi bpf_arena_reserve_pages:ipvpvi bpf_cast_to_kern_ctx:pvpv
    bpf_cgroup_acquire:psps bpf_cgroup_ancestor:pspsi bpf_cgroup_from_id:psi bpf_cgroup_read_xattr:ipspips bpf_cgroup_release:vps
    bpf_copy_from_user_dynptr:ipsiipv bpf_copy_from_user_str:ipvipvi bpf_copy_from_user_str_dynptr:ipsiipv
    bpf_copy_from_user_task_dynptr:ipsiipvps bpf_copy_from_user_task_str:ipvipvpsi bpf_copy_from_user_task_str_dynptr:ipsiipvps
    bpf_cpumask_acquire:psps bpf_cpumask_and:ipspsps bpf_cpumask_any_and_distribute:ipsps bpf_cpumask_any_distribute:ips
    bpf_cpumask_clear:vps bpf_cpumask_clear_cpu:vips bpf_cpumask_copy:vpsps bpf_cpumask_create:ps bpf_cpumask_empty:ips
    bpf_cpumask_equal:ipsps bpf_cpumask_first:ips bpf_cpumask_first_and:ipsps bpf_cpumask_first_zero:ips bpf_cpumask_full:ips
    bpf_cpumask_intersects:ipsps bpf_cpumask_or:vpspsps bpf_cpumask_populate:ipspvi bpf_cpumask_release:vps bpf_cpumask_set_cpu:vips
    bpf_cpumask_setall:vps bpf_cpumask_subset:ipsps bpf_cpumask_test_and_clear_cpu:iips bpf_cpumask_test_and_set_cpu:iips
    bpf_cpumask_test_cpu:iips bpf_cpumask_weight:ips bpf_cpumask_xor:vpspsps bpf_crypto_ctx_acquire:psps bpf_crypto_ctx_create:pspsipi
    bpf_crypto_ctx_release:vps bpf_crypto_decrypt:ipspspsps bpf_crypto_encrypt:ipspspsps bpf_dynptr_adjust:ipsii bpf_dynptr_clone:ipsps
    bpf_dynptr_copy:ipsipsii bpf_dynptr_from_skb:ipsips bpf_dynptr_from_skb_meta:ipsips bpf_dynptr_from_xdp:ipsips bpf_dynptr_is_null:ips
    bpf_dynptr_is_rdonly:ips bpf_dynptr_memset:ipsiii bpf_dynptr_size:ips bpf_dynptr_slice:pvpsipvi bpf_dynptr_slice_rdwr:pvpsipvi
    bpf_fentry_test1:ii bpf_get_dentry_xattr:ipspips bpf_get_file_xattr:ipspips bpf_get_fsverity_digest:ipsps bpf_get_kmem_cache:psi
    bpf_get_task_exe_file:psps bpf_iter_bits_destroy:vps bpf_iter_bits_new:ipspii bpf_iter_bits_next:pips bpf_iter_css_destroy:vps
    bpf_iter_css_new:ipspsi bpf_iter_css_next:psps bpf_iter_css_task_destroy:vps bpf_iter_css_task_new:ipspsi bpf_iter_css_task_next:psps
    bpf_iter_dmabuf_destroy:vps bpf_iter_dmabuf_new:ips bpf_iter_dmabuf_next:psps bpf_iter_kmem_cache_destroy:vps bpf_iter_kmem_cache_new:ips
    bpf_iter_kmem_cache_next:psps bpf_iter_num_destroy:vps bpf_iter_num_new:ipsii bpf_iter_num_next:pips bpf_iter_scx_dsq_destroy:vps
    bpf_iter_scx_dsq_new:ipsii bpf_iter_scx_dsq_next:psps bpf_iter_task_destroy:vps bpf_iter_task_new:ipspsi bpf_iter_task_next:psps
    bpf_iter_task_vma_destroy:vps bpf_iter_task_vma_new:ipspsi bpf_iter_task_vma_next:psps bpf_key_put:vps bpf_kfree_skb:vps
    bpf_kfunc_call_memb_release:vps bpf_kfunc_call_test_release:vps bpf_list_back:psps bpf_list_front:psps bpf_list_pop_back:psps
    bpf_list_pop_front:psps bpf_list_push_back_impl:ipspspvi bpf_list_push_front_impl:ipspspvi bpf_local_irq_restore:vpi
    bpf_local_irq_save:vpi bpf_lookup_system_key:psi bpf_lookup_user_key:psii bpf_map_sum_elem_count:ips bpf_modify_return_test2:iipiiipvii
    bpf_modify_return_test:iipi bpf_modify_return_test_tp:ii bpf_obj_drop_impl:vpvpv bpf_obj_new_impl:pvipv bpf_path_d_path:ipspii
    bpf_percpu_obj_drop_impl:vpvpv bpf_percpu_obj_new_impl:pvipv bpf_preempt_disable:v bpf_preempt_enable:v
    bpf_probe_read_kernel_dynptr:ipsiipv bpf_probe_read_kernel_str_dynptr:ipsiipv bpf_probe_read_user_dynptr:ipsiipv
    bpf_probe_read_user_str_dynptr:ipsiipv bpf_put_file:vps bpf_qdisc_bstats_update:vpsps bpf_qdisc_init_prologue:ipsps
    bpf_qdisc_reset_destroy_epilogue:vps bpf_qdisc_skb_drop:vpsps bpf_qdisc_watchdog_schedule:vpsii bpf_rbtree_add_impl:ipspsp(2ipspspvi
    bpf_rbtree_first:psps bpf_rbtree_left:pspsps bpf_rbtree_remove:pspsps bpf_rbtree_right:pspsps bpf_rbtree_root:psps bpf_rcu_read_lock:v
    bpf_rcu_read_unlock:v bpf_rdonly_cast:pvpvi bpf_refcount_acquire_impl:pvpvpv bpf_remove_dentry_xattr:ipspi bpf_res_spin_lock:ips
    bpf_res_spin_lock_irqsave:ipspi bpf_res_spin_unlock:vps bpf_res_spin_unlock_irqrestore:vpspi bpf_send_signal_task:ipsiei
    bpf_session_cookie:pi bpf_session_is_return:i bpf_set_dentry_xattr:ipspipsi bpf_sk_assign_tcp_reqsk:ipspspsi bpf_skb_get_hash:ips
    bpf_sock_addr_set_sun_path:ipspii bpf_sock_destroy:ips bpf_sock_ops_enable_tx_tstamp:ipsi bpf_strcasecmp:ipipi bpf_strchr:ipii
    bpf_strchrnul:ipii bpf_strcmp:ipipi bpf_strcspn:ipipi bpf_stream_vprintk_impl:iipipvipv bpf_strlen:ipi bpf_strnchr:ipiii bpf_strnlen:ipii
    bpf_strnstr:ipipii bpf_strrchr:ipii bpf_strspn:ipipi bpf_strstr:ipipi bpf_task_acquire:psps bpf_task_from_pid:psi bpf_task_from_vpid:psi
    bpf_task_get_cgroup1:pspsi bpf_task_release:vps bpf_task_under_cgroup:ipsps bpf_task_work_schedule_resume_impl:ipspspvp(3ipspvpvpv
    bpf_task_work_schedule_signal_impl:ipspspvp(3ipspvpvpv bpf_throw:vi bpf_verify_pkcs7_signature:ipspsps bpf_wq_init:ipspvi
    bpf_wq_set_callback_impl:ipsp(3ipvpipvipv bpf_wq_start:ipsi bpf_xdp_get_xfrm_state:pspspsi bpf_xdp_metadata_rx_hash:ipspipe
    bpf_xdp_metadata_rx_timestamp:ipspi bpf_xdp_metadata_rx_vlan_tag:ipspipi bpf_xdp_pull_data:ipsi bpf_xdp_xfrm_state_release:vps
    crash_kexec:vps css_rstat_flush:vps css_rstat_updated:vpsi cubictcp_acked:vpsps cubictcp_cong_avoid:vpsii cubictcp_cwnd_event:vpse
    cubictcp_init:vps cubictcp_recalc_ssthresh:ips cubictcp_state:vpsi scx_bpf_cpu_curr:psi scx_bpf_cpu_node:ii scx_bpf_cpu_rq:psi
    scx_bpf_cpuperf_cap:ii scx_bpf_cpuperf_cur:ii scx_bpf_cpuperf_set:vii scx_bpf_create_dsq:iii scx_bpf_destroy_dsq:vi
    scx_bpf_dispatch_cancel:v scx_bpf_dispatch_nr_slots:i scx_bpf_dsq_insert:vpsiii scx_bpf_dsq_insert_vtime:vpsiiii scx_bpf_dsq_move:ipspsii
    scx_bpf_dsq_move_set_slice:vpsi scx_bpf_dsq_move_set_vtime:vpsi scx_bpf_dsq_move_to_local:ii scx_bpf_dsq_move_vtime:ipspsii
    scx_bpf_dsq_nr_queued:ii scx_bpf_dump_bstr:vpipii scx_bpf_error_bstr:vpipii scx_bpf_events:vpsi scx_bpf_exit_bstr:vipipii
    scx_bpf_get_idle_cpumask:ps scx_bpf_get_idle_cpumask_node:psi scx_bpf_get_idle_smtmask:ps scx_bpf_get_idle_smtmask_node:psi
    scx_bpf_get_online_cpumask:ps scx_bpf_get_possible_cpumask:ps scx_bpf_kick_cpu:vii scx_bpf_locked_rq:ps scx_bpf_now:i
    scx_bpf_nr_cpu_ids:i scx_bpf_nr_node_ids:i scx_bpf_pick_any_cpu:ipsi scx_bpf_pick_any_cpu_node:ipsii scx_bpf_pick_idle_cpu:ipsi
    scx_bpf_pick_idle_cpu_node:ipsii scx_bpf_put_cpumask:vps scx_bpf_put_idle_cpumask:vps scx_bpf_reenqueue_local:i
    scx_bpf_select_cpu_and:ipsiipsi scx_bpf_select_cpu_dfl:ipsiipi scx_bpf_task_cgroup:psps scx_bpf_task_cpu:ips scx_bpf_task_running:ips
    scx_bpf_test_and_clear_cpu_idle:ii tcp_cong_avoid_ai:vpsii tcp_reno_cong_avoid:vpsii tcp_reno_ssthresh:ips tcp_reno_undo_cwnd:ips
    tcp_slow_start:ipsi
`,
  perCpu: `
    __bpf_map_cookie __irq_regs __namespace_cookie __percpu_rwsem_rc_bp_cpuinfo_sem __percpu_rwsem_rc_cgroup_threadgroup_rwsem
    __percpu_rwsem_rc_cpu_hotplug_lock __percpu_rwsem_rc_dup_mmap_sem __percpu_rwsem_rc_file_rwsem __percpu_rwsem_rc_global_ctx_data_rwsem
    __percpu_rwsem_rc_kclist_lock __percpu_rwsem_rc_mem_hotplug_lock __percpu_rwsem_rc_scx_cgroup_ops_rwsem __percpu_rwsem_rc_scx_fork_rwsem
    __perf_regs __preempt_count __pv_cpu_mask __sock_cookie __softirq_pending __stack_chk_guard __tmp_mask __tss_limit_invalid
    __x86_call_depth _cea_offset aa_local_buffers acpi_cpuidle_device acpi_cstate amd_dr_addr_mask apf_reason arch_freq_scale
    async_pf_enabled audit_cache avc_cache_stats backlog_napi bank_map batched_entropy_u16 batched_entropy_u32 batched_entropy_u64
    batched_entropy_u8 bdp_ratelimits bh_accounting bh_lrus bh_pool_irq_works bh_worker_pools blk_cpu_csd blk_cpu_done blk_cpu_iopoll
    boot_nodestats boot_pageset boot_zonestats bp_cpuinfo bp_per_reg bpf_bprintf_bufs bpf_bprintf_nest_level bpf_cgrp_storage_busy
    bpf_event_output_nest_level bpf_misc_sds bpf_prog_active bpf_pt_regs bpf_raw_tp_nest_level bpf_raw_tp_regs bpf_task_storage_busy
    bpf_trace_nest_level bpf_trace_sds bpf_user_rnd_state cache_state_incoherent cached_stacks call_single_queue callchain_recursion
    cea_exception_stacks cfd_data ci_cache_dev ci_cpu_cacheinfo ci_index_dev cluster_masks console_srcu_srcu_data context_tracking
    cpc_desc_ptr cpu_access_lock cpu_control_block cpu_core_map cpu_current_top_of_stack cpu_dbs cpu_debug_store cpu_debugreg cpu_devices
    cpu_die_map cpu_dr7 cpu_evtchn_mask cpu_fbatches cpu_hpet_channel cpu_hw_events cpu_info cpu_l2c_shared_map cpu_llc_shared_map
    cpu_loops_per_jiffy cpu_number cpu_pcc_subspace_idx cpu_queue cpu_samples cpu_scale cpu_sibling_map cpu_stopper cpu_sys_devices
    cpu_tlbstate cpu_tlbstate_shared cpu_trace cpu_tss_rw cpu_worker_pools cpufreq_cpu_data cpufreq_pressure cpufreq_thermal_reduction_step
    cpufreq_transition_notifier_list_head_srcu_data cpufreq_update_util_data cpuhp_state cpuidle_dev cpuidle_devices crngs csd_data
    current_bit_idx current_kprobe current_task current_word_idx cyc2ns dax_srcu_srcu_data defer_free_objects device_links_srcu_srcu_data
    direct_dispatch_task dirty_throttle_leaks disable_stack_tracer discard_pa_seq distribute_cpu_mask_prev dl_pull_head dl_push_head
    dquot_srcu_srcu_data entry_stack_storage eventfs_srcu_srcu_data exception_stacks file_lock_list flush_tlb_info fpu_fpregs_owner_ctx
    fred_rsp0 ftrace_stack_reserve ftrace_stacks gdt_page hardirq_stack_inuse hardirq_stack_ptr hfi_cpu_info hist_pad_cnt hmac_storage
    hrtimer_bases hrtimer_interrupts hrtimer_interrupts_saved hrtimer_running hv_clock_per_cpu hv_sev_vmsa hw_errs_seen idle_inject_device
    idle_inject_thread idle_ret_stack idle_threads idt_desc injectm insn_buffer int_active_memcg ipi_mask ipi_to_evtchn ipi_to_irq
    ipv4_icmp_sk ipv4_tcp_sk ipv6_icmp_sk irq_epoch irq_name irq_randomness irq_stack_backing_store irq_stat irq_work_NMI_resume
    irqsave_flags kernel_cpustat kernel_fpu_allowed klp_stack_entries kmmio_ctx kprobe_ctlblk krc ksoftirqd kstack_offset kstat ktimerd
    kvm_apic_eoi ladder_devices lapic_events last_ino last_nmi_rip last_timestamp lateeoi lazy_list listener_array load_balance_mask
    local_cpu_mask local_cpu_mask_dl local_event local_idle_cpumask local_llc_idle_cpumask local_numa_idle_cpumask lock_kicker_irq
    lru_add_drain_work mc_buffer mce_banks_array mce_banks_owned mce_device mce_exception_count mce_next_interval mce_num_banks
    mce_poll_banks mce_poll_count mce_timer memcg_stock memory_failure_cpu menu_devices mg_ctime_swaps mg_ctime_updates mg_fine_stamps
    mlock_fbatch mmap_unlock_work mptcp_delegated_actions msr_misc_features_shadow mthp_stats mwait_cpu_dead napi_alloc_cache
    nat_keepalive_sk_ipv4 nat_keepalive_sk_ipv6 nbcon_pcpu_emergency_nesting ne_fit_preload_node netdev_alloc_cache nmi_cr2 nmi_dr7
    nmi_rearmed nmi_state nmi_stats nmi_user_regs nohz_full_kick_work nop_txn_flags nr_dentry nr_dentry_negative nr_dentry_unused nr_inodes
    nr_unused numa_node obj_stock old_runstate_time osq_node p4_running pending_timer_softirq per_cpu_unvisited percpu_swap_cluster
    perf_cpu_context perf_nmi_tstamp perf_sched_cb_usages perf_throttled_count perf_throttled_seq pf_reason pmc_prev_left pmu_sb_events
    pp_system_recycle_stats pqr_state printk_context printk_count printk_count_nmi printk_pending process_counts processor_device_array
    processors psi_seq pt_ctx push_work qnodes radix_tree_preloads raised_list rcu_data rcu_tasks__percpu rcu_tasks_rude__percpu
    rcu_tasks_trace__percpu return_notifier_list root_cpuacct_cpuusage root_rstat_base_cpu root_rstat_cpu rqnodes rqspinlock_held_locks
    rstat_backlog_list rt6_uncached_list rt_cache_stat rt_pull_head rt_push_head rt_uncached_list running_sample_length runqueues
    runtime_data saved_epb sch_frag_data_storage sched_cb_list sched_clock_data sched_core_priority sched_rnd_state scomp_scratch
    scx_kick_pseqs scx_locked_rq_state sd_asym_cpucapacity sd_asym_packing sd_llc sd_llc_id sd_llc_shared sd_llc_size sd_numa sd_share_id
    seg6_bpf_srh_states select_rq_mask send_signal_work sev_vmsa shadow_tls_desc should_we_balance_tmpmask sigpool_scratch sl_reenable
    slub_flush smca_bank_counts smca_banks softlockup_completion softlockup_stop_work softlockup_touch_sync softnet_data spec_ctrl
    srcu_srcu_data ssb_state steal_time stimer0_evt storm_desc stream_local_lock stream_pcpu_page sugov_cpu svsm_caa svsm_caa_pa swallow_nmi
    swevent_htable system_group_pcpu system_page_pool tasklet_hi_vec tasklet_vec taskstats_seqnum tcp_memory_per_cpu_fw_alloc
    tcp_orphan_count tcp_tw_isn text_poke_array_refs thermal_state this_cpu_off threshold_banks tick_cpu_device tick_cpu_sched
    tick_oneshot_wakeup_device tick_percpu_dev timekeeping_mg_floor_swaps timer_bases tmigr_cpu tomoyo_ss_srcu_data trace_buffered_event
    trace_buffered_event_cnt trace_taskinfo_save trc_ipi_to_cpu trigger_backtrace tsc_adjust tsq_work udp_memory_per_cpu_fw_alloc
    uretprobes_srcu_srcu_data user_stack_count vector_cleanup vector_irq vfree_deferred virq_to_irq vm_event_states vmap_block_queue
    vmcore_cb_srcu_srcu_data vmstat_work vmw_steal_time wake_up_klogd_work wakeup_srcu_srcu_data watchdog_ev watchdog_hardlockup_touched
    watchdog_hardlockup_warned watchdog_hrtimer watchdog_report_ts watchdog_touch_ts wq_rr_cpu_last x86_cpu_to_acpiid x86_cpu_to_apicid
    x86_cpu_to_node_map x86_ibpb_exit_to_user x86_spec_ctrl_current xen_callfunc_irq xen_callfuncsingle_irq xen_clock_events xen_cr0_value
    xen_cr3 xen_current_cr3 xen_debug_irq xen_irq_work xen_lazy_mode xen_mc_irq_flags xen_pmu_irq xen_qlock_wait_nest xen_resched_irq
    xen_runstate xen_vcpu xen_vcpu_id xen_vcpu_info xenpmu_shared xfd_state xfrm_trans_tasklet
`,
  helpers: `
    unspec map_lookup_elem map_update_elem map_delete_elem probe_read ktime_get_ns trace_printk get_prandom_u32 get_smp_processor_id
    skb_store_bytes l3_csum_replace l4_csum_replace tail_call clone_redirect get_current_pid_tgid get_current_uid_gid get_current_comm
    get_cgroup_classid skb_vlan_push skb_vlan_pop skb_get_tunnel_key skb_set_tunnel_key perf_event_read redirect get_route_realm
    perf_event_output skb_load_bytes get_stackid csum_diff skb_get_tunnel_opt skb_set_tunnel_opt skb_change_proto skb_change_type
    skb_under_cgroup get_hash_recalc get_current_task probe_write_user current_task_under_cgroup skb_change_tail skb_pull_data csum_update
    set_hash_invalid get_numa_node_id skb_change_head xdp_adjust_head probe_read_str get_socket_cookie get_socket_uid set_hash setsockopt
    skb_adjust_room redirect_map sk_redirect_map sock_map_update xdp_adjust_meta perf_event_read_value perf_prog_read_value getsockopt
    override_return sock_ops_cb_flags_set msg_redirect_map msg_apply_bytes msg_cork_bytes msg_pull_data bind xdp_adjust_tail
    skb_get_xfrm_state get_stack skb_load_bytes_relative fib_lookup sock_hash_update msg_redirect_hash sk_redirect_hash lwt_push_encap
    lwt_seg6_store_bytes lwt_seg6_adjust_srh lwt_seg6_action rc_repeat rc_keydown skb_cgroup_id get_current_cgroup_id get_local_storage
    sk_select_reuseport skb_ancestor_cgroup_id sk_lookup_tcp sk_lookup_udp sk_release map_push_elem map_pop_elem map_peek_elem msg_push_data
    msg_pop_data rc_pointer_rel spin_lock spin_unlock sk_fullsock tcp_sock skb_ecn_set_ce get_listener_sock skc_lookup_tcp
    tcp_check_syncookie sysctl_get_name sysctl_get_current_value sysctl_get_new_value sysctl_set_new_value strtol strtoul sk_storage_get
    sk_storage_delete send_signal tcp_gen_syncookie skb_output probe_read_user probe_read_kernel probe_read_user_str probe_read_kernel_str
    tcp_send_ack send_signal_thread jiffies64 read_branch_records get_ns_current_pid_tgid xdp_output get_netns_cookie
    get_current_ancestor_cgroup_id sk_assign ktime_get_boot_ns seq_printf seq_write sk_cgroup_id sk_ancestor_cgroup_id ringbuf_output
    ringbuf_reserve ringbuf_submit ringbuf_discard ringbuf_query csum_level skc_to_tcp6_sock skc_to_tcp_sock skc_to_tcp_timewait_sock
    skc_to_tcp_request_sock skc_to_udp6_sock get_task_stack load_hdr_opt store_hdr_opt reserve_hdr_opt inode_storage_get inode_storage_delete
    d_path copy_from_user snprintf_btf seq_printf_btf skb_cgroup_classid redirect_neigh per_cpu_ptr this_cpu_ptr redirect_peer
    task_storage_get task_storage_delete get_current_task_btf bprm_opts_set ktime_get_coarse_ns ima_inode_hash sock_from_file check_mtu
    for_each_map_elem snprintf sys_bpf btf_find_by_name_kind sys_close timer_init timer_set_callback timer_start timer_cancel get_func_ip
    get_attach_cookie task_pt_regs get_branch_snapshot trace_vprintk skc_to_unix_sock kallsyms_lookup_name find_vma loop strncmp get_func_arg
    get_func_ret get_func_arg_cnt get_retval set_retval xdp_get_buff_len xdp_load_bytes xdp_store_bytes copy_from_user_task skb_set_tstamp
    ima_file_hash kptr_xchg map_lookup_percpu_elem skc_to_mptcp_sock dynptr_from_mem ringbuf_reserve_dynptr ringbuf_submit_dynptr
    ringbuf_discard_dynptr dynptr_read dynptr_write dynptr_data tcp_raw_gen_syncookie_ipv4 tcp_raw_gen_syncookie_ipv6
    tcp_raw_check_syncookie_ipv4 tcp_raw_check_syncookie_ipv6 ktime_get_tai_ns user_ringbuf_drain cgrp_storage_get cgrp_storage_delete
`,
};
