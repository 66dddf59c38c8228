/* SPDX-License-Identifier: GPL-2.0 */
/*
 * almanac: order of arrival, with a diary. Waits longer than `late_ns` are written to a ring buffer for whoever cares to read it; when nobody does and the
 * buffer is full, they are only counted. For measuring how long tasks wait on a host. Bad: weights are ignored; each run costs a look at two clocks.
 */
#include "policy.h"

#define BPF_MAP_TYPE_RINGBUF 27
#define QUEUE 0

const volatile u64 slice_ns = 15000000;
const volatile u64 late_ns = 20000000;

struct task_state {
	u64 since;
};

#include "task.h"

struct entry {
	u64 wait;
	s32 pid;
	s32 cpu;
	char comm[16];
};

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 18);
} diary SEC(".maps");

u64 unwritten;

static __always_inline void write_down(struct task_struct *p, u64 wait)
{
	struct entry *entry = bpf_ringbuf_reserve(&diary, sizeof(*entry), 0);

	if (!entry) {
		__sync_fetch_and_add(&unwritten, 1);
		return;
	}
	entry->wait = wait;
	entry->pid = p->pid;
	entry->cpu = scx_bpf_task_cpu(p);
	bpf_probe_read_kernel_str(entry->comm, sizeof(entry->comm), p->comm);
	bpf_ringbuf_submit(entry, 0);
}

s32 OP(almanac_select_cpu, struct task_struct *p, s32 prev_cpu, u64 wake_flags)
{
	return select_idle_cpu(p, prev_cpu, wake_flags, slice_ns);
}

void OP(almanac_enqueue, struct task_struct *p, u64 enq_flags)
{
	struct task_state *s = task_state(p);

	if (insert_percpu_kthread(p, slice_ns, enq_flags))
		return;
	if (s && !s->since)
		s->since = scx_bpf_now();
	scx_bpf_dsq_insert(p, QUEUE, crowded_slice(slice_ns, QUEUE), enq_flags);
	kick_idle_cpu(p);
}

void OP(almanac_dispatch, s32 cpu, struct task_struct *prev)
{
	scx_bpf_dsq_move_to_local(QUEUE);
}

void OP(almanac_running, struct task_struct *p)
{
	struct task_state *s = task_state(p);
	u64 now = scx_bpf_now();

	if (!s)
		return;
	if (s->since && before(s->since + late_ns, now))
		write_down(p, now - s->since);
	s->since = 0;
}

s32 SLEEPABLE_OP(almanac_init_task, struct task_struct *p, struct scx_init_task_args *args)
{
	return new_task_state(p) ? 0 : -ENOMEM;
}

s32 SLEEPABLE_OP(almanac_init)
{
	return scx_bpf_create_dsq(QUEUE, -1);
}

POLICY(almanac,
       .select_cpu = (void *)almanac_select_cpu,
       .enqueue = (void *)almanac_enqueue,
       .dispatch = (void *)almanac_dispatch,
       .running = (void *)almanac_running,
       .init_task = (void *)almanac_init_task,
       .init = (void *)almanac_init);
