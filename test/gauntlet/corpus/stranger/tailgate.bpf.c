/* SPDX-License-Identifier: GPL-2.0 */
/*
 * tailgate: wants to see every task at the end of its slice, even the only one of its CPU (the kernel would let that one go on unasked), because it counts
 * slices: a task that has used up `settled` of them in a row gets longer ones. The last task is put straight back and its CPU told to look. Bad: a lone
 * hog is interrupted at each slice; order of arrival, weights are ignored.
 */
#include "policy.h"

#define SCX_OPS_ENQ_LAST 2
#define SCX_ENQ_LAST (1ULL << 41)
#define QUEUE 0

const volatile u64 slice_ns = 5000000;
const volatile u64 long_slice_ns = 20000000;
const volatile u32 settled = 8;

struct task_state {
	u32 slices;
	u32 zero;
};

#include "task.h"

s32 OP(tailgate_select_cpu, struct task_struct *p, s32 prev_cpu, u64 wake_flags)
{
	return select_idle_cpu(p, prev_cpu, wake_flags, slice_ns);
}

void OP(tailgate_enqueue, struct task_struct *p, u64 enq_flags)
{
	struct task_state *s = task_state(p);
	u64 slice = slice_ns;

	if (insert_percpu_kthread(p, slice_ns, enq_flags))
		return;
	if (s) {
		s->slices = enq_flags & SCX_ENQ_WAKEUP ? 0 : s->slices + 1;
		if (s->slices >= settled)
			slice = long_slice_ns;
	}
	if (enq_flags & SCX_ENQ_LAST) {
		scx_bpf_dsq_insert(p, SCX_DSQ_LOCAL, slice, enq_flags);
		scx_bpf_kick_cpu(scx_bpf_task_cpu(p), 0);
		return;
	}
	scx_bpf_dsq_insert(p, QUEUE, crowded_slice(slice, QUEUE), enq_flags);
	kick_idle_cpu(p);
}

void OP(tailgate_dispatch, s32 cpu, struct task_struct *prev)
{
	scx_bpf_dsq_move_to_local(QUEUE);
}

s32 SLEEPABLE_OP(tailgate_init_task, struct task_struct *p, struct scx_init_task_args *args)
{
	return new_task_state(p) ? 0 : -ENOMEM;
}

s32 SLEEPABLE_OP(tailgate_init)
{
	return scx_bpf_create_dsq(QUEUE, -1);
}

POLICY(tailgate,
       .select_cpu = (void *)tailgate_select_cpu,
       .enqueue = (void *)tailgate_enqueue,
       .dispatch = (void *)tailgate_dispatch,
       .init_task = (void *)tailgate_init_task,
       .init = (void *)tailgate_init,
       .flags = SCX_OPS_ENQ_LAST);
