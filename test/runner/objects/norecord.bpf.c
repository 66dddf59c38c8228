// SPDX-License-Identifier: GPL-2.0
/* The smallest policy, without an exit record and without a link section: its end must come from the kernel log. */
#include "scx.h"
OPS(enqueue) void test_enqueue(u64 *ctx) { scx_bpf_dsq_insert(TASK(0), 0x8000000000000001ULL, SLICE_DFL, ctx[1]); }
SEC(".struct_ops") struct sched_ext_ops norecord_ops = { .enqueue = (void *)test_enqueue, .name = "norecord" };
LICENSE
