// SPDX-License-Identifier: GPL-2.0
#include "policy.h"
#include "task.h"
extern struct task_struct *bpf_task_from_pid(s32) __ksym; extern void bpf_task_release(struct task_struct*) __ksym; struct { __uint(type, 22); __uint(max_entries, 8192); __uint(value_size, 4);} q SEC(".maps");
const volatile u64 slice_ns = 20000000;
s32 OP(x_select_cpu, struct task_struct *p, s32 prev_cpu, u64 wake_flags)
{ return select_idle_cpu(p, prev_cpu, wake_flags, slice_ns); }
void OP(x_enqueue, struct task_struct *p, u64 enq_flags)
{ s32 pid = p->pid; bpf_map_push_elem(&q, &pid, 0); }
void OP(x_dispatch, s32 cpu, struct task_struct *prev)
{ s32 pid; if (bpf_map_pop_elem(&q, &pid)) return; struct task_struct *t = bpf_task_from_pid(pid); if (!t) return; scx_bpf_dsq_insert(t, SCX_DSQ_GLOBAL, slice_ns, 0); bpf_task_release(t); }
s32 SLEEPABLE_OP(x_init) { return 0; }
POLICY(x, .select_cpu=(void*)x_select_cpu, .enqueue=(void*)x_enqueue, .dispatch=(void*)x_dispatch, .init=(void*)x_init );
