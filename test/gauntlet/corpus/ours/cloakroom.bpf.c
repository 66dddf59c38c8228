/* SPDX-License-Identifier: GPL-2.0 */
/*
 * cloakroom: keeps an own record of who waits, entered in enqueue and struck out in dequeue and running, and lends a short slice to everyone while more wait than
 * `crowd`. A record that is lost (no memory) costs nothing but a slice of the wrong length. Bad: ignores weights.
 */
#include "policy.h"

#define QUEUE 0

const volatile u64 slice_ns = 16000000;
const volatile u64 short_slice_ns = 4000000;
const volatile u32 crowd = 8;

struct task_state {
	bool waits;
};

#include "task.h"

s64 waiting;

static __always_inline void leave(struct task_struct *p)
{
	struct task_state *s = task_state(p);

	if (s && s->waits) {
		s->waits = false;
		__sync_fetch_and_add(&waiting, -1);
	}
}

s32 OP(cloakroom_select_cpu, struct task_struct *p, s32 prev_cpu, u64 wake_flags)
{
	return select_idle_cpu(p, prev_cpu, wake_flags, slice_ns);
}

void OP(cloakroom_enqueue, struct task_struct *p, u64 enq_flags)
{
	struct task_state *s = task_state(p);

	if (insert_percpu_kthread(p, short_slice_ns, enq_flags))
		return;
	if (s && !s->waits) {
		s->waits = true;
		__sync_fetch_and_add(&waiting, 1);
	}
	scx_bpf_dsq_insert(p, QUEUE, waiting > (s64)crowd ? short_slice_ns : slice_ns, enq_flags);
	kick_idle_cpu(p);
}

void OP(cloakroom_dequeue, struct task_struct *p, u64 deq_flags)
{
	leave(p);
}

void OP(cloakroom_dispatch, s32 cpu, struct task_struct *prev)
{
	scx_bpf_dsq_move_to_local(QUEUE);
}

void OP(cloakroom_running, struct task_struct *p)
{
	leave(p);
}

s32 SLEEPABLE_OP(cloakroom_init_task, struct task_struct *p, struct scx_init_task_args *args)
{
	return new_task_state(p) ? 0 : -ENOMEM;
}

void OP(cloakroom_exit_task, struct task_struct *p, struct scx_exit_task_args *args)
{
	leave(p);
}

s32 SLEEPABLE_OP(cloakroom_init)
{
	return scx_bpf_create_dsq(QUEUE, -1);
}

POLICY(cloakroom,
       .select_cpu = (void *)cloakroom_select_cpu,
       .enqueue = (void *)cloakroom_enqueue,
       .dequeue = (void *)cloakroom_dequeue,
       .dispatch = (void *)cloakroom_dispatch,
       .running = (void *)cloakroom_running,
       .init_task = (void *)cloakroom_init_task,
       .exit_task = (void *)cloakroom_exit_task,
       .init = (void *)cloakroom_init);
