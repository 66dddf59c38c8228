/* SPDX-License-Identifier: GPL-2.0 */
/*
 * deadline: weighted fair sharing with virtual deadlines and a boost for interactive tasks. A task's deadline is its virtual time (CPU time by
 * weight) plus what it is expected to ask for: its usual run between two sleeps, at most a slice. Tasks that run briefly and sleep are
 * therefore served before hogs; those whose runs stay below interactive_ns get boost_ns on top and may preempt. Good for desktops, request
 * servers beside batch work, periodic frames, pipelines of short stages.
 *
 * Bad: preemption costs hogs cache and throughput; where everything is short there is nothing to tell apart, and the book-keeping is only
 * overhead; a hog that sleeps now and then can pass for interactive for a while; ignores cpu.weight of cgroups; one queue, one lock.
 */
#include "policy.h"
#include "preempt.h"

const volatile u64 slice_ns = 20000000;
const volatile u64 slice_min_ns = 2000000;      /* when many wait, and for interactive tasks */
const volatile u64 sleep_credit_ns = 20000000;  /* how much a sleeper may catch up */
const volatile u64 interactive_ns = 4000000;    /* a usual run up to this long is interactive */
const volatile u64 boost_ns = 10000000;         /* virtual time by which interactive tasks are moved forward */
const volatile bool preempt = true;             /* interactive tasks take a CPU from a later deadline */
const volatile u64 guard_ns = 500000000;        /* nobody waits much longer than this */

#define QUEUE 0
#define PREEMPT_TRIES 8
#define PREEMPT_MARGIN_NS 1000000 /* interactive tasks are not to chase each other about */

struct task_state {
	u64 mark;
	u64 queued_at;
	u64 vtime;
	u64 run;       /* since it last slept */
	u64 usual_run; /* running average of the above at each sleep */
	bool boosted;  /* was interactive when it was queued last */
};

#include "task.h"
#include "rescue.h"
#include "queue.h"

u64 vtime_now; /* the furthest that any running task has come */

static __always_inline bool is_interactive(struct task_state *s)
{
	return runs_briefly(s->usual_run, s->run, interactive_ns);
}

static __always_inline u64 deadline_of(struct task_struct *p, struct task_state *s)
{
	u64 request = smaller(larger(s->usual_run, s->run), slice_ns);

	return s->vtime + by_weight(request, p->scx.weight) - (s->boosted ? boost_ns : 0);
}

s32 OP(deadline_select_cpu, struct task_struct *p, s32 prev_cpu, u64 wake_flags)
{
	struct task_state *s = task_state(p);

	if (s)
		s->boosted = is_interactive(s);
	return select_idle_cpu(p, prev_cpu, wake_flags, slice_ns);
}

void OP(deadline_enqueue, struct task_struct *p, u64 enq_flags)
{
	struct task_state *s = task_state(p);
	u64 deadline = vtime_now;
	u64 slice = shared_slice(slice_ns, slice_min_ns, QUEUE, scx_bpf_nr_cpu_ids());

	if (insert_percpu_kthread(p, slice_min_ns, enq_flags))
		return;
	if (s) {
		begin_wait(s);
		s->vtime = later(s->vtime, vtime_now - sleep_credit_ns);
		s->boosted = is_interactive(s);
		deadline = deadline_of(p, s);
		if (s->boosted) /* or a hog that has only just begun: find out soon */
			slice = slice_min_ns;
	}
	scx_bpf_dsq_insert_vtime(p, QUEUE, slice, deadline, enq_flags);
	if (!kick_idle_cpu(p) && preempt && s && is_interactive(s) && enq_flags & SCX_ENQ_WAKEUP)
		preempt_for(p, deadline + PREEMPT_MARGIN_NS, PREEMPT_TRIES);
}

/* Charges what `p` has run since it was last charged; it may be no further behind than the credit. */
static __always_inline void charge_running(struct task_struct *p, struct task_state *s)
{
	u64 ran = charge(p, &s->mark);

	s->vtime = later(s->vtime + by_weight(ran, p->scx.weight), vtime_now - sleep_credit_ns);
	s->run += ran;
}

/* Whether `prev`, which can go on, keeps the CPU. */
static __always_inline bool keep_prev(s32 cpu, struct task_struct *prev)
{
	struct task_state *s = task_state(prev);
	u64 deadline;

	if (!s)
		return false;
	charge_running(prev, s);
	if (s->run > slice_ns) /* who was interactive when it was queued may finish, but not for ever */
		s->boosted = false;
	deadline = deadline_of(prev, s);
	if (!keep_running(QUEUE, cpu, prev, deadline, slice_min_ns))
		return false;
	vtime_now = later(vtime_now, s->vtime);
	set_cpu_rank(cpu, deadline);
	return true;
}

void OP(deadline_dispatch, s32 cpu, struct task_struct *prev)
{
	if (rescue_overdue(QUEUE, cpu, guard_ns, slice_min_ns))
		return;
	if (!is_runnable(prev) || !keep_prev(cpu, prev))
		scx_bpf_dsq_move_to_local(QUEUE);
}

void OP(deadline_running, struct task_struct *p)
{
	struct task_state *s = task_state(p);
	bool rescued;

	if (!s)
		return;
	charge(p, &s->mark);
	vtime_now = later(vtime_now, s->vtime);
	/* Who was rescued keeps its slice. */
	rescued = is_overdue(s, guard_ns);
	end_wait(s);
	set_cpu_rank(scx_bpf_task_cpu(p), rescued ? 0 : deadline_of(p, s));
}

void OP(deadline_stopping, struct task_struct *p, bool runnable)
{
	struct task_state *s = task_state(p);

	set_cpu_rank(scx_bpf_task_cpu(p), 0);
	if (!s)
		return;
	charge_running(p, s);
	if (!runnable) {
		s->usual_run = update_usual_run(s->usual_run, s->run);
		s->run = 0;
	}
}

void OP(deadline_enable, struct task_struct *p)
{
	struct task_state *s = task_state(p);

	if (s) {
		s->vtime = vtime_now;
		end_wait(s);
	}
}

s32 SLEEPABLE_OP(deadline_init_task, struct task_struct *p, struct scx_init_task_args *args)
{
	return new_task_state(p) ? 0 : -ENOMEM;
}

s32 SLEEPABLE_OP(deadline_init)
{
	vtime_now = 1ULL << 40; /* so that no deadline is ever below zero */
	return scx_bpf_create_dsq(QUEUE, -1);
}

POLICY(deadline,
       .select_cpu = (void *)deadline_select_cpu,
       .enqueue = (void *)deadline_enqueue,
       .dispatch = (void *)deadline_dispatch,
       .running = (void *)deadline_running,
       .stopping = (void *)deadline_stopping,
       .enable = (void *)deadline_enable,
       .init_task = (void *)deadline_init_task,
       .init = (void *)deadline_init);
