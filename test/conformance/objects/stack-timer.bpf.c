/* SPDX-License-Identifier: GPL-2.0 */
/* 256 bytes, and a timer's callback that takes 272: it runs on a stack of its own. */
#include "stack.h"

struct bpf_timer {
	u64 __opaque[2];
} __attribute__((aligned(8)));

struct alarm {
	struct bpf_timer timer;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct alarm);
} alarms SEC(".maps");

static int rings(void *map, u32 *key, struct alarm *alarm)
{
	REACH(272, *key);
	return 0;
}

static __always_inline void use_stack(struct task_struct *p)
{
	u32 key = 0;
	struct alarm *alarm = bpf_map_lookup_elem(&alarms, &key);

	REACH(256, p->pid);
	if (alarm && !bpf_timer_init(&alarm->timer, &alarms, 1))
		bpf_timer_set_callback(&alarm->timer, rings);
}

POLICY(stack, .enable = (void *)stack_enable);
