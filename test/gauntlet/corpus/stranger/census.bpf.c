/* SPDX-License-Identifier: GPL-2.0 */
/*
 * census: every task is on file. A hash by pid holds what is known of each (runs, CPU time), open to any tool that reads the map, and newcomers are
 * let in once they are on file. Order: arrival, but who has used little CPU so far is up to `favour_ns` earlier. For short-lived helpers beside hogs.
 */
#include "policy.h"

const volatile u64 slice_ns = 10000000;
const volatile u64 favour_ns = 50000000;
const volatile u64 young_ns = 20000000; /* CPU time up to which a task is favoured */

#define QUEUE 0
#define ENOMEM 12

struct entry {
	u64 mark;
	u64 used;
	u64 runs;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 8192);
	__type(key, s32);
	__type(value, struct entry);
} file SEC(".maps");

static __always_inline struct entry *entry_of(struct task_struct *p)
{
	s32 pid = p->pid;

	return bpf_map_lookup_elem(&file, &pid);
}

s32 OP(census_select_cpu, struct task_struct *p, s32 prev_cpu, u64 wake_flags)
{
	return select_idle_cpu(p, prev_cpu, wake_flags, slice_ns);
}

void OP(census_enqueue, struct task_struct *p, u64 enq_flags)
{
	struct entry *e = entry_of(p);
	u64 due = scx_bpf_now();

	if (insert_percpu_kthread(p, slice_ns, enq_flags))
		return;
	if (!e || e->used > young_ns)
		due += favour_ns;
	scx_bpf_dsq_insert_vtime(p, QUEUE, crowded_slice(slice_ns, QUEUE), due, enq_flags);
	kick_idle_cpu(p);
}

void OP(census_dispatch, s32 cpu, struct task_struct *prev)
{
	scx_bpf_dsq_move_to_local(QUEUE);
}

void OP(census_running, struct task_struct *p)
{
	struct entry *e = entry_of(p);

	if (e) {
		e->mark = p->se.sum_exec_runtime;
		e->runs++;
	}
}

void OP(census_stopping, struct task_struct *p, bool runnable)
{
	struct entry *e = entry_of(p);

	if (e)
		e->used += p->se.sum_exec_runtime - e->mark;
}

s32 SLEEPABLE_OP(census_init_task, struct task_struct *p, struct scx_init_task_args *args)
{
	struct entry blank = {};
	s32 pid = p->pid;

	return bpf_map_update_elem(&file, &pid, &blank, BPF_ANY) ? -ENOMEM : 0;
}

s32 SLEEPABLE_OP(census_init)
{
	return scx_bpf_create_dsq(QUEUE, -1);
}

POLICY(census,
       .select_cpu = (void *)census_select_cpu,
       .enqueue = (void *)census_enqueue,
       .dispatch = (void *)census_dispatch,
       .running = (void *)census_running,
       .stopping = (void *)census_stopping,
       .init_task = (void *)census_init_task,
       .init = (void *)census_init);
