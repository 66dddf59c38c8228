/* SPDX-License-Identifier: GPL-2.0 */
/*
 * sandglass: slices without end and a tick that ends them. At each tick a CPU whose task has run its turn looks whether anyone waits, and only then takes
 * the rest of the slice away. Kernel threads that go straight to their CPU get a slice that ends. Bad: turns are as coarse as ticks; ignores weights.
 */
#include "policy.h"

#define QUEUE 0
#define SCX_SLICE_INF (~0ULL)

const volatile u64 turn_ns = 12000000;
const volatile u64 slice_ns = 10000000;

u64 began[MAX_CPUS];

s32 OP(sandglass_select_cpu, struct task_struct *p, s32 prev_cpu, u64 wake_flags)
{
	return select_idle_cpu(p, prev_cpu, wake_flags, slice_ns);
}

void OP(sandglass_enqueue, struct task_struct *p, u64 enq_flags)
{
	if (insert_percpu_kthread(p, slice_ns, enq_flags))
		return;
	scx_bpf_dsq_insert(p, QUEUE, SCX_SLICE_INF, enq_flags);
	kick_idle_cpu(p);
}

void OP(sandglass_dispatch, s32 cpu, struct task_struct *prev)
{
	scx_bpf_dsq_move_to_local(QUEUE);
}

void OP(sandglass_running, struct task_struct *p)
{
	began[CPU_SLOT(scx_bpf_task_cpu(p))] = scx_bpf_now();
}

void OP(sandglass_tick, struct task_struct *p)
{
	s32 cpu = scx_bpf_task_cpu(p);

	if (before(scx_bpf_now(), began[CPU_SLOT(cpu)] + turn_ns))
		return;
	if (scx_bpf_dsq_nr_queued(QUEUE) > 0 || scx_bpf_dsq_nr_queued(SCX_DSQ_LOCAL_ON | cpu) > 0)
		task_set_slice(p, 0);
}

s32 SLEEPABLE_OP(sandglass_init)
{
	return scx_bpf_create_dsq(QUEUE, -1);
}

POLICY(sandglass,
       .select_cpu = (void *)sandglass_select_cpu,
       .enqueue = (void *)sandglass_enqueue,
       .dispatch = (void *)sandglass_dispatch,
       .running = (void *)sandglass_running,
       .tick = (void *)sandglass_tick,
       .init = (void *)sandglass_init);
