// SPDX-License-Identifier: GPL-2.0
#include "policy.h"
#include "task.h"

const volatile u64 slice_ns = 20000000;
s32 OP(x_select_cpu, struct task_struct *p, s32 prev_cpu, u64 wake_flags)
{ return select_idle_cpu(p, prev_cpu, wake_flags, slice_ns); }
void OP(x_enqueue, struct task_struct *p, u64 enq_flags)
{ u32 c = scx_bpf_task_cpu(p); if (enq_flags & SCX_ENQ_WAKEUP) scx_bpf_dsq_insert(p, c, slice_ns, enq_flags); else scx_bpf_dsq_insert_vtime(p, c, slice_ns, p->scx.dsq_vtime, enq_flags); }
void OP(x_dispatch, s32 cpu, struct task_struct *prev)
{ scx_bpf_dsq_move_to_local(cpu); }
s32 SLEEPABLE_OP(x_init) { s32 e=0; u32 i; bpf_for(i,0,scx_bpf_nr_cpu_ids()) { e = scx_bpf_create_dsq(i,-1); if (e) break; } return e; }
POLICY(x, .select_cpu=(void*)x_select_cpu, .enqueue=(void*)x_enqueue, .dispatch=(void*)x_dispatch, .init=(void*)x_init );
