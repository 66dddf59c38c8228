/* SPDX-License-Identifier: GPL-2.0 */
/* Dispatch queues. */
#include "policy.h"
#define OTHER 7
const volatile bool by_vtime = false;
#define CREATE_BOTH s32 error = scx_bpf_create_dsq(QUEUE, -1); return error ? error : scx_bpf_create_dsq(OTHER, -1)
#if defined(CASE_never_created)
#define ENQUEUE scx_bpf_dsq_insert(p, OTHER, slice_ns, enq_flags)
#define DISPATCH scx_bpf_dsq_move_to_local(OTHER)
#elif defined(CASE_created)
#define INIT CREATE_BOTH
#define ENQUEUE scx_bpf_dsq_insert(p, OTHER, slice_ns, enq_flags)
#define DISPATCH scx_bpf_dsq_move_to_local(OTHER)
#elif defined(CASE_never_created_beside) /* one for each CPU, and one that was forgotten */
#define INIT s32 error = 0; u32 i; bpf_for(i, 0, scx_bpf_nr_cpu_ids()) { error = scx_bpf_create_dsq(i, -1); if (error) break; } return error
#define ENQUEUE scx_bpf_dsq_insert(p, 0x123456, slice_ns, enq_flags)
#define DISPATCH scx_bpf_dsq_move_to_local(0x123456)
#elif defined(CASE_for_each_cpu)
#define INIT s32 error = 0; u32 i; bpf_for(i, 0, scx_bpf_nr_cpu_ids()) { error = scx_bpf_create_dsq(i, -1); if (error) break; } return error
#define ENQUEUE scx_bpf_dsq_insert(p, scx_bpf_task_cpu(p), slice_ns, enq_flags); kick_idle_cpu(p)
#define DISPATCH scx_bpf_dsq_move_to_local(cpu)
#elif defined(CASE_first_missing)
#define INIT s32 error = 0; u32 i; bpf_for(i, 1, scx_bpf_nr_cpu_ids()) { error = scx_bpf_create_dsq(i, -1); if (error) break; } return error
#define ENQUEUE scx_bpf_dsq_insert(p, scx_bpf_task_cpu(p), slice_ns, enq_flags); kick_idle_cpu(p)
#define DISPATCH scx_bpf_dsq_move_to_local(cpu)
#elif defined(CASE_twice)
#define INIT s32 error = scx_bpf_create_dsq(QUEUE, -1); return error ? error : scx_bpf_create_dsq(QUEUE, -1)
#elif defined(CASE_twice_ignored)
#define INIT s32 error = scx_bpf_create_dsq(QUEUE, -1); scx_bpf_create_dsq(QUEUE, -1); return error
#elif defined(CASE_twice_in_loop)
#define INIT s32 error = 0; u32 i; bpf_for(i, 0, 4) { error = scx_bpf_create_dsq(QUEUE, -1); if (error) break; } return error
#elif defined(CASE_each_in_loop)
#define INIT s32 error = 0; u32 i; bpf_for(i, 0, 4) { error = scx_bpf_create_dsq(i, -1); if (error) break; } return error
#elif defined(CASE_swapped)
#define ENQUEUE scx_bpf_dsq_insert(p, crowded_slice(slice_ns, QUEUE), QUEUE, enq_flags); kick_idle_cpu(p)
#elif defined(CASE_counted) || defined(CASE_counted_past)
#ifdef CASE_counted
#define SHARED 1
#else
#define SHARED (1 << 20)
#endif
#define INIT s32 error = scx_bpf_create_dsq(SHARED, -1); u32 i; if (error) return error; \
	bpf_for(i, 0, scx_bpf_nr_cpu_ids()) { error = scx_bpf_create_dsq(i, -1); if (error) break; } return error
#define ENQUEUE scx_bpf_dsq_insert(p, p->nr_cpus_allowed == 1 ? scx_bpf_task_cpu(p) : SHARED, slice_ns, enq_flags); kick_idle_cpu(p)
#define DISPATCH if (!scx_bpf_dsq_move_to_local(cpu)) scx_bpf_dsq_move_to_local(SHARED)
#elif defined(CASE_built_in)
#define INIT return scx_bpf_create_dsq(SCX_DSQ_GLOBAL, -1)
#define ENQUEUE scx_bpf_dsq_insert(p, SCX_DSQ_GLOBAL, slice_ns, enq_flags)
#define DISPATCH (void)cpu
#elif defined(CASE_vtime_global)
#define ENQUEUE scx_bpf_dsq_insert_vtime(p, SCX_DSQ_GLOBAL, slice_ns, p->scx.dsq_vtime, enq_flags)
#elif defined(CASE_vtime_local_on)
#define ENQUEUE scx_bpf_dsq_insert_vtime(p, SCX_DSQ_LOCAL_ON | scx_bpf_task_cpu(p), slice_ns, p->scx.dsq_vtime, enq_flags)
#elif defined(CASE_vtime_own)
#define ENQUEUE scx_bpf_dsq_insert_vtime(p, QUEUE, slice_ns, p->scx.dsq_vtime, enq_flags); kick_idle_cpu(p)
#elif defined(CASE_fifo_global)
#define ENQUEUE scx_bpf_dsq_insert(p, SCX_DSQ_GLOBAL, slice_ns, enq_flags)
#define DISPATCH (void)cpu
#elif defined(CASE_mixed)
#define ENQUEUE if (p->static_prio < 120) scx_bpf_dsq_insert(p, QUEUE, slice_ns, enq_flags); \
	else scx_bpf_dsq_insert_vtime(p, QUEUE, slice_ns, p->scx.dsq_vtime, enq_flags); kick_idle_cpu(p)
#elif defined(CASE_mixed_by_parameter)
#define ENQUEUE if (by_vtime) scx_bpf_dsq_insert_vtime(p, QUEUE, slice_ns, p->scx.dsq_vtime, enq_flags); \
	else scx_bpf_dsq_insert(p, QUEUE, slice_ns, enq_flags); kick_idle_cpu(p)
#elif defined(CASE_never_drained)
#define INIT CREATE_BOTH
#define ENQUEUE if (p->nr_cpus_allowed == 1) { barrier(); scx_bpf_dsq_insert(p, OTHER, slice_ns, enq_flags); return; } \
	barrier_var(p); scx_bpf_dsq_insert(p, QUEUE, slice_ns, enq_flags | 0x100); kick_idle_cpu(p)
#elif defined(CASE_drained)
#define INIT CREATE_BOTH
#define ENQUEUE if (p->nr_cpus_allowed == 1) { barrier(); scx_bpf_dsq_insert(p, OTHER, slice_ns, enq_flags); return; } \
	barrier_var(p); scx_bpf_dsq_insert(p, QUEUE, slice_ns, enq_flags | 0x100); kick_idle_cpu(p)
u32 turn;
#define DISPATCH if (turn++ & 1) { if (!scx_bpf_dsq_move_to_local(OTHER)) scx_bpf_dsq_move_to_local(QUEUE); } \
	else { if (!scx_bpf_dsq_move_to_local(QUEUE)) scx_bpf_dsq_move_to_local(OTHER); }
#endif
#include "base.h"
