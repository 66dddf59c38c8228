/* SPDX-License-Identifier: GPL-2.0 */
/*
 * slumber: order of arrival; every callback may sleep, to be on the safe side.
 */
#include "policy.h"

#define QUEUE 0

const volatile u64 slice_ns = 10000000;

void SLEEPABLE_OP(slumber_enqueue, struct task_struct *p, u64 enq_flags)
{
	scx_bpf_dsq_insert(p, QUEUE, slice_ns, enq_flags);
}

void OP(slumber_dispatch, s32 cpu, struct task_struct *prev)
{
	scx_bpf_dsq_move_to_local(QUEUE);
}

s32 SLEEPABLE_OP(slumber_init)
{
	return scx_bpf_create_dsq(QUEUE, -1);
}

POLICY(slumber,
       .enqueue = (void *)slumber_enqueue,
       .dispatch = (void *)slumber_dispatch,
       .init = (void *)slumber_init);
