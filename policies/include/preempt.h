/* SPDX-License-Identifier: GPL-2.0 */
/* Preemption at wakeup: the policy says how dispensable each running task is, and a more urgent one takes its CPU. */
#ifndef SCHEDCP_PREEMPT_H
#define SCHEDCP_PREEMPT_H

/* What each CPU runs, by a rank of the policy's choosing: larger gives way first. 0 is never preempted. */
u64 cpu_rank[MAX_CPUS];

static __always_inline void set_cpu_rank(s32 cpu, u64 rank)
{
	cpu_rank[CPU_SLOT(cpu)] = rank;
}

/*
 * Preempt for `p`, which is already queued: its own CPU if what runs there ranks above `rank`, else the first such among the next `tries`
 * CPUs it may use. Returns whether a CPU was kicked.
 */
static __always_inline bool preempt_for(struct task_struct *p, u64 rank, u32 tries)
{
	u32 cpus = scx_bpf_nr_cpu_ids();
	u32 first = scx_bpf_task_cpu(p);
	u32 i;

	if (!cpus)
		return false;
	if (p->nr_cpus_allowed == 1)
		tries = 1;
	bpf_for(i, 0, tries) {
		u32 cpu = (first + i) % cpus;

		if (cpu_rank[CPU_SLOT(cpu)] <= rank || !bpf_cpumask_test_cpu(cpu, p->cpus_ptr))
			continue;
		cpu_rank[CPU_SLOT(cpu)] = 0; /* one kick is enough until someone else runs there */
		scx_bpf_kick_cpu(cpu, SCX_KICK_PREEMPT);
		return true;
	}
	return false;
}

#endif
