/* SPDX-License-Identifier: GPL-2.0 */
/*
 * vtime: weighted fair sharing. One queue ordered by virtual time (CPU time used, divided by weight), so tasks share the machine in
 * proportion to their weights (nice). A task that slept may catch up for at most sleep_credit_ns. Slices shrink while many wait. Good for mixed
 * hogs that should share by nice, and for hosts where predictable shares matter more than latency.
 *
 * Bad: no preemption at wakeup, so a sleeper beside hogs waits for the end of a slice; ignores cpu.weight of cgroups; one queue is one
 * lock, which hurts beyond some tens of CPUs, as do thousands of pinned tasks; no care for caches. The guard (guard_ns) that keeps
 * nice 19 alive beside nice -20 costs exactness of shares where weights differ by more than about a hundredfold.
 */
#include "policy.h"

const volatile u64 slice_ns = 20000000;      /* turn of a task when few wait */
const volatile u64 slice_min_ns = 4000000;   /* and when many wait; below one tick it has no effect */
const volatile u64 sleep_credit_ns = 20000000;
const volatile u64 guard_ns = 500000000;     /* nobody waits much longer than this */

#define QUEUE 0

struct task_state {
	u64 mark;
	u64 queued_at;
};

#include "task.h"
#include "rescue.h"
#include "queue.h"

u64 vtime_now; /* the furthest that any running task has come */

s32 OP(vtime_select_cpu, struct task_struct *p, s32 prev_cpu, u64 wake_flags)
{
	return select_idle_cpu(p, prev_cpu, wake_flags, slice_ns);
}

void OP(vtime_enqueue, struct task_struct *p, u64 enq_flags)
{
	struct task_state *s = task_state(p);
	u64 vtime = later(p->scx.dsq_vtime, vtime_now - sleep_credit_ns);
	u64 slice = shared_slice(slice_ns, slice_min_ns, QUEUE, scx_bpf_nr_cpu_ids());

	if (s)
		begin_wait(s);
	if (insert_percpu_kthread(p, slice_min_ns, enq_flags))
		return;
	scx_bpf_dsq_insert_vtime(p, QUEUE, slice, vtime, enq_flags);
	kick_idle_cpu(p);
}

/* Charges what `p` has run since it was last charged; how far it is then, but no further behind than the credit. */
static __always_inline u64 charge_running(struct task_struct *p)
{
	struct task_state *s = task_state(p);
	u64 ran = s ? charge(p, &s->mark) : 0;
	u64 vtime = later(p->scx.dsq_vtime + by_weight(ran, p->scx.weight), vtime_now - sleep_credit_ns);

	task_set_vtime(p, vtime);
	return vtime;
}

void OP(vtime_dispatch, s32 cpu, struct task_struct *prev)
{
	if (rescue_overdue(QUEUE, cpu, guard_ns, slice_min_ns))
		return;
	if (is_runnable(prev)) {
		u64 vtime = charge_running(prev);

		if (keep_running(QUEUE, cpu, prev, vtime, slice_min_ns)) {
			vtime_now = later(vtime_now, vtime);
			return;
		}
	}
	scx_bpf_dsq_move_to_local(QUEUE);
}

void OP(vtime_running, struct task_struct *p)
{
	struct task_state *s = task_state(p);

	if (s) {
		charge(p, &s->mark);
		end_wait(s);
	}
	vtime_now = later(vtime_now, p->scx.dsq_vtime);
}

void OP(vtime_stopping, struct task_struct *p, bool runnable)
{
	charge_running(p);
}

void OP(vtime_enable, struct task_struct *p)
{
	struct task_state *s = task_state(p);

	if (s)
		end_wait(s);
	task_set_vtime(p, vtime_now);
}

s32 SLEEPABLE_OP(vtime_init_task, struct task_struct *p, struct scx_init_task_args *args)
{
	return new_task_state(p) ? 0 : -ENOMEM;
}

s32 SLEEPABLE_OP(vtime_init)
{
	return scx_bpf_create_dsq(QUEUE, -1);
}

POLICY(vtime,
       .select_cpu = (void *)vtime_select_cpu,
       .enqueue = (void *)vtime_enqueue,
       .dispatch = (void *)vtime_dispatch,
       .running = (void *)vtime_running,
       .stopping = (void *)vtime_stopping,
       .enable = (void *)vtime_enable,
       .init_task = (void *)vtime_init_task,
       .init = (void *)vtime_init);
