/* SPDX-License-Identifier: GPL-2.0 */
/*
 * prism: programs, not threads. A task that queues is set back by a millisecond for each task of the same program (comm) that waits already, up to
 * `spread_ns`, so a program with many threads cannot push others aside. No table of programs is kept: what waits is counted where it waits.
 */
#include "policy.h"
#include "comm.h"

const volatile u64 slice_ns = 10000000;
const volatile u64 step_ns = 1000000;    /* set back by this for each of one's own */
const volatile u64 spread_ns = 300000000;
const volatile u32 comm_bytes = 15;

#define QUEUE 0
#define NO_END (1 << 22)

static u32 found[MAX_CPUS]; /* not a variable: the verifier would follow its every value */

static __always_inline u32 own_waiting(const struct comm *self)
{
	struct bpf_iter_scx_dsq queue;
	u32 *own = &found[CPU_SLOT(bpf_get_smp_processor_id())];
	struct comm other;
	u32 i;

	*own = 0;
	bpf_iter_scx_dsq_new(&queue, QUEUE, 0);
	bpf_for(i, 0, NO_END) {
		struct task_struct *p = bpf_iter_scx_dsq_next(&queue);

		if (!p)
			break;
		read_comm(&other, p, comm_bytes);
		if (same_comm(self, &other))
			++*own;
	}
	bpf_iter_scx_dsq_destroy(&queue);
	return *own;
}

s32 OP(prism_select_cpu, struct task_struct *p, s32 prev_cpu, u64 wake_flags)
{
	return select_idle_cpu(p, prev_cpu, wake_flags, slice_ns);
}

void OP(prism_enqueue, struct task_struct *p, u64 enq_flags)
{
	struct comm self;
	u64 due;

	if (insert_percpu_kthread(p, slice_ns, enq_flags))
		return;
	read_comm(&self, p, comm_bytes);
	due = scx_bpf_now() + smaller(own_waiting(&self) * step_ns, spread_ns);
	scx_bpf_dsq_insert_vtime(p, QUEUE, crowded_slice(slice_ns, QUEUE), due, enq_flags);
	kick_idle_cpu(p);
}

void OP(prism_dispatch, s32 cpu, struct task_struct *prev)
{
	scx_bpf_dsq_move_to_local(QUEUE);
}

s32 SLEEPABLE_OP(prism_init)
{
	return scx_bpf_create_dsq(QUEUE, -1);
}

POLICY(prism,
       .select_cpu = (void *)prism_select_cpu,
       .enqueue = (void *)prism_enqueue,
       .dispatch = (void *)prism_dispatch,
       .init = (void *)prism_init);
