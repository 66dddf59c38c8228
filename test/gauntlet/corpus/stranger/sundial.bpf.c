/* SPDX-License-Identifier: GPL-2.0 */
/*
 * sundial: tasks run without end as long as nobody waits. Slices are infinite; a timer looks every few milliseconds, and only if something is queued does
 * it interrupt the CPUs whose task has had its quantum. Spares long computations the interruptions they get from slices. Bad: who waits is noticed at
 * the next beat only; a CPU may be interrupted for a task that it may not run; order of arrival, weights are ignored.
 */
#include "policy.h"

#define CLOCK_MONOTONIC 1
#define SCX_SLICE_INF (~0ULL)
#define QUEUE 0

const volatile u64 quantum_ns = 10000000;
const volatile u64 beat_ns = 4000000;

struct bpf_timer {
	__u64 __opaque[2];
} __attribute__((aligned(8)));

struct beat {
	struct bpf_timer timer;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct beat);
} beats SEC(".maps");

u64 began[MAX_CPUS]; /* when the task that runs there began; 0: none does */

static int on_beat(void *map, u32 *key, struct beat *beat)
{
	u32 cpus = smaller(scx_bpf_nr_cpu_ids(), MAX_CPUS), cpu;
	bool shared = scx_bpf_dsq_nr_queued(QUEUE) > 0;
	u64 now = scx_bpf_now();

	bpf_for(cpu, 0, cpus) {
		u64 since = began[CPU_SLOT(cpu)];

		if (!since || before(now, since + quantum_ns))
			continue;
		/* a task sent to an idle CPU may find that another came first */
		if (shared || scx_bpf_dsq_nr_queued(SCX_DSQ_LOCAL_ON | cpu) > 0)
			scx_bpf_kick_cpu(cpu, SCX_KICK_PREEMPT);
	}
	bpf_timer_start(&beat->timer, beat_ns, 0);
	return 0;
}

s32 OP(sundial_select_cpu, struct task_struct *p, s32 prev_cpu, u64 wake_flags)
{
	return select_idle_cpu(p, prev_cpu, wake_flags, SCX_SLICE_INF);
}

void OP(sundial_enqueue, struct task_struct *p, u64 enq_flags)
{
	/* a kernel thread jumps the queue, so it gets an end: it would not be seen waiting */
	if (insert_percpu_kthread(p, quantum_ns, enq_flags))
		return;
	scx_bpf_dsq_insert(p, QUEUE, SCX_SLICE_INF, enq_flags);
	kick_idle_cpu(p);
}

void OP(sundial_dispatch, s32 cpu, struct task_struct *prev)
{
	scx_bpf_dsq_move_to_local(QUEUE);
}

void OP(sundial_running, struct task_struct *p)
{
	began[CPU_SLOT(scx_bpf_task_cpu(p))] = scx_bpf_now();
}

void OP(sundial_stopping, struct task_struct *p, bool runnable)
{
	began[CPU_SLOT(scx_bpf_task_cpu(p))] = 0;
}

s32 SLEEPABLE_OP(sundial_init)
{
	struct beat *beat;
	u32 key = 0;
	s32 error = scx_bpf_create_dsq(QUEUE, -1);

	if (error)
		return error;
	beat = bpf_map_lookup_elem(&beats, &key);
	if (!beat)
		return -2;
	bpf_timer_init(&beat->timer, &beats, CLOCK_MONOTONIC);
	bpf_timer_set_callback(&beat->timer, on_beat);
	return bpf_timer_start(&beat->timer, beat_ns, 0);
}

POLICY(sundial,
       .select_cpu = (void *)sundial_select_cpu,
       .enqueue = (void *)sundial_enqueue,
       .dispatch = (void *)sundial_dispatch,
       .running = (void *)sundial_running,
       .stopping = (void *)sundial_stopping,
       .init = (void *)sundial_init);
