/* SPDX-License-Identifier: GPL-2.0 */
/*
 * pinwheel: no queues but the CPUs' own. Each time a task becomes runnable it is placed on an idle CPU or else on the one with the shortest local
 * queue among those it may use and that are online; the search starts one CPU further each time. Bad: an idle CPU does not take work that lies
 * elsewhere until that work is placed anew, so for up to a slice one CPU may idle while another has two tasks; looks at every CPU.
 */
#include "policy.h"

const volatile u64 slice_ns = 8000000;

const struct cpumask *scx_bpf_get_online_cpumask(void) __ksym;
void scx_bpf_put_cpumask(const struct cpumask *cpumask) __ksym;

static u32 cpus;
static u32 start;

/* -1: none */
static __always_inline s32 shortest(struct task_struct *p)
{
	const struct cpumask *online = scx_bpf_get_online_cpumask();
	u32 first = start++, i;
	s32 least = 0, best = -1;

	if (cpus) {
		bpf_for(i, 0, cpus) {
			u32 cpu = (first + i) % cpus;
			s32 waiting;

			if (!bpf_cpumask_test_cpu(cpu, p->cpus_ptr) || !bpf_cpumask_test_cpu(cpu, online))
				continue;
			waiting = scx_bpf_dsq_nr_queued(SCX_DSQ_LOCAL_ON | cpu);
			if (best < 0 || waiting < least) {
				least = waiting;
				best = cpu;
			}
			if (waiting <= 0)
				break;
		}
	}
	scx_bpf_put_cpumask(online);
	return best;
}

s32 OP(pinwheel_select_cpu, struct task_struct *p, s32 prev_cpu, u64 wake_flags)
{
	return select_idle_cpu(p, prev_cpu, wake_flags, slice_ns);
}

void OP(pinwheel_enqueue, struct task_struct *p, u64 enq_flags)
{
	s32 cpu;

	if (insert_percpu_kthread(p, slice_ns, enq_flags))
		return;
	if (p->nr_cpus_allowed == 1) {
		scx_bpf_dsq_insert(p, SCX_DSQ_LOCAL, slice_ns, enq_flags);
		return;
	}
	cpu = scx_bpf_pick_idle_cpu(p->cpus_ptr, 0);
	if (cpu < 0)
		cpu = shortest(p);
	if (cpu < 0) {
		scx_bpf_dsq_insert(p, SCX_DSQ_GLOBAL, slice_ns, enq_flags);
		return;
	}
	scx_bpf_dsq_insert(p, SCX_DSQ_LOCAL_ON | cpu, slice_ns, enq_flags);
	scx_bpf_kick_cpu(cpu, SCX_KICK_IDLE);
}

s32 SLEEPABLE_OP(pinwheel_init)
{
	cpus = smaller(scx_bpf_nr_cpu_ids(), MAX_CPUS);
	return 0;
}

POLICY(pinwheel,
       .select_cpu = (void *)pinwheel_select_cpu,
       .enqueue = (void *)pinwheel_enqueue,
       .init = (void *)pinwheel_init);
