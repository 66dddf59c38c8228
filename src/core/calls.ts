// The sequence of calls between the kernel and a sched_ext policy, and of what the scheduler did: what a micro-VM records and the simulator
// reproduces. Names and arguments are the kernel's own (struct sched_ext_ops, the kfuncs of kernel/sched/ext.c, the sched tracepoints, v6.18).

import type { Outcome } from './records.ts';

/** A task of the workload by its index in the expansion, any other by its comm (the idle task is swapper/CPU), or nobody. */
export type TaskRef = number | string | null;

/** An integer; decimal text beyond 2^53. */
export type CallNumber = number | string;

export interface Call {
  /** Since the start of the first round; negative before it. */
  readonly ns: number;
  /** Where it was called. */
  readonly cpu: number;
  /** ops.enqueue, scx_bpf_dsq_insert, sched_switch… */
  readonly what: string;
  readonly task: TaskRef;
  /** A second task: the next one of sched_switch, the second one of ops.yield and ops.core_sched_before. */
  readonly other: TaskRef;
  /** As callShapes names them. */
  readonly args: readonly CallNumber[];
  /** Null where there is none. */
  readonly result: number | null;
}

/** A simulation records no more: a call takes some 200 bytes. */
export const mostCalls = 2_000_000;

/** A run whose calls were recorded. */
export interface Traced {
  readonly outcome: Outcome;
  /** In the order in which they happened. */
  readonly calls: Call[];
  /** Calls that were not recorded: beyond the recorder's room (at least so many), or made while the tracer ran on the same CPU. */
  readonly lost: number;
}

export interface CallShape {
  /** Names of the numbers, in order. */
  readonly args: readonly string[];
  readonly hasResult: boolean;
}

const shape = (...args: string[]): CallShape => ({ args, hasResult: false });
const returning = (...args: string[]): CallShape => ({ args, hasResult: true });

/** Every call that is recorded. Of a cpumask only the first 64 CPUs. */
export const callShapes: Readonly<Record<string, CallShape>> = {
  'ops.select_cpu': returning('prev_cpu', 'wake_flags'),
  'ops.enqueue': shape('enq_flags'),
  'ops.dequeue': shape('deq_flags'),
  'ops.dispatch': shape('cpu'),
  'ops.tick': shape(),
  'ops.runnable': shape('enq_flags'),
  'ops.running': shape(),
  'ops.stopping': shape('runnable'),
  'ops.quiescent': shape('deq_flags'),
  'ops.yield': returning(),
  'ops.core_sched_before': returning(),
  'ops.set_weight': shape('weight'),
  'ops.set_cpumask': shape('cpumask'),
  'ops.update_idle': shape('cpu', 'idle'),
  'ops.cpu_acquire': shape('cpu'),
  'ops.cpu_release': shape('cpu'),
  'ops.init_task': shape('fork'),
  'ops.exit_task': shape('cancelled'),
  'ops.enable': shape(),
  'ops.disable': shape(),
  'ops.cgroup_init': shape(),
  'ops.cgroup_exit': shape(),
  'ops.cgroup_prep_move': shape(),
  'ops.cgroup_move': shape(),
  'ops.cgroup_cancel_move': shape(),
  'ops.cgroup_set_weight': shape('weight'),
  'ops.cpu_online': shape('cpu'),
  'ops.cpu_offline': shape('cpu'),
  'ops.init': shape(),
  'ops.exit': shape('kind'),
  scx_bpf_dsq_insert: shape('dsq_id', 'slice', 'enq_flags'),
  scx_bpf_dsq_insert_vtime: shape('dsq_id', 'slice', 'vtime', 'enq_flags'),
  scx_bpf_dsq_move_to_local: returning('dsq_id'),
  scx_bpf_dsq_move: returning('dsq_id', 'enq_flags'),
  scx_bpf_dsq_move_vtime: returning('dsq_id', 'enq_flags'),
  scx_bpf_dsq_move_set_slice: shape('slice'),
  scx_bpf_dsq_move_set_vtime: shape('vtime'),
  scx_bpf_select_cpu_dfl: returning('prev_cpu', 'wake_flags', 'is_idle'),
  scx_bpf_select_cpu_and: returning('prev_cpu', 'wake_flags', 'flags'),
  scx_bpf_pick_idle_cpu: returning('flags'),
  scx_bpf_pick_any_cpu: returning('flags'),
  scx_bpf_test_and_clear_cpu_idle: returning('cpu'),
  scx_bpf_kick_cpu: shape('cpu', 'flags'),
  scx_bpf_reenqueue_local: returning(),
  scx_bpf_create_dsq: returning('dsq_id', 'node'),
  scx_bpf_destroy_dsq: shape('dsq_id'),
  sched_switch: shape('prev_state', 'preempt'),
  sched_waking: shape('target_cpu'),
  sched_wakeup: shape('target_cpu'),
  sched_wakeup_new: shape('target_cpu'),
  sched_migrate_task: shape('orig_cpu', 'dest_cpu'),
};
