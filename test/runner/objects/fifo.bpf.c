// SPDX-License-Identifier: GPL-2.0
/* One shared FIFO queue with an exit record: the object that must work. Bad where locality or fairness matters. */
#include "scx.h"
EXIT_RECORD
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 64);
	__type(key, u32);
	__type(value, u64);
} hints SEC(".maps");
const volatile u64 slice_ns = SLICE_DFL;
OPS(enqueue) void test_enqueue(u64 *ctx) { scx_bpf_dsq_insert(TASK(0), SHARED_DSQ, slice_ns, ctx[1]); }
OPS(dispatch) void test_dispatch(u64 *ctx) { scx_bpf_dsq_move_to_local(SHARED_DSQ); }
SLEEPABLE_OPS(init) s32 test_init(u64 *ctx) { return scx_bpf_create_dsq(SHARED_DSQ, -1); }
SEC(".struct_ops.link") struct sched_ext_ops fifo_ops = {
	.enqueue = (void *)test_enqueue, .dispatch = (void *)test_dispatch, .init = (void *)test_init, .exit = (void *)test_exit,
	.timeout_ms = 20000, .name = "fifo",
};
LICENSE
