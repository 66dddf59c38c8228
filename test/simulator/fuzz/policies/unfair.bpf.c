/* SPDX-License-Identifier: GPL-2.0 */
/*
 * unfair: shares by virtual time as vtime does, but keeps a task's weight in one byte. Weights beyond 255 (nice -5 is 305) wrap, so who should get most gets
 * little. Nobody starves: the guard against starvation is right. Tests see whether attack mode finds it.
 */
#include "policy.h"

#define QUEUE 0
#define SLICE_NS 10000000
#define GUARD_NS 500000000

struct task_state {
	u64 mark;
	u64 queued_at;
	u8 weight;
};

#include "task.h"
#include "rescue.h"

u64 vtime_now;

s32 OP(unfair_select_cpu, struct task_struct *p, s32 prev_cpu, u64 wake_flags)
{
	return select_idle_cpu(p, prev_cpu, wake_flags, SLICE_NS);
}

void OP(unfair_enqueue, struct task_struct *p, u64 enq_flags)
{
	struct task_state *s = task_state(p);

	if (s)
		s->queued_at = scx_bpf_now();
	scx_bpf_dsq_insert_vtime(p, QUEUE, SLICE_NS, later(p->scx.dsq_vtime, vtime_now - SLICE_NS), enq_flags);
	kick_idle_cpu(p);
}

void OP(unfair_dispatch, s32 cpu, struct task_struct *prev)
{
	if (!rescue_overdue(QUEUE, cpu, GUARD_NS, SLICE_NS))
		scx_bpf_dsq_move_to_local(QUEUE);
}

void OP(unfair_running, struct task_struct *p)
{
	struct task_state *s = task_state(p);

	if (s) {
		charge(p, &s->mark);
		s->weight = p->scx.weight;
	}
	vtime_now = later(vtime_now, p->scx.dsq_vtime);
}

void OP(unfair_stopping, struct task_struct *p, bool runnable)
{
	struct task_state *s = task_state(p);

	if (s)
		task_set_vtime(p, p->scx.dsq_vtime + by_weight(charge(p, &s->mark), s->weight));
}

void OP(unfair_enable, struct task_struct *p)
{
	task_set_vtime(p, vtime_now);
}

s32 SLEEPABLE_OP(unfair_init_task, struct task_struct *p, struct scx_init_task_args *args)
{
	return new_task_state(p) ? 0 : -ENOMEM;
}

s32 SLEEPABLE_OP(unfair_init)
{
	return scx_bpf_create_dsq(QUEUE, -1);
}

POLICY(unfair,
       .select_cpu = (void *)unfair_select_cpu,
       .enqueue = (void *)unfair_enqueue,
       .dispatch = (void *)unfair_dispatch,
       .running = (void *)unfair_running,
       .stopping = (void *)unfair_stopping,
       .enable = (void *)unfair_enable,
       .init_task = (void *)unfair_init_task,
       .init = (void *)unfair_init);
