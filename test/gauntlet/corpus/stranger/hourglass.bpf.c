/* SPDX-License-Identifier: GPL-2.0 */
/*
 * hourglass: due dates. Whoever becomes runnable is due after eight times what it usually runs between two sleeps, scaled by weight, and at most after
 * `patience_ns`; the earliest date goes first. As dates are real time and the patience is bounded, whoever comes later than that is behind. An interactive
 * task preempts nobody but is next at the end of a slice. Bad: among hogs weights hardly count, all of them being due after the full patience.
 */
#include "policy.h"

const volatile u64 slice_ns = 10000000;
const volatile u64 patience_ns = 150000000;

#define QUEUE 0

struct task_state {
	u64 mark;
	u64 run;
	u64 usual;
};

#include "task.h"

static __always_inline u64 due_of(struct task_struct *p, struct task_state *s)
{
	u64 usual = s ? smaller(larger(s->usual, s->run), patience_ns) : patience_ns;

	return scx_bpf_now() + smaller(by_weight(usual * 8, p->scx.weight), patience_ns);
}

s32 OP(hourglass_select_cpu, struct task_struct *p, s32 prev_cpu, u64 wake_flags)
{
	return select_idle_cpu(p, prev_cpu, wake_flags, slice_ns);
}

void OP(hourglass_enqueue, struct task_struct *p, u64 enq_flags)
{
	if (insert_percpu_kthread(p, slice_ns, enq_flags))
		return;
	scx_bpf_dsq_insert_vtime(p, QUEUE, crowded_slice(slice_ns, QUEUE), due_of(p, task_state(p)), enq_flags);
	kick_idle_cpu(p);
}

void OP(hourglass_dispatch, s32 cpu, struct task_struct *prev)
{
	scx_bpf_dsq_move_to_local(QUEUE);
}

void OP(hourglass_running, struct task_struct *p)
{
	struct task_state *s = task_state(p);

	if (s)
		charge(p, &s->mark);
}

void OP(hourglass_stopping, struct task_struct *p, bool runnable)
{
	struct task_state *s = task_state(p);

	if (!s)
		return;
	s->run += charge(p, &s->mark);
	if (!runnable) {
		s->usual = update_usual_run(s->usual, s->run);
		s->run = 0;
	}
}

s32 SLEEPABLE_OP(hourglass_init_task, struct task_struct *p, struct scx_init_task_args *args)
{
	return new_task_state(p) ? 0 : -ENOMEM;
}

s32 SLEEPABLE_OP(hourglass_init)
{
	return scx_bpf_create_dsq(QUEUE, -1);
}

POLICY(hourglass,
       .select_cpu = (void *)hourglass_select_cpu,
       .enqueue = (void *)hourglass_enqueue,
       .dispatch = (void *)hourglass_dispatch,
       .running = (void *)hourglass_running,
       .stopping = (void *)hourglass_stopping,
       .init_task = (void *)hourglass_init_task,
       .init = (void *)hourglass_init);
