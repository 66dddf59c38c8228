/* SPDX-License-Identifier: GPL-2.0 */
/*
 * scout: looks for an idle CPU by itself, at wakeup and once more at enqueue, and only when there is none leaves the task to a queue per group of four CPUs, which
 * the CPUs of that group empty first and all others after. Bad: ignores weights and caches; groups are by number, and shares are equal within a group only.
 */
#include "policy.h"

#define GROUPS (MAX_CPUS / 4)
#define GROUP(cpu) ((u64)(CPU_SLOT(cpu) / 4))

const volatile u64 slice_ns = 8000000;

static u32 groups;

s32 OP(scout_select_cpu, struct task_struct *p, s32 prev_cpu, u64 wake_flags)
{
	s32 cpu = scx_bpf_pick_idle_cpu(p->cpus_ptr, 0);

	if (cpu < 0)
		return prev_cpu;
	scx_bpf_dsq_insert(p, SCX_DSQ_LOCAL, slice_ns, 0);
	return cpu;
}

void OP(scout_enqueue, struct task_struct *p, u64 enq_flags)
{
	if (insert_percpu_kthread(p, slice_ns, enq_flags))
		return;
	scx_bpf_dsq_insert(p, GROUP(scx_bpf_task_cpu(p)), slice_ns, enq_flags);
	kick_idle_cpu(p);
}

/* Begins elsewhere now and then, or the tasks of a group whose CPUs are all busy with real-time work would wait for these alone. */
void OP(scout_dispatch, s32 cpu, struct task_struct *prev)
{
	u32 own = GROUP(cpu), i;

	if (!groups)
		return;
	bpf_for(i, 0, groups) {
		if (scx_bpf_dsq_move_to_local((own + i) % groups))
			return;
	}
}

s32 SLEEPABLE_OP(scout_init)
{
	s32 error = 0;
	u32 i;

	groups = smaller((scx_bpf_nr_cpu_ids() + 3) / 4, GROUPS);
	bpf_for(i, 0, groups) {
		error = scx_bpf_create_dsq(i, -1);
		if (error)
			break;
	}
	return error;
}

POLICY(scout,
       .select_cpu = (void *)scout_select_cpu,
       .enqueue = (void *)scout_enqueue,
       .dispatch = (void *)scout_dispatch,
       .init = (void *)scout_init);
