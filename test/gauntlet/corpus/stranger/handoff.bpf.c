/* SPDX-License-Identifier: GPL-2.0 */
/*
 * handoff: who comes to the queue serves others too. A CPU in search of work takes the first task it may run and, on the way, hands each of the next few
 * to an idle CPU that may run it, straight into that CPU's local queue. Otherwise plain order of arrival. Bad: the CPU that hands out works for others
 * while its own task waits; tasks lose cache when they move; weights are ignored.
 */
#include "policy.h"

const volatile u64 slice_ns = 10000000;

#define QUEUE 0
#define HANDS 8

u64 handed;

s32 OP(handoff_select_cpu, struct task_struct *p, s32 prev_cpu, u64 wake_flags)
{
	return select_idle_cpu(p, prev_cpu, wake_flags, slice_ns);
}

void OP(handoff_enqueue, struct task_struct *p, u64 enq_flags)
{
	if (insert_percpu_kthread(p, slice_ns, enq_flags))
		return;
	scx_bpf_dsq_insert(p, QUEUE, crowded_slice(slice_ns, QUEUE), enq_flags);
	kick_idle_cpu(p);
}

static __always_inline void hand_out(s32 cpu)
{
	struct bpf_iter_scx_dsq queue;
	u32 i;

	bpf_iter_scx_dsq_new(&queue, QUEUE, 0);
	bpf_for(i, 0, HANDS) {
		struct task_struct *p = bpf_iter_scx_dsq_next(&queue);
		s32 idle;

		if (!p)
			break;
		idle = scx_bpf_pick_idle_cpu(p->cpus_ptr, 0);
		if (idle < 0)
			continue;
		if (idle != cpu && bpf_cpumask_test_cpu(idle, p->cpus_ptr) && scx_bpf_dsq_move(&queue, p, SCX_DSQ_LOCAL_ON | idle, 0))
			handed++;
		scx_bpf_kick_cpu(idle, SCX_KICK_IDLE); /* it was taken off the list of the idle, so it must look in either case */
	}
	bpf_iter_scx_dsq_destroy(&queue);
}

void OP(handoff_dispatch, s32 cpu, struct task_struct *prev)
{
	if (scx_bpf_dsq_move_to_local(QUEUE) && scx_bpf_dsq_nr_queued(QUEUE) > 0)
		hand_out(cpu);
}

s32 SLEEPABLE_OP(handoff_init)
{
	return scx_bpf_create_dsq(QUEUE, -1);
}

POLICY(handoff,
       .select_cpu = (void *)handoff_select_cpu,
       .enqueue = (void *)handoff_enqueue,
       .dispatch = (void *)handoff_dispatch,
       .init = (void *)handoff_init);
