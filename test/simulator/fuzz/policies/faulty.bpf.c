/* SPDX-License-Identifier: GPL-2.0 */
/*
 * faulty: virtual time with weights, and one fault of several, chosen by the parameter `fault`; 0 is none. Each is there for one checker of attack mode: tests see
 * that it complains, and that without the fault it does not.
 */
#include "policy.h"

enum {
	NONE,
	IDLES,    /* a waiting task is left to the CPU where it ran last, whoever is idle */
	PREFERS,  /* odd pids are charged a third of what they use */
	DAWDLES,  /* slices of half a second */
	SPINS,    /* a CPU that finds nothing asks itself to look again */
	FORGETS,  /* every 64th task that comes is not queued */
	WANDERS,  /* tasks go to CPUs that they may not use */
	COMPLAINS, /* gives up after a thousand tasks */
};

const volatile u32 fault = NONE;

#define QUEUE 0x10000 /* and one for each CPU below */
#define SLICE_NS 10000000
#define GUARD_NS 500000000

void scx_bpf_error_bstr(char *fmt, unsigned long long *data, u32 data__sz) __ksym;

struct task_state {
	u64 mark;
	u64 queued_at;
};

#include "task.h"
#include "rescue.h"

u64 vtime_now;
u64 enqueued;

s32 OP(faulty_select_cpu, struct task_struct *p, s32 prev_cpu, u64 wake_flags)
{
	return fault == IDLES ? prev_cpu : select_idle_cpu(p, prev_cpu, wake_flags, SLICE_NS);
}

void OP(faulty_enqueue, struct task_struct *p, u64 enq_flags)
{
	u64 slice = fault == DAWDLES ? 500000000 : SLICE_NS;
	u64 queue = fault == IDLES ? scx_bpf_task_cpu(p) : QUEUE;
	struct task_state *s = task_state(p);
	u64 count = __sync_fetch_and_add(&enqueued, 1);

	if (fault == FORGETS && count % 64 == 63)
		return;
	if (fault == COMPLAINS && count == 1000)
		scx_bpf_error_bstr("enough", NULL, 0);
	if (fault == WANDERS && p->nr_cpus_allowed < scx_bpf_nr_cpu_ids()) {
		scx_bpf_dsq_insert(p, SCX_DSQ_LOCAL_ON | count % scx_bpf_nr_cpu_ids(), slice, enq_flags);
		return;
	}
	if (s)
		s->queued_at = scx_bpf_now();
	scx_bpf_dsq_insert_vtime(p, queue, slice, later(p->scx.dsq_vtime, vtime_now - SLICE_NS), enq_flags);
	if (fault == IDLES)
		scx_bpf_kick_cpu(scx_bpf_task_cpu(p), SCX_KICK_IDLE);
	else
		kick_idle_cpu(p);
}

void OP(faulty_dispatch, s32 cpu, struct task_struct *prev)
{
	u64 queue = fault == IDLES ? cpu : QUEUE;

	if (fault == DAWDLES ? scx_bpf_dsq_move_to_local(queue) : rescue_overdue(queue, cpu, GUARD_NS, SLICE_NS) || scx_bpf_dsq_move_to_local(queue))
		return;
	if (fault == SPINS && !prev)
		scx_bpf_kick_cpu(cpu, 0);
}

void OP(faulty_running, struct task_struct *p)
{
	struct task_state *s = task_state(p);

	if (s)
		charge(p, &s->mark);
	vtime_now = later(vtime_now, p->scx.dsq_vtime);
}

void OP(faulty_stopping, struct task_struct *p, bool runnable)
{
	struct task_state *s = task_state(p);
	u64 ran;

	if (!s)
		return;
	ran = charge(p, &s->mark);
	if (fault == PREFERS && p->pid % 2)
		ran /= 3;
	task_set_vtime(p, p->scx.dsq_vtime + by_weight(ran, p->scx.weight));
}

void OP(faulty_enable, struct task_struct *p)
{
	task_set_vtime(p, vtime_now);
}

s32 SLEEPABLE_OP(faulty_init_task, struct task_struct *p, struct scx_init_task_args *args)
{
	return new_task_state(p) ? 0 : -ENOMEM;
}

s32 SLEEPABLE_OP(faulty_init)
{
	s32 error = scx_bpf_create_dsq(QUEUE, -1);
	u32 cpu;

	bpf_for(cpu, 0, scx_bpf_nr_cpu_ids()) {
		if (!error)
			error = scx_bpf_create_dsq(cpu, -1);
	}
	return error;
}

POLICY(faulty,
       .select_cpu = (void *)faulty_select_cpu,
       .enqueue = (void *)faulty_enqueue,
       .dispatch = (void *)faulty_dispatch,
       .running = (void *)faulty_running,
       .stopping = (void *)faulty_stopping,
       .enable = (void *)faulty_enable,
       .init_task = (void *)faulty_init_task,
       .init = (void *)faulty_init);
