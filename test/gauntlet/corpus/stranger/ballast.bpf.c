/* SPDX-License-Identifier: GPL-2.0 */
/*
 * ballast: weight in the slice. All tasks take turns in order of arrival, and what nice gives is a longer or shorter turn: twice the weight, twice
 * the slice. Shares follow weights exactly as long as tasks use up their slices, with no virtual time to keep. For hogs of different nice.
 */
#include "policy.h"

const volatile u64 slice_ns = 20000000;    /* at weight 100 */
const volatile u64 slice_min_ns = 4000000; /* below one tick it has no effect */

#define QUEUE 0

u64 turns, long_turns;

static __always_inline u64 slice_of(struct task_struct *p)
{
	u64 slice = larger(slice_ns * p->scx.weight / 100, slice_min_ns);

	turns++;
	if (slice > slice_ns)
		long_turns++;
	return slice;
}

s32 OP(ballast_select_cpu, struct task_struct *p, s32 prev_cpu, u64 wake_flags)
{
	return select_idle_cpu(p, prev_cpu, wake_flags, slice_of(p));
}

void OP(ballast_enqueue, struct task_struct *p, u64 enq_flags)
{
	if (insert_percpu_kthread(p, slice_min_ns, enq_flags))
		return;
	scx_bpf_dsq_insert(p, QUEUE, slice_of(p), enq_flags);
	kick_idle_cpu(p);
}

void OP(ballast_dispatch, s32 cpu, struct task_struct *prev)
{
	scx_bpf_dsq_move_to_local(QUEUE);
}

s32 SLEEPABLE_OP(ballast_init)
{
	return scx_bpf_create_dsq(QUEUE, -1);
}

POLICY(ballast,
       .select_cpu = (void *)ballast_select_cpu,
       .enqueue = (void *)ballast_enqueue,
       .dispatch = (void *)ballast_dispatch,
       .init = (void *)ballast_init);
