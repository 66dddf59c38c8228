/* SPDX-License-Identifier: GPL-2.0 */
/* 256 bytes, and a callback of bpf_loop() that takes 272: its frame stands above that of who asks for it. */
#include "stack.h"

static long step(u64 index, void *context)
{
	REACH(272, index);
	return 0;
}

static __always_inline void use_stack(struct task_struct *p)
{
	REACH(256, p->pid);
	bpf_loop(2, step, NULL, 0);
}

POLICY(stack, .enable = (void *)stack_enable);
