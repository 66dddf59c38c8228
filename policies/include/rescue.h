/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Starvation guard for queues ordered by virtual time, where the end of the queue can wait for very long (nice 19 beside nice -20). Needs
 * `u64 queued_at` in struct task_state: begin_wait() in enqueue, end_wait() in running and enable. Each CPU looks on its own, so tasks pinned
 * to it are found too.
 */
#ifndef SCHEDCP_RESCUE_H
#define SCHEDCP_RESCUE_H

#define RESCUE_LOOKS 128

u64 next_rescue[MAX_CPUS];

/* A change of nice or affinity takes a waiting task out and queues it anew: it has waited all the same. */
static __always_inline void begin_wait(struct task_state *s)
{
	if (!s->queued_at)
		s->queued_at = scx_bpf_now();
}

static __always_inline void end_wait(struct task_state *s)
{
	s->queued_at = 0;
}

static __always_inline bool is_overdue(const struct task_state *s, u64 guard)
{
	return s->queued_at && !before(scx_bpf_now(), s->queued_at + guard);
}

/* Whether this CPU should look for overdue tasks now: four times per `guard`. */
static __always_inline bool rescue_is_due(s32 cpu, u64 guard)
{
	u64 now = scx_bpf_now();

	if (before(now, next_rescue[CPU_SLOT(cpu)]))
		return false;
	next_rescue[CPU_SLOT(cpu)] = now + guard / 4;
	return true;
}

/* ops.dispatch: take one task that this CPU may run and that has waited longer than `guard`, seeking from the end of `dsq`. */
static __always_inline bool rescue_from(u64 dsq, s32 cpu, u64 guard, u64 slice)
{
	struct bpf_iter_scx_dsq queue;
	bool moved = false;
	u32 i;

	bpf_iter_scx_dsq_new(&queue, dsq, SCX_DSQ_ITER_REV);
	bpf_for(i, 0, RESCUE_LOOKS) {
		struct task_struct *p = bpf_iter_scx_dsq_next(&queue);
		struct task_state *s;

		if (!p)
			break;
		s = task_state(p);
		if (!s || !is_overdue(s, guard) || !bpf_cpumask_test_cpu(cpu, p->cpus_ptr))
			continue;
		scx_bpf_dsq_move_set_slice(&queue, slice);
		moved = scx_bpf_dsq_move(&queue, p, SCX_DSQ_LOCAL, 0);
		if (moved)
			break;
	}
	bpf_iter_scx_dsq_destroy(&queue);
	if (moved) /* there may be more: look again soon, but let the queue have its turn between */
		next_rescue[CPU_SLOT(cpu)] = scx_bpf_now() + guard / 16;
	return moved;
}

static __always_inline bool rescue_overdue(u64 dsq, s32 cpu, u64 guard, u64 slice)
{
	return rescue_is_due(cpu, guard) && rescue_from(dsq, cpu, guard, slice);
}

#endif
