// SPDX-License-Identifier: GPL-2.0
/* A loop whose bound the verifier cannot see: it walks on until its budget ends. */
#include "scx.h"
EXIT_RECORD
u64 limit = 1;
u64 sink;
OPS(enqueue) void test_enqueue(u64 *ctx)
{
	u64 sum = 1;
	for (u64 i = 0; i < *(volatile u64 *)&limit; i++) {
		sum = sum * 31 + i;
		if (sum & 1)
			sum ^= i << 3;
	}
	sink = sum;
	scx_bpf_dsq_insert(TASK(0), 0x8000000000000001ULL, SLICE_DFL, ctx[1]);
}
SEC(".struct_ops.link") struct sched_ext_ops loop_ops = { .enqueue = (void *)test_enqueue, .exit = (void *)test_exit, .name = "loop" };
LICENSE
