/* SPDX-License-Identifier: GPL-2.0 */
/*
 * One shared FIFO queue and an op for each moment of a task's life, most of them empty: for recording what the kernel calls, and when. Slices
 * are short, so that tasks are preempted. Bad at everything else.
 */
#include "policy.h"

#define QUEUE 0
#define SLICE 3000000

s32 OP(every_select_cpu, struct task_struct *p, s32 prev_cpu, u64 wake_flags)
{
	return select_idle_cpu(p, prev_cpu, wake_flags, SLICE);
}

void OP(every_enqueue, struct task_struct *p, u64 enq_flags)
{
	scx_bpf_dsq_insert(p, QUEUE, SLICE, enq_flags);
	kick_idle_cpu(p);
}

void OP(every_dispatch, s32 cpu, struct task_struct *prev)
{
	scx_bpf_dsq_move_to_local(QUEUE);
}

s32 SLEEPABLE_OP(every_init_task, struct task_struct *p, struct scx_init_task_args *args)
{
	return 0;
}

s32 SLEEPABLE_OP(every_init)
{
	return scx_bpf_create_dsq(QUEUE, -1);
}

bool OP(every_yield, struct task_struct *from, struct task_struct *to)
{
	return false;
}

void OP(every_dequeue, struct task_struct *p, u64 deq_flags) {}
void OP(every_tick, struct task_struct *p) {}
void OP(every_runnable, struct task_struct *p, u64 enq_flags) {}
void OP(every_running, struct task_struct *p) {}
void OP(every_stopping, struct task_struct *p, bool runnable) {}
void OP(every_quiescent, struct task_struct *p, u64 deq_flags) {}
void OP(every_set_weight, struct task_struct *p, u32 weight) {}
void OP(every_set_cpumask, struct task_struct *p, const struct cpumask *cpumask) {}
void OP(every_enable, struct task_struct *p) {}
void OP(every_disable, struct task_struct *p) {}
void OP(every_exit_task, struct task_struct *p, struct scx_exit_task_args *args) {}

POLICY(every,
       .select_cpu = (void *)every_select_cpu,
       .enqueue = (void *)every_enqueue,
       .dequeue = (void *)every_dequeue,
       .dispatch = (void *)every_dispatch,
       .tick = (void *)every_tick,
       .runnable = (void *)every_runnable,
       .running = (void *)every_running,
       .stopping = (void *)every_stopping,
       .quiescent = (void *)every_quiescent,
       .yield = (void *)every_yield,
       .set_weight = (void *)every_set_weight,
       .set_cpumask = (void *)every_set_cpumask,
       .init_task = (void *)every_init_task,
       .exit_task = (void *)every_exit_task,
       .enable = (void *)every_enable,
       .disable = (void *)every_disable,
       .init = (void *)every_init);
