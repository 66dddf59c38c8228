/* SPDX-License-Identifier: GPL-2.0 */
/*
 * attic: remembers the last hundred weights on its stack and gives a slice by their mean.
 */
#include "policy.h"

#define QUEUE 0
#define KEPT 100

const volatile u64 slice_ns = 10000000;

static u64 history[KEPT];
static u32 next;

void OP(attic_enqueue, struct task_struct *p, u64 enq_flags)
{
	volatile u64 weights[KEPT];
	u64 sum = 0;
	u32 i;

	history[next++ % KEPT] = p->scx.weight;
	for (i = 0; i < KEPT; i++)
		weights[i] = history[i];
	for (i = 0; i < KEPT; i++)
		sum += weights[i];
	scx_bpf_dsq_insert(p, QUEUE, slice_ns * sum / KEPT / 100, enq_flags);
}

void OP(attic_dispatch, s32 cpu, struct task_struct *prev)
{
	scx_bpf_dsq_move_to_local(QUEUE);
}

s32 SLEEPABLE_OP(attic_init)
{
	return scx_bpf_create_dsq(QUEUE, -1);
}

POLICY(attic,
       .enqueue = (void *)attic_enqueue,
       .dispatch = (void *)attic_dispatch,
       .init = (void *)attic_init);
