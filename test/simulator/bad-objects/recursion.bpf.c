// SPDX-License-Identifier: GPL-2.0
/* A function that calls itself. */
#include "bad.h"

static __attribute__((noinline)) u64 down(u64 depth)
{
	u64 below = depth ? down(depth - 1) : 0;

	__asm__ volatile("" : "+r"(below));
	return below + 1;
}

SEC("struct_ops/bad_enqueue") void bad_enqueue(u64 *ctx)
{
	struct task_struct *p = (void *)ctx[0];

	scx_bpf_dsq_insert(p, GLOBAL_DSQ, down(p->pid & 3), ctx[1]);
}

BAD_POLICY;
