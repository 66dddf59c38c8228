/* SPDX-License-Identifier: GPL-2.0 */
/*
 * abacus: four rows by nice, and the upper row goes first. Before that a CPU looks at who stands first in each row: if one of them has waited longer
 * than `guard_ns`, the row with the oldest goes first instead, so under overload the policy turns into order of arrival and nobody starves. Bad: a row
 * is served without regard to weights within it; each dispatch looks into every row.
 */
#include "policy.h"

const volatile u64 slice_ns = 10000000;
const volatile u64 guard_ns = 300000000;

#define ROWS 4
#define LOOKS 16

struct task_state {
	u64 since;
};

#include "task.h"

static __always_inline u64 row_of(struct task_struct *p)
{
	return p->static_prio < 110 ? 0 : p->static_prio < 120 ? 1 : p->static_prio < 130 ? 2 : 3;
}

s32 OP(abacus_select_cpu, struct task_struct *p, s32 prev_cpu, u64 wake_flags)
{
	return select_idle_cpu(p, prev_cpu, wake_flags, slice_ns);
}

void OP(abacus_enqueue, struct task_struct *p, u64 enq_flags)
{
	struct task_state *s = task_state(p);
	u64 row = row_of(p);

	if (insert_percpu_kthread(p, slice_ns, enq_flags))
		return;
	if (s && !s->since)
		s->since = scx_bpf_now();
	scx_bpf_dsq_insert(p, row, crowded_slice(slice_ns, row), enq_flags);
	kick_idle_cpu(p);
}

/* How long the first task of `row` that this CPU may run has waited; 0 for an empty row. */
static __always_inline u64 wait_in(u64 row, s32 cpu, u64 now)
{
	struct bpf_iter_scx_dsq queue;
	u64 wait = 0;
	u32 i;

	bpf_iter_scx_dsq_new(&queue, row, 0);
	bpf_for(i, 0, LOOKS) {
		struct task_struct *p = bpf_iter_scx_dsq_next(&queue);
		struct task_state *s;

		if (!p)
			break;
		if (!bpf_cpumask_test_cpu(cpu, p->cpus_ptr))
			continue;
		s = task_state(p);
		if (s && s->since && before(s->since, now))
			wait = now - s->since;
		break;
	}
	bpf_iter_scx_dsq_destroy(&queue);
	return wait;
}

void OP(abacus_dispatch, s32 cpu, struct task_struct *prev)
{
	u64 now = scx_bpf_now(), longest = guard_ns;
	u32 row, first = 0;

	bpf_for(row, 0, ROWS) {
		u64 wait = wait_in(row, cpu, now);

		if (wait > longest) {
			longest = wait;
			first = row;
		}
	}
	if (scx_bpf_dsq_move_to_local(first))
		return;
	bpf_for(row, 0, ROWS) {
		if (scx_bpf_dsq_move_to_local(row))
			return;
	}
}

void OP(abacus_running, struct task_struct *p)
{
	struct task_state *s = task_state(p);

	if (s)
		s->since = 0;
}

s32 SLEEPABLE_OP(abacus_init_task, struct task_struct *p, struct scx_init_task_args *args)
{
	return new_task_state(p) ? 0 : -ENOMEM;
}

s32 SLEEPABLE_OP(abacus_init)
{
	s32 error = 0;
	u32 row;

	bpf_for(row, 0, ROWS) {
		error = scx_bpf_create_dsq(row, -1);
		if (error)
			break;
	}
	return error;
}

POLICY(abacus,
       .select_cpu = (void *)abacus_select_cpu,
       .enqueue = (void *)abacus_enqueue,
       .dispatch = (void *)abacus_dispatch,
       .running = (void *)abacus_running,
       .init_task = (void *)abacus_init_task,
       .init = (void *)abacus_init);
