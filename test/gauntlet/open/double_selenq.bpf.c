// SPDX-License-Identifier: GPL-2.0
#include "policy.h"
#include "task.h"

const volatile u64 slice_ns = 20000000;
s32 OP(x_select_cpu, struct task_struct *p, s32 prev_cpu, u64 wake_flags)
{ s32 c = select_idle_cpu(p, prev_cpu, wake_flags, slice_ns); if (p->nr_cpus_allowed == 1) scx_bpf_dsq_insert(p, SCX_DSQ_LOCAL, slice_ns, 0); return c; }
void OP(x_enqueue, struct task_struct *p, u64 enq_flags)
{ scx_bpf_dsq_insert(p, 0, slice_ns, enq_flags); kick_idle_cpu(p); }
void OP(x_dispatch, s32 cpu, struct task_struct *prev)
{ scx_bpf_dsq_move_to_local(0); }
s32 SLEEPABLE_OP(x_init) { return scx_bpf_create_dsq(0, -1); }
POLICY(x, .select_cpu=(void*)x_select_cpu, .enqueue=(void*)x_enqueue, .dispatch=(void*)x_dispatch, .init=(void*)x_init );
