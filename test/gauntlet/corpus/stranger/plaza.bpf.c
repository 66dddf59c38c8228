/* SPDX-License-Identifier: GPL-2.0 */
/*
 * plaza: join the shortest queue. Each CPU has its own queue, and a task that becomes runnable goes to the CPU it may use with the fewest tasks,
 * counting the one that runs. No CPU takes from another: as everyone chooses anew after every slice, queues stay even by themselves.
 */
#include "policy.h"

const volatile u64 slice_ns = 10000000;

const struct cpumask *scx_bpf_get_online_cpumask(void) __ksym;
void scx_bpf_put_cpumask(const struct cpumask *cpumask) __ksym;

static u32 cpus;
static bool online[MAX_CPUS]; /* a CPU that comes or goes ends the policy, so this stays true */
u32 busy[MAX_CPUS];

static __always_inline u32 load_of(u32 cpu)
{
	s32 waiting = scx_bpf_dsq_nr_queued(cpu);

	return (waiting > 0 ? waiting : 0) + busy[CPU_SLOT(cpu)];
}

/* The CPU with the shortest queue that `p` may use; `home` when there is no choice. */
static __always_inline s32 shortest(struct task_struct *p, s32 home)
{
	u32 least = -1, cpu;
	s32 best = home;

	if (p->nr_cpus_allowed == 1)
		return home;
	bpf_for(cpu, 1, cpus) {
		u32 load;

		if (!online[CPU_SLOT(cpu)] || !bpf_cpumask_test_cpu(cpu, p->cpus_ptr))
			continue;
		load = load_of(cpu);
		if (load < least) {
			least = load;
			best = cpu;
		}
	}
	return best;
}

s32 OP(plaza_select_cpu, struct task_struct *p, s32 prev_cpu, u64 wake_flags)
{
	return shortest(p, prev_cpu);
}

void OP(plaza_enqueue, struct task_struct *p, u64 enq_flags)
{
	s32 cpu = scx_bpf_task_cpu(p);

	if (insert_percpu_kthread(p, slice_ns, enq_flags))
		return;
	if (!(enq_flags & SCX_ENQ_WAKEUP))
		cpu = shortest(p, cpu);
	scx_bpf_dsq_insert(p, cpu, crowded_slice(slice_ns, cpu), enq_flags);
	scx_bpf_kick_cpu(cpu, SCX_KICK_IDLE);
}

void OP(plaza_dispatch, s32 cpu, struct task_struct *prev)
{
	scx_bpf_dsq_move_to_local(CPU_SLOT(cpu));
}

void OP(plaza_running, struct task_struct *p)
{
	busy[CPU_SLOT(scx_bpf_task_cpu(p))] = 1;
}

void OP(plaza_stopping, struct task_struct *p, bool runnable)
{
	busy[CPU_SLOT(scx_bpf_task_cpu(p))] = 0;
}

s32 SLEEPABLE_OP(plaza_init)
{
	const struct cpumask *mask = scx_bpf_get_online_cpumask();
	s32 error = 0;
	u32 i;

	cpus = smaller(scx_bpf_nr_cpu_ids(), MAX_CPUS);
	bpf_for(i, 0, cpus) {
		online[CPU_SLOT(i)] = bpf_cpumask_test_cpu(i, mask);
		error = scx_bpf_create_dsq(i, -1);
		if (error)
			break;
	}
	scx_bpf_put_cpumask(mask);
	return error;
}

POLICY(plaza,
       .select_cpu = (void *)plaza_select_cpu,
       .enqueue = (void *)plaza_enqueue,
       .dispatch = (void *)plaza_dispatch,
       .running = (void *)plaza_running,
       .stopping = (void *)plaza_stopping,
       .init = (void *)plaza_init);
