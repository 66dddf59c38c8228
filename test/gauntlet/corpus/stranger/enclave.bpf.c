/* SPDX-License-Identifier: GPL-2.0 */
/*
 * enclave: one cgroup, given by its id, steps back: its tasks, and those of the cgroups below it, queue as if they had come `setback_ns` later than they
 * did. Everybody else goes in order of arrival. With the id left at 0 this is plain arrival order. Bad: when the others keep the machine full for longer
 * than the setback the enclave competes on equal terms; weights are ignored.
 */
#include "policy.h"

const volatile u64 slice_ns = 10000000;
const volatile u64 setback_ns = 200000000;
const volatile u64 cgroup_id = 0;

#define QUEUE 0
#define MAX_DEPTH 16

struct task_state {
	u64 seen;   /* the cgroup that the answer is for */
	u32 inside;
	u32 zero;
};

#include "task.h"

static __always_inline bool is_below(struct cgroup *cgroup)
{
	u32 i;

	bpf_for(i, 0, MAX_DEPTH) {
		struct cgroup_subsys_state *parent;

		if (BPF_CORE_READ(cgroup, kn, id) == cgroup_id)
			return true;
		parent = BPF_CORE_READ(cgroup, self.parent);
		if (!parent)
			break;
		cgroup = BPF_CORE_READ(parent, cgroup);
	}
	return false;
}

/* Cgroups stay where they are below others, so the answer holds until the task moves to another. */
static __always_inline bool is_inside(struct task_struct *p)
{
	struct task_state *s = task_state(p);
	struct cgroup *cgroup;
	u64 id;

	if (!s || !cgroup_id)
		return false;
	cgroup = BPF_CORE_READ(p, cgroups, dfl_cgrp);
	id = BPF_CORE_READ(cgroup, kn, id);
	if (s->seen != id) {
		s->inside = is_below(cgroup);
		s->seen = id;
	}
	return s->inside;
}

s32 OP(enclave_select_cpu, struct task_struct *p, s32 prev_cpu, u64 wake_flags)
{
	return select_idle_cpu(p, prev_cpu, wake_flags, slice_ns);
}

void OP(enclave_enqueue, struct task_struct *p, u64 enq_flags)
{
	u64 due = scx_bpf_now();

	if (insert_percpu_kthread(p, slice_ns, enq_flags))
		return;
	if (is_inside(p))
		due += smaller(setback_ns, 2000000000);
	scx_bpf_dsq_insert_vtime(p, QUEUE, crowded_slice(slice_ns, QUEUE), due, enq_flags);
	kick_idle_cpu(p);
}

void OP(enclave_dispatch, s32 cpu, struct task_struct *prev)
{
	scx_bpf_dsq_move_to_local(QUEUE);
}

s32 SLEEPABLE_OP(enclave_init_task, struct task_struct *p, struct scx_init_task_args *args)
{
	return new_task_state(p) ? 0 : -ENOMEM;
}

s32 SLEEPABLE_OP(enclave_init)
{
	return scx_bpf_create_dsq(QUEUE, -1);
}

POLICY(enclave,
       .select_cpu = (void *)enclave_select_cpu,
       .enqueue = (void *)enclave_enqueue,
       .dispatch = (void *)enclave_dispatch,
       .init_task = (void *)enclave_init_task,
       .init = (void *)enclave_init);
