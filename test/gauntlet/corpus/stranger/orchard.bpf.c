/* SPDX-License-Identifier: GPL-2.0 */
/*
 * orchard: batches ripen in order. One queue in order of arrival with long slices, so that jobs keep their caches; what the desktop needs (short
 * runs) sits in a queue of its own that is looked at first two times out of three. For render and build farms.
 */
#include "policy.h"

const volatile u64 slice_ns = 60000000;
const volatile u64 short_slice_ns = 5000000;
const volatile u64 brief_ns = 2000000;

#define RIPE 0
#define QUICK 1

struct task_state {
	u64 mark;
	u64 run;
	u64 usual;
};

#include "task.h"

static u32 picks[MAX_CPUS];

s32 OP(orchard_select_cpu, struct task_struct *p, s32 prev_cpu, u64 wake_flags)
{
	return select_idle_cpu(p, prev_cpu, wake_flags, slice_ns);
}

void OP(orchard_enqueue, struct task_struct *p, u64 enq_flags)
{
	struct task_state *s = task_state(p);

	if (insert_percpu_kthread(p, short_slice_ns, enq_flags))
		return;
	if (s && runs_briefly(s->usual, s->run, brief_ns))
		scx_bpf_dsq_insert(p, QUICK, crowded_slice(short_slice_ns, QUICK), enq_flags);
	else
		scx_bpf_dsq_insert(p, RIPE, crowded_slice(slice_ns, RIPE), enq_flags);
	kick_idle_cpu(p);
}

void OP(orchard_dispatch, s32 cpu, struct task_struct *prev)
{
	u64 first = picks[CPU_SLOT(cpu)]++ % 3 ? QUICK : RIPE;

	if (!scx_bpf_dsq_move_to_local(first))
		scx_bpf_dsq_move_to_local(first == QUICK ? RIPE : QUICK);
}

void OP(orchard_running, struct task_struct *p)
{
	struct task_state *s = task_state(p);

	if (s)
		charge(p, &s->mark);
}

void OP(orchard_stopping, struct task_struct *p, bool runnable)
{
	struct task_state *s = task_state(p);

	if (!s)
		return;
	s->run += charge(p, &s->mark);
	if (!runnable) {
		s->usual = update_usual_run(s->usual, s->run);
		s->run = 0;
	}
}

s32 SLEEPABLE_OP(orchard_init_task, struct task_struct *p, struct scx_init_task_args *args)
{
	return new_task_state(p) ? 0 : -ENOMEM;
}

s32 SLEEPABLE_OP(orchard_init)
{
	s32 error = scx_bpf_create_dsq(RIPE, -1);

	return error ? error : scx_bpf_create_dsq(QUICK, -1);
}

void OP(orchard_exit, struct scx_exit_info *info)
{
	record_exit(info);
}

char _license[] SEC("license") = "GPL";

/* The table is written out because batches under memory pressure may wait long: the watchdog gets a minute. */
SEC(".struct_ops.link")
struct sched_ext_ops orchard_ops = {
	.select_cpu = (void *)orchard_select_cpu,
	.enqueue = (void *)orchard_enqueue,
	.dispatch = (void *)orchard_dispatch,
	.running = (void *)orchard_running,
	.stopping = (void *)orchard_stopping,
	.init_task = (void *)orchard_init_task,
	.init = (void *)orchard_init,
	.exit = (void *)orchard_exit,
	.timeout_ms = 60000,
	.exit_dump_len = EXIT_DUMP_BYTES,
	.name = "orchard",
};
