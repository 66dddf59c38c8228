/* SPDX-License-Identifier: GPL-2.0 */
/*
 * bulkhead: watertight rooms. Every CPU has a queue of its own and looks after it alone as long as there is something in it; an idle CPU helps in
 * the rooms of other CPUs. CPUs may come and go while the policy runs: it keeps a list of which are there. For machines that shed CPUs to save power.
 */
#define sched_ext_ops basic_ops
#include "kernel.h"
#undef sched_ext_ops

struct sched_ext_ops { /* with the two ops for CPUs that come and go */
	s32 (*select_cpu)(struct task_struct *p, s32 prev_cpu, u64 wake_flags);
	void (*enqueue)(struct task_struct *p, u64 enq_flags);
	void (*dispatch)(s32 cpu, struct task_struct *prev);
	void (*cpu_online)(s32 cpu);
	void (*cpu_offline)(s32 cpu);
	s32 (*init)(void);
	void (*exit)(struct scx_exit_info *info);
	u64 flags;
	u32 timeout_ms;
	u32 exit_dump_len;
	char name[128];
};

#include "policy.h"

const volatile u64 slice_ns = 10000000;
const volatile u32 round_every = 16; /* so often a CPU begins with another room, lest a room depend on one CPU */

static u32 cpus;
static u32 rounds[MAX_CPUS];
bool open[MAX_CPUS];

s32 OP(bulkhead_select_cpu, struct task_struct *p, s32 prev_cpu, u64 wake_flags)
{
	return select_idle_cpu(p, prev_cpu, wake_flags, slice_ns);
}

void OP(bulkhead_enqueue, struct task_struct *p, u64 enq_flags)
{
	u64 room = CPU_SLOT(scx_bpf_task_cpu(p));

	if (insert_percpu_kthread(p, slice_ns, enq_flags))
		return;
	scx_bpf_dsq_insert(p, room, crowded_slice(slice_ns, room), enq_flags);
	kick_idle_cpu(p);
}

static __always_inline bool help_others(u32 first)
{
	u32 i;

	if (!cpus)
		return false;
	bpf_for(i, 0, cpus) {
		u32 room = (first + i) % cpus;

		if (!open[CPU_SLOT(room)])
			continue;
		if (scx_bpf_dsq_move_to_local(room))
			return true;
	}
	return false;
}

void OP(bulkhead_dispatch, s32 cpu, struct task_struct *prev)
{
	u32 n = rounds[CPU_SLOT(cpu)]++;

	if (round_every && n % round_every == 0 && help_others(n / round_every))
		return;
	if (!scx_bpf_dsq_move_to_local(CPU_SLOT(cpu)))
		help_others(cpu + 1);
}

void OP(bulkhead_cpu_online, s32 cpu)
{
	open[CPU_SLOT(cpu)] = true;
}

void OP(bulkhead_cpu_offline, s32 cpu)
{
	open[CPU_SLOT(cpu)] = false;
}

s32 SLEEPABLE_OP(bulkhead_init)
{
	s32 error = 0;
	u32 i;

	cpus = smaller(scx_bpf_nr_cpu_ids(), MAX_CPUS);
	bpf_for(i, 0, cpus) {
		open[CPU_SLOT(i)] = true;
		error = scx_bpf_create_dsq(i, -1);
		if (error)
			break;
	}
	return error;
}

POLICY(bulkhead,
       .select_cpu = (void *)bulkhead_select_cpu,
       .enqueue = (void *)bulkhead_enqueue,
       .dispatch = (void *)bulkhead_dispatch,
       .cpu_online = (void *)bulkhead_cpu_online,
       .cpu_offline = (void *)bulkhead_cpu_offline,
       .init = (void *)bulkhead_init);
