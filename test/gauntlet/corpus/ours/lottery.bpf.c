/* SPDX-License-Identifier: GPL-2.0 */
/*
 * lottery: draws lots. A task is due at a random moment of the next `spread_ns`, sooner the more it weighs; as the moments are in real time, who comes later
 * than the spread is behind. Bad: shares follow weights only roughly, latency is a matter of luck.
 */
#include "policy.h"

#define QUEUE 0

const volatile u64 slice_ns = 10000000;
const volatile u64 spread_ns = 120000000;

s32 OP(lottery_select_cpu, struct task_struct *p, s32 prev_cpu, u64 wake_flags)
{
	return select_idle_cpu(p, prev_cpu, wake_flags, slice_ns);
}

void OP(lottery_enqueue, struct task_struct *p, u64 enq_flags)
{
	u64 lot = bpf_get_prandom_u32() % (u32)larger(smaller(spread_ns, 1000000000), 1);

	if (insert_percpu_kthread(p, slice_ns, enq_flags))
		return;
	lot = smaller(by_weight(lot, p->scx.weight), spread_ns);
	scx_bpf_dsq_insert_vtime(p, QUEUE, crowded_slice(slice_ns, QUEUE), scx_bpf_now() + lot, enq_flags);
	kick_idle_cpu(p);
}

void OP(lottery_dispatch, s32 cpu, struct task_struct *prev)
{
	scx_bpf_dsq_move_to_local(QUEUE);
}

s32 SLEEPABLE_OP(lottery_init)
{
	return scx_bpf_create_dsq(QUEUE, -1);
}

POLICY(lottery,
       .select_cpu = (void *)lottery_select_cpu,
       .enqueue = (void *)lottery_enqueue,
       .dispatch = (void *)lottery_dispatch,
       .init = (void *)lottery_init);
