/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A task whose slice is over goes to the global queue even when nobody else waits, and the CPU that is about to idle is asked to look once more: it is
 * still running that task when it is asked. Bad at everything: each slice costs a turn of the idle task.
 */
#include "policy.h"

#define SLICE 3000000
#define SCX_OPS_ENQ_LAST 2

void OP(last_enqueue, struct task_struct *p, u64 enq_flags)
{
	scx_bpf_dsq_insert(p, SCX_DSQ_GLOBAL, SLICE, enq_flags);
	scx_bpf_kick_cpu(scx_bpf_task_cpu(p), SCX_KICK_IDLE);
}

POLICY(last, .flags = SCX_OPS_ENQ_LAST, .enqueue = (void *)last_enqueue);
