// SPDX-License-Identifier: GPL-2.0
/* Does what its parameter says when a task is queued. The kernel's verifier would let nothing of it pass but 0. */
#include "bad.h"

const volatile u32 fault = 0;
const volatile u64 far = 5;
const u64 constant[2] = { 1, 2 };

struct {
	int (*type)[2];
	int (*max_entries)[4];
	u32 *key;
	u64 *value;
} counts SEC(".maps");

static void *(*map_lookup_elem)(void *map, const void *key) = (void *)1;

static u64 table[4];

SEC("struct_ops/bad_enqueue") void bad_enqueue(u64 *ctx)
{
	struct task_struct *p = (void *)ctx[0];
	volatile u64 frame[4];
	u32 key = 100;
	u64 *value;

	switch (fault) {
	case 1:
		table[far] = 1; /* beyond the section */
		break;
	case 2:
		value = map_lookup_elem(&counts, &key);
		*value += 1; /* there is none */
		break;
	case 3:
		while (p->pid >= 0)
			*(volatile u64 *)&table[1] += 1; /* for ever */
		break;
	case 4:
		*(volatile u64 *)(p->pid + 0xdead00000000ull) += 1; /* nowhere */
		break;
	case 5:
		*(volatile u64 *)constant = 3; /* read only */
		break;
	case 6:
		table[1] = frame[far]; /* beyond the frame */
		break;
	case 7:
		p->scx.weight = 1; /* not for policies to write */
		break;
	case 8:
		value = (void *)p;
		table[0] = value[far << 20]; /* beyond the task */
		break;
	}
	scx_bpf_dsq_insert(p, GLOBAL_DSQ, 20000000, ctx[1]);
}

BAD_POLICY;
