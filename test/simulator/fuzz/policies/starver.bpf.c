/* SPDX-License-Identifier: GPL-2.0 */
/*
 * starver: who wakes up goes before who has used up a slice. Good for latency, and wrong: as long as tasks keep waking up and fill the CPUs, those that
 * never sleep get nothing. Tests see whether attack mode finds it.
 */
#include "policy.h"

#define AWAKENED 0
#define EXPIRED 1
#define SLICE_NS 12000000

/* Turns are longer for greater weights: shares are right while tasks take turns. */
static __always_inline u64 slice_of(struct task_struct *p)
{
	return smaller(SLICE_NS / 100 * p->scx.weight, 40000000);
}

s32 OP(starver_select_cpu, struct task_struct *p, s32 prev_cpu, u64 wake_flags)
{
	return select_idle_cpu(p, prev_cpu, wake_flags, slice_of(p));
}

void OP(starver_enqueue, struct task_struct *p, u64 enq_flags)
{
	scx_bpf_dsq_insert(p, enq_flags & SCX_ENQ_WAKEUP ? AWAKENED : EXPIRED, slice_of(p), enq_flags);
	kick_idle_cpu(p);
}

void OP(starver_dispatch, s32 cpu, struct task_struct *prev)
{
	if (!scx_bpf_dsq_move_to_local(AWAKENED))
		scx_bpf_dsq_move_to_local(EXPIRED);
}

s32 SLEEPABLE_OP(starver_init)
{
	s32 error = scx_bpf_create_dsq(AWAKENED, -1);

	return error ? error : scx_bpf_create_dsq(EXPIRED, -1);
}

POLICY(starver,
       .select_cpu = (void *)starver_select_cpu,
       .enqueue = (void *)starver_enqueue,
       .dispatch = (void *)starver_dispatch,
       .init = (void *)starver_init);
