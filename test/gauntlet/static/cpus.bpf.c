/* SPDX-License-Identifier: GPL-2.0 */
/* CPU numbers. */
#include "policy.h"
struct task_state {
	s32 home;
};
#include "task.h"
u32 turn;
struct {
	__uint(type, 22); /* queue */
	__uint(max_entries, 4096);
	__type(value, u32);
} waiting SEC(".maps");
struct task_struct *bpf_task_from_pid(s32 pid) __ksym;
void bpf_task_release(struct task_struct *p) __ksym;
#define PUSH u32 pid = p->pid; if (bpf_map_push_elem(&waiting, &pid, 0)) scx_bpf_dsq_insert(p, SCX_DSQ_GLOBAL, slice_ns, enq_flags)
#define POP(condition) u32 pid; struct task_struct *p; \
	if (bpf_map_pop_elem(&waiting, &pid)) return; \
	p = bpf_task_from_pid(pid); \
	if (p) { scx_bpf_dsq_insert(p, condition ? SCX_DSQ_LOCAL : SCX_DSQ_GLOBAL, slice_ns, 0); bpf_task_release(p); }
#if defined(CASE_constant)
#define ENQUEUE scx_bpf_dsq_insert(p, SCX_DSQ_LOCAL_ON | 1, slice_ns, enq_flags)
#elif defined(CASE_round_robin)
#define ENQUEUE u32 cpu = turn++ % scx_bpf_nr_cpu_ids(); scx_bpf_dsq_insert(p, SCX_DSQ_LOCAL_ON | cpu, slice_ns, enq_flags)
#elif defined(CASE_round_robin_asked)
#define ENQUEUE u32 cpu = turn++ % scx_bpf_nr_cpu_ids(); \
	if (bpf_cpumask_test_cpu(cpu, p->cpus_ptr)) scx_bpf_dsq_insert(p, SCX_DSQ_LOCAL_ON | cpu, slice_ns, enq_flags); \
	else scx_bpf_dsq_insert(p, SCX_DSQ_GLOBAL, slice_ns, enq_flags)
#elif defined(CASE_searched)
#define ENQUEUE s32 best = -1; u32 i; \
	bpf_for(i, 0, scx_bpf_nr_cpu_ids()) if (bpf_cpumask_test_cpu(i, p->cpus_ptr)) best = i; \
	if (best >= 0) scx_bpf_dsq_insert(p, SCX_DSQ_LOCAL_ON | best, slice_ns, enq_flags); \
	else scx_bpf_dsq_insert(p, SCX_DSQ_GLOBAL, slice_ns, enq_flags)
#elif defined(CASE_else_any)
#define ENQUEUE s32 cpu = scx_bpf_pick_idle_cpu(p->cpus_ptr, 0); \
	if (cpu < 0) cpu = turn++ % scx_bpf_nr_cpu_ids(); \
	scx_bpf_dsq_insert(p, SCX_DSQ_LOCAL_ON | cpu, slice_ns, enq_flags)
#elif defined(CASE_remembered)
#define ENQUEUE struct task_state *s = task_state(p); \
	if (s && s->home >= 0) scx_bpf_dsq_insert(p, SCX_DSQ_LOCAL_ON | s->home, slice_ns, enq_flags); \
	else scx_bpf_dsq_insert(p, SCX_DSQ_GLOBAL, slice_ns, enq_flags)
#elif defined(CASE_remembered_asked)
#define ENQUEUE struct task_state *s = task_state(p); \
	if (s && bpf_cpumask_test_cpu(s->home, p->cpus_ptr)) scx_bpf_dsq_insert(p, SCX_DSQ_LOCAL_ON | s->home, slice_ns, enq_flags); \
	else scx_bpf_dsq_insert(p, SCX_DSQ_GLOBAL, slice_ns, enq_flags)
#elif defined(CASE_picked)
#define ENQUEUE s32 cpu = scx_bpf_pick_idle_cpu(p->cpus_ptr, 0); \
	if (cpu >= 0) { scx_bpf_dsq_insert(p, SCX_DSQ_LOCAL_ON | cpu, slice_ns, enq_flags); scx_bpf_kick_cpu(cpu, SCX_KICK_IDLE); } \
	else scx_bpf_dsq_insert(p, QUEUE, slice_ns, enq_flags)
#elif defined(CASE_picked_unasked)
#define ENQUEUE s32 cpu = scx_bpf_pick_idle_cpu(p->cpus_ptr, 0); \
	scx_bpf_dsq_insert(p, SCX_DSQ_LOCAL_ON | (u32)cpu, slice_ns, enq_flags)
#elif defined(CASE_local_in_dispatch)
#define ENQUEUE PUSH
#define DISPATCH u32 pid; struct task_struct *p; \
	if (bpf_map_pop_elem(&waiting, &pid)) return; \
	p = bpf_task_from_pid(pid); \
	if (p) { scx_bpf_dsq_insert(p, SCX_DSQ_LOCAL, slice_ns, 0); bpf_task_release(p); }
#elif defined(CASE_local_in_dispatch_asked)
#define ENQUEUE PUSH
#define DISPATCH u32 pid; struct task_struct *p; \
	if (bpf_map_pop_elem(&waiting, &pid)) return; \
	p = bpf_task_from_pid(pid); \
	if (p) { if (bpf_cpumask_test_cpu(cpu, p->cpus_ptr)) scx_bpf_dsq_insert(p, SCX_DSQ_LOCAL, slice_ns, 0); \
		else scx_bpf_dsq_insert(p, SCX_DSQ_GLOBAL, slice_ns, 0); bpf_task_release(p); }
#elif defined(CASE_select_negative)
#define SELECT_CPU return scx_bpf_pick_idle_cpu(p->cpus_ptr, 0)
#elif defined(CASE_select_asked)
#define SELECT_CPU s32 cpu = scx_bpf_pick_idle_cpu(p->cpus_ptr, 0); return cpu >= 0 ? cpu : prev_cpu
#elif defined(CASE_select_minus_one)
#define SELECT_CPU return -1
#elif defined(CASE_select_huge)
#define SELECT_CPU return 999
#elif defined(CASE_kick_unasked)
#define ENQUEUE scx_bpf_dsq_insert(p, QUEUE, slice_ns, enq_flags); scx_bpf_kick_cpu(scx_bpf_pick_idle_cpu(p->cpus_ptr, 0), SCX_KICK_IDLE)
#elif defined(CASE_kick_huge)
#define ENQUEUE scx_bpf_dsq_insert(p, QUEUE, slice_ns, enq_flags); scx_bpf_kick_cpu(10000, SCX_KICK_IDLE)
#elif defined(CASE_kick_first)
#define ENQUEUE scx_bpf_dsq_insert(p, QUEUE, slice_ns, enq_flags); scx_bpf_kick_cpu(0, SCX_KICK_IDLE)
#elif defined(CASE_migration)
#define MORE .flags = 1ULL << 4,
#define ENQUEUE s32 cpu = scx_bpf_pick_idle_cpu(p->cpus_ptr, 0); \
	if (cpu >= 0) scx_bpf_dsq_insert(p, SCX_DSQ_LOCAL_ON | cpu, slice_ns, enq_flags); \
	else scx_bpf_dsq_insert(p, QUEUE, slice_ns, enq_flags)
#elif defined(CASE_migration_pinned)
#define MORE .flags = 1ULL << 4,
#define ENQUEUE s32 cpu = p->nr_cpus_allowed == 1 ? -1 : scx_bpf_pick_idle_cpu(p->cpus_ptr, 0); \
	if (cpu >= 0) scx_bpf_dsq_insert(p, SCX_DSQ_LOCAL_ON | cpu, slice_ns, enq_flags); \
	else scx_bpf_dsq_insert(p, QUEUE, slice_ns, enq_flags)
#endif
#include "base.h"
