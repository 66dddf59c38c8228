// SPDX-License-Identifier: GPL-2.0
/* ops.init says -ENOMEM: the kernel attaches and detaches at once. */
#include "scx.h"
EXIT_RECORD
SLEEPABLE_OPS(init) s32 test_init(u64 *ctx) { return -12; }
OPS(enqueue) void test_enqueue(u64 *ctx) { scx_bpf_dsq_insert(TASK(0), 0x8000000000000001ULL, SLICE_DFL, ctx[1]); }
SEC(".struct_ops.link") struct sched_ext_ops initfail_ops = { .enqueue = (void *)test_enqueue, .init = (void *)test_init, .exit = (void *)test_exit, .name = "initfail" };
LICENSE
