/* SPDX-License-Identifier: GPL-2.0 */
/*
 * metronome: wakeups in time. Tasks queue in order of arrival; besides the usual way, where a CPU takes the next task when it has nothing left, a
 * timer beats every two milliseconds and sees to it that nothing lies in the queue while CPUs are free. For latency without preemption.
 */
#include "policy.h"

#define CLOCK_MONOTONIC 1
#define QUEUE 0

const volatile u64 slice_ns = 10000000;
const volatile u64 beat_ns = 2000000;

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

u64 pulled;

static int on_beat(void *map, u32 *key, struct beat *beat)
{
	u32 cpus = smaller(scx_bpf_nr_cpu_ids(), MAX_CPUS), cpu;

	if (scx_bpf_dsq_move_to_local(QUEUE))
		pulled++;
	if (scx_bpf_dsq_nr_queued(QUEUE) > 0) {
		bpf_for(cpu, 0, cpus)
			scx_bpf_kick_cpu(cpu, SCX_KICK_IDLE);
	}
	bpf_timer_start(&beat->timer, beat_ns, 0);
	return 0;
}

s32 OP(metronome_select_cpu, struct task_struct *p, s32 prev_cpu, u64 wake_flags)
{
	return select_idle_cpu(p, prev_cpu, wake_flags, slice_ns);
}

void OP(metronome_enqueue, struct task_struct *p, u64 enq_flags)
{
	if (insert_percpu_kthread(p, slice_ns, enq_flags))
		return;
	scx_bpf_dsq_insert(p, QUEUE, crowded_slice(slice_ns, QUEUE), enq_flags);
	kick_idle_cpu(p);
}

void OP(metronome_dispatch, s32 cpu, struct task_struct *prev)
{
	scx_bpf_dsq_move_to_local(QUEUE);
}

s32 SLEEPABLE_OP(metronome_init)
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

POLICY(metronome,
       .select_cpu = (void *)metronome_select_cpu,
       .enqueue = (void *)metronome_enqueue,
       .dispatch = (void *)metronome_dispatch,
       .init = (void *)metronome_init);
