/* SPDX-License-Identifier: GPL-2.0 */
/* What init and init_task answer. */
#include "policy.h"
struct task_state {
	u64 seen;
};
#include "task.h"
#if defined(CASE_positive)
#define INIT s32 error = scx_bpf_create_dsq(QUEUE, -1); return error ? error : 1
#elif defined(CASE_always)
#define INIT scx_bpf_create_dsq(QUEUE, -1); return -1
#elif defined(CASE_counts)
#define INIT scx_bpf_create_dsq(QUEUE, -1); return scx_bpf_nr_cpu_ids()
#elif defined(CASE_node)
#define INIT return scx_bpf_create_dsq(QUEUE, 99)
#elif defined(CASE_zero)
#define INIT s32 error = scx_bpf_create_dsq(QUEUE, -1); if (error) return error; return 0
#elif defined(CASE_task_memory)
#define INIT_TASK return new_task_state(p) ? 0 : -ENOMEM
#elif defined(CASE_task_positive)
#define INIT_TASK return new_task_state(p) ? 1 : -ENOMEM
#endif
#include "base.h"
