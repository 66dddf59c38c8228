/* SPDX-License-Identifier: GPL-2.0 */
/*
 * understudy: when a task wakes and an idle CPU is found, whoever woke last is sent there in its stead, so that the two change parts.
 */
#include "policy.h"

#define QUEUE 0

const volatile u64 slice_ns = 10000000;

struct task_struct *bpf_task_from_pid(s32 pid) __ksym;
void bpf_task_release(struct task_struct *p) __ksym;

static s32 last;

s32 OP(understudy_select_cpu, struct task_struct *p, s32 prev_cpu, u64 wake_flags)
{
	bool is_idle = false;
	s32 cpu = scx_bpf_select_cpu_dfl(p, prev_cpu, wake_flags, &is_idle);
	struct task_struct *other = bpf_task_from_pid(last);

	last = p->pid;
	if (other) {
		if (is_idle)
			scx_bpf_dsq_insert(other, SCX_DSQ_LOCAL, slice_ns, 0);
		bpf_task_release(other);
	}
	return cpu;
}

void OP(understudy_enqueue, struct task_struct *p, u64 enq_flags)
{
	scx_bpf_dsq_insert(p, QUEUE, slice_ns, enq_flags);
	kick_idle_cpu(p);
}

void OP(understudy_dispatch, s32 cpu, struct task_struct *prev)
{
	scx_bpf_dsq_move_to_local(QUEUE);
}

s32 SLEEPABLE_OP(understudy_init)
{
	return scx_bpf_create_dsq(QUEUE, -1);
}

POLICY(understudy,
       .select_cpu = (void *)understudy_select_cpu,
       .enqueue = (void *)understudy_enqueue,
       .dispatch = (void *)understudy_dispatch,
       .init = (void *)understudy_init);
