/* SPDX-License-Identifier: GPL-2.0 */
/*
 * sluice: nice work by the bucket. Tasks with positive nice run only on tokens, of which a timer hands out so many every ten milliseconds; all other
 * tasks run freely. However much background work there is, it comes in bursts of known size. For hosts with housekeeping jobs.
 */
#include "policy.h"

#define CLOCK_MONOTONIC 1
#define FREE 0
#define HELD 1

const volatile u64 slice_ns = 10000000;
const volatile u64 held_slice_ns = 5000000;
const volatile u64 period_ns = 10000000;
const volatile u32 tokens_per_cpu = 2;

struct bpf_timer {
	__u64 __opaque[2];
} __attribute__((aligned(8)));

struct gate {
	struct bpf_timer timer;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct gate);
} gates SEC(".maps");

s64 tokens;
static u32 looks[MAX_CPUS];

static int open_gate(void *map, u32 *key, struct gate *gate)
{
	u32 cpus = smaller(scx_bpf_nr_cpu_ids(), MAX_CPUS), cpu;

	if (!scx_bpf_dsq_nr_queued(HELD))
		return 0;
	tokens = (u64)cpus * tokens_per_cpu;
	bpf_for(cpu, 0, cpus)
		scx_bpf_kick_cpu(cpu, SCX_KICK_IDLE);
	bpf_timer_start(&gate->timer, period_ns, 0);
	return 0;
}

s32 OP(sluice_select_cpu, struct task_struct *p, s32 prev_cpu, u64 wake_flags)
{
	return p->static_prio > 120 ? prev_cpu : select_idle_cpu(p, prev_cpu, wake_flags, slice_ns);
}

void OP(sluice_enqueue, struct task_struct *p, u64 enq_flags)
{
	if (insert_percpu_kthread(p, slice_ns, enq_flags))
		return;
	if (p->static_prio > 120 && !(p->flags & PF_KTHREAD))
		scx_bpf_dsq_insert(p, HELD, held_slice_ns, enq_flags);
	else
		scx_bpf_dsq_insert(p, FREE, crowded_slice(slice_ns, FREE), enq_flags);
	kick_idle_cpu(p);
}

static __always_inline bool take_held(void)
{
	if (tokens <= 0 || !scx_bpf_dsq_move_to_local(HELD))
		return false;
	__sync_fetch_and_add(&tokens, -1);
	return true;
}

void OP(sluice_dispatch, s32 cpu, struct task_struct *prev)
{
	if (looks[CPU_SLOT(cpu)]++ % 4 == 0 && take_held())
		return;
	if (!scx_bpf_dsq_move_to_local(FREE))
		take_held();
}

s32 SLEEPABLE_OP(sluice_init)
{
	struct gate *gate;
	u32 key = 0;
	s32 error = scx_bpf_create_dsq(FREE, -1);

	if (!error)
		error = scx_bpf_create_dsq(HELD, -1);
	gate = bpf_map_lookup_elem(&gates, &key);
	if (error || !gate)
		return error ? error : -2;
	bpf_timer_init(&gate->timer, &gates, CLOCK_MONOTONIC);
	bpf_timer_set_callback(&gate->timer, open_gate);
	return bpf_timer_start(&gate->timer, period_ns, 0);
}

POLICY(sluice,
       .select_cpu = (void *)sluice_select_cpu,
       .enqueue = (void *)sluice_enqueue,
       .dispatch = (void *)sluice_dispatch,
       .init = (void *)sluice_init);
