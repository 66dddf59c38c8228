/* SPDX-License-Identifier: GPL-2.0 */
/*
 * turnstile: arrivals pass one at a time. Waiting tasks are kept by pid in a map of the policy's own and let through to the run queue only when a
 * CPU asks, so the order can be changed by replacing the map. A kernel thread that wakes does not queue with the rest. For experiments with orders.
 */
#include "policy.h"

#define BPF_MAP_TYPE_QUEUE 22
#define THROUGH 0
#define PLACES 8192

const volatile u64 slice_ns = 10000000;

struct task_struct *bpf_task_from_pid(s32 pid) __ksym;
void bpf_task_release(struct task_struct *p) __ksym;

struct {
	__uint(type, BPF_MAP_TYPE_QUEUE);
	__uint(max_entries, PLACES);
	__type(value, s32);
} waiting SEC(".maps");

u64 passed, leaving;

s32 OP(turnstile_select_cpu, struct task_struct *p, s32 prev_cpu, u64 wake_flags)
{
	return select_idle_cpu(p, prev_cpu, wake_flags, slice_ns);
}

void OP(turnstile_enqueue, struct task_struct *p, u64 enq_flags)
{
	s32 pid = p->pid;

	if (insert_percpu_kthread(p, slice_ns, enq_flags))
		return;
	if ((p->flags & PF_KTHREAD && enq_flags & SCX_ENQ_WAKEUP) || bpf_map_push_elem(&waiting, &pid, 0))
		scx_bpf_dsq_insert(p, THROUGH, slice_ns, enq_flags);
	kick_idle_cpu(p);
}

/* One task from the map to the run queue; false when the map is empty. */
static __always_inline bool let_one_through(void)
{
	struct task_struct *p;
	s32 pid;

	if (bpf_map_pop_elem(&waiting, &pid))
		return false;
	p = bpf_task_from_pid(pid);
	if (!p)
		return true;
	if (p->flags & PF_EXITING) { /* the kernel has sent it to its CPU already */
		leaving++;
		return true;
	}
	scx_bpf_dsq_insert(p, THROUGH, slice_ns, 0);
	bpf_task_release(p);
	passed++;
	return true;
}

void OP(turnstile_dispatch, s32 cpu, struct task_struct *prev)
{
	u32 i;

	bpf_for(i, 0, PLACES) {
		if (scx_bpf_dsq_move_to_local(THROUGH))
			return;
		if (!let_one_through())
			return;
	}
}

s32 SLEEPABLE_OP(turnstile_init)
{
	return scx_bpf_create_dsq(THROUGH, -1);
}

POLICY(turnstile,
       .select_cpu = (void *)turnstile_select_cpu,
       .enqueue = (void *)turnstile_enqueue,
       .dispatch = (void *)turnstile_dispatch,
       .init = (void *)turnstile_init);
