/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the kernel does with the plain members of sched_ext_ops; test/conformance/cases/attach.ts writes them. It has no ops.enqueue, so the kernel queues,
 * and it has ops.update_idle.
 */
#define sched_ext_ops sched_ext_ops_of_policies
#include "kernel.h"
#undef sched_ext_ops

struct sched_ext_ops {
	void (*update_idle)(s32 cpu, bool idle);
	void (*exit)(struct scx_exit_info *info);
	u32 dispatch_max_batch;
	u64 flags;
	u32 timeout_ms;
	u32 exit_dump_len;
	u64 hotplug_seq;
	char name[128];
};

#include "policy.h"

void OP(values_update_idle, s32 cpu, bool idle) {}

POLICY(values, .update_idle = (void *)values_update_idle);
