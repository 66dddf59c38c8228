/* SPDX-License-Identifier: GPL-2.0 */
/*
 * podium: three steps by nice, and the upper step always goes first.
 */
#include "policy.h"

const volatile u64 slice_ns = 10000000;

#define STEPS 3

static __always_inline u64 step_of(struct task_struct *p)
{
	return p->static_prio < 120 ? 0 : p->static_prio == 120 ? 1 : 2;
}

s32 OP(podium_select_cpu, struct task_struct *p, s32 prev_cpu, u64 wake_flags)
{
	return select_idle_cpu(p, prev_cpu, wake_flags, slice_ns);
}

void OP(podium_enqueue, struct task_struct *p, u64 enq_flags)
{
	if (insert_percpu_kthread(p, slice_ns, enq_flags))
		return;
	scx_bpf_dsq_insert(p, step_of(p), slice_ns, enq_flags);
	kick_idle_cpu(p);
}

void OP(podium_dispatch, s32 cpu, struct task_struct *prev)
{
	if (scx_bpf_dsq_move_to_local(0))
		return;
	if (scx_bpf_dsq_move_to_local(1))
		return;
	scx_bpf_dsq_move_to_local(2);
}

s32 SLEEPABLE_OP(podium_init)
{
	s32 error = 0;
	u32 i;

	bpf_for(i, 0, STEPS) {
		error = scx_bpf_create_dsq(i, -1);
		if (error)
			break;
	}
	return error;
}

POLICY(podium,
       .select_cpu = (void *)podium_select_cpu,
       .enqueue = (void *)podium_enqueue,
       .dispatch = (void *)podium_dispatch,
       .init = (void *)podium_init);
