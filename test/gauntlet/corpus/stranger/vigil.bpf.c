/* SPDX-License-Identifier: GPL-2.0 */
/*
 * vigil: nothing is overlooked. Two queues, one for tasks that wake and one for those whose slice is used up; wakers go first three times out of
 * four. A CPU that finds both empty looks once more before it settles down, because work may have come meanwhile. For servers with short requests.
 */
#include "policy.h"

const volatile u64 slice_ns = 10000000;
const volatile u64 waker_slice_ns = 3000000;

#define WAKERS 0
#define WORKERS 1

u64 watches; /* times a CPU found nothing */
static u32 looks[MAX_CPUS];

s32 OP(vigil_select_cpu, struct task_struct *p, s32 prev_cpu, u64 wake_flags)
{
	return select_idle_cpu(p, prev_cpu, wake_flags, slice_ns);
}

void OP(vigil_enqueue, struct task_struct *p, u64 enq_flags)
{
	if (insert_percpu_kthread(p, slice_ns, enq_flags))
		return;
	if (enq_flags & SCX_ENQ_WAKEUP)
		scx_bpf_dsq_insert(p, WAKERS, crowded_slice(waker_slice_ns, WAKERS), enq_flags);
	else
		scx_bpf_dsq_insert(p, WORKERS, crowded_slice(slice_ns, WORKERS), enq_flags);
	kick_idle_cpu(p);
}

void OP(vigil_dispatch, s32 cpu, struct task_struct *prev)
{
	u64 first = looks[CPU_SLOT(cpu)]++ % 4 == 3 ? WORKERS : WAKERS;

	if (scx_bpf_dsq_move_to_local(first) || scx_bpf_dsq_move_to_local(first == WAKERS ? WORKERS : WAKERS))
		return;
	if (prev && prev->scx.flags & SCX_TASK_QUEUED)
		return;
	watches++;
	scx_bpf_kick_cpu(cpu, 0);
}

s32 SLEEPABLE_OP(vigil_init)
{
	s32 error = scx_bpf_create_dsq(WAKERS, -1);

	return error ? error : scx_bpf_create_dsq(WORKERS, -1);
}

POLICY(vigil,
       .select_cpu = (void *)vigil_select_cpu,
       .enqueue = (void *)vigil_enqueue,
       .dispatch = (void *)vigil_dispatch,
       .init = (void *)vigil_init);
