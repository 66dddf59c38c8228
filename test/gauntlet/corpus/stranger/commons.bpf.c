/* SPDX-License-Identifier: GPL-2.0 */
/*
 * commons: a user who has taken much lately lets others go first. What the tasks of a user consume is added up and halves with every window; a task
 * queues as if it had come later by a part of that, at most by `setback_ns`. Within a user, order of arrival. For shared login hosts. Bad: coarse; users
 * whose ids agree in the last eight bits count as one; weights are ignored.
 */
#include "policy.h"

const volatile u64 slice_ns = 8000000;
const volatile u64 setback_ns = 200000000;
const volatile u64 window_ns = 250000000;

#define QUEUE 0
#define USERS 256

struct task_state {
	u64 mark;
};

#include "task.h"

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)
typedef struct {
	u32 val;
} kuid_t;

struct cred___commons {
	kuid_t uid;
};

struct task_struct___commons {
	const struct cred___commons *cred;
};
#pragma clang attribute pop

struct user {
	u64 used;
	u64 since; /* when the window began */
};

struct user users[USERS];

static __always_inline struct user *user_of(struct task_struct *p)
{
	u32 uid = BPF_CORE_READ((struct task_struct___commons *)p, cred, uid.val);

	return &users[uid & (USERS - 1)];
}

static __always_inline void age(struct user *user)
{
	u64 now = scx_bpf_now(), windows;

	if (!user->since)
		user->since = now;
	if (before(now, user->since + window_ns) || !window_ns)
		return;
	windows = smaller((now - user->since) / window_ns, 63);
	user->used >>= windows;
	user->since = now;
}

s32 OP(commons_select_cpu, struct task_struct *p, s32 prev_cpu, u64 wake_flags)
{
	return select_idle_cpu(p, prev_cpu, wake_flags, slice_ns);
}

void OP(commons_enqueue, struct task_struct *p, u64 enq_flags)
{
	struct user *user = user_of(p);
	u32 cpus = scx_bpf_nr_cpu_ids();
	u64 setback;

	if (insert_percpu_kthread(p, slice_ns, enq_flags))
		return;
	age(user);
	setback = smaller(user->used / (cpus ? cpus : 1), smaller(setback_ns, 2000000000));
	scx_bpf_dsq_insert_vtime(p, QUEUE, crowded_slice(slice_ns, QUEUE), scx_bpf_now() + setback, enq_flags);
	kick_idle_cpu(p);
}

void OP(commons_dispatch, s32 cpu, struct task_struct *prev)
{
	scx_bpf_dsq_move_to_local(QUEUE);
}

void OP(commons_running, struct task_struct *p)
{
	struct task_state *s = task_state(p);

	if (s)
		charge(p, &s->mark);
}

void OP(commons_stopping, struct task_struct *p, bool runnable)
{
	struct task_state *s = task_state(p);

	if (s)
		__sync_fetch_and_add(&user_of(p)->used, charge(p, &s->mark));
}

s32 SLEEPABLE_OP(commons_init_task, struct task_struct *p, struct scx_init_task_args *args)
{
	return new_task_state(p) ? 0 : -ENOMEM;
}

s32 SLEEPABLE_OP(commons_init)
{
	return scx_bpf_create_dsq(QUEUE, -1);
}

POLICY(commons,
       .select_cpu = (void *)commons_select_cpu,
       .enqueue = (void *)commons_enqueue,
       .dispatch = (void *)commons_dispatch,
       .running = (void *)commons_running,
       .stopping = (void *)commons_stopping,
       .init_task = (void *)commons_init_task,
       .init = (void *)commons_init);
