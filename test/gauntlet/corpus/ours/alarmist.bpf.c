/* SPDX-License-Identifier: GPL-2.0 */
/*
 * alarmist: order of arrival, and an alarm when the queue is longer than it should ever be.
 */
#include "policy.h"

#define QUEUE 0

const volatile u64 slice_ns = 10000000;

void scx_bpf_error_bstr(char *fmt, unsigned long long *data, u32 data__sz) __ksym;

const volatile s32 most = 6;

void OP(alarmist_enqueue, struct task_struct *p, u64 enq_flags)
{
	static char text[] = "too many wait";
	unsigned long long none[1] = {};

	scx_bpf_dsq_insert(p, QUEUE, slice_ns, enq_flags);
	if (scx_bpf_dsq_nr_queued(QUEUE) > most)
		scx_bpf_error_bstr(text, none, 0);
	kick_idle_cpu(p);
}

void OP(alarmist_dispatch, s32 cpu, struct task_struct *prev)
{
	scx_bpf_dsq_move_to_local(QUEUE);
}

s32 SLEEPABLE_OP(alarmist_init)
{
	return scx_bpf_create_dsq(QUEUE, -1);
}

POLICY(alarmist,
       .enqueue = (void *)alarmist_enqueue,
       .dispatch = (void *)alarmist_dispatch,
       .init = (void *)alarmist_init);
