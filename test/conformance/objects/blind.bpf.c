/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Keeps track of idle CPUs by itself (ops.update_idle without SCX_OPS_KEEP_BUILTIN_IDLE) and then asks the kernel for one when a task whose name begins with
 * "bad" comes.
 */
#include "policy.h"

void OP(blind_update_idle, s32 cpu, bool idle)
{
}

void OP(blind_enqueue, struct task_struct *p, u64 enq_flags)
{
	if (p->comm[0] == 'b' && p->comm[1] == 'a' && p->comm[2] == 'd')
		scx_bpf_pick_idle_cpu(p->cpus_ptr, 0);
	scx_bpf_dsq_insert(p, SCX_DSQ_GLOBAL, 20000000, enq_flags);
}

void OP(blind_exit, struct scx_exit_info *info)
{
	record_exit(info);
}

/* The header's table lacks update_idle, which no policy of the library has. */
struct sched_ext_ops___blind {
	void (*update_idle)(s32 cpu, bool idle);
	void (*enqueue)(struct task_struct *p, u64 enq_flags);
	void (*exit)(struct scx_exit_info *info);
	u32 timeout_ms;
	u32 exit_dump_len;
	char name[128];
};

SEC(".struct_ops.link")
struct sched_ext_ops___blind blind_ops = {
	.update_idle = (void *)blind_update_idle,
	.enqueue = (void *)blind_enqueue,
	.exit = (void *)blind_exit,
	.timeout_ms = 1000,
	.exit_dump_len = EXIT_DUMP_BYTES,
	.name = "blind",
};

char _license[] SEC("license") = "GPL";
