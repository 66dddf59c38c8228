/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Every task waits in the local queue of its CPU. The kernel's numbers come from weak constants that a loader fills in, as scx's headers have it: a
 * policy that only runs where they were. Bad at everything: nobody helps a CPU with too many tasks.
 */
#include "policy.h"

const volatile u64 __SCX_DSQ_LOCAL __attribute__((weak));
const volatile u64 __SCX_SLICE_DFL __attribute__((weak));
const volatile u64 __SCX_NO_SUCH_THING __attribute__((weak));

/* A wrong number starves everyone: the watchdog says so. */
void OP(enumerators_enqueue, struct task_struct *p, u64 enq_flags)
{
	if (__SCX_SLICE_DFL == 20000000 && !__SCX_NO_SUCH_THING)
		scx_bpf_dsq_insert(p, __SCX_DSQ_LOCAL, __SCX_SLICE_DFL, enq_flags);
}

POLICY(enumerators, .enqueue = (void *)enumerators_enqueue);
