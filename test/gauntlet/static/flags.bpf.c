/* SPDX-License-Identifier: GPL-2.0 */
/* Flags that need something, or exclude each other. */
#include "policy.h"
#include "preempt.h"
u64 idlers;
#define SCX_ENQ_LAST (1ULL << 41)
#if defined(CASE_last_alone)
#define MORE .flags = 2,
#define NO_ENQUEUE
#elif defined(CASE_last_ignored)
#define MORE .flags = 2,
#define ENQUEUE scx_bpf_dsq_insert(p, QUEUE, slice_ns, enq_flags)
#elif defined(CASE_last_kicks_others)
#define MORE .flags = 2,
#define ENQUEUE scx_bpf_dsq_insert(p, QUEUE, slice_ns, enq_flags); kick_idle_cpu(p)
#elif defined(CASE_last_local)
#define MORE .flags = 2 | 4 | 16,
#define ENQUEUE scx_bpf_dsq_insert(p, enq_flags & SCX_ENQ_LAST ? SCX_DSQ_LOCAL : QUEUE, slice_ns, enq_flags)
#elif defined(CASE_last_skipped) || defined(CASE_last_handled)
#ifdef CASE_last_handled
#define MORE .flags = 2 | 4 | 16,
#else
#define MORE .flags = 2,
#endif
#define ENQUEUE scx_bpf_dsq_insert(p, enq_flags & SCX_ENQ_LAST ? SCX_DSQ_LOCAL : QUEUE, slice_ns, enq_flags); \
	if (enq_flags & SCX_ENQ_LAST) scx_bpf_kick_cpu(scx_bpf_task_cpu(p), 0)
#elif defined(CASE_kick_both)
#define ENQUEUE scx_bpf_dsq_insert(p, QUEUE, slice_ns, enq_flags); scx_bpf_kick_cpu(0, SCX_KICK_IDLE | SCX_KICK_PREEMPT)
#elif defined(CASE_kick_either)
#define ENQUEUE scx_bpf_dsq_insert(p, QUEUE, slice_ns, enq_flags); scx_bpf_kick_cpu(0, p->pid & 1 ? SCX_KICK_IDLE : SCX_KICK_PREEMPT)
#elif defined(CASE_preempt_always)
#define ENQUEUE scx_bpf_dsq_insert(p, QUEUE, slice_ns, enq_flags); \
	if (enq_flags & SCX_ENQ_WAKEUP) scx_bpf_kick_cpu(scx_bpf_task_cpu(p), SCX_KICK_PREEMPT)
#elif defined(CASE_preempt_compared)
#define ENQUEUE scx_bpf_dsq_insert(p, QUEUE, slice_ns, enq_flags); \
	if (enq_flags & SCX_ENQ_WAKEUP) preempt_for(p, p->static_prio, 4)
#elif defined(CASE_kick_own)
#define DISPATCH if (!scx_bpf_dsq_move_to_local(QUEUE)) scx_bpf_kick_cpu(cpu, 0)
#elif defined(CASE_kick_own_waiting)
#define DISPATCH if (!scx_bpf_dsq_move_to_local(QUEUE) && scx_bpf_dsq_nr_queued(QUEUE) > 0) scx_bpf_kick_cpu(cpu, 0)
#elif defined(CASE_idle_off) || defined(CASE_idle_kept)
void OP(small_update_idle, s32 cpu, bool idle)
{
	idlers += idle ? 1 : -1;
}
#ifdef CASE_idle_kept
#define MORE .update_idle = (void *)small_update_idle, .flags = 1,
#else
#define MORE .update_idle = (void *)small_update_idle,
#endif
#elif defined(CASE_idle_own)
void OP(small_update_idle, s32 cpu, bool idle)
{
	idlers += idle ? 1 : -1;
}
#define MORE .update_idle = (void *)small_update_idle,
#define SELECT_CPU return prev_cpu
#define ENQUEUE scx_bpf_dsq_insert(p, QUEUE, slice_ns, enq_flags)
#endif
#include "base.h"
