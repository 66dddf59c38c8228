/* SPDX-License-Identifier: GPL-2.0 */
/* A policy that turns bad: for a while every CPU takes from the one queue, then only CPU 0 does, and takes its time. The kernel does not notice: nothing starves. */
#include "policy.h"

/* how long after its start every CPU works */
const volatile u64 good_ns = 0;
/* how long CPU 0 does nothing before each turn once it is bad; turns last 1 ms then */
const volatile u64 delay_ns = 0;

#define QUEUE 0

static u64 started_at;

static __always_inline bool is_good(void)
{
	return bpf_ktime_get_ns() - started_at < good_ns;
}

static long passed(u32 turn, void *until)
{
	return bpf_ktime_get_ns() >= *(u64 *)until;
}

s32 OP(half_select_cpu, struct task_struct *p, s32 prev_cpu, u64 wake_flags)
{
	return prev_cpu;
}

void OP(half_enqueue, struct task_struct *p, u64 enq_flags)
{
	if (p->nr_cpus_allowed == 1) {
		scx_bpf_dsq_insert(p, SCX_DSQ_LOCAL, 5000000, enq_flags);
		return;
	}
	/* short turns when each is waited for: who tells how things go is heard all the same */
	scx_bpf_dsq_insert(p, QUEUE, delay_ns && !is_good() ? 1000000 : 5000000, enq_flags);
	kick_idle_cpu(p);
}

void OP(half_dispatch, s32 cpu, struct task_struct *prev)
{
	u64 until;

	if (is_good()) {
		scx_bpf_dsq_move_to_local(QUEUE);
		return;
	}
	if (cpu) {
		scx_bpf_kick_cpu(0, SCX_KICK_IDLE);
		return;
	}
	until = bpf_ktime_get_ns() + delay_ns;
	if (delay_ns)
		bpf_loop(1 << 23, passed, &until, 0);
	scx_bpf_dsq_move_to_local(QUEUE);
}

s32 SLEEPABLE_OP(half_init)
{
	started_at = bpf_ktime_get_ns();
	return scx_bpf_create_dsq(QUEUE, -1);
}

POLICY(half,
       .select_cpu = (void *)half_select_cpu,
       .enqueue = (void *)half_enqueue,
       .dispatch = (void *)half_dispatch,
       .init = (void *)half_init);
