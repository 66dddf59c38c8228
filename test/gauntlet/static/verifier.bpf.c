/* SPDX-License-Identifier: GPL-2.0 */
/* What the kernel's verifier refuses, and what looks like it. */
#include "policy.h"
struct task_state {
	u64 seen;
};
#include "task.h"
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16);
	__type(key, u32);
	__type(value, u64);
} counts SEC(".maps");
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 4);
	__type(key, u32);
	__type(value, u64);
} table SEC(".maps");
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, u64[2]);
} locked SEC(".maps");
const struct cpumask *scx_bpf_get_idle_cpumask(void) __ksym;
void scx_bpf_put_idle_cpumask(const struct cpumask *mask) __ksym;
struct task_struct *bpf_task_from_pid(s32 pid) __ksym;
void bpf_task_release(struct task_struct *p) __ksym;
u64 seen;
#if defined(CASE_prev_unchecked)
#define DISPATCH if (prev->scx.flags & SCX_TASK_QUEUED) seen++; scx_bpf_dsq_move_to_local(QUEUE)
#elif defined(CASE_prev_checked)
#define DISPATCH if (prev && prev->scx.flags & SCX_TASK_QUEUED) seen++; scx_bpf_dsq_move_to_local(QUEUE)
#elif defined(CASE_prev_remembered)
#define DISPATCH bool was = prev && prev->scx.flags & SCX_TASK_QUEUED; \
	if (scx_bpf_dsq_move_to_local(QUEUE)) return; if (was) seen += prev->scx.weight
#elif defined(CASE_state_unchecked)
#define RUNNING task_state(p)->seen++
#elif defined(CASE_state_checked)
#define RUNNING struct task_state *s = task_state(p); if (s) s->seen++
#elif defined(CASE_state_called)
static __noinline u64 count(struct task_struct *p)
{
	struct task_state *s = task_state(p);

	return s ? s->seen++ : 0;
}
#define RUNNING seen = count(p)
#elif defined(CASE_array_constant)
#define RUNNING u32 key = 2; u64 *at = bpf_map_lookup_elem(&table, &key); *at += 1
#elif defined(CASE_index_wild)
u64 by_cpu[MAX_CPUS];
#define RUNNING by_cpu[(u32)scx_bpf_task_cpu(p)]++
#elif defined(CASE_index_masked)
u64 by_cpu[MAX_CPUS];
#define RUNNING by_cpu[CPU_SLOT(scx_bpf_task_cpu(p))]++
#elif defined(CASE_index_compared)
u64 by_cpu[MAX_CPUS];
#define RUNNING u32 cpu = scx_bpf_task_cpu(p); if (cpu < MAX_CPUS) by_cpu[cpu]++
#elif defined(CASE_leak_line) || defined(CASE_kept_line)
struct {
	__uint(type, 27); /* ring buffer */
	__uint(max_entries, 4096);
} lines SEC(".maps");
#ifdef CASE_leak_line
#define RUNNING u64 *line = bpf_ringbuf_reserve(&lines, 8, 0); if (line) *line = p->pid
#else
#define RUNNING u64 *line = bpf_ringbuf_reserve(&lines, 8, 0); if (line) { *line = p->pid; bpf_ringbuf_submit(line, 0); }
#endif
#elif defined(CASE_kept_pointer)
struct task_struct *last;
#define RUNNING if (last) seen = last->pid; last = p
#elif defined(CASE_kept_pid)
int last;
#define RUNNING struct task_struct *q = bpf_task_from_pid(last); if (q) { seen = q->pid; bpf_task_release(q); } last = p->pid
#elif defined(CASE_write_arena)
struct {
	__uint(type, 33); /* BPF_MAP_TYPE_ARENA */
	__uint(map_flags, 1 << 10); /* BPF_F_MMAPABLE */
	__uint(max_entries, 1);
} arena SEC(".maps");
#define RUNNING \
	struct task_struct __attribute__((address_space(1))) *copy = \
		(void __attribute__((address_space(1))) *)p->scx.dsq_vtime; \
	copy->scx.weight = 1
#elif defined(CASE_write_weight)
#define RUNNING p->scx.weight = 1
#elif defined(CASE_write_slice)
#define RUNNING p->scx.slice = slice_ns
#elif defined(CASE_leak_mask)
#define RUNNING const struct cpumask *idle = scx_bpf_get_idle_cpumask(); \
	if (p->pid == 1) return; \
	seen = bpf_cpumask_test_cpu(0, idle); scx_bpf_put_idle_cpumask(idle)
#elif defined(CASE_kept_mask)
#define RUNNING const struct cpumask *idle = scx_bpf_get_idle_cpumask(); \
	if (p->pid != 1) seen = bpf_cpumask_test_cpu(0, idle); \
	scx_bpf_put_idle_cpumask(idle)
#elif defined(CASE_leak_task)
#define RUNNING struct task_struct *q = bpf_task_from_pid(1); if (q) seen = q->pid
#elif defined(CASE_leak_some)
#define RUNNING struct task_struct *q = bpf_task_from_pid(1); \
	if (q) { if (q->flags & PF_EXITING) return; seen = q->pid; bpf_task_release(q); }
#elif defined(CASE_kept_task)
#define RUNNING struct task_struct *q = bpf_task_from_pid(1); if (q) { seen = q->pid; bpf_task_release(q); }
#elif defined(CASE_wanted_mask) /* taken and given back under the same condition, asked twice */
#define RUNNING const struct cpumask *idle = NULL; bool wanted = p->nr_cpus_allowed > 1; \
	if (wanted) idle = scx_bpf_get_idle_cpumask(); \
	seen++; \
	if (idle) { seen += bpf_cpumask_test_cpu(0, idle); scx_bpf_put_idle_cpumask(idle); }
#elif defined(CASE_leak_walk)
#define DISPATCH struct bpf_iter_scx_dsq queue; bpf_iter_scx_dsq_new(&queue, QUEUE, 0); \
	if (bpf_iter_scx_dsq_next(&queue)) seen++; scx_bpf_dsq_move_to_local(QUEUE)
#elif defined(CASE_kept_walk)
#define DISPATCH struct bpf_iter_scx_dsq queue; bpf_iter_scx_dsq_new(&queue, QUEUE, 0); \
	if (bpf_iter_scx_dsq_next(&queue)) seen++; bpf_iter_scx_dsq_destroy(&queue); scx_bpf_dsq_move_to_local(QUEUE)
#elif defined(CASE_locked_call) || defined(CASE_locked_write)
#define HOLD(what) u32 key = 0; u64 *at = bpf_map_lookup_elem(&locked, &key); \
	if (at) { bpf_spin_lock((void *)at); at[1]++; what; bpf_spin_unlock((void *)at); }
#ifdef CASE_locked_call
#define RUNNING HOLD(at[1] = scx_bpf_now())
#else
#define RUNNING HOLD(at[1]++)
#endif
#endif
#include "base.h"
