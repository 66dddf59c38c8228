/* SPDX-License-Identifier: GPL-2.0 */
/*
 * logbook: order of arrival with a record. Each time a task queues, a line (when, who, how long the queue is) goes to a ring buffer, from which a tool
 * draws queue lengths over time. The tool may come and go. For finding out what a workload does before a real policy is chosen.
 */
#include "policy.h"

#define BPF_MAP_TYPE_RINGBUF 27
#define QUEUE 0

const volatile u64 slice_ns = 15000000;
const volatile bool record_kernel_threads = false;

struct line {
	u64 at;
	s32 pid;
	u32 waiting;
	char comm[16];
};

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 16);
} lines SEC(".maps");

static __always_inline bool write_line(struct task_struct *p)
{
	struct line *line;

	if (p->flags & PF_KTHREAD && !record_kernel_threads)
		return true;
	line = bpf_ringbuf_reserve(&lines, sizeof(*line), 0);
	if (!line)
		return false;
	line->at = scx_bpf_now();
	line->pid = p->pid;
	line->waiting = scx_bpf_dsq_nr_queued(QUEUE);
	bpf_probe_read_kernel_str(line->comm, sizeof(line->comm), p->comm);
	bpf_ringbuf_submit(line, 0);
	return true;
}

s32 OP(logbook_select_cpu, struct task_struct *p, s32 prev_cpu, u64 wake_flags)
{
	return select_idle_cpu(p, prev_cpu, wake_flags, slice_ns);
}

void OP(logbook_enqueue, struct task_struct *p, u64 enq_flags)
{
	if (insert_percpu_kthread(p, slice_ns, enq_flags))
		return;
	if (!write_line(p))
		return;
	scx_bpf_dsq_insert(p, QUEUE, crowded_slice(slice_ns, QUEUE), enq_flags);
	kick_idle_cpu(p);
}

void OP(logbook_dispatch, s32 cpu, struct task_struct *prev)
{
	scx_bpf_dsq_move_to_local(QUEUE);
}

s32 SLEEPABLE_OP(logbook_init)
{
	return scx_bpf_create_dsq(QUEUE, -1);
}

POLICY(logbook,
       .select_cpu = (void *)logbook_select_cpu,
       .enqueue = (void *)logbook_enqueue,
       .dispatch = (void *)logbook_dispatch,
       .init = (void *)logbook_init);
