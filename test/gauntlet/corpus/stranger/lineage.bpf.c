/* SPDX-License-Identifier: GPL-2.0 */
/*
 * lineage: families instead of tasks. All descendants of the same child of init form a family, and the families share the machine: who belongs to
 * a large family waits up to `family_ns` longer than the member of a small one. Keeps a parallel build from crowding out a shell.
 */
#include "policy.h"

const volatile u64 slice_ns = 10000000;
const volatile u64 family_ns = 200000000;
const volatile u64 crowd = 64; /* this many runnable members make a family large */

#define QUEUE 0
#define FAMILIES 1024

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)
struct task_struct___family {
	int pid;
	struct task_struct___family *real_parent;
};
#pragma clang attribute pop

s32 members[FAMILIES]; /* runnable ones; families that fall on the same slot count as one */

static __always_inline u32 family_of(struct task_struct *p)
{
	struct task_struct___family *t = (void *)p;

	while (t->pid > 2 && t->real_parent->pid > 2)
		t = t->real_parent;
	return (u32)t->pid & (FAMILIES - 1);
}

s32 OP(lineage_select_cpu, struct task_struct *p, s32 prev_cpu, u64 wake_flags)
{
	return select_idle_cpu(p, prev_cpu, wake_flags, slice_ns);
}

void OP(lineage_runnable, struct task_struct *p, u64 enq_flags)
{
	__sync_fetch_and_add(&members[family_of(p)], 1);
}

void OP(lineage_quiescent, struct task_struct *p, u64 deq_flags)
{
	__sync_fetch_and_add(&members[family_of(p)], -1);
}

void OP(lineage_enqueue, struct task_struct *p, u64 enq_flags)
{
	u64 due, size;
	s32 n;

	if (insert_percpu_kthread(p, slice_ns, enq_flags))
		return;
	n = members[family_of(p)];
	size = n > 0 ? smaller(n, crowd) : 0;
	due = scx_bpf_now() + (crowd ? family_ns * size / crowd : 0);
	scx_bpf_dsq_insert_vtime(p, QUEUE, crowded_slice(slice_ns, QUEUE), due, enq_flags);
	kick_idle_cpu(p);
}

void OP(lineage_dispatch, s32 cpu, struct task_struct *prev)
{
	scx_bpf_dsq_move_to_local(QUEUE);
}

s32 SLEEPABLE_OP(lineage_init)
{
	return scx_bpf_create_dsq(QUEUE, -1);
}

POLICY(lineage,
       .select_cpu = (void *)lineage_select_cpu,
       .runnable = (void *)lineage_runnable,
       .quiescent = (void *)lineage_quiescent,
       .enqueue = (void *)lineage_enqueue,
       .dispatch = (void *)lineage_dispatch,
       .init = (void *)lineage_init);
