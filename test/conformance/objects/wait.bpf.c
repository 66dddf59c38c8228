/* SPDX-License-Identifier: GPL-2.0 */
/*
 * First come first served on each CPU. When the task named "probe", on CPU 0, changes its nice value for the first time, CPU 1 is asked to reschedule (k); the journal then holds each
 * further change (w) and when CPU 1 has been in the scheduler first (d). It is told when a task named "last" changes its nice value (cases/kicks.ts).
 */
#include "policy.h"

#define SLICE 20000000
#define SCX_KICK_WAIT 4
#define ROOM 64

/* The CPU that asks waits for the other one. */
const volatile u32 wait;
/* At each of its ticks, each of the first two CPUs waits for the other one. */
const volatile u32 both;

void scx_bpf_exit_bstr(s64 code, char *fmt, unsigned long long *data, u32 data_sz) __ksym;

static char words[ROOM];
static u32 used;
static bool asked, heard;
static char text[] = "%s";

static __always_inline void put(char c)
{
	if (used < ROOM - 1)
		words[used++ & (ROOM - 1)] = c;
}

void OP(wait_enqueue, struct task_struct *p, u64 enq_flags)
{
	scx_bpf_dsq_insert(p, SCX_DSQ_LOCAL, SLICE, 0);
}

/* In the scheduler, on a CPU. */
static __always_inline void hear(s32 cpu)
{
	if (cpu == 1 && asked && !heard) {
		heard = true;
		put('d');
	}
}

void OP(wait_dispatch, s32 cpu, struct task_struct *prev)
{
	hear(cpu);
}

/* Where something waits in the local queue nobody is asked. */
void OP(wait_stopping, struct task_struct *p, bool runnable)
{
	hear(bpf_get_smp_processor_id());
}

void OP(wait_set_weight, struct task_struct *p, u32 weight)
{
	unsigned long long data[1] = {(unsigned long long)words};

	if (weight == 100)
		return;
	if (p->comm[0] == 'p' && p->comm[1] == 'r' && p->comm[2] == 'o' && p->comm[3] == 'b') {
		put(asked ? 'w' : 'k');
		if (!asked)
			scx_bpf_kick_cpu(1, wait ? SCX_KICK_PREEMPT | SCX_KICK_WAIT : SCX_KICK_PREEMPT);
		asked = true;
	} else if (p->comm[0] == 'l' && p->comm[1] == 'a' && p->comm[2] == 's' && p->comm[3] == 't')
		scx_bpf_exit_bstr(0, text, data, sizeof(data));
}

void OP(wait_tick, struct task_struct *p)
{
	s32 cpu = bpf_get_smp_processor_id();

	if (both && cpu < 2)
		scx_bpf_kick_cpu(1 - cpu, SCX_KICK_WAIT);
}

POLICY(wait,
       .stopping = (void *)wait_stopping,
       .tick = (void *)wait_tick,
       .enqueue = (void *)wait_enqueue,
       .dispatch = (void *)wait_dispatch,
       .set_weight = (void *)wait_set_weight);
