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

#endif
