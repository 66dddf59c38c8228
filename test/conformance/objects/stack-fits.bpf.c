/* SPDX-License-Identifier: GPL-2.0 */
/* Three frames: 256 bytes, 248, which count as 256, and none: all the stack that there is. */
#include "stack.h"

static __noinline u64 last(u64 value)
{
	__asm__ volatile("" : "+r"(value));
	return value;
}

static __noinline u64 middle(u64 value)
{
	REACH(248, value);
	return last(value) + 1;
}

static __always_inline void use_stack(struct task_struct *p)
{
	REACH(256, middle(p->pid));
}

POLICY(stack, .enable = (void *)stack_enable);
