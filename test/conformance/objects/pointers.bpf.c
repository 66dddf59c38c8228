/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Follows pointers out of the kernel's structures beyond their end, as the verifier allows: a null one reads 0. When a task named "probe" changes its nice value, the policy leaves with
 * what it has read (cases/pointers.ts), or asks for the run queue of a CPU that does not exist.
 */
#include "policy.h"

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)
struct task_group {
	struct task_group *parent;
	unsigned long shares;
};
struct task_struct___group {
	struct task_group *sched_task_group;
};
struct rq {
	struct task_struct *curr;
};
#pragma clang attribute pop

#define NO_CPU 999

/* Asks for that run queue. */
const volatile u32 queue;

struct rq *scx_bpf_cpu_rq(s32 cpu) __ksym;
void scx_bpf_exit_bstr(s64 code, char *fmt, unsigned long long *data, u32 data_sz) __ksym;

static char text[] = "%lld above the root, with %lld shares; %lld";

/* Far beyond the root; a function of its own gets and gives such pointers too. */
static __noinline struct task_group *above(struct task_group *group)
{
	group = group->parent;
	group = group->parent;
	group = group->parent;
	return group->parent;
}

void OP(pointers_set_weight, struct task_struct *p, u32 weight)
{
	unsigned long long args[3];
	struct task_group *group;

	if (weight == 100 || p->comm[0] != 'p' || p->comm[1] != 'r' || p->comm[2] != 'o' || p->comm[3] != 'b')
		return;
	group = above(above(((struct task_struct___group *)p)->sched_task_group));
	args[0] = (unsigned long long)group;
	args[1] = group->shares;
	args[2] = queue ? scx_bpf_cpu_rq(NO_CPU)->curr->pid : 0;
	scx_bpf_exit_bstr(0, text, args, sizeof(args));
}

POLICY(pointers, .set_weight = (void *)pointers_set_weight);
