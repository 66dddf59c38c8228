// The kernel's structures as simulated programs find them: which members are modelled, and where they lie. Members have the names, kinds
// and sizes of the kernel's own (linux-6.18.ts; a test compares them); order and what is left out are ours.
import { type Layouts, layOut, offsetsOf } from './layout.ts';

/** CPUs that a cpumask can hold: 256. */
export const cpumaskBytes = 32;
/** Levels of the cgroup tree, the root's included, that `ancestors` can hold. */
export const cgroupLevels = 8;

export const layouts: Layouts = layOut({
  atomic_t: 'counter:s32',
  refcount_struct: 'refs:atomic_t',
  cpumask: `bits:u64[${cpumaskBytes / 8}]`,
  bpf_cpumask: 'cpumask:cpumask usage:refcount_struct',
  scx_dispatch_q: 'nr:u32 id:u64',
  sched_ext_entity: `
    slice:u64 dsq_vtime:u64 runnable_at:u64
    flags:u32 weight:u32 sticky_cpu:s32 holding_cpu:s32 selected_cpu:s32 disallow:bool`,
  sched_entity: 'sum_exec_runtime:u64',
  thread_info: 'cpu:u32',
  // `simulator` is ours, and holds what cpus_ptr points to: nothing in the kernel has that name, so no program can reach it by it.
  task_struct: `
    scx:sched_ext_entity se:sched_entity simulator:u64[7]
    cpus_ptr:ptr cgroups:ptr real_parent:ptr parent:ptr=real_parent group_leader:ptr mm:ptr sched_task_group:ptr
    nvcsw:u64 nivcsw:u64 start_time:u64 start_boottime:u64=start_time
    thread_info:thread_info __state:u32 flags:u32 pid:s32 tgid:s32 policy:u32
    prio:s32 normal_prio:s32=prio static_prio:s32 rt_priority:u32
    nr_cpus_allowed:s32 migration_disabled:u16 migration_flags:u16
    on_cpu:s32 on_rq:s32
    comm:char[16]`,
  scx_rq: `
    local_dsq:scx_dispatch_q clock:u64 nr_running:u32 flags:u32 cpuperf_target:u32 cpu_released:bool`,
  rq: `
    scx:scx_rq curr:ptr donor:ptr=curr idle:ptr stop:ptr clock:u64 clock_task:u64 cpu_capacity:u64
    cpu:s32 online:s32 nr_running:u32`,
  cgroup_subsys_state: 'cgroup:ptr parent:ptr serial_nr:u64 id:s32 flags:u32',
  kernfs_node: 'id:u64 name:ptr __parent:ptr',
  cgroup: `self:cgroup_subsys_state kn:ptr flags:u64 level:s32 ancestors:ptr[${cgroupLevels}]`,
  // `simulator`: the task_group of the same cgroup.
  css_set: 'dfl_cgrp:ptr simulator:ptr',
  scx_task_group: 'flags:u32 weight:u32 bw_period_us:u64 bw_quota_us:u64 bw_burst_us:u64',
  task_group: 'css:cgroup_subsys_state scx:scx_task_group parent:ptr shares:u64 idle:s32',
  scx_init_task_args: 'fork:bool cgroup:ptr',
  scx_exit_task_args: 'cancelled:bool',
  scx_cpu_acquire_args: '',
  scx_cpu_release_args: 'reason:enum32 task:ptr',
  scx_cgroup_init_args: 'weight:u32 bw_period_us:u64 bw_quota_us:u64 bw_burst_us:u64',
  scx_exit_info: 'kind:enum32 exit_code:s64 flags:u64 reason:ptr bt:ptr bt_len:u32 msg:ptr dump:ptr',
  scx_dump_ctx: 'kind:enum32 exit_code:s64 reason:ptr at_ns:u64 at_jiffies:u64',
  scx_event_stats: `
    SCX_EV_SELECT_CPU_FALLBACK:s64 SCX_EV_DISPATCH_LOCAL_DSQ_OFFLINE:s64 SCX_EV_DISPATCH_KEEP_LAST:s64 SCX_EV_ENQ_SKIP_EXITING:s64
    SCX_EV_ENQ_SKIP_MIGRATION_DISABLED:s64 SCX_EV_REFILL_SLICE_DFL:s64 SCX_EV_BYPASS_DURATION:s64 SCX_EV_BYPASS_DISPATCH:s64
    SCX_EV_BYPASS_ACTIVATE:s64`,
});

/** Names in `layouts` that the kernel does not have, with their structure. */
export const privateMembers: readonly string[] = ['task_struct.simulator', 'css_set.simulator'];

function struct<const P extends string>(name: string, ...paths: P[]) {
  const layout = layouts.get(name);
  if (layout === undefined) throw new Error(`no layout of ${name}`);
  return { size: layout.size, offsets: offsetsOf(layouts, name, ...paths) } as const;
}

/** Bytes from one task to the next. */
export const taskStride = 256;
export const taskStruct = struct(
  'task_struct',
  'scx.slice',
  'scx.dsq_vtime',
  'scx.runnable_at',
  'scx.flags',
  'scx.weight',
  'scx.sticky_cpu',
  'scx.holding_cpu',
  'scx.selected_cpu',
  'scx.disallow',
  'se.sum_exec_runtime',
  'simulator',
  'cpus_ptr',
  'cgroups',
  'real_parent',
  'group_leader',
  'mm',
  'sched_task_group',
  'nvcsw',
  'nivcsw',
  'start_time',
  'thread_info.cpu',
  '__state',
  'flags',
  'pid',
  'tgid',
  'policy',
  'prio',
  'static_prio',
  'rt_priority',
  'nr_cpus_allowed',
  'migration_disabled',
  'on_cpu',
  'on_rq',
  'comm',
);
/** Bytes from one CPU's run queue to the next. */
export const rqStride = 128;
export const rq = struct(
  'rq',
  'scx.local_dsq',
  'scx.local_dsq.nr',
  'scx.local_dsq.id',
  'scx.clock',
  'scx.nr_running',
  'scx.flags',
  'scx.cpuperf_target',
  'scx.cpu_released',
  'curr',
  'idle',
  'stop',
  'clock',
  'clock_task',
  'cpu_capacity',
  'cpu',
  'online',
  'nr_running',
);
export const dispatchQueue = struct('scx_dispatch_q', 'nr', 'id');
export const bpfCpumask = struct('bpf_cpumask', 'cpumask', 'usage');
export const cssSet = struct('css_set', 'dfl_cgrp', 'simulator');
export const cgroup = struct(
  'cgroup',
  'self.cgroup',
  'self.parent',
  'self.id',
  'self.serial_nr',
  'kn',
  'level',
  'ancestors',
);
export const kernfsNode = struct('kernfs_node', 'id', 'name', '__parent');
export const taskGroup = struct(
  'task_group',
  'css.cgroup',
  'css.parent',
  'css.id',
  'scx.flags',
  'scx.weight',
  'parent',
  'shares',
);
export const initTaskArgs = struct('scx_init_task_args', 'fork', 'cgroup');
export const exitTaskArgs = struct('scx_exit_task_args', 'cancelled');
export const cpuReleaseArgs = struct('scx_cpu_release_args', 'reason', 'task');
export const cgroupInitArgs = struct(
  'scx_cgroup_init_args',
  'weight',
  'bw_period_us',
  'bw_quota_us',
  'bw_burst_us',
);
export const exitInfo = struct(
  'scx_exit_info',
  'kind',
  'exit_code',
  'flags',
  'reason',
  'bt',
  'bt_len',
  'msg',
  'dump',
);
export const dumpContext = struct('scx_dump_ctx', 'kind', 'exit_code', 'reason', 'at_ns', 'at_jiffies');
export const eventStats = struct('scx_event_stats');
