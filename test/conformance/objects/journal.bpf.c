/* SPDX-License-Identifier: GPL-2.0 */
/*
 * First come first served, and a journal of what the kernel calls for the task named "probe": a letter for each callback, with its number in hexadecimal.
 * When a task named "last" changes its nice value, the policy leaves with the journal as its last words (test/conformance/cases/journal.ts reads them).
 */
#include "policy.h"

#define QUEUE 0
#define SLICE 20000000
#define ROOM 1024

/* Tasks named "urgent" are inserted with SCX_ENQ_PREEMPT: 1 where they are enqueued, 2 on CPU 0, if they may use more than one. */
const volatile u32 preempt;
/* The probe's CPU is the kernel's choice. */
const volatile u32 choose;
/* How often CPU 0 has asked for work since a task named "first" has changed its nice value: n. */
static u32 asked;

void scx_bpf_exit_bstr(s64 code, char *fmt, unsigned long long *data, u32 data_sz) __ksym;

static char words[ROOM];
static u32 used;
static char text[] = "%s";

static __always_inline void put(char c)
{
	if (used < ROOM - 1)
		words[used++ & (ROOM - 1)] = c;
}

static __noinline int note(u32 letter, u64 number)
{
	bool began = false;

	put(' ');
	put(letter);
	for (int shift = 44; shift >= 0; shift -= 4) {
		u32 digit = (number >> shift) & 15;

		if (!digit && !began && shift)
			continue;
		began = true;
		put(digit < 10 ? '0' + digit : 'a' + digit - 10);
	}
	return 0;
}

static __always_inline bool is_probe(const struct task_struct *p)
{
	return p->comm[0] == 'p' && p->comm[1] == 'r' && p->comm[2] == 'o' && p->comm[3] == 'b';
}

static __always_inline bool is_urgent(const struct task_struct *p)
{
	return p->comm[0] == 'u' && p->comm[1] == 'r' && p->comm[2] == 'g';
}

s32 OP(journal_select_cpu, struct task_struct *p, s32 prev_cpu, u64 wake_flags)
{
	bool is_idle = false;
	s32 cpu = prev_cpu;

	if (!is_probe(p))
		return prev_cpu;
	note('s', wake_flags);
	if (choose) {
		cpu = scx_bpf_select_cpu_dfl(p, prev_cpu, wake_flags, &is_idle);
		note(is_idle ? 'i' : 'b', cpu);
	}
	return cpu;
}

void OP(journal_enqueue, struct task_struct *p, u64 enq_flags)
{
	if (is_probe(p))
		note('e', enq_flags);
	if (is_urgent(p) && (preempt == 1 || (preempt == 2 && p->nr_cpus_allowed > 1)))
		scx_bpf_dsq_insert(p, preempt == 1 ? SCX_DSQ_LOCAL : SCX_DSQ_LOCAL_ON | 0, SLICE, SCX_ENQ_PREEMPT);
	else
		scx_bpf_dsq_insert(p, SCX_DSQ_LOCAL, SLICE, 0);
}

#define JOURNAL(op, letter) \
	void OP(journal_##op, struct task_struct *p) { if (is_probe(p)) note(letter, 0); }
#define JOURNAL2(op, letter) \
	void OP(journal_##op, struct task_struct *p, u64 number) { if (is_probe(p)) note(letter, number); }

JOURNAL(running, 'R')
JOURNAL(enable, 'E')
JOURNAL(disable, 'D')
JOURNAL2(dequeue, 'd')
JOURNAL2(runnable, 'r')
JOURNAL2(quiescent, 'q')

void OP(journal_stopping, struct task_struct *p, bool runnable)
{
	if (is_probe(p))
		note('S', runnable);
}

void OP(journal_set_weight, struct task_struct *p, u32 weight)
{
	unsigned long long data[1] = {(unsigned long long)words};

	if (is_probe(p))
		note('w', weight);
	else if (p->comm[0] == 'f' && p->comm[1] == 'i' && p->comm[2] == 'r' && p->comm[3] == 's')
		asked = 0;
	else if (p->comm[0] == 'l' && p->comm[1] == 'a' && p->comm[2] == 's' && p->comm[3] == 't' && weight != 100) {
		note('n', asked);
		scx_bpf_exit_bstr(0, text, data, sizeof(data));
	}
}

void OP(journal_set_cpumask, struct task_struct *p, const struct cpumask *mask)
{
	if (is_probe(p))
		note('m', bpf_cpumask_test_cpu(0, mask) | bpf_cpumask_test_cpu(1, mask) << 1);
}

void OP(journal_exit_task, struct task_struct *p, struct scx_exit_task_args *args)
{
	if (is_probe(p))
		note('X', args->cancelled);
}

void OP(journal_dispatch, s32 cpu, struct task_struct *prev)
{
	if (cpu == 0)
		asked++;
}

POLICY(journal,
       .dispatch = (void *)journal_dispatch,
       .select_cpu = (void *)journal_select_cpu,
       .enqueue = (void *)journal_enqueue,
       .dequeue = (void *)journal_dequeue,
       .runnable = (void *)journal_runnable,
       .running = (void *)journal_running,
       .stopping = (void *)journal_stopping,
       .quiescent = (void *)journal_quiescent,
       .set_weight = (void *)journal_set_weight,
       .set_cpumask = (void *)journal_set_cpumask,
       .enable = (void *)journal_enable,
       .disable = (void *)journal_disable,
       .exit_task = (void *)journal_exit_task);
