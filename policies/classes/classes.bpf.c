/* SPDX-License-Identifier: GPL-2.0 */
/*
 * classes: three latency classes: urgent, normal, batch. A task is due at its arrival plus the patience of its class (urgent: none), and the
 * earliest due runs first; an urgent task preempts whoever is due later. So urgent work goes first, yet nobody is passed over for longer than
 * the patience of the class: that is the guard against starvation. The class follows nice, SCHED_BATCH and SCHED_IDLE, and
 * (automatic) behaviour: who runs briefly between sleeps is urgent. A task that claims to be urgent and burns CPU loses the claim until it sleeps.
 * Good for request servers and audio beside batch work, mixed hosts where the classes are known.
 *
 * Bad: no fair shares: within a class everyone takes turns regardless of weight; when the work of all classes takes longer than
 * their patience, the order nears plain FIFO; preemption costs throughput; ignores cpu.weight of cgroups; one queue, one lock.
 */
#include "policy.h"
#include "turn.h"
#include "preempt.h"

/* Knobs: these may move while the policy runs. */
volatile u64 normal_patience_ns = 100000000;    /* how long normal work lets later urgent work pass */
volatile u64 batch_patience_ns = 500000000;     /* and batch work everything else */

const volatile u64 urgent_slice_ns = 1000000;   /* short: a hog that has just woken looks urgent too */
const volatile u64 normal_slice_ns = 8000000;
const volatile u64 batch_slice_ns = 20000000;
const volatile s32 urgent_nice = -5;               /* up to this nice: urgent */
const volatile s32 batch_nice = 5;                 /* from this nice on: batch */
const volatile u64 urgent_limit_ns = 10000000;     /* longer runs than this are not urgent, whatever their nice */
const volatile bool automatic = true;              /* tasks whose usual run is below brief_ns are urgent */
const volatile u64 brief_ns = 4000000;
const volatile bool preempt = true;

#define QUEUE 0
#define PREEMPT_TRIES 8

enum class { URGENT, NORMAL, BATCH };

struct task_state {
	u64 mark;
	u64 run;       /* since it last slept */
	u64 usual_run; /* running average of the above at each sleep */
	struct turn turn;
	u32 class;     /* with which it was queued last */
};

#include "task.h"
#include "queue.h"

static __always_inline enum class class_of(struct task_struct *p, struct task_state *s)
{
	s32 nice = p->static_prio - 120;

	if (p->policy == SCHED_BATCH || p->policy == SCHED_IDLE || nice >= batch_nice)
		return BATCH;
	if (s->run > urgent_limit_ns)
		return NORMAL;
	if (nice <= urgent_nice || (automatic && runs_briefly(s->usual_run, s->run, brief_ns)))
		return URGENT;
	return NORMAL;
}

static __always_inline u64 patience_of(enum class class)
{
	return class == URGENT ? 0 : class == NORMAL ? normal_patience_ns : batch_patience_ns;
}

static __always_inline u64 slice_of(enum class class)
{
	return class == URGENT ? urgent_slice_ns : class == NORMAL ? normal_slice_ns : batch_slice_ns;
}

s32 OP(classes_select_cpu, struct task_struct *p, s32 prev_cpu, u64 wake_flags)
{
	struct task_state *s = task_state(p);
	enum class class = s ? class_of(p, s) : NORMAL;

	if (s) {
		s->class = class;
		turn_due(&s->turn, patience_of(class), slice_of(class), true);
	}
	return select_idle_cpu(p, prev_cpu, wake_flags, slice_of(class));
}

void OP(classes_enqueue, struct task_struct *p, u64 enq_flags)
{
	struct task_state *s = task_state(p);
	enum class class = s ? class_of(p, s) : NORMAL;
	bool wakeup = enq_flags & SCX_ENQ_WAKEUP;
	u64 due, slice;

	if (insert_percpu_kthread(p, urgent_slice_ns, enq_flags))
		return;
	slice = crowded_slice(slice_of(class), QUEUE);
	if (s)
		s->class = class;
	due = s ? turn_due(&s->turn, patience_of(class), slice, wakeup) : scx_bpf_now();
	scx_bpf_dsq_insert_vtime(p, QUEUE, slice, due, enq_flags);
	if (!kick_idle_cpu(p) && preempt && wakeup && class == URGENT)
		preempt_for(p, due, PREEMPT_TRIES);
}

/* Charges what `p` has run since it was last charged. */
static __always_inline void charge_running(struct task_struct *p, struct task_state *s)
{
	u64 ran = charge(p, &s->mark);

	s->run += ran;
	s->turn.used += ran;
}

/* Who was urgent when it was queued may finish, but not for ever. */
static __always_inline enum class class_of_running(struct task_struct *p, struct task_state *s)
{
	return s->class == URGENT && s->run <= urgent_limit_ns ? URGENT : class_of(p, s);
}

void OP(classes_dispatch, s32 cpu, struct task_struct *prev)
{
	if (is_runnable(prev)) {
		struct task_state *s = task_state(prev);
		u64 due = scx_bpf_now();

		if (s) {
			charge_running(prev, s);
			due = turn_due_if_queued(&s->turn, patience_of(class_of_running(prev, s)));
		}
		if (keep_running(QUEUE, cpu, prev, due, urgent_slice_ns)) {
			set_cpu_rank(cpu, due);
			return;
		}
	}
	scx_bpf_dsq_move_to_local(QUEUE);
}

/* Who yields has had its turn. */
bool OP(classes_yield, struct task_struct *from, struct task_struct *to)
{
	struct task_state *s = task_state(from);

	if (s)
		s->turn.used = s->turn.slice;
	task_set_slice(from, 0);
	return false;
}

void OP(classes_running, struct task_struct *p)
{
	struct task_state *s = task_state(p);

	if (!s)
		return;
	charge(p, &s->mark);
	set_cpu_rank(scx_bpf_task_cpu(p), s->turn.due);
}

void OP(classes_stopping, struct task_struct *p, bool runnable)
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

s32 SLEEPABLE_OP(classes_init_task, struct task_struct *p, struct scx_init_task_args *args)
{
	return new_task_state(p) ? 0 : -ENOMEM;
}

s32 SLEEPABLE_OP(classes_init)
{
	return scx_bpf_create_dsq(QUEUE, -1);
}

POLICY(classes,
       .select_cpu = (void *)classes_select_cpu,
       .enqueue = (void *)classes_enqueue,
       .dispatch = (void *)classes_dispatch,
       .yield = (void *)classes_yield,
       .running = (void *)classes_running,
       .stopping = (void *)classes_stopping,
       .init_task = (void *)classes_init_task,
       .init = (void *)classes_init);
