// SPDX-License-Identifier: GPL-2.0
/* A map of 8 GiB. */
#include "bad.h"

struct {
	int (*type)[2];
	int (*max_entries)[1 << 30];
	u32 *key;
	u64 *value;
} counts SEC(".maps");

static void *(*map_lookup_elem)(void *map, const void *key) = (void *)1;

SEC("struct_ops/bad_enqueue") void bad_enqueue(u64 *ctx)
{
	struct task_struct *p = (void *)ctx[0];
	u32 key = p->pid;

	if (map_lookup_elem(&counts, &key))
		scx_bpf_dsq_insert(p, GLOBAL_DSQ, 20000000, ctx[1]);
}

BAD_POLICY;
