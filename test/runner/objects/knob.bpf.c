// SPDX-License-Identifier: GPL-2.0
/* A FIFO queue whose knobs move while it runs: what they are shows when `stop` is set, in the message it ends with. Bad where locality or fairness matters. */
#include "scx.h"
EXIT_RECORD
u64 slice_ns = SLICE_DFL;
s32 lean = -1;
u8 small = 7;
_Bool stop SEC(".data");
OPS(enqueue) void test_enqueue(u64 *ctx)
{
	static char text[] = "slice %llu lean %lld small %llu";
	if (stop) {
		unsigned long long values[] = {slice_ns, (u64)(s64)lean, small};
		scx_bpf_error_bstr(text, values, sizeof(values));
	}
	scx_bpf_dsq_insert(TASK(0), SHARED_DSQ, slice_ns, ctx[1]);
}
OPS(dispatch) void test_dispatch(u64 *ctx) { scx_bpf_dsq_move_to_local(SHARED_DSQ); }
SLEEPABLE_OPS(init) s32 test_init(u64 *ctx) { return scx_bpf_create_dsq(SHARED_DSQ, -1); }
SEC(".struct_ops.link") struct sched_ext_ops knob_ops = {
	.enqueue = (void *)test_enqueue, .dispatch = (void *)test_dispatch, .init = (void *)test_init, .exit = (void *)test_exit,
	.timeout_ms = 20000, .name = "knob",
};
LICENSE
