// SPDX-License-Identifier: GPL-2.0
/* Puts every task into a queue that nobody drains: no user space runs until the watchdog ejects it. */
#include "scx.h"
EXIT_RECORD
/* without this the kernel hands tasks straight to idle CPUs and nothing stalls on an idle machine */
OPS(select_cpu) s32 test_select_cpu(u64 *ctx) { return ctx[1]; }
OPS(enqueue) void test_enqueue(u64 *ctx) { scx_bpf_dsq_insert(TASK(0), SHARED_DSQ, SLICE_DFL, ctx[1]); }
SLEEPABLE_OPS(init) s32 test_init(u64 *ctx) { return scx_bpf_create_dsq(SHARED_DSQ, -1); }
SEC(".struct_ops.link") struct sched_ext_ops stall_ops = {
	.select_cpu = (void *)test_select_cpu, .enqueue = (void *)test_enqueue, .init = (void *)test_init, .exit = (void *)test_exit, .timeout_ms = 30000, .name = "stall",
};
LICENSE
