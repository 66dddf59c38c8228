/* SPDX-License-Identifier: GPL-2.0 */
/*
 * relay: a CPU goes on with the running task while that one is of negative nice, and takes the next one otherwise.
 */
#include "policy.h"

#define QUEUE 0

const volatile u64 slice_ns = 10000000;

void OP(relay_enqueue, struct task_struct *p, u64 enq_flags)
{
	scx_bpf_dsq_insert(p, QUEUE, slice_ns, enq_flags);
	kick_idle_cpu(p);
}

void OP(relay_dispatch, s32 cpu, struct task_struct *prev)
{
	if (prev->static_prio < 120 && prev->scx.flags & SCX_TASK_QUEUED) {
		task_set_slice(prev, slice_ns);
		return;
	}
	scx_bpf_dsq_move_to_local(QUEUE);
}

s32 SLEEPABLE_OP(relay_init)
{
	return scx_bpf_create_dsq(QUEUE, -1);
}

POLICY(relay,
       .enqueue = (void *)relay_enqueue,
       .dispatch = (void *)relay_dispatch,
       .init = (void *)relay_init);
