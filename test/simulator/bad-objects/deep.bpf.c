// SPDX-License-Identifier: GPL-2.0
/* Nine frames: one more than the kernel gives. */
#include "bad.h"

#define LEVEL(name, next)                                                      \
	static __attribute__((noinline)) u64 name(u64 value)                   \
	{                                                                      \
		value = next(value + 1);                                       \
		__asm__ volatile("" : "+r"(value));                            \
		return value;                                                  \
	}

static __attribute__((noinline)) u64 level9(u64 value)
{
	__asm__ volatile("" : "+r"(value));
	return value;
}
LEVEL(level8, level9)
LEVEL(level7, level8)
LEVEL(level6, level7)
LEVEL(level5, level6)
LEVEL(level4, level5)
LEVEL(level3, level4)
LEVEL(level2, level3)

SEC("struct_ops/bad_enqueue") void bad_enqueue(u64 *ctx)
{
	struct task_struct *p = (void *)ctx[0];

	scx_bpf_dsq_insert(p, GLOBAL_DSQ, level2(p->pid), ctx[1]);
}

BAD_POLICY;
