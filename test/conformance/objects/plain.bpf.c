/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The plainest order there is: one queue, first come first served, slices of 20 ms, for kernel threads too. For cases that calculate who runs when.
 * Bad at everything else.
 */
#include "policy.h"

#define QUEUE 0

const volatile u64 slice_ns = 20000000;

s32 OP(plain_select_cpu, struct task_struct *p, s32 prev_cpu, u64 wake_flags)
{
	return select_idle_cpu(p, prev_cpu, wake_flags, slice_ns);
}

void OP(plain_enqueue, struct task_struct *p, u64 enq_flags)
{
	scx_bpf_dsq_insert(p, QUEUE, slice_ns, enq_flags);
	kick_idle_cpu(p);
}

void OP(plain_dispatch, s32 cpu, struct task_struct *prev)
{
	scx_bpf_dsq_move_to_local(QUEUE);
}

s32 SLEEPABLE_OP(plain_init)
{
	return scx_bpf_create_dsq(QUEUE, -1);
}

POLICY(plain,
       .select_cpu = (void *)plain_select_cpu,
       .enqueue = (void *)plain_enqueue,
       .dispatch = (void *)plain_dispatch,
       .init = (void *)plain_init);
