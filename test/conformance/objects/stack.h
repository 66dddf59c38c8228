/* SPDX-License-Identifier: GPL-2.0 */
/* A policy that leaves everything to the kernel, and whose ops.enable does what a stack-*.bpf.c says with its stack. */
#include "policy.h"

/* The frame of the function that it stands in reaches so many bytes below r10. */
#define REACH(bytes, value) __asm__ volatile("*(u64 *)(r10 - " #bytes ") = %0" ::"r"((u64)(value)) : "memory")

static void use_stack(struct task_struct *p);

void OP(stack_enable, struct task_struct *p)
{
	use_stack(p);
}
