/* SPDX-License-Identifier: GPL-2.0 */
/*
 * hasty: who queues is brought to the CPU at hand at once, in enqueue, so that nobody has to be asked twice.
 */
#include "policy.h"

#define QUEUE 0

const volatile u64 slice_ns = 10000000;

void OP(hasty_enqueue, struct task_struct *p, u64 enq_flags)
{
	scx_bpf_dsq_insert(p, QUEUE, slice_ns, enq_flags);
	scx_bpf_dsq_move_to_local(QUEUE);
}

void OP(hasty_dispatch, s32 cpu, struct task_struct *prev)
{
	scx_bpf_dsq_move_to_local(QUEUE);
}

s32 SLEEPABLE_OP(hasty_init)
{
	return scx_bpf_create_dsq(QUEUE, -1);
}

POLICY(hasty,
       .enqueue = (void *)hasty_enqueue,
       .dispatch = (void *)hasty_dispatch,
       .init = (void *)hasty_init);
