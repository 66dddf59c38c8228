/* SPDX-License-Identifier: GPL-2.0 */
/*
 * First come first served, until a task whose name begins with "bad" changes its nice value: that is an error, and ops.dump and its relatives say what they are told. Every word of
 * theirs begins with "said". test/conformance/cases/dump.ts reads it.
 */
#define sched_ext_ops sched_ext_ops_of_policies
#include "kernel.h"
#undef sched_ext_ops

struct scx_dump_ctx {
	enum scx_exit_kind kind;
	s64 exit_code;
	const char *reason;
	u64 at_ns;
	u64 at_jiffies;
} __attribute__((preserve_access_index));

struct sched_ext_ops {
	void (*enqueue)(struct task_struct *p, u64 enq_flags);
	void (*dispatch)(s32 cpu, struct task_struct *prev);
	void (*set_weight)(struct task_struct *p, u32 weight);
	s32 (*init)(void);
	void (*dump)(struct scx_dump_ctx *context);
	void (*dump_cpu)(struct scx_dump_ctx *context, s32 cpu, bool idle);
	void (*dump_task)(struct scx_dump_ctx *context, struct task_struct *p);
	void (*exit)(struct scx_exit_info *info);
	u64 flags;
	u32 timeout_ms;
	u32 exit_dump_len;
	char name[128];
};

#include "policy.h"

#define QUEUE 0
#define SLICE 20000000

void scx_bpf_error_bstr(char *fmt, unsigned long long *data, u32 data_sz) __ksym;
void scx_bpf_dump_bstr(char *fmt, unsigned long long *data, u32 data_sz) __ksym;

static char error_text[] = "a bad one";
static char dump_text[] = "said %s: kind %lld code %lld";
static char time_text[] = ", %s\nsaid two lines\n";
static char cpu_text[] = "said cpu %lld idle %lld\n";
static char task_text[] = "said %s";
static char late_text[] = "late";
static char now_text[] = "now";

/* Not more than 10 ms ago. */
static __always_inline bool is_now(u64 at_ns)
{
	return bpf_ktime_get_ns() - at_ns < 10000000;
}

void OP(dump_enqueue, struct task_struct *p, u64 enq_flags)
{
	scx_bpf_dsq_insert(p, QUEUE, SLICE, enq_flags);
}

void OP(dump_set_weight, struct task_struct *p, u32 weight)
{
	unsigned long long args[1] = {weight};

	if (p->comm[0] == 'b' && p->comm[1] == 'a' && p->comm[2] == 'd' && weight != 100)
		scx_bpf_error_bstr(error_text, args, sizeof(args));
}

void OP(dump_dispatch, s32 cpu, struct task_struct *prev)
{
	scx_bpf_dsq_move_to_local(QUEUE);
}

void OP(dump_dump, struct scx_dump_ctx *context)
{
	char reason[32];
	unsigned long long first[3], second[1];

	bpf_probe_read_kernel_str(reason, sizeof(reason), context->reason);
	first[0] = (unsigned long long)reason;
	first[1] = context->kind;
	first[2] = context->exit_code;
	scx_bpf_dump_bstr(dump_text, first, sizeof(first));
	second[0] = (unsigned long long)(is_now(context->at_ns) ? now_text : late_text);
	scx_bpf_dump_bstr(time_text, second, sizeof(second));
}

void OP(dump_dump_cpu, struct scx_dump_ctx *context, s32 cpu, bool idle)
{
	unsigned long long args[2] = {cpu, idle};

	scx_bpf_dump_bstr(cpu_text, args, sizeof(args));
}

void OP(dump_dump_task, struct scx_dump_ctx *context, struct task_struct *p)
{
	unsigned long long args[1] = {(unsigned long long)p->comm};

	scx_bpf_dump_bstr(task_text, args, sizeof(args));
}

s32 SLEEPABLE_OP(dump_init)
{
	return scx_bpf_create_dsq(QUEUE, -1);
}

POLICY(dump,
       .enqueue = (void *)dump_enqueue,
       .dispatch = (void *)dump_dispatch,
       .set_weight = (void *)dump_set_weight,
       .init = (void *)dump_init,
       .dump = (void *)dump_dump,
       .dump_cpu = (void *)dump_dump_cpu,
       .dump_task = (void *)dump_dump_task);
