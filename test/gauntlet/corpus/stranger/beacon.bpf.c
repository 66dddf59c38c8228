/* SPDX-License-Identifier: GPL-2.0 */
/*
 * beacon: tasks that wake often shine. Who usually runs less than a millisecond between two sleeps counts with more weight while it does, so
 * weighted virtual time favours desktops, shells and servers over hogs without any list of names.
 */
#include "policy.h"

const volatile u64 slice_ns = 10000000;
const volatile u64 brief_ns = 1000000;
const volatile u64 sleep_credit_ns = 20000000;
const volatile u64 guard_ns = 500000000;
const volatile u32 shine = 4;

#define QUEUE 0

struct task_state {
	u64 mark;
	u64 queued_at;
	u64 run;
	u64 usual;
};

#include "task.h"
#include "rescue.h"

u64 vtime_now;

s32 OP(beacon_select_cpu, struct task_struct *p, s32 prev_cpu, u64 wake_flags)
{
	return select_idle_cpu(p, prev_cpu, wake_flags, slice_ns);
}

void OP(beacon_enqueue, struct task_struct *p, u64 enq_flags)
{
	struct task_state *s = task_state(p);

	if (s)
		begin_wait(s);
	if (insert_percpu_kthread(p, slice_ns, enq_flags))
		return;
	scx_bpf_dsq_insert_vtime(p, QUEUE, slice_ns, later(p->scx.dsq_vtime, vtime_now - sleep_credit_ns), enq_flags);
	kick_idle_cpu(p);
}

void OP(beacon_dispatch, s32 cpu, struct task_struct *prev)
{
	if (!rescue_overdue(QUEUE, cpu, guard_ns, slice_ns))
		scx_bpf_dsq_move_to_local(QUEUE);
}

void OP(beacon_running, struct task_struct *p)
{
	struct task_state *s = task_state(p);

	if (s) {
		charge(p, &s->mark);
		end_wait(s);
		if (runs_briefly(s->usual, s->run, brief_ns))
			p->scx.weight = smaller(p->scx.weight * shine, 10000);
	}
	vtime_now = later(vtime_now, p->scx.dsq_vtime);
}

void OP(beacon_stopping, struct task_struct *p, bool runnable)
{
	struct task_state *s = task_state(p);
	u64 ran;

	if (!s)
		return;
	ran = charge(p, &s->mark);
	s->run += ran;
	task_set_vtime(p, p->scx.dsq_vtime + by_weight(ran, p->scx.weight));
	if (!runnable) {
		s->usual = update_usual_run(s->usual, s->run);
		s->run = 0;
	}
}

void OP(beacon_enable, struct task_struct *p)
{
	task_set_vtime(p, vtime_now);
}

s32 SLEEPABLE_OP(beacon_init_task, struct task_struct *p, struct scx_init_task_args *args)
{
	return new_task_state(p) ? 0 : -ENOMEM;
}

s32 SLEEPABLE_OP(beacon_init)
{
	return scx_bpf_create_dsq(QUEUE, -1);
}

POLICY(beacon,
       .select_cpu = (void *)beacon_select_cpu,
       .enqueue = (void *)beacon_enqueue,
       .dispatch = (void *)beacon_dispatch,
       .running = (void *)beacon_running,
       .stopping = (void *)beacon_stopping,
       .enable = (void *)beacon_enable,
       .init_task = (void *)beacon_init_task,
       .init = (void *)beacon_init);
