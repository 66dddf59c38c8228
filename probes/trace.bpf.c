/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Records the calls between the kernel and a sched_ext policy in their order: the ops that the kernel calls, the kfuncs that the policy
 * calls, and the scheduler's own tracepoints. Observation only. How the runner loads it and what comes out: docs/protocol.md, section 4.
 * Argument lists: struct sched_ext_ops and the kfuncs of kernel/sched/ext.c and ext_idle.c, include/trace/events/sched.h, v6.18.
 */
#include "include/types.h"

enum { BPF_MAP_TYPE_ARRAY = 2, BPF_F_MMAPABLE = 1024 };

#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct thread_info {
	u32 cpu;
};

struct task_struct {
	struct thread_info thread_info;
	int pid;
	char comm[16];
};

struct cpumask {
	unsigned long bits[1];
};

struct scx_init_task_args {
	bool fork;
};

struct scx_exit_task_args {
	bool cancelled;
};

enum scx_exit_kind { SCX_EXIT_NONE };

struct scx_exit_info {
	enum scx_exit_kind kind;
};

struct scx_bpf_dsq_insert_vtime_args {
	u64 dsq_id;
	u64 slice;
	u64 vtime;
	u64 enq_flags;
};

struct pt_regs {
	unsigned long r15;
};

#pragma clang attribute pop

#define CAPACITY 200000
#define MAX_CPUS 512

struct who {
	s64 pid; /* -1: nobody */
	u64 comm[2];
};

/* The runner reads these fields at these offsets. */
struct event {
	u64 ns; /* CLOCK_MONOTONIC */
	u64 args[4];
	s64 result;
	u32 what; /* index in `names` */
	u32 cpu;
	struct who task, other;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, CAPACITY);
	__type(key, u32);
	__type(value, struct event);
} events SEC(".maps");

u64 recorded; /* beyond CAPACITY: lost */
u32 open_at[MAX_CPUS]; /* event of the op that runs on a CPU, until its result is known */

/* Every event by its number and its name, which is the kernel's own. */
#define EVENTS(X)                                                                                                                  \
	X(SELECT_CPU, "ops.select_cpu") X(ENQUEUE, "ops.enqueue") X(DEQUEUE, "ops.dequeue") X(DISPATCH, "ops.dispatch")            \
	X(TICK, "ops.tick") X(RUNNABLE, "ops.runnable") X(RUNNING, "ops.running") X(STOPPING, "ops.stopping")                     \
	X(QUIESCENT, "ops.quiescent") X(YIELD, "ops.yield") X(CORE_SCHED_BEFORE, "ops.core_sched_before")                         \
	X(SET_WEIGHT, "ops.set_weight") X(SET_CPUMASK, "ops.set_cpumask") X(UPDATE_IDLE, "ops.update_idle")                        \
	X(CPU_ACQUIRE, "ops.cpu_acquire") X(CPU_RELEASE, "ops.cpu_release") X(INIT_TASK, "ops.init_task")                          \
	X(EXIT_TASK, "ops.exit_task") X(ENABLE, "ops.enable") X(DISABLE, "ops.disable") X(CGROUP_INIT, "ops.cgroup_init")          \
	X(CGROUP_EXIT, "ops.cgroup_exit") X(CGROUP_PREP_MOVE, "ops.cgroup_prep_move") X(CGROUP_MOVE, "ops.cgroup_move")            \
	X(CGROUP_CANCEL_MOVE, "ops.cgroup_cancel_move") X(CGROUP_SET_WEIGHT, "ops.cgroup_set_weight")                             \
	X(CPU_ONLINE, "ops.cpu_online") X(CPU_OFFLINE, "ops.cpu_offline") X(INIT, "ops.init") X(EXIT, "ops.exit")                  \
	X(DSQ_INSERT, "scx_bpf_dsq_insert") X(DSQ_INSERT_VTIME, "scx_bpf_dsq_insert_vtime")                                       \
	X(DSQ_MOVE_TO_LOCAL, "scx_bpf_dsq_move_to_local") X(DSQ_MOVE, "scx_bpf_dsq_move")                                         \
	X(DSQ_MOVE_VTIME, "scx_bpf_dsq_move_vtime") X(DSQ_MOVE_SET_SLICE, "scx_bpf_dsq_move_set_slice")                           \
	X(DSQ_MOVE_SET_VTIME, "scx_bpf_dsq_move_set_vtime") X(SELECT_CPU_DFL, "scx_bpf_select_cpu_dfl")                           \
	X(SELECT_CPU_AND, "scx_bpf_select_cpu_and") X(PICK_IDLE_CPU, "scx_bpf_pick_idle_cpu")                                     \
	X(PICK_ANY_CPU, "scx_bpf_pick_any_cpu") X(TEST_AND_CLEAR_CPU_IDLE, "scx_bpf_test_and_clear_cpu_idle")                     \
	X(KICK_CPU, "scx_bpf_kick_cpu") X(REENQUEUE_LOCAL, "scx_bpf_reenqueue_local") X(CREATE_DSQ, "scx_bpf_create_dsq")          \
	X(DESTROY_DSQ, "scx_bpf_destroy_dsq") X(SCHED_SWITCH, "sched_switch") X(SCHED_WAKING, "sched_waking")                      \
	X(SCHED_WAKEUP, "sched_wakeup") X(SCHED_WAKEUP_NEW, "sched_wakeup_new") X(SCHED_MIGRATE_TASK, "sched_migrate_task")

enum what {
#define X(id, name) id,
	EVENTS(X)
#undef X
	WHAT_COUNT
};

const volatile char names[WHAT_COUNT][32] = {
#define X(id, name) [id] = name,
	EVENTS(X)
#undef X
};

/* For reading fields directly, which takes a fraction of the guest's time that bpf_probe_read_kernel() takes. */
extern void *bpf_rdonly_cast(const void *, u32) __ksym;
#define CAST(type, pointer) ((const type *)bpf_rdonly_cast((const void *)(pointer), bpf_core_type_id_kernel(type)))

static __always_inline void identify(struct who *who, const struct task_struct *p)
{
	const u64 *comm = (const u64 *)p->comm;

	who->pid = p->pid;
	who->comm[0] = comm[0];
	who->comm[1] = comm[1];
}

static __always_inline struct event *record(enum what what, const struct task_struct *task, const struct task_struct *other)
{
	u32 at = __sync_fetch_and_add(&recorded, 1), cpu = bpf_get_smp_processor_id();
	struct event *e = bpf_map_lookup_elem(&events, &at);

	if (what == SELECT_CPU || what == YIELD || what == CORE_SCHED_BEFORE)
		open_at[cpu & (MAX_CPUS - 1)] = at;
	if (!e)
		return NULL;
	e->ns = bpf_ktime_get_ns();
	e->what = what;
	e->cpu = cpu;
	e->task.pid = e->other.pid = -1;
	if (task)
		identify(&e->task, task);
	if (other)
		identify(&e->other, other);
	return e;
}

/* ops: the policy's own BPF programs. What they see as their context is an array of the arguments. */
struct args {
	u64 at[4];
};

static __always_inline struct args op_args(u64 *ctx, u32 n)
{
	const u64 *at = (const u64 *)CAST(struct pt_regs, ctx[0]); /* any kernel type that begins with four numbers of 64 bits */
	struct args args = {};

	if (n > 0)
		args.at[0] = at[0];
	if (n > 1)
		args.at[1] = at[1];
	if (n > 2)
		args.at[2] = at[2];
	return args;
}

#define TASK(i) (args.at[i] ? CAST(struct task_struct, args.at[i]) : NULL)
/* An op with `n` arguments: which of them are tasks (or NULL), and what its event's numbers are. */
#define OP(op, WHAT, n, task, other, numbers)                        \
	SEC("fentry/ops." #op)                                       \
	int op_##op(u64 *ctx)                                        \
	{                                                            \
		const struct args args = op_args(ctx, n);            \
		struct event *e = record(WHAT, task, other);         \
		(void)args;                                          \
		if (e) {                                             \
			numbers;                                     \
		}                                                    \
		return 0;                                            \
	}
#define NUMBER(i, value) e->args[i] = (value)
#define FIELD(type, pointer, field) CAST(struct type, pointer)->field

OP(select_cpu, SELECT_CPU, 3, TASK(0), NULL, NUMBER(0, (s32)args.at[1]); NUMBER(1, args.at[2]))
OP(enqueue, ENQUEUE, 2, TASK(0), NULL, NUMBER(0, args.at[1]))
OP(dequeue, DEQUEUE, 2, TASK(0), NULL, NUMBER(0, args.at[1]))
OP(dispatch, DISPATCH, 2, TASK(1), NULL, NUMBER(0, (s32)args.at[0]))
OP(tick, TICK, 1, TASK(0), NULL, )
OP(runnable, RUNNABLE, 2, TASK(0), NULL, NUMBER(0, args.at[1]))
OP(running, RUNNING, 1, TASK(0), NULL, )
OP(stopping, STOPPING, 2, TASK(0), NULL, NUMBER(0, args.at[1] & 1))
OP(quiescent, QUIESCENT, 2, TASK(0), NULL, NUMBER(0, args.at[1]))
OP(yield, YIELD, 2, TASK(0), TASK(1), )
OP(core_sched_before, CORE_SCHED_BEFORE, 2, TASK(0), TASK(1), )
OP(set_weight, SET_WEIGHT, 2, TASK(0), NULL, NUMBER(0, (u32)args.at[1]))
OP(set_cpumask, SET_CPUMASK, 2, TASK(0), NULL, NUMBER(0, FIELD(cpumask, args.at[1], bits[0])))
OP(update_idle, UPDATE_IDLE, 2, NULL, NULL, NUMBER(0, (s32)args.at[0]); NUMBER(1, args.at[1] & 1))
OP(cpu_acquire, CPU_ACQUIRE, 1, NULL, NULL, NUMBER(0, (s32)args.at[0]))
OP(cpu_release, CPU_RELEASE, 1, NULL, NULL, NUMBER(0, (s32)args.at[0]))
OP(init_task, INIT_TASK, 2, TASK(0), NULL, NUMBER(0, FIELD(scx_init_task_args, args.at[1], fork)))
OP(exit_task, EXIT_TASK, 2, TASK(0), NULL, NUMBER(0, FIELD(scx_exit_task_args, args.at[1], cancelled)))
OP(enable, ENABLE, 1, TASK(0), NULL, )
OP(disable, DISABLE, 1, TASK(0), NULL, )
OP(cgroup_init, CGROUP_INIT, 0, NULL, NULL, )
OP(cgroup_exit, CGROUP_EXIT, 0, NULL, NULL, )
OP(cgroup_prep_move, CGROUP_PREP_MOVE, 1, TASK(0), NULL, )
OP(cgroup_move, CGROUP_MOVE, 1, TASK(0), NULL, )
OP(cgroup_cancel_move, CGROUP_CANCEL_MOVE, 1, TASK(0), NULL, )
OP(cgroup_set_weight, CGROUP_SET_WEIGHT, 2, NULL, NULL, NUMBER(0, (u32)args.at[1]))
OP(cpu_online, CPU_ONLINE, 1, NULL, NULL, NUMBER(0, (s32)args.at[0]))
OP(cpu_offline, CPU_OFFLINE, 1, NULL, NULL, NUMBER(0, (s32)args.at[0]))
OP(init, INIT, 0, NULL, NULL, )
OP(exit, EXIT, 1, NULL, NULL, NUMBER(0, FIELD(scx_exit_info, args.at[0], kind)))

/* Where it lies depends on the number of arguments, and newer kernels have given kfuncs hidden ones. */
static __always_inline u64 result_of(u64 *ctx)
{
	u64 result = 0;

	bpf_get_func_ret(ctx, &result);
	return result;
}

/* The result of an op goes to its event, which was made before the op called kfuncs. */
#define OP_RESULT(op)                                                                    \
	SEC("fexit/ops." #op)                                                            \
	int op_##op##_result(u64 *ctx)                                                   \
	{                                                                                \
		u32 cpu = bpf_get_smp_processor_id() & (MAX_CPUS - 1), at = open_at[cpu]; \
		struct event *e = bpf_map_lookup_elem(&events, &at);                     \
		if (e)                                                                   \
			e->result = (s32)result_of(ctx);                                 \
		return 0;                                                                \
	}

OP_RESULT(select_cpu)
OP_RESULT(yield)
OP_RESULT(core_sched_before)

/* Kfuncs, seen when they return. */
#define KFUNC(function, WHAT, task, numbers)                                             \
	SEC("fexit/" #function)                                                          \
	int kfunc_##function(u64 *ctx)                                                   \
	{                                                                                \
		struct event *e = record(WHAT, task, NULL);                              \
		if (e) {                                                                 \
			numbers;                                                         \
		}                                                                        \
		return 0;                                                                \
	}
#define ARG(i) ((const struct task_struct *)ctx[i])
#define RESULT(value) e->result = (value)

static __always_inline u64 flag(u64 pointer)
{
	bool value = false;

	bpf_probe_read_kernel(&value, sizeof(value), (void *)pointer);
	return value;
}

#define INSERT NUMBER(0, ctx[1]); NUMBER(1, ctx[2]); NUMBER(2, ctx[3])
KFUNC(scx_bpf_dsq_insert, DSQ_INSERT, ARG(0), INSERT)
KFUNC(scx_bpf_dsq_insert___v2, DSQ_INSERT, ARG(0), INSERT)
KFUNC(__scx_bpf_dsq_insert_vtime, DSQ_INSERT_VTIME, ARG(0), NUMBER(0, FIELD(scx_bpf_dsq_insert_vtime_args, ctx[1], dsq_id));
      NUMBER(1, FIELD(scx_bpf_dsq_insert_vtime_args, ctx[1], slice)); NUMBER(2, FIELD(scx_bpf_dsq_insert_vtime_args, ctx[1], vtime));
      NUMBER(3, FIELD(scx_bpf_dsq_insert_vtime_args, ctx[1], enq_flags)))
KFUNC(scx_bpf_dsq_insert_vtime, DSQ_INSERT_VTIME, ARG(0), INSERT; NUMBER(3, ctx[4]))
KFUNC(scx_bpf_dsq_move_to_local, DSQ_MOVE_TO_LOCAL, NULL, NUMBER(0, ctx[0]); RESULT(result_of(ctx) & 1))
KFUNC(scx_bpf_dsq_move_to_local___v2, DSQ_MOVE_TO_LOCAL, NULL, NUMBER(0, ctx[0]); RESULT(result_of(ctx) & 1))
KFUNC(scx_bpf_dsq_move, DSQ_MOVE, ARG(1), NUMBER(0, ctx[2]); NUMBER(1, ctx[3]); RESULT(result_of(ctx) & 1))
KFUNC(scx_bpf_dsq_move_vtime, DSQ_MOVE_VTIME, ARG(1), NUMBER(0, ctx[2]); NUMBER(1, ctx[3]); RESULT(result_of(ctx) & 1))
KFUNC(scx_bpf_dsq_move_set_slice, DSQ_MOVE_SET_SLICE, NULL, NUMBER(0, ctx[1]))
KFUNC(scx_bpf_dsq_move_set_vtime, DSQ_MOVE_SET_VTIME, NULL, NUMBER(0, ctx[1]))
KFUNC(scx_bpf_select_cpu_dfl, SELECT_CPU_DFL, ARG(0), NUMBER(0, (s32)ctx[1]); NUMBER(1, ctx[2]); NUMBER(2, flag(ctx[3])); RESULT((s32)result_of(ctx)))
KFUNC(scx_bpf_select_cpu_and, SELECT_CPU_AND, ARG(0), NUMBER(0, (s32)ctx[1]); NUMBER(1, ctx[2]); NUMBER(2, ctx[4]); RESULT((s32)result_of(ctx)))
KFUNC(scx_bpf_pick_idle_cpu, PICK_IDLE_CPU, NULL, NUMBER(0, ctx[1]); RESULT((s32)result_of(ctx)))
KFUNC(scx_bpf_pick_any_cpu, PICK_ANY_CPU, NULL, NUMBER(0, ctx[1]); RESULT((s32)result_of(ctx)))
KFUNC(scx_bpf_test_and_clear_cpu_idle, TEST_AND_CLEAR_CPU_IDLE, NULL, NUMBER(0, (s32)ctx[0]); RESULT(result_of(ctx) & 1))
KFUNC(scx_bpf_kick_cpu, KICK_CPU, NULL, NUMBER(0, (s32)ctx[0]); NUMBER(1, ctx[1]))
KFUNC(scx_bpf_reenqueue_local, REENQUEUE_LOCAL, NULL, RESULT((u32)result_of(ctx)))
KFUNC(scx_bpf_create_dsq, CREATE_DSQ, NULL, NUMBER(0, ctx[0]); NUMBER(1, (s32)ctx[1]); RESULT((s32)result_of(ctx)))
KFUNC(scx_bpf_destroy_dsq, DESTROY_DSQ, NULL, NUMBER(0, ctx[0]))

/* Every scheduler's tracepoints. */
SEC("tp_btf/sched_switch")
int BPF_PROG(on_switch, bool preempt, struct task_struct *prev, struct task_struct *next, u32 prev_state)
{
	struct event *e = record(SCHED_SWITCH, prev, next);

	if (e) {
		e->args[0] = prev_state;
		e->args[1] = preempt;
	}
	return 0;
}

#define WAKEUP(name, WHAT)                                      \
	SEC("tp_btf/" #name)                                    \
	int BPF_PROG(on_##name, struct task_struct *p)          \
	{                                                       \
		struct event *e = record(WHAT, p, NULL);        \
		if (e)                                          \
			e->args[0] = p->thread_info.cpu;        \
		return 0;                                       \
	}

WAKEUP(sched_waking, SCHED_WAKING)
WAKEUP(sched_wakeup, SCHED_WAKEUP)
WAKEUP(sched_wakeup_new, SCHED_WAKEUP_NEW)

SEC("tp_btf/sched_migrate_task")
int BPF_PROG(on_migrate, struct task_struct *p, s32 to)
{
	struct event *e = record(SCHED_MIGRATE_TASK, p, NULL);

	if (e) {
		e->args[0] = p->thread_info.cpu;
		e->args[1] = to;
	}
	return 0;
}

char _license[] SEC("license") = "GPL";
