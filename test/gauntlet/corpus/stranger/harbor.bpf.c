/* SPDX-License-Identifier: GPL-2.0 */
/*
 * harbor: two quays. Tasks with positive nice moor at the far quay, all others at the near one; every fourth time a CPU looks it goes to the far
 * quay first, so that background work moves on. For build machines that also serve people.
 */
#include "policy.h"

const volatile u64 slice_ns = 8000000;
const volatile u32 far_every = 4;

#define NEAR 0
#define FAR 1

static u32 looks[MAX_CPUS];

s32 OP(harbor_select_cpu, struct task_struct *p, s32 prev_cpu, u64 wake_flags)
{
	return select_idle_cpu(p, prev_cpu, wake_flags, slice_ns);
}

void OP(harbor_enqueue, struct task_struct *p, u64 enq_flags)
{
	u64 quay = p->static_prio > 120 ? FAR : NEAR;

	if (insert_percpu_kthread(p, slice_ns, enq_flags))
		return;
	scx_bpf_dispatch(p, quay, crowded_slice(slice_ns, quay), enq_flags);
	kick_idle_cpu(p);
}

void OP(harbor_dispatch, s32 cpu, struct task_struct *prev)
{
	u32 look = looks[CPU_SLOT(cpu)]++;
	u64 first = far_every && look % far_every == 0 ? FAR : NEAR;

	if (!scx_bpf_consume(first))
		scx_bpf_consume(first == FAR ? NEAR : FAR);
}

s32 SLEEPABLE_OP(harbor_init)
{
	s32 error = scx_bpf_create_dsq(NEAR, -1);

	return error ? error : scx_bpf_create_dsq(FAR, -1);
}

POLICY(harbor,
       .select_cpu = (void *)harbor_select_cpu,
       .enqueue = (void *)harbor_enqueue,
       .dispatch = (void *)harbor_dispatch,
       .init = (void *)harbor_init);
