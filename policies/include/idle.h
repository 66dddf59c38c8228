/* SPDX-License-Identifier: GPL-2.0 */
/* Primitives that nearly every policy needs on the way of a task to a CPU: idle choice, kernel threads, kicks. */
#ifndef SCHEDCP_IDLE_H
#define SCHEDCP_IDLE_H

/* ops.select_cpu: an idle CPU as the kernel would choose it (cache, SMT, NUMA), and the task goes straight to it. */
static __always_inline s32 select_idle_cpu(struct task_struct *p, s32 prev_cpu, u64 wake_flags, u64 slice)
{
	bool is_idle = false;
	s32 cpu = scx_bpf_select_cpu_dfl(p, prev_cpu, wake_flags, &is_idle);

	if (is_idle)
		scx_bpf_dsq_insert(p, SCX_DSQ_LOCAL, slice, 0);
	return cpu;
}

/*
 * A per-CPU kernel thread that wakes runs at once: a CPU's interrupts, timers and I/O wait for it. At the end of its slice it queues like
 * everyone else, so that a kernel thread that burns CPU cannot shut out the tasks pinned beside it.
 */
static __always_inline bool insert_percpu_kthread(struct task_struct *p, u64 slice, u64 enq_flags)
{
	if (!(p->flags & PF_KTHREAD) || p->nr_cpus_allowed != 1 || !(enq_flags & SCX_ENQ_WAKEUP))
		return false;
	scx_bpf_dsq_insert(p, SCX_DSQ_LOCAL, slice, enq_flags | SCX_ENQ_PREEMPT);
	return true;
}

/* After an insert into a shared DSQ: a CPU that went idle in the meantime, or was never asked (pinned task), must come and look. */
static __always_inline bool kick_idle_cpu(struct task_struct *p)
{
	s32 cpu = scx_bpf_pick_idle_cpu(p->cpus_ptr, 0);

	if (cpu < 0)
		return false;
	scx_bpf_kick_cpu(cpu, SCX_KICK_IDLE);
	return true;
}

#endif
