// SPDX-License-Identifier: GPL-2.0
#include "policy.h"
#include "task.h"

const volatile u64 slice_ns = 20000000;
s32 OP(x_select_cpu, struct task_struct *p, s32 prev_cpu, u64 wake_flags)
{ return select_idle_cpu(p, prev_cpu, wake_flags, slice_ns); }
void OP(x_enqueue, struct task_struct *p, u64 enq_flags)
{ scx_bpf_dsq_insert(p, p->static_prio < 120 ? 0 : 1, slice_ns, enq_flags); kick_idle_cpu(p); }
void OP(x_dispatch, s32 cpu, struct task_struct *prev)
{ if (scx_bpf_dsq_nr_queued(0)) { scx_bpf_dsq_move_to_local(0); return; } scx_bpf_dsq_move_to_local(1); }
s32 SLEEPABLE_OP(x_init) { s32 e = scx_bpf_create_dsq(0, -1); return e ? e : scx_bpf_create_dsq(1, -1); }
POLICY(x, .select_cpu=(void*)x_select_cpu, .enqueue=(void*)x_enqueue, .dispatch=(void*)x_dispatch, .init=(void*)x_init );
