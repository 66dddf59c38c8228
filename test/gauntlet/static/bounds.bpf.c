/* SPDX-License-Identifier: GPL-2.0 */
/* Stack, loops, cost, and the buffer of dispatch. */
#include "policy.h"
u64 seen;
struct {
	__uint(type, 22); /* queue */
	__uint(max_entries, 4096);
	__type(value, u32);
} waiting SEC(".maps");
struct task_struct *bpf_task_from_pid(s32 pid) __ksym;
void bpf_task_release(struct task_struct *p) __ksym;
#if defined(CASE_stack_deep) || defined(CASE_stack_fits)
#ifdef CASE_stack_deep
#define BYTES 272
#else
#define BYTES 240
#endif
static __noinline u64 inner(u64 x)
{
	volatile char room[BYTES];

	room[x & 63] = x;
	return room[0];
}
static __noinline u64 outer(u64 x)
{
	volatile char room[BYTES];

	room[x & 63] = x;
	return room[0] + inner(x);
}
#define RUNNING seen = outer(p->pid)
#elif defined(CASE_recursion)
static __noinline u64 down(u64 depth)
{
	return depth ? down(depth - 1) * seen + down(depth - 2) : 1;
}
#define RUNNING seen = down(4)
#elif defined(CASE_endless)
#define RUNNING for (;;) *(volatile u64 *)&seen += 1
#elif defined(CASE_unbounded)
#define DISPATCH while (!scx_bpf_dsq_move_to_local(QUEUE)) ;
#elif defined(CASE_counting)
#define DISPATCH for (u32 i = 0;; i++) if (scx_bpf_dsq_move_to_local(i % 7)) break
#define INIT s32 error = 0; u32 i; bpf_for(i, 0, 7) { error = scx_bpf_create_dsq(i, -1); if (error) break; } return error
#elif defined(CASE_numbers)
#define RUNNING u32 i; bpf_for(i, 0, 100) seen += p->pid
#elif defined(CASE_counter)
#define RUNNING u32 i; for (i = 0; i < 100; i++) *(volatile u64 *)&seen += i
#elif defined(CASE_shrinking)
#define RUNNING u32 x = p->pid & 0xffff; while (x) { x >>= 1; *(volatile u64 *)&seen += x; }
#elif defined(CASE_may_goto)
static __always_inline bool may_go_on(void)
{
	asm goto("may_goto %l[out]" : : : : out);
	return true;
out:
	return false;
}
#define RUNNING u32 x = p->pid; while (may_go_on()) { if (*(volatile u64 *)&seen == x) break; }
#elif defined(CASE_costly)
#define RUNNING u32 i; bpf_for(i, 0, 10000000) *(volatile u64 *)&seen += p->pid
#elif defined(CASE_cheap)
#define RUNNING u32 i; bpf_for(i, 0, 1000) *(volatile u64 *)&seen += p->pid
#elif defined(CASE_costly_callback)
static int round(u64 i, void *context) { *(volatile u64 *)&seen += scx_bpf_now(); return 0; }
#define RUNNING bpf_loop(8000000, round, NULL, 0)
#elif defined(CASE_overflow) || defined(CASE_within)
#ifdef CASE_overflow
#define TASKS 64
#else
#define TASKS 16
#endif
static __always_inline void hand_on(void)
{
	u32 i, pid;

	bpf_for(i, 0, TASKS) {
		struct task_struct *p;

		if (bpf_map_pop_elem(&waiting, &pid))
			break;
		p = bpf_task_from_pid(pid);
		if (!p)
			continue;
		scx_bpf_dsq_insert(p, SCX_DSQ_GLOBAL, 20000000, 0);
		bpf_task_release(p);
	}
}
#define ENQUEUE u32 pid = p->pid; if (bpf_map_push_elem(&waiting, &pid, 0)) scx_bpf_dsq_insert(p, SCX_DSQ_GLOBAL, slice_ns, enq_flags)
#define DISPATCH hand_on()
#elif defined(CASE_fan)
static __noinline u64 fan_a(u64 x) { return seen += x; }
#define FAN(name, of) static __noinline u64 name(u64 x) { return of(x) + of(x + 1) + of(x + 2) + of(x + 3) + of(x + 4) + of(x + 5) + of(x + 6) + of(x + 7) + of(x + 8) + of(x + 9); }
FAN(fan_b, fan_a)
FAN(fan_c, fan_b)
FAN(fan_d, fan_c)
FAN(fan_e, fan_d)
FAN(fan_f, fan_e)
FAN(fan_g, fan_f)
FAN(fan_h, fan_g)
#define ENQUEUE struct task_struct *other = bpf_task_from_pid(1); if (other) { fan_h(p->pid); bpf_task_release(other); } scx_bpf_dsq_insert(p, QUEUE, slice_ns, enq_flags); kick_idle_cpu(p)
#endif
#include "base.h"
