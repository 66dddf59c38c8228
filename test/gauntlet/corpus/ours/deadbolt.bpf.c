/* SPDX-License-Identifier: GPL-2.0 */
/*
 * deadbolt: counts and queues under one lock, so that the count is always right.
 */
#include "policy.h"

#define QUEUE 0

const volatile u64 slice_ns = 10000000;

struct bpf_spin_lock {
	u32 val;
};

struct ledger {
	struct bpf_spin_lock lock;
	u32 queued;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct ledger);
} ledgers SEC(".maps");

void OP(deadbolt_enqueue, struct task_struct *p, u64 enq_flags)
{
	u32 key = 0;
	struct ledger *ledger = bpf_map_lookup_elem(&ledgers, &key);

	if (!ledger)
		return;
	bpf_spin_lock(&ledger->lock);
	ledger->queued++;
	scx_bpf_dsq_insert(p, QUEUE, slice_ns, enq_flags);
	bpf_spin_unlock(&ledger->lock);
}

void OP(deadbolt_dispatch, s32 cpu, struct task_struct *prev)
{
	scx_bpf_dsq_move_to_local(QUEUE);
}

s32 SLEEPABLE_OP(deadbolt_init)
{
	return scx_bpf_create_dsq(QUEUE, -1);
}

POLICY(deadbolt,
       .enqueue = (void *)deadbolt_enqueue,
       .dispatch = (void *)deadbolt_dispatch,
       .init = (void *)deadbolt_init);
