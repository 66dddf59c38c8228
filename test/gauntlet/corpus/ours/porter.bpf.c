/* SPDX-License-Identifier: GPL-2.0 */
/*
 * porter: brings a task that finds no idle CPU to the local queue of the CPU it ran on last, if it may still run there, that queue is short and nobody waits in the
 * queue for all, which would come last; else it waits there. Tasks that may not move (migration disabled) are not offered to this policy by the kernel. Bad: order holds within a CPU only, and one CPU may idle for a slice while another has two tasks.
 */
#include "policy.h"

#define QUEUE 0

const volatile u64 slice_ns = 5000000;
const volatile u32 room = 2;

s32 OP(porter_select_cpu, struct task_struct *p, s32 prev_cpu, u64 wake_flags)
{
	return select_idle_cpu(p, prev_cpu, wake_flags, slice_ns);
}

void OP(porter_enqueue, struct task_struct *p, u64 enq_flags)
{
	s32 cpu = scx_bpf_task_cpu(p);

	if (insert_percpu_kthread(p, slice_ns, enq_flags))
		return;
	if (scx_bpf_dsq_nr_queued(QUEUE) <= 0 && bpf_cpumask_test_cpu(cpu, p->cpus_ptr) &&
	    scx_bpf_dsq_nr_queued(SCX_DSQ_LOCAL_ON | cpu) < (s32)room) {
		scx_bpf_dsq_insert(p, SCX_DSQ_LOCAL_ON | cpu, slice_ns, enq_flags);
		scx_bpf_kick_cpu(cpu, SCX_KICK_IDLE);
		return;
	}
	scx_bpf_dsq_insert(p, QUEUE, slice_ns, enq_flags);
	kick_idle_cpu(p);
}

void OP(porter_dispatch, s32 cpu, struct task_struct *prev)
{
	scx_bpf_dsq_move_to_local(QUEUE);
}

s32 SLEEPABLE_OP(porter_init)
{
	return scx_bpf_create_dsq(QUEUE, -1);
}

POLICY(porter,
       .select_cpu = (void *)porter_select_cpu,
       .enqueue = (void *)porter_enqueue,
       .dispatch = (void *)porter_dispatch,
       .init = (void *)porter_init);
