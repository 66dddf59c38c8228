/* SPDX-License-Identifier: GPL-2.0 */
/*
 * tidepool: weighted sharing by lag. Every task carries how far it is ahead of or behind the machine's average, and who is furthest behind runs
 * first. The lag is smoothed over the number of tasks that wait, so a crowd does not make keys jump. For mixed hogs that should share by nice.
 */
#include "policy.h"

const volatile u64 slice_ns = 10000000;
const volatile u64 lag_limit_ns = 100000000; /* nobody is held to be further behind than this */
const volatile u64 guard_ns = 500000000;

#define POOL 0

struct task_state {
	u64 mark;
	u64 queued_at;
};

#include "task.h"
#include "rescue.h"

u64 average; /* virtual time of who runs, roughly */

/* What the task may catch up at once: its lag, spread over all that wait. */
static __always_inline s64 smoothed_lag(struct task_struct *p)
{
	s64 lag = (s64)(average - p->scx.dsq_vtime);
	s64 waiting = scx_bpf_dsq_nr_queued(POOL) + 1;

	if (lag > (s64)lag_limit_ns)
		lag = lag_limit_ns;
	return lag / waiting;
}

s32 OP(tidepool_select_cpu, struct task_struct *p, s32 prev_cpu, u64 wake_flags)
{
	return select_idle_cpu(p, prev_cpu, wake_flags, slice_ns);
}

void OP(tidepool_enqueue, struct task_struct *p, u64 enq_flags)
{
	struct task_state *s = task_state(p);

	if (s)
		begin_wait(s);
	if (insert_percpu_kthread(p, slice_ns, enq_flags))
		return;
	scx_bpf_dsq_insert_vtime(p, POOL, slice_ns, average - smoothed_lag(p), enq_flags);
	kick_idle_cpu(p);
}

void OP(tidepool_dispatch, s32 cpu, struct task_struct *prev)
{
	if (!rescue_overdue(POOL, cpu, guard_ns, slice_ns))
		scx_bpf_dsq_move_to_local(POOL);
}

void OP(tidepool_running, struct task_struct *p)
{
	struct task_state *s = task_state(p);

	if (s) {
		charge(p, &s->mark);
		end_wait(s);
	}
	average = later(average, p->scx.dsq_vtime);
}

void OP(tidepool_stopping, struct task_struct *p, bool runnable)
{
	struct task_state *s = task_state(p);

	if (s)
		task_set_vtime(p, p->scx.dsq_vtime + by_weight(charge(p, &s->mark), p->scx.weight));
}

void OP(tidepool_enable, struct task_struct *p)
{
	task_set_vtime(p, average);
}

s32 SLEEPABLE_OP(tidepool_init_task, struct task_struct *p, struct scx_init_task_args *args)
{
	return new_task_state(p) ? 0 : -ENOMEM;
}

s32 SLEEPABLE_OP(tidepool_init)
{
	return scx_bpf_create_dsq(POOL, -1);
}

POLICY(tidepool,
       .select_cpu = (void *)tidepool_select_cpu,
       .enqueue = (void *)tidepool_enqueue,
       .dispatch = (void *)tidepool_dispatch,
       .running = (void *)tidepool_running,
       .stopping = (void *)tidepool_stopping,
       .enable = (void *)tidepool_enable,
       .init_task = (void *)tidepool_init_task,
       .init = (void *)tidepool_init);
