/* SPDX-License-Identifier: GPL-2.0 */
/*
 * headcount: counts who is runnable, in runnable and quiescent, and makes slices so that a round of all takes about `round_ns`. The count is of this policy's own
 * keeping and may be off by who was there before attach: it is never let below one. Bad: ignores weights; many hogs mean many switches.
 */
#include "policy.h"

#define QUEUE 0

const volatile u64 round_ns = 60000000;
const volatile u64 slice_min_ns = 2000000;

s64 heads;

static __always_inline u64 slice_now(void)
{
	s64 count = heads;

	return larger(round_ns * scx_bpf_nr_cpu_ids() / (count > 0 ? (u64)count : 1), slice_min_ns);
}

s32 OP(headcount_select_cpu, struct task_struct *p, s32 prev_cpu, u64 wake_flags)
{
	return select_idle_cpu(p, prev_cpu, wake_flags, slice_min_ns);
}

void OP(headcount_enqueue, struct task_struct *p, u64 enq_flags)
{
	if (insert_percpu_kthread(p, slice_min_ns, enq_flags))
		return;
	scx_bpf_dsq_insert(p, QUEUE, smaller(slice_now(), round_ns), enq_flags);
	kick_idle_cpu(p);
}

void OP(headcount_dispatch, s32 cpu, struct task_struct *prev)
{
	scx_bpf_dsq_move_to_local(QUEUE);
}

void OP(headcount_runnable, struct task_struct *p, u64 enq_flags)
{
	__sync_fetch_and_add(&heads, 1);
}

void OP(headcount_quiescent, struct task_struct *p, u64 deq_flags)
{
	__sync_fetch_and_add(&heads, -1);
}

s32 SLEEPABLE_OP(headcount_init)
{
	return scx_bpf_create_dsq(QUEUE, -1);
}

POLICY(headcount,
       .select_cpu = (void *)headcount_select_cpu,
       .enqueue = (void *)headcount_enqueue,
       .dispatch = (void *)headcount_dispatch,
       .runnable = (void *)headcount_runnable,
       .quiescent = (void *)headcount_quiescent,
       .init = (void *)headcount_init);
