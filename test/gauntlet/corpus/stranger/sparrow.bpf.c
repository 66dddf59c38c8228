/* SPDX-License-Identifier: GPL-2.0 */
/*
 * sparrow: small and quick. Arrival order with short turns, except that a task which wakes up and finds no idle CPU interrupts the one on its own CPU:
 * what runs there goes back to the queue and the next in line gets the CPU, so the queue moves on with every event. For latency.
 */
#include "policy.h"

const volatile u64 slice_ns = 4000000;

#define QUEUE 0

u64 interrupts;

s32 OP(sparrow_select_cpu, struct task_struct *p, s32 prev_cpu, u64 wake_flags)
{
	return select_idle_cpu(p, prev_cpu, wake_flags, slice_ns);
}

static __always_inline void interrupt(struct task_struct *p)
{
	interrupts++;
	scx_bpf_kick_cpu(scx_bpf_task_cpu(p), SCX_KICK_PREEMPT);
}

void OP(sparrow_enqueue, struct task_struct *p, u64 enq_flags)
{
	if (insert_percpu_kthread(p, slice_ns, enq_flags))
		return;
	scx_bpf_dsq_insert(p, QUEUE, slice_ns, enq_flags);
	if (kick_idle_cpu(p))
		return;
	if (enq_flags & SCX_ENQ_WAKEUP)
		interrupt(p);
}

void OP(sparrow_dispatch, s32 cpu, struct task_struct *prev)
{
	scx_bpf_dsq_move_to_local(QUEUE);
}

s32 SLEEPABLE_OP(sparrow_init)
{
	return scx_bpf_create_dsq(QUEUE, -1);
}

POLICY(sparrow,
       .select_cpu = (void *)sparrow_select_cpu,
       .enqueue = (void *)sparrow_enqueue,
       .dispatch = (void *)sparrow_dispatch,
       .init = (void *)sparrow_init);
