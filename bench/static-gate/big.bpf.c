/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A policy of about 20,000 instructions, for timing only: the pieces of ordinary policies (state, virtual time, walks, idle choice) again and again, inlined and called.
 */
#include "policy.h"
#include "llc.h"
#include "preempt.h"

const volatile u64 slice_ns = 20000000;
const volatile u64 slice_min_ns = 2000000;
const volatile u64 guard_ns = 500000000;
const volatile u32 weight_of_sleep = 3;

#define QUEUE 0

struct task_state {
	u64 mark;
	u64 queued_at;
	u64 vtime;
	u64 run;
	u64 usual_run;
	u64 slots[64];
};

#include "task.h"
#include "rescue.h"
#include "queue.h"

u64 vtime_now;
u64 totals[64];

#define SLOT(n) (((n) * 7) & 63)

/* About 60 instructions that neither the compiler nor the gate can do without. */
#define PIECE(n)                                                                                          \
	do {                                                                                              \
		u64 old = s->slots[SLOT(n)], now = scx_bpf_now();                                         \
		if (p->static_prio > 100 + (n)) {                                                         \
			old += by_weight(now - s->mark, p->scx.weight);                                   \
			if (p->nr_cpus_allowed > (n) % 5)                                                 \
				s->queued_at = later(s->queued_at, old);                                  \
		} else if (s->run > slice_ns / (n + 1)) {                                                 \
			old = larger(old, update_usual_run(s->usual_run, old));                           \
			totals[SLOT(n + 1)] += old;                                                       \
		}                                                                                         \
		if (bpf_cpumask_test_cpu((n), p->cpus_ptr) && before(old, totals[SLOT(n)]))               \
			totals[SLOT(n)] = old * weight_of_sleep + (n);                                    \
		s->slots[SLOT(n)] = old ^ (now >> ((n) & 7));                                             \
	} while (0)

#define PIECES4(n) PIECE(n); PIECE(n + 1); PIECE(n + 2); PIECE(n + 3)
#define PIECES16(n) PIECES4(n); PIECES4(n + 4); PIECES4(n + 8); PIECES4(n + 12)
#define CALLED(name, n)                                                                                   \
	static __noinline u64 name(struct task_struct *p, u64 x)                                          \
	{                                                                                                 \
		struct task_state *s = task_state(p);                                                     \
                                                                                                          \
		if (!s)                                                                                   \
			return x;                                                                         \
		PIECES16(n);                                                                              \
		return s->vtime + x;                                                                      \
	}

CALLED(first, 1)
CALLED(second, 17)
CALLED(third, 33)
CALLED(fourth, 49)
CALLED(fifth, 65)
CALLED(sixth, 81)

s32 OP(big_select_cpu, struct task_struct *p, s32 prev_cpu, u64 wake_flags)
{
	struct task_state *s = task_state(p);

	if (s) {
		PIECES16(1);
	}
	return select_idle_cpu(p, prev_cpu, wake_flags, slice_ns);
}

void OP(big_enqueue, struct task_struct *p, u64 enq_flags)
{
	struct task_state *s = task_state(p);
	u64 vtime = vtime_now;

	if (insert_percpu_kthread(p, slice_min_ns, enq_flags))
		return;
	if (s) {
		begin_wait(s);
		PIECES16(1);
		PIECES16(17);
		PIECES16(33);
		vtime = first(p, second(p, s->vtime));
	}
	scx_bpf_dsq_insert_vtime(p, QUEUE, shared_slice(slice_ns, slice_min_ns, QUEUE, scx_bpf_nr_cpu_ids()), vtime, enq_flags);
	kick_idle_cpu(p);
}

void OP(big_dispatch, s32 cpu, struct task_struct *prev)
{
	if (rescue_overdue(QUEUE, cpu, guard_ns, slice_min_ns))
		return;
	if (is_runnable(prev)) {
		struct task_state *s = task_state(prev);

		if (s) {
			struct task_struct *p = prev;

			PIECES16(1);
			PIECES16(17);
		}
		if (keep_running(QUEUE, cpu, prev, third(prev, vtime_now), slice_min_ns))
			return;
	}
	scx_bpf_dsq_move_to_local(QUEUE);
}

#define USE(name, body)                                                                                   \
	void OP(name, struct task_struct *p)                                                              \
	{                                                                                                 \
		struct task_state *s = task_state(p);                                                     \
                                                                                                          \
		if (!s)                                                                                   \
			return;                                                                           \
		body;                                                                                     \
		vtime_now = later(vtime_now, s->vtime);                                                   \
	}

USE(big_running, end_wait(s); PIECES16(1); PIECES16(17); PIECES16(33); vtime_now = fourth(p, fifth(p, s->vtime)))
USE(big_enable, PIECES16(3); PIECES16(19))
USE(big_tick, PIECES16(5); PIECES16(21); vtime_now = sixth(p, s->vtime))

void OP(big_stopping, struct task_struct *p, bool runnable)
{
	struct task_state *s = task_state(p);

	if (!s)
		return;
	PIECES16(9);
	PIECES16(25);
}

s32 SLEEPABLE_OP(big_init_task, struct task_struct *p, struct scx_init_task_args *args)
{
	return new_task_state(p) ? 0 : -ENOMEM;
}

s32 SLEEPABLE_OP(big_init)
{
	return scx_bpf_create_dsq(QUEUE, -1);
}

POLICY(big,
       .select_cpu = (void *)big_select_cpu,
       .enqueue = (void *)big_enqueue,
       .dispatch = (void *)big_dispatch,
       .tick = (void *)big_tick,
       .running = (void *)big_running,
       .stopping = (void *)big_stopping,
       .enable = (void *)big_enable,
       .init_task = (void *)big_init_task,
       .init = (void *)big_init);
