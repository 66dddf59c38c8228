// SPDX-License-Identifier: GPL-2.0
/* Uses a map value without a NULL check: the verifier must refuse it. */
#include "scx.h"
EXIT_RECORD
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 64);
	__type(key, u32);
	__type(value, u64);
} seen SEC(".maps");
OPS(enqueue) void test_enqueue(u64 *ctx)
{
	u32 pid = TASK(0)->pid;
	u64 *count = bpf_map_lookup_elem(&seen, &pid);
	*count += 1;
	scx_bpf_dsq_insert(TASK(0), 0x8000000000000001ULL, SLICE_DFL, ctx[1]);
}
SEC(".struct_ops.link") struct sched_ext_ops null_ops = { .enqueue = (void *)test_enqueue, .exit = (void *)test_exit, .name = "nullderef" };
LICENSE
