/* SPDX-License-Identifier: GPL-2.0 */
/*
 * duet: two voices. Ordinary tasks share by weight in a queue ordered by virtual time; tasks of the batch and idle policies stand in a second queue in
 * order of arrival, which goes first every `batch_every`-th time a CPU looks and otherwise takes what the first leaves. Bad: batch work gets its quarter
 * even when it is nice 19; no preemption.
 */
#include "policy.h"

const volatile u64 slice_ns = 10000000;
const volatile u64 slice_min_ns = 4000000;
const volatile u64 sleep_credit_ns = 20000000;
const volatile u64 guard_ns = 500000000;
const volatile u32 batch_every = 4;

#define LEAD 0
#define BASS 1

struct task_state {
	u64 mark;
	u64 queued_at;
};

#include "task.h"
#include "rescue.h"

u64 vtime_now;
static u32 bars[MAX_CPUS];

static __always_inline bool is_batch(struct task_struct *p)
{
	return p->policy == SCHED_BATCH || p->policy == SCHED_IDLE;
}

s32 OP(duet_select_cpu, struct task_struct *p, s32 prev_cpu, u64 wake_flags)
{
	return select_idle_cpu(p, prev_cpu, wake_flags, slice_ns);
}

void OP(duet_enqueue, struct task_struct *p, u64 enq_flags)
{
	struct task_state *s = task_state(p);

	if (insert_percpu_kthread(p, slice_min_ns, enq_flags))
		return;
	if (s)
		begin_wait(s);
	if (is_batch(p))
		scx_bpf_dsq_insert(p, BASS, crowded_slice(slice_ns, BASS), enq_flags);
	else
		scx_bpf_dsq_insert_vtime(p, LEAD, shared_slice(slice_ns, slice_min_ns, LEAD, scx_bpf_nr_cpu_ids()),
					 later(p->scx.dsq_vtime, vtime_now - sleep_credit_ns), enq_flags);
	kick_idle_cpu(p);
}

void OP(duet_dispatch, s32 cpu, struct task_struct *prev)
{
	u32 bar = bars[CPU_SLOT(cpu)]++;

	if (batch_every && bar % batch_every == 0 && scx_bpf_dsq_move_to_local(BASS))
		return;
	if (rescue_overdue(LEAD, cpu, guard_ns, slice_min_ns))
		return;
	if (!scx_bpf_dsq_move_to_local(LEAD))
		scx_bpf_dsq_move_to_local(BASS);
}

void OP(duet_running, struct task_struct *p)
{
	struct task_state *s = task_state(p);

	if (s) {
		charge(p, &s->mark);
		end_wait(s);
	}
	if (!is_batch(p))
		vtime_now = later(vtime_now, p->scx.dsq_vtime);
}

/* A task may change its policy later: it is charged either way, but never put further ahead than it would be as an ordinary one. */
void OP(duet_stopping, struct task_struct *p, bool runnable)
{
	struct task_state *s = task_state(p);
	u64 ran = s ? charge(p, &s->mark) : 0;

	task_set_vtime(p, is_batch(p) ? vtime_now : later(p->scx.dsq_vtime, vtime_now - sleep_credit_ns) + by_weight(ran, p->scx.weight));
}

void OP(duet_enable, struct task_struct *p)
{
	struct task_state *s = task_state(p);

	if (s)
		end_wait(s);
	task_set_vtime(p, vtime_now);
}

s32 SLEEPABLE_OP(duet_init_task, struct task_struct *p, struct scx_init_task_args *args)
{
	return new_task_state(p) ? 0 : -ENOMEM;
}

s32 SLEEPABLE_OP(duet_init)
{
	s32 error = scx_bpf_create_dsq(LEAD, -1);

	return error ? error : scx_bpf_create_dsq(BASS, -1);
}

POLICY(duet,
       .select_cpu = (void *)duet_select_cpu,
       .enqueue = (void *)duet_enqueue,
       .dispatch = (void *)duet_dispatch,
       .running = (void *)duet_running,
       .stopping = (void *)duet_stopping,
       .enable = (void *)duet_enable,
       .init_task = (void *)duet_init_task,
       .init = (void *)duet_init);
