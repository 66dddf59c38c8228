/* SPDX-License-Identifier: GPL-2.0 */
/* How long a task may run. */
#include "policy.h"
const volatile u64 turn_ns = 60000000000ULL;
const volatile u64 short_ns = 5000000;
#define INFINITE (~0ULL)
#define PUT(slice) scx_bpf_dsq_insert(p, QUEUE, slice, enq_flags); kick_idle_cpu(p)
#if defined(CASE_infinite)
#define ENQUEUE PUT(INFINITE)
#elif defined(CASE_infinite_preempted)
#define ENQUEUE PUT(INFINITE); if (p->scx.weight > 100) scx_bpf_kick_cpu(scx_bpf_task_cpu(p), SCX_KICK_PREEMPT)
#elif defined(CASE_infinite_for_kernel)
#define ENQUEUE if (p->flags & PF_KTHREAD && p->nr_cpus_allowed == 1) { scx_bpf_dsq_insert(p, SCX_DSQ_LOCAL, INFINITE, enq_flags); return; } PUT(slice_ns)
#elif defined(CASE_infinite_written)
#define RUNNING p->scx.slice = INFINITE
#elif defined(CASE_minute)
#define ENQUEUE PUT(60000000000ULL)
#elif defined(CASE_minute_parameter)
#define ENQUEUE PUT(turn_ns)
#elif defined(CASE_second_and_a_half)
#define ENQUEUE PUT(1500000000ULL)
#elif defined(CASE_long)
#define ENQUEUE PUT(700000000ULL)
#elif defined(CASE_by_weight)
#define ENQUEUE PUT(slice_ns * p->scx.weight / 100)
#elif defined(CASE_by_weight_limited)
#define ENQUEUE PUT(smaller(slice_ns * p->scx.weight / 100, 100000000))
#elif defined(CASE_by_weight_floored)
#define ENQUEUE PUT(larger(slice_ns * p->scx.weight / 100, 4000000))
#elif defined(CASE_by_weight_loosely)
#define ENQUEUE PUT(smaller(larger(slice_ns * p->scx.weight / 100, 4000000), 80000000000ULL))
#elif defined(CASE_by_weight_between)
#define ENQUEUE PUT(smaller(larger(slice_ns * p->scx.weight / 100, 4000000), 80000000))
#elif defined(CASE_tenth)
#define ENQUEUE PUT(100000000ULL)
#elif defined(CASE_short_parameter)
#define ENQUEUE PUT(short_ns)
#elif defined(CASE_zero)
#define ENQUEUE PUT(0)
#endif
#include "base.h"
