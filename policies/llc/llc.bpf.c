/* SPDX-License-Identifier: GPL-2.0 */
/*
 * llc: weighted fair sharing within each group of CPUs that share a last-level cache. Every group has a queue of its own, so tasks come back to
 * the cache they left and queues are short; a CPU whose queue is empty takes from the other groups, and a group much busier than another sends
 * work over. Groups come from the kernel (see llc.h) or from llc_cpus. Good for machines with several caches (chiplets, sockets) and
 * work that lives from its cache.
 *
 * Bad: fair only within a group: the balance between groups is coarse, so weights hold machine-wide only roughly; no preemption at wakeup;
 * with one cache it is the policy vtime with more code; what shares data is not brought together, only kept where it is; groups are found once, at
 * attach; no care for NUMA distance.
 */
#include "policy.h"
#include "llc.h"

const volatile u64 slice_ns = 20000000;
const volatile u64 slice_min_ns = 4000000;      /* when many wait */
const volatile u64 sleep_credit_ns = 20000000;
const volatile u32 steal_min = 1;               /* another group's queue must be this long before a CPU takes from it */
const volatile u32 imbalance_percent = 150;     /* waiting tasks per 100 CPUs by which a group may exceed another before it sends work over */
const volatile u64 guard_ns = 500000000;        /* nobody waits much longer than this */

struct task_state {
	u64 mark;
	u64 queued_at;
	u32 llc; /* whose clock its virtual time is told by */
};

#include "task.h"
#include "rescue.h"
#include "queue.h"

u64 vtime_now[MAX_LLCS]; /* per group: the furthest that any running task has come */
static u32 next_other;

static __always_inline u32 waiting_per_100_cpus(u32 llc)
{
	s32 waiting = scx_bpf_dsq_nr_queued(llc);
	u32 cpus = llc_size[LLC_SLOT(llc)];

	return waiting > 0 && cpus ? (u32)waiting * 100 / cpus : 0;
}

/* The group to queue in: where the task is, unless that is far busier than one other, tried in turn. Only tasks free to run anywhere are sent. */
static __always_inline u32 choose_llc(struct task_struct *p)
{
	u32 home = llc_of_cpu(scx_bpf_task_cpu(p)), other, load;

	if (llcs < 2 || p->nr_cpus_allowed < scx_bpf_nr_cpu_ids())
		return home;
	load = waiting_per_100_cpus(home);
	if (load <= imbalance_percent)
		return home;
	other = LLC_SLOT(next_other++ % llcs);
	return load > waiting_per_100_cpus(other) + imbalance_percent ? other : home;
}

/* Virtual time differs from group to group: what a task is ahead or behind goes along when it moves. */
static __always_inline void enter_llc(struct task_struct *p, struct task_state *s, u32 llc)
{
	if (s->llc == llc)
		return;
	task_set_vtime(p, p->scx.dsq_vtime - vtime_now[LLC_SLOT(s->llc)] + vtime_now[LLC_SLOT(llc)]);
	s->llc = llc;
}

s32 OP(llc_select_cpu, struct task_struct *p, s32 prev_cpu, u64 wake_flags)
{
	return select_idle_cpu(p, prev_cpu, wake_flags, slice_ns);
}

void OP(llc_enqueue, struct task_struct *p, u64 enq_flags)
{
	struct task_state *s = task_state(p);
	u32 llc;

	if (insert_percpu_kthread(p, slice_min_ns, enq_flags))
		return;
	llc = choose_llc(p);
	if (s) {
		begin_wait(s);
		enter_llc(p, s, llc);
	}
	scx_bpf_dsq_insert_vtime(p, llc, shared_slice(slice_ns, slice_min_ns, llc, llc_size[LLC_SLOT(llc)]),
				 later(p->scx.dsq_vtime, vtime_now[LLC_SLOT(llc)] - sleep_credit_ns), enq_flags);
	kick_idle_cpu(p);
}

static __always_inline bool steal(u32 home)
{
	u32 i;

	bpf_for(i, 1, llcs) {
		u32 llc = (home + i) % llcs;

		if (scx_bpf_dsq_nr_queued(llc) >= (s32)steal_min && scx_bpf_dsq_move_to_local(llc))
			return true;
	}
	return false;
}

/* Charges what `p` has run since it was last charged; how far it is then, but no further behind its group than the credit. */
static __always_inline u64 charge_running(struct task_struct *p)
{
	struct task_state *s = task_state(p);
	u64 ran = s ? charge(p, &s->mark) : 0;
	u64 now = vtime_now[LLC_SLOT(s ? s->llc : 0)];
	u64 vtime = later(p->scx.dsq_vtime + by_weight(ran, p->scx.weight), now - sleep_credit_ns);

	task_set_vtime(p, vtime);
	return vtime;
}

static __always_inline void advance_clock(u32 llc, u64 vtime)
{
	vtime_now[LLC_SLOT(llc)] = later(vtime_now[LLC_SLOT(llc)], vtime);
}

void OP(llc_dispatch, s32 cpu, struct task_struct *prev)
{
	u32 llc = llc_of_cpu(cpu);
	u64 vtime = 0;

	if (rescue_overdue(llc, cpu, guard_ns, slice_min_ns))
		return;
	if (is_runnable(prev)) {
		vtime = charge_running(prev);
		if (scx_bpf_dsq_nr_queued(llc) && keep_running(llc, cpu, prev, vtime, slice_min_ns)) {
			advance_clock(llc, vtime);
			return;
		}
	}
	if (scx_bpf_dsq_move_to_local(llc))
		return;
	if (!steal(llc) && is_runnable(prev)) {
		task_set_slice(prev, slice_min_ns);
		advance_clock(llc, vtime);
	}
}

void OP(llc_running, struct task_struct *p)
{
	struct task_state *s = task_state(p);
	u32 llc = llc_of_cpu(scx_bpf_task_cpu(p));

	if (s) {
		charge(p, &s->mark);
		enter_llc(p, s, llc);
		end_wait(s);
	}
	advance_clock(llc, p->scx.dsq_vtime);
}

void OP(llc_stopping, struct task_struct *p, bool runnable)
{
	charge_running(p);
}

void OP(llc_enable, struct task_struct *p)
{
	struct task_state *s = task_state(p);
	u32 llc = llc_of_cpu(scx_bpf_task_cpu(p));

	if (s) {
		s->llc = llc;
		end_wait(s);
	}
	task_set_vtime(p, vtime_now[LLC_SLOT(llc)]);
}

s32 SLEEPABLE_OP(llc_init_task, struct task_struct *p, struct scx_init_task_args *args)
{
	return new_task_state(p) ? 0 : -ENOMEM;
}

s32 SLEEPABLE_OP(llc_init)
{
	s32 error = 0;
	u32 i;

	find_llcs();
	bpf_for(i, 0, llcs) {
		error = scx_bpf_create_dsq(i, -1);
		if (error)
			break;
	}
	return error;
}

POLICY(llc,
       .select_cpu = (void *)llc_select_cpu,
       .enqueue = (void *)llc_enqueue,
       .dispatch = (void *)llc_dispatch,
       .running = (void *)llc_running,
       .stopping = (void *)llc_stopping,
       .enable = (void *)llc_enable,
       .init_task = (void *)llc_init_task,
       .init = (void *)llc_init);
