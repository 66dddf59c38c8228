/* SPDX-License-Identifier: GPL-2.0 */
/* What becomes of a task between enqueue and dispatch. */
#include "policy.h"
struct task_state {
	u64 seen;
};
#include "task.h"
u64 seen;
struct {
	__uint(type, 22); /* queue */
	__uint(max_entries, 4096);
	__type(value, u32);
} waiting SEC(".maps");
struct task_struct *bpf_task_from_pid(s32 pid) __ksym;
void bpf_task_release(struct task_struct *p) __ksym;
const volatile bool lazy = false;
#define PUSH u32 pid = p->pid; bpf_map_push_elem(&waiting, &pid, 0)
#define POP u32 pid; struct task_struct *p; \
	if (bpf_map_pop_elem(&waiting, &pid)) return; \
	p = bpf_task_from_pid(pid); \
	if (p) { scx_bpf_dsq_insert(p, SCX_DSQ_GLOBAL, slice_ns, 0); bpf_task_release(p); }
#if defined(CASE_dropped_all)
#define ENQUEUE seen++
#elif defined(CASE_dropped_some)
#define ENQUEUE if (p->static_prio > 130) return; scx_bpf_dsq_insert(p, QUEUE, slice_ns, enq_flags); kick_idle_cpu(p)
#elif defined(CASE_dropped_class)
#define ENQUEUE if (insert_percpu_kthread(p, slice_ns, enq_flags)) return; if (p->policy == SCHED_BATCH || p->policy == SCHED_IDLE) return; scx_bpf_dsq_insert(p, QUEUE, slice_ns, enq_flags); kick_idle_cpu(p)
#elif defined(CASE_dropped_sometimes)
#define ENQUEUE if (++seen % 100 == 0) return; scx_bpf_dsq_insert(p, QUEUE, slice_ns, enq_flags); kick_idle_cpu(p)
#elif defined(CASE_dropped_stateless)
#define ENQUEUE struct task_state *s = task_state(p); if (!s) return; s->seen++; \
	scx_bpf_dsq_insert(p, QUEUE, slice_ns, enq_flags); kick_idle_cpu(p)
#elif defined(CASE_dropped_when_full)
struct {
	__uint(type, 27); /* ring buffer */
	__uint(max_entries, 4096);
} lines SEC(".maps");
#define ENQUEUE u64 *line = bpf_ringbuf_reserve(&lines, 8, 0); if (!line) return; *line = p->pid; bpf_ringbuf_submit(line, 0); \
	scx_bpf_dsq_insert(p, QUEUE, slice_ns, enq_flags); kick_idle_cpu(p)
#elif defined(CASE_dropped_by_parameter) /* which is off */
#define ENQUEUE if (lazy) return; scx_bpf_dsq_insert(p, QUEUE, slice_ns, enq_flags); kick_idle_cpu(p)
#elif defined(CASE_either)
#define ENQUEUE if (p->static_prio > 130) scx_bpf_dsq_insert(p, SCX_DSQ_GLOBAL, slice_ns, enq_flags); \
	else scx_bpf_dsq_insert(p, QUEUE, slice_ns, enq_flags); kick_idle_cpu(p)
#elif defined(CASE_searched) /* always found, though the flow alone does not say so */
#define ENQUEUE u32 i; bpf_for(i, 0, 2) { if (i == 1 || p->pid & 1) { scx_bpf_dsq_insert(p, QUEUE, slice_ns, enq_flags); break; } } kick_idle_cpu(p)
#elif defined(CASE_kept)
#define ENQUEUE PUSH
#define DISPATCH POP
#elif defined(CASE_kept_for_nothing)
#define ENQUEUE PUSH
#define DISPATCH seen++
#elif defined(CASE_kept_beside) /* dispatch hands on, but not what was kept */
#define ENQUEUE if (p->static_prio > 120) { PUSH; return; } scx_bpf_dsq_insert(p, QUEUE, slice_ns, enq_flags); kick_idle_cpu(p)
#define DISPATCH u32 pid; if (!bpf_map_pop_elem(&waiting, &pid)) seen++; scx_bpf_dsq_move_to_local(QUEUE)
#elif defined(CASE_called)
static __noinline void put(struct task_struct *p, u64 flags)
{
	scx_bpf_dsq_insert(p, 0, 20000000, flags);
}
#define ENQUEUE put(p, enq_flags); kick_idle_cpu(p)
#elif defined(CASE_double_forgot_return)
#define ENQUEUE if (p->flags & PF_KTHREAD) scx_bpf_dsq_insert(p, SCX_DSQ_LOCAL, slice_ns, enq_flags); \
	scx_bpf_dsq_insert(p, QUEUE, slice_ns, enq_flags); kick_idle_cpu(p)
#elif defined(CASE_double_called)
static __noinline void put(struct task_struct *p, u64 flags)
{
	scx_bpf_dsq_insert(p, 0, 20000000, flags);
}
#define ENQUEUE put(p, enq_flags); scx_bpf_dsq_insert(p, SCX_DSQ_GLOBAL, slice_ns, enq_flags)
#elif defined(CASE_once)
#define ENQUEUE if (p->flags & PF_KTHREAD) { scx_bpf_dsq_insert(p, SCX_DSQ_LOCAL, slice_ns, enq_flags); return; } \
	scx_bpf_dsq_insert(p, QUEUE, slice_ns, enq_flags); kick_idle_cpu(p)
#elif defined(CASE_nothing_handed_on)
#define DISPATCH seen++
#elif defined(CASE_no_dispatch)
#define NO_DISPATCH
#elif defined(CASE_global_only)
#define NO_DISPATCH
#define ENQUEUE scx_bpf_dsq_insert(p, SCX_DSQ_GLOBAL, slice_ns, enq_flags)
#elif defined(CASE_foreign)
#define SELECT_CPU struct task_struct *q = bpf_task_from_pid(1); \
	if (q) { scx_bpf_dsq_insert(q, SCX_DSQ_LOCAL, slice_ns, 0); bpf_task_release(q); } return prev_cpu
#elif defined(CASE_own)
#define SELECT_CPU scx_bpf_dsq_insert(p, SCX_DSQ_LOCAL, slice_ns, 0); return prev_cpu
#endif
#include "base.h"
