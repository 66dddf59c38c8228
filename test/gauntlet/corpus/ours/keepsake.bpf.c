/* SPDX-License-Identifier: GPL-2.0 */
/*
 * keepsake: remembers the task that queued last and gives the next one a slice as long as what that one has left.
 */
#include "policy.h"

#define QUEUE 0

const volatile u64 slice_ns = 10000000;

struct memory {
	struct task_struct *last;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct memory);
} memories SEC(".maps");

void OP(keepsake_enqueue, struct task_struct *p, u64 enq_flags)
{
	u32 key = 0;
	struct memory *memory = bpf_map_lookup_elem(&memories, &key);
	u64 slice = slice_ns;

	if (memory) {
		if (memory->last)
			slice = larger(memory->last->scx.slice, slice_ns / 10);
		memory->last = p;
	}
	scx_bpf_dsq_insert(p, QUEUE, smaller(slice, slice_ns), enq_flags);
	kick_idle_cpu(p);
}

void OP(keepsake_dispatch, s32 cpu, struct task_struct *prev)
{
	scx_bpf_dsq_move_to_local(QUEUE);
}

s32 SLEEPABLE_OP(keepsake_init)
{
	return scx_bpf_create_dsq(QUEUE, -1);
}

POLICY(keepsake,
       .enqueue = (void *)keepsake_enqueue,
       .dispatch = (void *)keepsake_dispatch,
       .init = (void *)keepsake_init);
