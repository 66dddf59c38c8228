/* SPDX-License-Identifier: GPL-2.0 */
/* Kernel functions, helpers, maps and programs that a policy may have, and those it may not. */
#include "policy.h"
#if defined(CASE_unknown)
void scx_bpf_make_it_fast(struct task_struct *p) __ksym;
#define RUNNING scx_bpf_make_it_fast(p)
#elif defined(CASE_unknown_asked)
void scx_bpf_make_it_fast(struct task_struct *p) __ksym __weak;
#define RUNNING if (bpf_ksym_exists(scx_bpf_make_it_fast)) scx_bpf_make_it_fast(p)
#elif defined(CASE_not_allowed)
void bpf_throw(u64 cookie) __ksym;
#define RUNNING if (p->pid == 1) bpf_throw(1)
#elif defined(CASE_missing)
u64 scx_bpf_tid_to_task(u64 tid) __ksym;
u64 seen;
#define RUNNING seen = scx_bpf_tid_to_task(1)
#elif defined(CASE_missing_weak)
u64 scx_bpf_tid_to_task(u64 tid) __ksym __weak;
u64 seen;
#define RUNNING seen = scx_bpf_tid_to_task(1)
#elif defined(CASE_missing_asked)
u64 scx_bpf_tid_to_task(u64 tid) __ksym __weak;
u64 seen;
#define RUNNING if (bpf_ksym_exists(scx_bpf_tid_to_task)) seen = scx_bpf_tid_to_task(1)
#elif defined(CASE_set_slice)
#define RUNNING task_set_slice(p, slice_ns)
#elif defined(CASE_helper)
#define RUNNING bpf_send_signal(9)
#elif defined(CASE_helper_random)
u32 seen;
#define RUNNING seen = bpf_get_prandom_u32()
#elif defined(CASE_map)
struct {
	__uint(type, 15); /* sockmap */
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, u32);
} sockets SEC(".maps");
#elif defined(CASE_map_queue)
struct {
	__uint(type, 22); /* queue */
	__uint(max_entries, 16);
	__type(value, u32);
} waiting SEC(".maps");
#elif defined(CASE_program)
SEC("xdp") int look(void *ctx) { return 2; }
#elif defined(CASE_program_syscall)
SEC("syscall") int ask(void *ctx) { return 0; }
#elif defined(CASE_crash_asked)
void crash_kexec(struct task_struct *p) __ksym __weak;
#define RUNNING if (bpf_ksym_exists(crash_kexec)) crash_kexec(p)
#elif defined(CASE_constructor)
int constructor(void) __ksym;
#define RUNNING constructor()
#endif
#include "base.h"
