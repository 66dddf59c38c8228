/* SPDX-License-Identifier: GPL-2.0 */
/*
 * kiln: weighted virtual time for what people wait for, and no fuss about the rest. Tasks of the batch and idle policies have no claim to a share:
 * they line up in order of arrival behind all others. For machines where batch jobs are marked as such (chrt -b).
 */
#include "policy.h"

const volatile u64 slice_ns = 10000000;
const volatile u64 sleep_credit_ns = 20000000;
const volatile u64 guard_ns = 500000000;

#define QUEUE 0

struct task_state {
	u64 mark;
	u64 queued_at;
};

#include "task.h"
#include "rescue.h"

u64 vtime_now;

static __always_inline bool has_share(struct task_struct *p)
{
	return p->policy != SCHED_BATCH && p->policy != SCHED_IDLE;
}

s32 OP(kiln_select_cpu, struct task_struct *p, s32 prev_cpu, u64 wake_flags)
{
	return select_idle_cpu(p, prev_cpu, wake_flags, slice_ns);
}

void OP(kiln_enqueue, struct task_struct *p, u64 enq_flags)
{
	struct task_state *s = task_state(p);

	if (s)
		begin_wait(s);
	if (insert_percpu_kthread(p, slice_ns, enq_flags))
		return;
	if (has_share(p))
		scx_bpf_dsq_insert_vtime(p, QUEUE, slice_ns, later(p->scx.dsq_vtime, vtime_now - sleep_credit_ns), enq_flags);
	else
		scx_bpf_dsq_insert(p, QUEUE, slice_ns, enq_flags);
	kick_idle_cpu(p);
}

void OP(kiln_dispatch, s32 cpu, struct task_struct *prev)
{
	if (!rescue_overdue(QUEUE, cpu, guard_ns, slice_ns))
		scx_bpf_dsq_move_to_local(QUEUE);
}

void OP(kiln_running, struct task_struct *p)
{
	struct task_state *s = task_state(p);

	if (s) {
		charge(p, &s->mark);
		end_wait(s);
	}
	if (has_share(p))
		vtime_now = later(vtime_now, p->scx.dsq_vtime);
}

void OP(kiln_stopping, struct task_struct *p, bool runnable)
{
	struct task_state *s = task_state(p);

	if (s && has_share(p))
		task_set_vtime(p, p->scx.dsq_vtime + by_weight(charge(p, &s->mark), p->scx.weight));
}

void OP(kiln_enable, struct task_struct *p)
{
	task_set_vtime(p, vtime_now);
}

s32 SLEEPABLE_OP(kiln_init_task, struct task_struct *p, struct scx_init_task_args *args)
{
	return new_task_state(p) ? 0 : -ENOMEM;
}

s32 SLEEPABLE_OP(kiln_init)
{
	return scx_bpf_create_dsq(QUEUE, -1);
}

POLICY(kiln,
       .select_cpu = (void *)kiln_select_cpu,
       .enqueue = (void *)kiln_enqueue,
       .dispatch = (void *)kiln_dispatch,
       .running = (void *)kiln_running,
       .stopping = (void *)kiln_stopping,
       .enable = (void *)kiln_enable,
       .init_task = (void *)kiln_init_task,
       .init = (void *)kiln_init);
