/* SPDX-License-Identifier: GPL-2.0 */
/*
 * hyphen: order of arrival, under a name that reads well.
 */
#include "policy.h"

#define QUEUE 0

const volatile u64 slice_ns = 10000000;

void OP(hyphen_enqueue, struct task_struct *p, u64 enq_flags)
{
	scx_bpf_dsq_insert(p, QUEUE, slice_ns, enq_flags);
	kick_idle_cpu(p);
}

void OP(hyphen_dispatch, s32 cpu, struct task_struct *prev)
{
	scx_bpf_dsq_move_to_local(QUEUE);
}

s32 SLEEPABLE_OP(hyphen_init)
{
	return scx_bpf_create_dsq(QUEUE, -1);
}

void OP(hyphen_exit, struct scx_exit_info *info)
{
	record_exit(info);
}

SEC(".struct_ops.link")
struct sched_ext_ops hyphen_ops = {
	.enqueue = (void *)hyphen_enqueue,
	.dispatch = (void *)hyphen_dispatch,
	.init = (void *)hyphen_init,
	.exit = (void *)hyphen_exit,
	.timeout_ms = 5000,
	.exit_dump_len = EXIT_DUMP_BYTES,
	.name = "first come, first served",
};

char _license[] SEC("license") = "GPL";
