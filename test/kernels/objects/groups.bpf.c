/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Gives the cgroup of each task that comes storage, and queues only tasks whose cgroup has kept what was put there. Bad at everything else.
 */
#include "policy.h"

#define BPF_MAP_TYPE_CGRP_STORAGE 32
#define MARK 4711

struct {
	__uint(type, BPF_MAP_TYPE_CGRP_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, u64);
} marks SEC(".maps");

static __always_inline u64 *mark_of(struct task_struct *p, u64 flags)
{
	return bpf_cgrp_storage_get(&marks, p->cgroups->dfl_cgrp, NULL, flags);
}

void OP(groups_enable, struct task_struct *p)
{
	u64 *mark = mark_of(p, BPF_LOCAL_STORAGE_GET_F_CREATE);

	if (mark)
		*mark = MARK;
}

void OP(groups_enqueue, struct task_struct *p, u64 enq_flags)
{
	u64 *mark = mark_of(p, 0);

	if (mark && *mark == MARK)
		scx_bpf_dsq_insert(p, SCX_DSQ_GLOBAL, 20000000, enq_flags);
}

POLICY(groups, .enable = (void *)groups_enable, .enqueue = (void *)groups_enqueue);
