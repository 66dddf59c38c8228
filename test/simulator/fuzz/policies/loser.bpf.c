/* SPDX-License-Identifier: GPL-2.0 */
/*
 * loser: tasks that may run anywhere wait in a queue of the policy's own, by pid; others in a DSQ. A change of affinity takes a waiting task from the
 * policy and gives it back with ops.enqueue, and here that is taken for a repetition: the entry in the queue stays, and the CPU that comes to it drops it when
 * the task may not run there any more. The task is lost. Tests see whether attack mode finds it.
 */
#include "policy.h"

#define PINNED 0
#define SLICE_NS 12000000
#define LOOKS 64

struct task_struct *bpf_task_from_pid(s32 pid) __ksym;
void bpf_task_release(struct task_struct *p) __ksym;

struct task_state {
	bool waits; /* its pid is in the queue */
};

#include "task.h"

struct {
	__uint(type, 22); /* BPF_MAP_TYPE_QUEUE */
	__uint(max_entries, 4096);
	__type(value, s32);
} waiting SEC(".maps");

/* Turns are longer for greater weights: shares are right while tasks take turns. */
static __always_inline u64 slice_of(struct task_struct *p)
{
	return smaller(SLICE_NS / 100 * p->scx.weight, 40000000);
}

s32 OP(loser_select_cpu, struct task_struct *p, s32 prev_cpu, u64 wake_flags)
{
	return select_idle_cpu(p, prev_cpu, wake_flags, slice_of(p));
}

void OP(loser_enqueue, struct task_struct *p, u64 enq_flags)
{
	struct task_state *s = task_state(p);
	s32 pid = p->pid;

	if (s && s->waits)
		return;
	if (!s || p->nr_cpus_allowed < scx_bpf_nr_cpu_ids() || bpf_map_push_elem(&waiting, &pid, 0))
		scx_bpf_dsq_insert(p, PINNED, slice_of(p), enq_flags);
	else
		s->waits = true;
	kick_idle_cpu(p);
}

void OP(loser_dispatch, s32 cpu, struct task_struct *prev)
{
	struct task_struct *p;
	struct task_state *s;
	s32 pid, i;

	if (scx_bpf_dsq_move_to_local(PINNED))
		return;
	bpf_for(i, 0, LOOKS) {
		if (bpf_map_pop_elem(&waiting, &pid))
			return;
		p = bpf_task_from_pid(pid);
		if (!p)
			continue;
		s = task_state(p);
		if (s)
			s->waits = false;
		if (bpf_cpumask_test_cpu(cpu, p->cpus_ptr)) {
			scx_bpf_dsq_insert(p, SCX_DSQ_LOCAL, slice_of(p), 0);
			bpf_task_release(p);
			return;
		}
		bpf_task_release(p);
	}
}

s32 SLEEPABLE_OP(loser_init_task, struct task_struct *p, struct scx_init_task_args *args)
{
	return new_task_state(p) ? 0 : -ENOMEM;
}

s32 SLEEPABLE_OP(loser_init)
{
	return scx_bpf_create_dsq(PINNED, -1);
}

POLICY(loser,
       .select_cpu = (void *)loser_select_cpu,
       .enqueue = (void *)loser_enqueue,
       .dispatch = (void *)loser_dispatch,
       .init_task = (void *)loser_init_task,
       .init = (void *)loser_init);
