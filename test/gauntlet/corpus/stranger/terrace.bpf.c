/* SPDX-License-Identifier: GPL-2.0 */
/*
 * terrace: one step for each nice value. A CPU serves the highest step that holds anybody it may run; every second time it starts at a step chosen
 * in rotation, so that the lower ones get water too. Steps that were never used are skipped by a bitmap. For priorities that are meant strictly.
 */
#include "policy.h"

const volatile u64 slice_ns = 5000000;

#define STEPS 40 /* nice -20 to 19 */

unsigned int used; /* a bit for each step that ever held a task */
static u32 turns[MAX_CPUS];

static __always_inline u32 step_of(struct task_struct *p)
{
	u32 step = p->static_prio - 100;

	return step < STEPS ? step : 0; /* real-time tasks that lend their priority */
}

static __always_inline bool serve(u32 from, u32 to)
{
	u64 bits = (u64)used >> (from & 63);
	u32 step;

	bpf_for(step, from, to) {
		if (bits & 1 && scx_bpf_dsq_move_to_local(step))
			return true;
		bits >>= 1;
	}
	return false;
}

s32 OP(terrace_select_cpu, struct task_struct *p, s32 prev_cpu, u64 wake_flags)
{
	return select_idle_cpu(p, prev_cpu, wake_flags, slice_ns);
}

void OP(terrace_enqueue, struct task_struct *p, u64 enq_flags)
{
	u32 step = step_of(p);

	if (insert_percpu_kthread(p, slice_ns, enq_flags))
		return;
	scx_bpf_dsq_insert(p, step, crowded_slice(slice_ns, step), enq_flags);
	if (!((u64)used >> step & 1))
		__sync_fetch_and_or(&used, 1ULL << step);
	kick_idle_cpu(p);
}

void OP(terrace_dispatch, s32 cpu, struct task_struct *prev)
{
	u32 turn = turns[CPU_SLOT(cpu)]++;
	u32 start = turn & 1 ? turn / 2 % STEPS : 0;

	if (!serve(start, STEPS))
		serve(0, start);
}

s32 SLEEPABLE_OP(terrace_init)
{
	s32 error = 0;
	u32 i;

	bpf_for(i, 0, STEPS) {
		error = scx_bpf_create_dsq(i, -1);
		if (error)
			break;
	}
	return error;
}

POLICY(terrace,
       .select_cpu = (void *)terrace_select_cpu,
       .enqueue = (void *)terrace_enqueue,
       .dispatch = (void *)terrace_dispatch,
       .init = (void *)terrace_init);
