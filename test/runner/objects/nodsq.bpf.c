// SPDX-License-Identifier: GPL-2.0
/* Inserts into a queue that does not exist: ejected at the first task. */
#include "scx.h"
EXIT_RECORD
OPS(enqueue) void test_enqueue(u64 *ctx) { scx_bpf_dsq_insert(TASK(0), 0x1234, SLICE_DFL, ctx[1]); }
SEC(".struct_ops.link") struct sched_ext_ops nodsq_ops = { .enqueue = (void *)test_enqueue, .exit = (void *)test_exit, .name = "nodsq" };
LICENSE
