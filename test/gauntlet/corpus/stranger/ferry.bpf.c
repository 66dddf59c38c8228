/* SPDX-License-Identifier: GPL-2.0 */
/*
 * ferry: a queue on each side. Every CPU has its own queue and serves it first; when it is empty the CPU crosses over and takes from the others in
 * turn. Every 16th time it begins with another's queue, so that nothing depends on one CPU alone. For many short tasks on many CPUs.
 */
#include "policy.h"

const volatile u64 slice_ns = 10000000;
const volatile u32 cross_every = 16;

static u32 cpus;
static u32 crossings[MAX_CPUS];

s32 OP(ferry_select_cpu, struct task_struct *p, s32 prev_cpu, u64 wake_flags)
{
	return select_idle_cpu(p, prev_cpu, wake_flags, slice_ns);
}

void OP(ferry_enqueue, struct task_struct *p, u64 enq_flags)
{
	u64 side = CPU_SLOT(scx_bpf_task_cpu(p));

	if (insert_percpu_kthread(p, slice_ns, enq_flags))
		return;
	scx_bpf_dsq_insert(p, side, slice_ns, enq_flags);
	kick_idle_cpu(p);
}

static __always_inline bool cross(u32 from, u32 steps)
{
	u32 i;

	if (!cpus)
		return false;
	bpf_for(i, 0, cpus) {
		if (scx_bpf_dsq_move_to_local((from + steps + i) % cpus))
			return true;
	}
	return false;
}

void OP(ferry_dispatch, s32 cpu, struct task_struct *prev)
{
	u32 side = CPU_SLOT(cpu);
	u32 n = crossings[side]++;

	if (cross_every && n % cross_every == 0 && cross(side, 1 + n / cross_every))
		return;
	if (!scx_bpf_dsq_move_to_local(side))
		cross(side, 1);
}

s32 OP(ferry_init)
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

POLICY(ferry,
       .select_cpu = (void *)ferry_select_cpu,
       .enqueue = (void *)ferry_enqueue,
       .dispatch = (void *)ferry_dispatch,
       .init = (void *)ferry_init);
