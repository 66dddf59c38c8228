/* SPDX-License-Identifier: GPL-2.0 */
/*
 * quarry: shares by nice. A task's time is kept in its own storage and advances with what it consumes and what it weighs; the task with the least
 * time runs next, and who comes back from sleep starts near the others. Whoever waits too long is fetched. For mixed batch work.
 */
#include "policy.h"

const volatile u64 slice_ns = 10000000;
const volatile u64 slice_min_ns = 4000000;
const volatile u64 sleep_credit_ns = 20000000;
const volatile u64 guard_ns = 500000000;

#define QUEUE 0

struct task_state {
	u64 mark;
	u64 queued_at;
	u64 time;
};

#include "task.h"
#include "rescue.h"

u64 clock;

static __always_inline void account(struct task_struct *p, struct task_state *s)
{
	u64 ran = charge(p, &s->mark);

	s->time += ran * p->scx.weight / 100;
	s->time = later(s->time, clock - sleep_credit_ns);
}

s32 OP(quarry_select_cpu, struct task_struct *p, s32 prev_cpu, u64 wake_flags)
{
	return select_idle_cpu(p, prev_cpu, wake_flags, slice_ns);
}

void OP(quarry_enqueue, struct task_struct *p, u64 enq_flags)
{
	struct task_state *s = task_state(p);
	u64 key = clock - sleep_credit_ns;
	u64 slice = shared_slice(slice_ns, slice_min_ns, QUEUE, scx_bpf_nr_cpu_ids());

	if (insert_percpu_kthread(p, slice_min_ns, enq_flags))
		return;
	if (s) {
		begin_wait(s);
		key = later(s->time, key);
	}
	scx_bpf_dsq_insert_vtime(p, QUEUE, slice, key, enq_flags);
	kick_idle_cpu(p);
}

void OP(quarry_dispatch, s32 cpu, struct task_struct *prev)
{
	if (!rescue_overdue(QUEUE, cpu, guard_ns, slice_min_ns))
		scx_bpf_dsq_move_to_local(QUEUE);
}

void OP(quarry_running, struct task_struct *p)
{
	struct task_state *s = task_state(p);

	if (!s)
		return;
	charge(p, &s->mark);
	end_wait(s);
	clock = later(clock, s->time);
}

void OP(quarry_stopping, struct task_struct *p, bool runnable)
{
	struct task_state *s = task_state(p);

	if (s)
		account(p, s);
}

void OP(quarry_enable, struct task_struct *p)
{
	struct task_state *s = task_state(p);

	if (s) {
		s->time = clock;
		end_wait(s);
	}
}

s32 SLEEPABLE_OP(quarry_init_task, struct task_struct *p, struct scx_init_task_args *args)
{
	return new_task_state(p) ? 0 : -ENOMEM;
}

s32 SLEEPABLE_OP(quarry_init)
{
	return scx_bpf_create_dsq(QUEUE, -1);
}

POLICY(quarry,
       .select_cpu = (void *)quarry_select_cpu,
       .enqueue = (void *)quarry_enqueue,
       .dispatch = (void *)quarry_dispatch,
       .running = (void *)quarry_running,
       .stopping = (void *)quarry_stopping,
       .enable = (void *)quarry_enable,
       .init_task = (void *)quarry_init_task,
       .init = (void *)quarry_init);
