/* SPDX-License-Identifier: GPL-2.0 */
/* Two and more queues, and the order in which they are emptied. */
#include "policy.h"
#include "vtime.h"
struct task_state {
	u64 budget;
};
#include "task.h"
u32 turn;
u64 low_since;
#define LOW 1
#define INIT s32 error = 0; u32 i; bpf_for(i, 0, 4) { error = scx_bpf_create_dsq(i, -1); if (error) break; } return error
#define BY_NICE scx_bpf_dsq_insert(p, p->static_prio < 120 ? 0 : LOW, slice_ns, enq_flags); kick_idle_cpu(p)
#if defined(CASE_strict)
#define ENQUEUE BY_NICE
#define DISPATCH if (!scx_bpf_dsq_move_to_local(QUEUE)) scx_bpf_dsq_move_to_local(LOW)
#elif defined(CASE_strict_counted)
#define ENQUEUE scx_bpf_dsq_insert(p, (p->static_prio >> 3) & 3, slice_ns, enq_flags); kick_idle_cpu(p)
#define DISPATCH u32 i; bpf_for(i, 0, 4) if (scx_bpf_dsq_move_to_local(i)) break
#elif defined(CASE_turning)
#define ENQUEUE BY_NICE
#define DISPATCH if (++turn % 8 == 0 && scx_bpf_dsq_move_to_local(LOW)) return; \
	if (!scx_bpf_dsq_move_to_local(QUEUE)) scx_bpf_dsq_move_to_local(LOW)
#elif defined(CASE_aged)
#define ENQUEUE BY_NICE
#define DISPATCH u64 now = scx_bpf_now(); \
	if (now - low_since > 100000000 && scx_bpf_dsq_move_to_local(LOW)) { low_since = now; return; } \
	if (!scx_bpf_dsq_move_to_local(QUEUE)) scx_bpf_dsq_move_to_local(LOW)
#elif defined(CASE_by_budget)
#define ENQUEUE struct task_state *s = task_state(p); bool first = s && s->budget-- > 0; \
	scx_bpf_dsq_insert(p, first ? 0 : LOW, slice_ns, enq_flags); kick_idle_cpu(p)
#define DISPATCH if (!scx_bpf_dsq_move_to_local(QUEUE)) scx_bpf_dsq_move_to_local(LOW)
#elif defined(CASE_own_then_shared) /* one for each CPU, then what all share */
#define SHARED 0x100000
#undef INIT
#define INIT s32 error = scx_bpf_create_dsq(SHARED, -1); u32 i; bpf_for(i, 0, scx_bpf_nr_cpu_ids()) { if (error) break; error = scx_bpf_create_dsq(i, -1); } return error
#define ENQUEUE scx_bpf_dsq_insert(p, p->nr_cpus_allowed == 1 ? scx_bpf_task_cpu(p) : SHARED, slice_ns, enq_flags); kick_idle_cpu(p)
#define DISPATCH if (!scx_bpf_dsq_move_to_local(cpu)) scx_bpf_dsq_move_to_local(SHARED)
#endif
#include "base.h"
