/* SPDX-License-Identifier: GPL-2.0 */
/*
 * metro: no queue of its own. Whoever finds no idle CPU goes to the kernel's global queue, which every CPU empties by itself, so there is nothing to
 * dispatch. Bad: ignores weights; a sleeper waits for all hogs; a CPU that sleeps already is not told of who queues.
 */
#include "policy.h"

const volatile u64 slice_ns = 10000000;

s32 OP(metro_select_cpu, struct task_struct *p, s32 prev_cpu, u64 wake_flags)
{
	return select_idle_cpu(p, prev_cpu, wake_flags, slice_ns);
}

void OP(metro_enqueue, struct task_struct *p, u64 enq_flags)
{
	if (insert_percpu_kthread(p, slice_ns, enq_flags))
		return;
	scx_bpf_dsq_insert(p, SCX_DSQ_GLOBAL, slice_ns, enq_flags);
}

POLICY(metro,
       .select_cpu = (void *)metro_select_cpu,
       .enqueue = (void *)metro_enqueue);
