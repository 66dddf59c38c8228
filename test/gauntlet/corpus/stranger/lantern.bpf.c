/* SPDX-License-Identifier: GPL-2.0 */
/*
 * lantern: everybody knows where home is. A task that wakes is placed on an idle CPU if there is one and calls it home from then on; whenever it
 * queues, it goes straight to the end of its home's local queue, or to another idle CPU, without a shared queue in between. For caches.
 */
#include "policy.h"

const volatile u64 slice_ns = 10000000;

struct task_state {
	s32 home;
	u32 moves;
};

#include "task.h"

static __always_inline void settle(struct task_state *s, s32 cpu)
{
	if (s->home != cpu) {
		s->home = cpu;
		s->moves++;
	}
}

s32 OP(lantern_select_cpu, struct task_struct *p, s32 prev_cpu, u64 wake_flags)
{
	s32 cpu = select_idle_cpu(p, prev_cpu, wake_flags, slice_ns);
	struct task_state *s = task_state(p);

	if (s && cpu >= 0)
		settle(s, cpu);
	return cpu;
}

void OP(lantern_enqueue, struct task_struct *p, u64 enq_flags)
{
	struct task_state *s = task_state(p);
	s32 idle;

	if (insert_percpu_kthread(p, slice_ns, enq_flags))
		return;
	if (!s || s->home < 0 || p->nr_cpus_allowed == 1) {
		scx_bpf_dsq_insert(p, SCX_DSQ_LOCAL, slice_ns, enq_flags);
		return;
	}
	idle = scx_bpf_pick_idle_cpu(p->cpus_ptr, 0);
	if (idle >= 0)
		settle(s, idle);
	scx_bpf_dsq_insert(p, SCX_DSQ_LOCAL_ON | s->home, slice_ns, enq_flags);
	if (idle >= 0)
		scx_bpf_kick_cpu(idle, SCX_KICK_IDLE);
}

void OP(lantern_enable, struct task_struct *p)
{
	struct task_state *s = task_state(p);

	if (s)
		s->home = -1;
}

s32 SLEEPABLE_OP(lantern_init_task, struct task_struct *p, struct scx_init_task_args *args)
{
	return new_task_state(p) ? 0 : -ENOMEM;
}

POLICY(lantern,
       .select_cpu = (void *)lantern_select_cpu,
       .enqueue = (void *)lantern_enqueue,
       .enable = (void *)lantern_enable,
       .init_task = (void *)lantern_init_task);
