/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Taking the next task from a queue ordered by key. The kernel asks for the next task while the running one is not yet back in the queue, so
 * without keep_running() a task could never follow itself, and the order would be wrong whenever the queue is shorter than it looks.
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
	struct task_struct *p;
	u32 looks = 0;
	bool keep = true;

	bpf_for_each(scx_dsq, p, dsq, 0) {
		if (!before(p->scx.dsq_vtime, key))
			break;
		if (++looks > KEEP_LOOKS || bpf_cpumask_test_cpu(cpu, p->cpus_ptr)) {
			keep = false;
			break;
		}
	}
	if (keep)
		task_set_slice(prev, slice);
	return keep;
}

static __always_inline bool is_runnable(struct task_struct *prev)
{
	return prev && prev->scx.flags & SCX_TASK_QUEUED;
}

#endif
