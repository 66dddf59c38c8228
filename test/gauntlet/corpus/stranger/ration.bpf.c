/* SPDX-License-Identifier: GPL-2.0 */
/*
 * ration: turns in order of arrival, rations by weight. The slice grows with the weight between two bounds, and is cut where many wait so that a round
 * stays short. A task that gives up its CPU before the ration is eaten does not get the rest back. Bad: within the bounds only (nice -6 to 7) do shares
 * follow weights; who sleeps often gets less than its weight says; no preemption.
 */
#include "policy.h"

const volatile u64 slice_ns = 20000000;      /* at weight 100 */
const volatile u64 slice_min_ns = 4000000;
const volatile u64 slice_max_ns = 80000000;

#define QUEUE 0

static __always_inline u64 ration_of(struct task_struct *p)
{
	return smaller(larger(slice_ns * p->scx.weight / 100, slice_min_ns), slice_max_ns);
}

s32 OP(ration_select_cpu, struct task_struct *p, s32 prev_cpu, u64 wake_flags)
{
	return select_idle_cpu(p, prev_cpu, wake_flags, ration_of(p));
}

void OP(ration_enqueue, struct task_struct *p, u64 enq_flags)
{
	if (insert_percpu_kthread(p, slice_min_ns, enq_flags))
		return;
	scx_bpf_dsq_insert(p, QUEUE, crowded_slice(ration_of(p), QUEUE), enq_flags);
	kick_idle_cpu(p);
}

void OP(ration_dispatch, s32 cpu, struct task_struct *prev)
{
	scx_bpf_dsq_move_to_local(QUEUE);
}

s32 SLEEPABLE_OP(ration_init)
{
	return scx_bpf_create_dsq(QUEUE, -1);
}

POLICY(ration,
       .select_cpu = (void *)ration_select_cpu,
       .enqueue = (void *)ration_enqueue,
       .dispatch = (void *)ration_dispatch,
       .init = (void *)ration_init);
