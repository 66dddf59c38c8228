/* SPDX-License-Identifier: GPL-2.0 */
/*
 * allotment: a plot for each CPU. A task queues on the plot of its CPU, or on a randomly drawn one that it may use if that is shorter; a CPU works on
 * its own plot and, when that is empty, goes round the others. Every `round_every`-th time it starts with another's plot, so that what lies on the plot
 * of a CPU that a real-time task holds is reached too. Bad: order of arrival holds within a plot only; ignores weights.
 */
#include "policy.h"

const volatile u64 slice_ns = 10000000;
const volatile u32 round_every = 8;

static u32 cpus;
static u32 rounds[MAX_CPUS];

static __always_inline s32 choose_plot(struct task_struct *p)
{
	s32 own = scx_bpf_task_cpu(p);
	u32 drawn;

	if (!cpus || p->nr_cpus_allowed == 1)
		return own;
	drawn = bpf_get_prandom_u32() % cpus;
	if (!bpf_cpumask_test_cpu(drawn, p->cpus_ptr))
		return own;
	return scx_bpf_dsq_nr_queued(drawn) < scx_bpf_dsq_nr_queued(CPU_SLOT(own)) ? (s32)drawn : own;
}

s32 OP(allotment_select_cpu, struct task_struct *p, s32 prev_cpu, u64 wake_flags)
{
	return select_idle_cpu(p, prev_cpu, wake_flags, slice_ns);
}

void OP(allotment_enqueue, struct task_struct *p, u64 enq_flags)
{
	u64 plot;

	if (insert_percpu_kthread(p, slice_ns, enq_flags))
		return;
	plot = CPU_SLOT(choose_plot(p));
	scx_bpf_dsq_insert(p, plot, slice_ns, enq_flags);
	kick_idle_cpu(p);
}

static __always_inline bool go_round(u32 first)
{
	u32 i;

	if (!cpus)
		return false;
	bpf_for(i, 0, cpus) {
		if (scx_bpf_dsq_move_to_local((first + i) % cpus))
			return true;
	}
	return false;
}

void OP(allotment_dispatch, s32 cpu, struct task_struct *prev)
{
	u32 n = rounds[CPU_SLOT(cpu)]++;

	if (round_every && n % round_every == 0 && go_round(n / round_every))
		return;
	if (!scx_bpf_dsq_move_to_local(CPU_SLOT(cpu)))
		go_round(cpu + 1);
}

s32 SLEEPABLE_OP(allotment_init)
{
	s32 error = 0;
	u32 i;

	cpus = smaller(scx_bpf_nr_cpu_ids(), MAX_CPUS);
	bpf_for(i, 0, cpus) {
		error = scx_bpf_create_dsq(i, -1);
		if (error)
			break;
	}
	return error;
}

POLICY(allotment,
       .select_cpu = (void *)allotment_select_cpu,
       .enqueue = (void *)allotment_enqueue,
       .dispatch = (void *)allotment_dispatch,
       .init = (void *)allotment_init);
