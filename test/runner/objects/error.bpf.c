// SPDX-License-Identifier: GPL-2.0
/* Behaves like fifo until a task called "trigger" appears, then calls scx_bpf_error: ejection in the middle of a run. */
#include "scx.h"
EXIT_RECORD
OPS(enqueue) void test_enqueue(u64 *ctx)
{
	static char text[] = "task called trigger, pid %d";
	struct task_struct *p = TASK(0);
	if (p->comm[0] == 't' && p->comm[1] == 'r' && p->comm[2] == 'i' && p->comm[3] == 'g') {
		unsigned long long args[1] = { (unsigned int)p->pid };
		scx_bpf_error_bstr(text, args, sizeof(args));
	}
	scx_bpf_dsq_insert(p, 0x8000000000000001ULL, SLICE_DFL, ctx[1]);
}
SEC(".struct_ops.link") struct sched_ext_ops error_ops = { .enqueue = (void *)test_enqueue, .exit = (void *)test_exit, .name = "error" };
LICENSE
