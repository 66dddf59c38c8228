/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A journal of what the kernel calls for cgroups, with the level of each: I its coming with weight, period and quota; W its weight; B its bandwidth; T a
 * task that is forked into one below the root. The last words come when a task named "last" changes its nice value (cases/journal.ts).
 */
#define sched_ext_ops sched_ext_ops_of_policies
#define cgroup cgroup_of_policies
#define scx_init_task_args scx_init_task_args_of_policies
#include "kernel.h"
#undef sched_ext_ops
#undef cgroup
#undef scx_init_task_args

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)
struct cgroup { int level; };
struct scx_cgroup_init_args { u32 weight; u64 bw_period_us; u64 bw_quota_us; u64 bw_burst_us; };
struct scx_init_task_args { bool fork; struct cgroup *cgroup; };
#pragma clang attribute pop

struct sched_ext_ops {
	void (*set_weight)(struct task_struct *p, u32 weight);
	s32 (*init_task)(struct task_struct *p, struct scx_init_task_args *args);
	s32 (*cgroup_init)(struct cgroup *cgrp, struct scx_cgroup_init_args *args);
	void (*cgroup_exit)(struct cgroup *cgrp);
	void (*cgroup_set_weight)(struct cgroup *cgrp, u32 weight);
	void (*cgroup_set_bandwidth)(struct cgroup *cgrp, u64 period_us, u64 quota_us, u64 burst_us);
	void (*exit)(struct scx_exit_info *info);
	u64 flags;
	u32 timeout_ms;
	u32 exit_dump_len;
	char name[128];
};

#define cgroup cgroup_of_policies
#include "policy.h"
#undef cgroup

#define ROOM 1024

void scx_bpf_exit_bstr(s64 code, char *fmt, unsigned long long *data, u32 data_sz) __ksym;

static char words[ROOM];
static u32 used;
static char text[] = "%s";

static __always_inline void put(char c)
{
	if (used < ROOM - 1)
		words[used++ & (ROOM - 1)] = c;
}

static __noinline int number(u64 value)
{
	bool began = false;

	put(':');
	for (int shift = 60; shift >= 0; shift -= 4) {
		u32 digit = (value >> shift) & 15;

		if (!digit && !began && shift)
			continue;
		began = true;
		put(digit < 10 ? '0' + digit : 'a' + digit - 10);
	}
	return 0;
}

static __always_inline void note(char letter, int level)
{
	put(' ');
	put(letter);
	put('0' + (level & 7));
}

s32 SLEEPABLE_OP(groups_cgroup_init, struct cgroup *cgrp, struct scx_cgroup_init_args *args)
{
	note('I', cgrp->level);
	number(args->weight);
	number(args->bw_period_us);
	number(args->bw_quota_us);
	number(args->bw_burst_us);
	return 0;
}

void OP(groups_cgroup_set_weight, struct cgroup *cgrp, u32 weight)
{
	note('W', cgrp->level);
	number(weight);
}

void OP(groups_cgroup_set_bandwidth, struct cgroup *cgrp, u64 period_us, u64 quota_us, u64 burst_us)
{
	note('B', cgrp->level);
	number(period_us);
	number(quota_us);
	number(burst_us);
}

s32 SLEEPABLE_OP(groups_init_task, struct task_struct *p, struct scx_init_task_args *args)
{
	if (args->fork && args->cgroup->level > 0)
		note('T', args->cgroup->level);
	return 0;
}

void OP(groups_set_weight, struct task_struct *p, u32 weight)
{
	unsigned long long data[1] = {(unsigned long long)words};

	if (p->comm[0] == 'l' && p->comm[1] == 'a' && p->comm[2] == 's' && p->comm[3] == 't' && weight != 100)
		scx_bpf_exit_bstr(0, text, data, sizeof(data));
}

POLICY(groups,
       .init_task = (void *)groups_init_task,
       .set_weight = (void *)groups_set_weight,
       .cgroup_init = (void *)groups_cgroup_init,
       .cgroup_set_weight = (void *)groups_cgroup_set_weight,
       .cgroup_set_bandwidth = (void *)groups_cgroup_set_bandwidth);
