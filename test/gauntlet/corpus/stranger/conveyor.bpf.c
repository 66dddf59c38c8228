/* SPDX-License-Identifier: GPL-2.0 */
/*
 * conveyor: order without a contended lock. Waking tasks are noted by pid in a map; the first CPU that runs dry brings a whole batch of them to the
 * common queue at once, so the map is touched seldom. For machines with many short tasks.
 */
#include "policy.h"

#define BPF_MAP_TYPE_QUEUE 22
#define BELT 0
#define BATCH 64

const volatile u64 slice_ns = 10000000;

struct task_struct *bpf_task_from_pid(s32 pid) __ksym;
void bpf_task_release(struct task_struct *p) __ksym;

struct {
	__uint(type, BPF_MAP_TYPE_QUEUE);
	__uint(max_entries, 16384);
	__type(value, s32);
} arrivals SEC(".maps");

u64 batches, carried;

s32 OP(conveyor_select_cpu, struct task_struct *p, s32 prev_cpu, u64 wake_flags)
{
	return select_idle_cpu(p, prev_cpu, wake_flags, slice_ns);
}

void OP(conveyor_enqueue, struct task_struct *p, u64 enq_flags)
{
	s32 pid = p->pid;

	if (insert_percpu_kthread(p, slice_ns, enq_flags))
		return;
	if (bpf_map_push_elem(&arrivals, &pid, 0))
		scx_bpf_dsq_insert(p, BELT, slice_ns, enq_flags);
	kick_idle_cpu(p);
}

/* Whether any pid was taken out of the map, be its task still there or not. */
static __always_inline bool carry(void)
{
	struct task_struct *p;
	bool any = false;
	s32 pid;
	u32 i;

	bpf_for(i, 0, BATCH) {
		if (bpf_map_pop_elem(&arrivals, &pid))
			break;
		any = true;
		p = bpf_task_from_pid(pid);
		if (!p)
			continue;
		scx_bpf_dsq_insert(p, BELT, slice_ns, 0);
		bpf_task_release(p);
		carried++;
	}
	batches += any;
	return any;
}

void OP(conveyor_dispatch, s32 cpu, struct task_struct *prev)
{
	u32 i;

	if (scx_bpf_dsq_move_to_local(BELT))
		return;
	bpf_for(i, 0, 256) {
		if (!carry() || scx_bpf_dsq_move_to_local(BELT))
			return;
	}
}

s32 SLEEPABLE_OP(conveyor_init)
{
	return scx_bpf_create_dsq(BELT, -1);
}

POLICY(conveyor,
       .select_cpu = (void *)conveyor_select_cpu,
       .enqueue = (void *)conveyor_enqueue,
       .dispatch = (void *)conveyor_dispatch,
       .init = (void *)conveyor_init);
