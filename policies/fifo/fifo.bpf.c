/* SPDX-License-Identifier: GPL-2.0 */
/*
 * fifo: one queue for the whole machine, in order of arrival, with a fixed slice (cut only where hundreds wait). An idle CPU is used at once; otherwise a task runs when
 * everything queued before it has had its turn. The least a scheduler can do: good for batches of similar jobs, for throughput with long
 * slices, and as the yardstick for the other policies. Nothing starves: the order is the order of arrival.
 *
 * Bad: ignores weights (nice); a task that sleeps a lot waits for all hogs each time it wakes, so latency is bad beside hogs; the one
 * queue is a contended lock on machines with many CPUs; tasks lose cache when they move; the longest job of a batch often starts last.
 */
#include "policy.h"

/* how long a task runs before it goes to the end of the queue */
const volatile u64 slice_ns = 20000000;

#define QUEUE 0

s32 OP(fifo_select_cpu, struct task_struct *p, s32 prev_cpu, u64 wake_flags)
{
	return select_idle_cpu(p, prev_cpu, wake_flags, slice_ns);
}

void OP(fifo_enqueue, struct task_struct *p, u64 enq_flags)
{
	if (insert_percpu_kthread(p, slice_ns, enq_flags))
		return;
	scx_bpf_dsq_insert(p, QUEUE, crowded_slice(slice_ns, QUEUE), enq_flags);
	kick_idle_cpu(p);
}

void OP(fifo_dispatch, s32 cpu, struct task_struct *prev)
{
	scx_bpf_dsq_move_to_local(QUEUE);
}

s32 SLEEPABLE_OP(fifo_init)
{
	return scx_bpf_create_dsq(QUEUE, -1);
}

POLICY(fifo,
       .select_cpu = (void *)fifo_select_cpu,
       .enqueue = (void *)fifo_enqueue,
       .dispatch = (void *)fifo_dispatch,
       .init = (void *)fifo_init);
