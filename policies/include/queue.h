/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Taking the next task from a queue ordered by key. The kernel asks for the next task while the running one is not yet back in the queue, so
 * without keep_running() a task could never follow itself, and the order would be wrong whenever the queue is shorter than it looks.
 *
 * Who is kept sees neither stopping nor running, for as long as nobody else is due: dispatch must do for it what these two do (charge it, move the
 * clock on), or time stands still for the policy while the task runs.
 */
#ifndef SCHEDCP_QUEUE_H
#define SCHEDCP_QUEUE_H

#define KEEP_LOOKS 32

/*
 * ops.dispatch: when `prev` can go on and nothing that this CPU may run has an earlier key than `key`, prev gets another slice and the CPU. Else
 * false: the caller takes from the queue. Looks at the first KEEP_LOOKS tasks only.
 */
static __always_inline bool keep_running(u64 dsq, s32 cpu, struct task_struct *prev, u64 key, u64 slice)
{
	struct bpf_iter_scx_dsq queue;
	bool keep = true;
	u32 i;

	bpf_iter_scx_dsq_new(&queue, dsq, 0);
	bpf_for(i, 0, KEEP_LOOKS) {
		struct task_struct *p = bpf_iter_scx_dsq_next(&queue);

		if (!p || !before(p->scx.dsq_vtime, key))
			break;
		if (bpf_cpumask_test_cpu(cpu, p->cpus_ptr)) {
			keep = false;
			break;
		}
	}
	bpf_iter_scx_dsq_destroy(&queue);
	if (keep)
		task_set_slice(prev, slice);
	return keep;
}

static __always_inline bool is_runnable(struct task_struct *prev)
{
	return prev && prev->scx.flags & SCX_TASK_QUEUED;
}

#endif
