/* SPDX-License-Identifier: GPL-2.0 */
/*
 * concierge: guests are known by their names: what is called "sleeper..." goes to the head of the queue and preempts, what is called "hog..." gets a tenth of a slice.
 */
#include "policy.h"

#define QUEUE 0

const volatile u64 slice_ns = 10000000;

static __always_inline bool is_guest(struct task_struct *p)
{
	return p->comm[0] == 's' && p->comm[1] == 'l' && p->comm[2] == 'e' && p->comm[3] == 'e' && p->comm[4] == 'p';
}

static __always_inline bool is_hog(struct task_struct *p)
{
	return p->comm[0] == 'h' && p->comm[1] == 'o' && p->comm[2] == 'g';
}

s32 OP(concierge_select_cpu, struct task_struct *p, s32 prev_cpu, u64 wake_flags)
{
	return select_idle_cpu(p, prev_cpu, wake_flags, slice_ns);
}

void OP(concierge_enqueue, struct task_struct *p, u64 enq_flags)
{
	if (insert_percpu_kthread(p, slice_ns, enq_flags))
		return;
	if (is_guest(p)) {
		scx_bpf_dsq_insert(p, SCX_DSQ_LOCAL, slice_ns, enq_flags | SCX_ENQ_PREEMPT);
		return;
	}
	scx_bpf_dsq_insert(p, QUEUE, is_hog(p) ? slice_ns / 10 : slice_ns, enq_flags);
	kick_idle_cpu(p);
}

void OP(concierge_dispatch, s32 cpu, struct task_struct *prev)
{
	scx_bpf_dsq_move_to_local(QUEUE);
}

s32 SLEEPABLE_OP(concierge_init)
{
	return scx_bpf_create_dsq(QUEUE, -1);
}

POLICY(concierge,
       .select_cpu = (void *)concierge_select_cpu,
       .enqueue = (void *)concierge_enqueue,
       .dispatch = (void *)concierge_dispatch,
       .init = (void *)concierge_init);
