/* SPDX-License-Identifier: GPL-2.0 */
/*
 * parcel: tasks wait in the policy's own hands, by pid in a map, and are handed over one at a time when a CPU asks. A pid whose task has gone or runs
 * already costs nothing: the kernel drops what is stale. When the map is full, tasks go to the hand-over queue at once. Bad: pids of tasks that this
 * CPU may not run have to be handed over before the one it may; order of arrival, weights are ignored.
 */
#include "policy.h"

#define BPF_MAP_TYPE_QUEUE 22
#define HANDOVER 0
#define SHELVES 8192

const volatile u64 slice_ns = 10000000;

struct task_struct *bpf_task_from_pid(s32 pid) __ksym;
void bpf_task_release(struct task_struct *p) __ksym;
u32 scx_bpf_dispatch_nr_slots(void) __ksym;

struct {
	__uint(type, BPF_MAP_TYPE_QUEUE);
	__uint(max_entries, SHELVES);
	__type(value, s32);
} shelf SEC(".maps");

u64 handed, full;

s32 OP(parcel_select_cpu, struct task_struct *p, s32 prev_cpu, u64 wake_flags)
{
	return select_idle_cpu(p, prev_cpu, wake_flags, slice_ns);
}

void OP(parcel_enqueue, struct task_struct *p, u64 enq_flags)
{
	s32 pid = p->pid;

	if (insert_percpu_kthread(p, slice_ns, enq_flags))
		return;
	if (bpf_map_push_elem(&shelf, &pid, 0)) {
		full++;
		scx_bpf_dsq_insert(p, HANDOVER, slice_ns, enq_flags);
	}
	kick_idle_cpu(p);
}

/* The next pid on the shelf goes to the hand-over queue. False when the shelf is empty. */
static __always_inline bool hand_over(void)
{
	struct task_struct *p;
	s32 pid;

	if (bpf_map_pop_elem(&shelf, &pid))
		return false;
	p = bpf_task_from_pid(pid);
	if (!p)
		return true;
	scx_bpf_dsq_insert(p, HANDOVER, slice_ns, 0);
	bpf_task_release(p);
	handed++;
	return true;
}

void OP(parcel_dispatch, s32 cpu, struct task_struct *prev)
{
	u32 i;

	bpf_for(i, 0, SHELVES) {
		if (scx_bpf_dsq_move_to_local(HANDOVER)) /* empties the kernel's buffer of inserts as well */
			return;
		if (!scx_bpf_dispatch_nr_slots() || !hand_over())
			return;
	}
}

s32 SLEEPABLE_OP(parcel_init)
{
	return scx_bpf_create_dsq(HANDOVER, -1);
}

POLICY(parcel,
       .select_cpu = (void *)parcel_select_cpu,
       .enqueue = (void *)parcel_enqueue,
       .dispatch = (void *)parcel_dispatch,
       .init = (void *)parcel_init);
