// SPDX-License-Identifier: GPL-2.0
#include "policy.h"
#include "task.h"
extern const struct cpumask *scx_bpf_get_idle_cpumask(void) __ksym; extern const struct cpumask *scx_bpf_get_online_cpumask(void) __ksym;
extern void scx_bpf_put_idle_cpumask(const struct cpumask *) __ksym; extern void scx_bpf_put_cpumask(const struct cpumask *) __ksym; extern u32 bpf_cpumask_first(const struct cpumask *) __ksym;

const volatile u64 slice_ns = 20000000;
s32 OP(x_select_cpu, struct task_struct *p, s32 prev_cpu, u64 wake_flags)
{ return select_idle_cpu(p, prev_cpu, wake_flags, slice_ns); }
void OP(x_enqueue, struct task_struct *p, u64 enq_flags)
{ const struct cpumask *m = scx_bpf_get_idle_cpumask(); u32 c = bpf_cpumask_first(m); scx_bpf_put_idle_cpumask(m);
 if (c < scx_bpf_nr_cpu_ids()) { scx_bpf_dsq_insert(p, SCX_DSQ_LOCAL_ON | c, slice_ns, enq_flags); return; } scx_bpf_dsq_insert(p, 0, slice_ns, enq_flags); }
void OP(x_dispatch, s32 cpu, struct task_struct *prev)
{ scx_bpf_dsq_move_to_local(0); }
s32 SLEEPABLE_OP(x_init) { return scx_bpf_create_dsq(0, -1); }
POLICY(x, .select_cpu=(void*)x_select_cpu, .enqueue=(void*)x_enqueue, .dispatch=(void*)x_dispatch, .init=(void*)x_init );
