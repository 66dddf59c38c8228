/* SPDX-License-Identifier: GPL-2.0 */
/*
 * tollgate: tasks of negative nice go first, but on tokens: a CPU takes from the first queue at most `tokens` times before the other has its turn. Strict
 * as long as there is enough for all, bounded when there is not. Bad: within a queue weights are ignored.
 */
#include "policy.h"

#define FIRST 0
#define SECOND 1

const volatile u64 slice_ns = 8000000;
const volatile u32 tokens = 5;

static u32 spent[MAX_CPUS];

s32 OP(tollgate_select_cpu, struct task_struct *p, s32 prev_cpu, u64 wake_flags)
{
	return select_idle_cpu(p, prev_cpu, wake_flags, slice_ns);
}

void OP(tollgate_enqueue, struct task_struct *p, u64 enq_flags)
{
	u64 queue = p->static_prio < 120 ? FIRST : SECOND;

	if (insert_percpu_kthread(p, slice_ns, enq_flags))
		return;
	scx_bpf_dsq_insert(p, queue, crowded_slice(slice_ns, queue), enq_flags);
	kick_idle_cpu(p);
}

void OP(tollgate_dispatch, s32 cpu, struct task_struct *prev)
{
	u32 *mine = &spent[CPU_SLOT(cpu)];

	if (*mine >= tokens) {
		*mine = 0;
		if (scx_bpf_dsq_move_to_local(SECOND))
			return;
	}
	if (scx_bpf_dsq_move_to_local(FIRST)) {
		(*mine)++;
		return;
	}
	*mine = 0;
	scx_bpf_dsq_move_to_local(SECOND);
}

s32 SLEEPABLE_OP(tollgate_init)
{
	s32 error = scx_bpf_create_dsq(FIRST, -1);

	return error ? error : scx_bpf_create_dsq(SECOND, -1);
}

POLICY(tollgate,
       .select_cpu = (void *)tollgate_select_cpu,
       .enqueue = (void *)tollgate_enqueue,
       .dispatch = (void *)tollgate_dispatch,
       .init = (void *)tollgate_init);
