/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A small sound policy of which each case changes one thing: a case defines one of the macros below, and what it needs, before it includes this file. Only read and
 * judged, never loaded.
 */
#include "policy.h"

struct sched_ext_ops___all {
	s32 (*select_cpu)(struct task_struct *p, s32 prev_cpu, u64 wake_flags);
	void (*enqueue)(struct task_struct *p, u64 enq_flags);
	void (*dispatch)(s32 cpu, struct task_struct *prev);
	void (*running)(struct task_struct *p);
	void (*update_idle)(s32 cpu, bool idle);
	void (*cgroup_set_bandwidth)(struct cgroup *cgrp, u64 period_us, u64 quota_us, u64 burst_us);
	s32 (*init_task)(struct task_struct *p, struct scx_init_task_args *args);
	s32 (*init)(void);
	void (*exit)(struct scx_exit_info *info);
	u32 dispatch_max_batch;
	u64 flags;
	u32 timeout_ms;
	char name[128];
};

const volatile u64 slice_ns = 20000000;

#define QUEUE 0
#ifndef SELECT_CPU
#define SELECT_CPU return select_idle_cpu(p, prev_cpu, wake_flags, slice_ns)
#endif
#ifndef ENQUEUE
#define ENQUEUE scx_bpf_dsq_insert(p, QUEUE, slice_ns, enq_flags); kick_idle_cpu(p)
#endif
#ifndef DISPATCH
#define DISPATCH scx_bpf_dsq_move_to_local(QUEUE)
#endif
#ifndef RUNNING
#define RUNNING (void)p
#endif
#ifndef INIT
#define INIT return scx_bpf_create_dsq(QUEUE, -1)
#endif
#ifndef INIT_TASK
#ifdef SCHEDCP_TASK_H
#define INIT_TASK return new_task_state(p) ? 0 : -ENOMEM
#else
#define INIT_TASK return 0
#endif
#endif
#ifndef INIT_OP
#define INIT_OP SLEEPABLE_OP
#endif
#ifndef ENQUEUE_OP
#define ENQUEUE_OP OP
#endif
#ifndef NAME
#define NAME "small"
#endif
#ifndef LICENCE
#define LICENCE "GPL"
#endif
#ifndef MORE
#define MORE
#endif

s32 OP(small_select_cpu, struct task_struct *p, s32 prev_cpu, u64 wake_flags)
{
	SELECT_CPU;
}

#ifndef NO_ENQUEUE
void ENQUEUE_OP(small_enqueue, struct task_struct *p, u64 enq_flags)
{
	ENQUEUE;
}
#endif

#ifndef NO_DISPATCH
void OP(small_dispatch, s32 cpu, struct task_struct *prev)
{
	DISPATCH;
}
#endif

void OP(small_running, struct task_struct *p)
{
	RUNNING;
}

s32 SLEEPABLE_OP(small_init_task, struct task_struct *p, struct scx_init_task_args *args)
{
	INIT_TASK;
}

s32 INIT_OP(small_init)
{
	INIT;
}

void OP(small_exit, struct scx_exit_info *info)
{
	record_exit(info);
}

#define TABLE(variable, ...)                                        \
	SEC(".struct_ops.link")                                     \
	struct sched_ext_ops___all variable = {                     \
		.select_cpu = (void *)small_select_cpu,             \
		.running = (void *)small_running,                   \
		.init_task = (void *)small_init_task,               \
		.init = (void *)small_init,                         \
		.exit = (void *)small_exit,                         \
		.name = NAME,                                       \
		__VA_ARGS__                                         \
	}

#ifndef NO_OPS
TABLE(small_ops,
#ifndef NO_ENQUEUE
      .enqueue = (void *)small_enqueue,
#endif
#ifndef NO_DISPATCH
      .dispatch = (void *)small_dispatch,
#endif
      MORE);
#endif
#ifdef SECOND
TABLE(other_ops, .enqueue = (void *)small_enqueue, .dispatch = (void *)small_dispatch);
#endif

char _license[] SEC("license") = LICENCE;
