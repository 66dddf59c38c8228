/* SPDX-License-Identifier: GPL-2.0 */
/*
 * choosy: one queue in order of arrival, but a CPU looks at the first few tasks that it may run and takes the one of the greatest weight; who stands
 * first and has been passed over often enough is taken whatever its weight. Bad: weight counts for order only, not for shares; one queue, one lock.
 */
#include "policy.h"

#define QUEUE 0
#define LOOKS 8

const volatile u64 slice_ns = 10000000;
const volatile u32 patience = 6;

struct task_state {
	u32 passed;
	u32 zero;
};

#include "task.h"

s32 OP(choosy_select_cpu, struct task_struct *p, s32 prev_cpu, u64 wake_flags)
{
	return select_idle_cpu(p, prev_cpu, wake_flags, slice_ns);
}

void OP(choosy_enqueue, struct task_struct *p, u64 enq_flags)
{
	if (insert_percpu_kthread(p, slice_ns, enq_flags))
		return;
	scx_bpf_dsq_insert(p, QUEUE, crowded_slice(slice_ns, QUEUE), enq_flags);
	kick_idle_cpu(p);
}

/* The weight to beat among the first tasks for this CPU; 0 when the first of them has waited its patience out. */
static __always_inline u32 weight_to_take(s32 cpu)
{
	struct bpf_iter_scx_dsq queue;
	u32 most = 0, i;
	bool first = true;

	bpf_iter_scx_dsq_new(&queue, QUEUE, 0);
	bpf_for(i, 0, LOOKS) {
		struct task_struct *p = bpf_iter_scx_dsq_next(&queue);
		struct task_state *s;

		if (!p)
			break;
		if (!bpf_cpumask_test_cpu(cpu, p->cpus_ptr))
			continue;
		if (first) {
			s = task_state(p);
			if (!s || s->passed++ >= patience)
				break;
			first = false;
		}
		most = larger(most, p->scx.weight);
	}
	bpf_iter_scx_dsq_destroy(&queue);
	return most;
}

static __always_inline bool take(s32 cpu, u32 weight)
{
	struct bpf_iter_scx_dsq queue;
	bool taken = false;
	u32 i;

	bpf_iter_scx_dsq_new(&queue, QUEUE, 0);
	bpf_for(i, 0, LOOKS) {
		struct task_struct *p = bpf_iter_scx_dsq_next(&queue);

		if (!p)
			break;
		if (p->scx.weight < weight || !bpf_cpumask_test_cpu(cpu, p->cpus_ptr))
			continue;
		taken = scx_bpf_dsq_move(&queue, p, SCX_DSQ_LOCAL, 0);
		if (taken)
			break;
	}
	bpf_iter_scx_dsq_destroy(&queue);
	return taken;
}

void OP(choosy_dispatch, s32 cpu, struct task_struct *prev)
{
	if (!take(cpu, weight_to_take(cpu)))
		scx_bpf_dsq_move_to_local(QUEUE);
}

void OP(choosy_running, struct task_struct *p)
{
	struct task_state *s = task_state(p);

	if (s)
		s->passed = 0;
}

s32 SLEEPABLE_OP(choosy_init_task, struct task_struct *p, struct scx_init_task_args *args)
{
	return new_task_state(p) ? 0 : -ENOMEM;
}

s32 SLEEPABLE_OP(choosy_init)
{
	return scx_bpf_create_dsq(QUEUE, -1);
}

POLICY(choosy,
       .select_cpu = (void *)choosy_select_cpu,
       .enqueue = (void *)choosy_enqueue,
       .dispatch = (void *)choosy_dispatch,
       .running = (void *)choosy_running,
       .init_task = (void *)choosy_init_task,
       .init = (void *)choosy_init);
