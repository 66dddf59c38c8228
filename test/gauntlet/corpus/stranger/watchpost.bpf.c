/* SPDX-License-Identifier: GPL-2.0 */
/*
 * watchpost: keeps its own record of when each CPU went idle and wakes tasks on the one that did so last, so that the others may sleep deeply. The
 * kernel's record stays in use too: it has the last word on whether a CPU is idle, and a queued task wakes whatever idle CPU it finds. Bad: spreads
 * nothing, so siblings of a busy core are used while other cores sleep; looks at every CPU at each wakeup.
 */
#define sched_ext_ops basic_ops
#include "kernel.h"
#undef sched_ext_ops

struct sched_ext_ops { /* with update_idle */
	s32 (*select_cpu)(struct task_struct *p, s32 prev_cpu, u64 wake_flags);
	void (*enqueue)(struct task_struct *p, u64 enq_flags);
	void (*dispatch)(s32 cpu, struct task_struct *prev);
	void (*update_idle)(s32 cpu, bool idle);
	s32 (*init)(void);
	void (*exit)(struct scx_exit_info *info);
	u64 flags;
	u32 timeout_ms;
	u32 exit_dump_len;
	char name[128];
};

#include "policy.h"

#define SCX_OPS_KEEP_BUILTIN_IDLE 1
#define QUEUE 0

const volatile u64 slice_ns = 10000000;

bool scx_bpf_test_and_clear_cpu_idle(s32 cpu) __ksym;

static u32 cpus;
u64 idle_since[MAX_CPUS]; /* 0: busy, as far as is known */

static __always_inline s32 last_to_rest(struct task_struct *p)
{
	u64 latest = 0;
	s32 best = -1;
	u32 cpu;

	bpf_for(cpu, 0, cpus) {
		u64 since = idle_since[CPU_SLOT(cpu)];

		if (!since || before(since, latest) || !bpf_cpumask_test_cpu(cpu, p->cpus_ptr))
			continue;
		latest = since;
		best = cpu;
	}
	return best;
}

s32 OP(watchpost_select_cpu, struct task_struct *p, s32 prev_cpu, u64 wake_flags)
{
	s32 cpu = last_to_rest(p);

	if (cpu < 0 || !scx_bpf_test_and_clear_cpu_idle(cpu))
		return select_idle_cpu(p, prev_cpu, wake_flags, slice_ns);
	scx_bpf_dsq_insert(p, SCX_DSQ_LOCAL, slice_ns, 0);
	return cpu;
}

void OP(watchpost_enqueue, struct task_struct *p, u64 enq_flags)
{
	if (insert_percpu_kthread(p, slice_ns, enq_flags))
		return;
	scx_bpf_dsq_insert(p, QUEUE, crowded_slice(slice_ns, QUEUE), enq_flags);
	kick_idle_cpu(p);
}

void OP(watchpost_dispatch, s32 cpu, struct task_struct *prev)
{
	scx_bpf_dsq_move_to_local(QUEUE);
}

void OP(watchpost_update_idle, s32 cpu, bool idle)
{
	idle_since[CPU_SLOT(cpu)] = idle ? scx_bpf_now() : 0;
}

s32 SLEEPABLE_OP(watchpost_init)
{
	cpus = smaller(scx_bpf_nr_cpu_ids(), MAX_CPUS);
	return scx_bpf_create_dsq(QUEUE, -1);
}

POLICY(watchpost,
       .select_cpu = (void *)watchpost_select_cpu,
       .enqueue = (void *)watchpost_enqueue,
       .dispatch = (void *)watchpost_dispatch,
       .update_idle = (void *)watchpost_update_idle,
       .init = (void *)watchpost_init,
       .flags = SCX_OPS_KEEP_BUILTIN_IDLE);
