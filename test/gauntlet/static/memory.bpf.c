/* SPDX-License-Identifier: GPL-2.0 */
/* What a policy keeps about tasks. */
#include "policy.h"
struct task_state {
	u64 seen;
};
#include "task.h"
struct {
#ifdef CASE_by_pid_lru
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
#else
	__uint(type, BPF_MAP_TYPE_HASH);
#endif
	__uint(max_entries, 4096);
	__type(key, u32);
	__type(value, u64);
} seen_by_pid SEC(".maps");
#define ENTER u32 pid = p->pid; u64 none = 0; \
	bpf_map_update_elem(&seen_by_pid, &pid, &none, BPF_ANY)
#if defined(CASE_by_pid) || defined(CASE_by_pid_lru)
#define INIT_TASK ENTER; return 0
#elif defined(CASE_by_pid_deleted)
#define INIT_TASK ENTER; return 0
#define RUNNING u32 pid = p->pid; if (p->flags & PF_EXITING) bpf_map_delete_elem(&seen_by_pid, &pid)
#elif defined(CASE_storage_absent)
#define INIT_TASK return 0
#define RUNNING struct task_state *s = task_state(p); if (s) s->seen++
#elif defined(CASE_storage_made)
#define RUNNING struct task_state *s = task_state(p); if (s) s->seen++
#endif
#include "base.h"
