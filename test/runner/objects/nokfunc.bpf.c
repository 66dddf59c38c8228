// SPDX-License-Identifier: GPL-2.0
/* Calls a kfunc that no kernel has: libbpf must refuse it by name. */
#include "scx.h"
void scx_bpf_no_such_kfunc(struct task_struct *p) __attribute__((section(".ksyms")));
OPS(enqueue) void test_enqueue(u64 *ctx) { scx_bpf_no_such_kfunc(TASK(0)); }
SEC(".struct_ops.link") struct sched_ext_ops nokfunc_ops = { .enqueue = (void *)test_enqueue, .name = "nokfunc" };
LICENSE
