/* SPDX-License-Identifier: GPL-2.0 */
/*
 * seesaw: who woke and who used up a slice stand in two queues, and the CPUs take from them by turns: a sleeper passes half of the hogs and no hog is passed
 * more than every other time. Queues are named by computation. Bad: ignores weights; beside many sleepers hogs get half at most.
 */
#include "policy.h"

#define BASE 100

const volatile u64 slice_ns = 10000000;

static u32 turns[MAX_CPUS];

s32 OP(seesaw_select_cpu, struct task_struct *p, s32 prev_cpu, u64 wake_flags)
{
	return select_idle_cpu(p, prev_cpu, wake_flags, slice_ns);
}

void OP(seesaw_enqueue, struct task_struct *p, u64 enq_flags)
{
	u64 side = BASE + (enq_flags & SCX_ENQ_WAKEUP ? 1 : 0);

	if (insert_percpu_kthread(p, slice_ns, enq_flags))
		return;
	scx_bpf_dsq_insert(p, side, crowded_slice(slice_ns, side), enq_flags);
	kick_idle_cpu(p);
}

void OP(seesaw_dispatch, s32 cpu, struct task_struct *prev)
{
	u32 turn = turns[CPU_SLOT(cpu)]++ & 1;

	if (!scx_bpf_dsq_move_to_local(BASE + turn))
		scx_bpf_dsq_move_to_local(BASE + (turn ^ 1));
}

s32 SLEEPABLE_OP(seesaw_init)
{
	s32 error = scx_bpf_create_dsq(BASE, -1);

	if (!error)
		error = scx_bpf_create_dsq(BASE + 1, -1);
	return error;
}

POLICY(seesaw,
       .select_cpu = (void *)seesaw_select_cpu,
       .enqueue = (void *)seesaw_enqueue,
       .dispatch = (void *)seesaw_dispatch,
       .init = (void *)seesaw_init);
