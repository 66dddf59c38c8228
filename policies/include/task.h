/* SPDX-License-Identifier: GPL-2.0 */
/* Per-task state in task-local storage, and the clock of a task's CPU time. Each policy defines `struct task_state` before including this. */
#ifndef SCHEDCP_TASK_H
#define SCHEDCP_TASK_H

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct task_state);
} task_states SEC(".maps");

static __always_inline struct task_state *task_state(struct task_struct *p)
{
	return bpf_task_storage_get(&task_states, p, NULL, 0);
}

/* ops.init_task: memory for the state, or the task cannot be admitted. */
static __always_inline struct task_state *new_task_state(struct task_struct *p)
{
	return bpf_task_storage_get(&task_states, p, NULL, BPF_LOCAL_STORAGE_GET_F_CREATE);
}

#define ENOMEM 12

/* CPU time since `*mark`, which moves up to now. Call in running (to set the mark) and in stopping (to charge). */
static __always_inline u64 charge(struct task_struct *p, u64 *mark)
{
	u64 total = p->se.sum_exec_runtime;
	u64 used = total - *mark;

	*mark = total;
	return used;
}

/*
 * Running average of the runs between two sleeps: quick to believe in short ones, slow to forget them. New tasks start at 0: the benefit of the
 * doubt. A task that is late catches up in one go, so limits on it should allow several of its usual runs; else being late once makes it late for ever.
 */
static __always_inline u64 update_usual_run(u64 usual, u64 run)
{
	return run < usual ? (usual + run * 3) / 4 : (usual * 3 + run) / 4;
}

/* Whether a task passes for one that runs briefly: usually, and so far this time (a hog that has just begun is soon found out). */
static __always_inline bool runs_briefly(u64 usual, u64 run, u64 brief)
{
	return usual <= brief && run <= smaller(brief, larger(usual * 4, 1000000));
}

#endif
