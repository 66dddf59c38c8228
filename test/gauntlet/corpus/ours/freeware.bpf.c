/* SPDX-License-Identifier: GPL-2.0 */
/*
 * freeware: order of arrival, under a licence that the kernel does not take.
 */
#include "policy.h"

#define QUEUE 0

const volatile u64 slice_ns = 10000000;

void OP(freeware_enqueue, struct task_struct *p, u64 enq_flags)
{
	scx_bpf_dsq_insert(p, QUEUE, slice_ns, enq_flags);
	kick_idle_cpu(p);
}

void OP(freeware_dispatch, s32 cpu, struct task_struct *prev)
{
	scx_bpf_dsq_move_to_local(QUEUE);
}

s32 SLEEPABLE_OP(freeware_init)
{
	return scx_bpf_create_dsq(QUEUE, -1);
}

void OP(freeware_exit, struct scx_exit_info *info)
{
	record_exit(info);
}

SEC(".struct_ops.link")
struct sched_ext_ops freeware_ops = {
	.enqueue = (void *)freeware_enqueue,
	.dispatch = (void *)freeware_dispatch,
	.init = (void *)freeware_init,
	.exit = (void *)freeware_exit,
	.timeout_ms = 5000,
	.exit_dump_len = EXIT_DUMP_BYTES,
	.name = "freeware",
};

char _license[] SEC("license") = "Proprietary";
