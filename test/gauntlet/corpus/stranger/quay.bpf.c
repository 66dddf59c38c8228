/* SPDX-License-Identifier: GPL-2.0 */
/*
 * quay: berths and an anchorage. Tasks that may run on few CPUs wait in the queue of the CPU they were last on (a berth), all others in one shared
 * queue (the anchorage). CPUs alternate between the two, so pinned and free tasks get even chances. For hosts with many pinned threads.
 */
#include "policy.h"

const volatile u64 slice_ns = 10000000;

#define ANCHORAGE 1

static u32 visits[MAX_CPUS];

static __always_inline u64 berth_of(s32 cpu)
{
	return CPU_SLOT(cpu);
}

s32 OP(quay_select_cpu, struct task_struct *p, s32 prev_cpu, u64 wake_flags)
{
	return select_idle_cpu(p, prev_cpu, wake_flags, slice_ns);
}

void OP(quay_enqueue, struct task_struct *p, u64 enq_flags)
{
	u64 dsq = ANCHORAGE;

	if (insert_percpu_kthread(p, slice_ns, enq_flags))
		return;
	if (p->nr_cpus_allowed == 1)
		dsq = berth_of(scx_bpf_task_cpu(p));
	scx_bpf_dsq_insert(p, dsq, crowded_slice(slice_ns, dsq), enq_flags);
	kick_idle_cpu(p);
}

void OP(quay_dispatch, s32 cpu, struct task_struct *prev)
{
	u64 berth = berth_of(cpu);
	u64 first = visits[CPU_SLOT(cpu)]++ & 1 ? ANCHORAGE : berth;

	if (!scx_bpf_dsq_move_to_local(first))
		scx_bpf_dsq_move_to_local(first == ANCHORAGE ? berth : ANCHORAGE);
}

s32 SLEEPABLE_OP(quay_init)
{
	u32 cpus = smaller(scx_bpf_nr_cpu_ids(), MAX_CPUS), i;
	s32 error = scx_bpf_create_dsq(ANCHORAGE, -1);

	if (error)
		return error;
	bpf_for(i, 0, cpus) {
		error = scx_bpf_create_dsq(berth_of(i), -1);
		if (error)
			break;
	}
	return error;
}

POLICY(quay,
       .select_cpu = (void *)quay_select_cpu,
       .enqueue = (void *)quay_enqueue,
       .dispatch = (void *)quay_dispatch,
       .init = (void *)quay_init);
