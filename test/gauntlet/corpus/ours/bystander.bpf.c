/* SPDX-License-Identifier: GPL-2.0 */
/*
 * bystander: decides nothing. The kernel chooses the CPU and the global queue; all that is ours is a count of wakeups, kept without locks in runnable.
 * The smallest policy that can be right. Bad: ignores weights; who finds no idle CPU is not offered to one that
 * goes idle elsewhere until that one looks.
 */
#include "policy.h"

u64 wakeups;

void OP(bystander_runnable, struct task_struct *p, u64 enq_flags)
{
	if (enq_flags & SCX_ENQ_WAKEUP)
		__sync_fetch_and_add(&wakeups, 1);
}

POLICY(bystander,
       .runnable = (void *)bystander_runnable);
