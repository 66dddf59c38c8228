/* SPDX-License-Identifier: GPL-2.0 */
/*
 * First come first served, until a task whose name begins with "bad" comes: then it does the one wrong thing that `fault` names
 * (test/conformance/cases/faults.ts says what the kernel answers). With fault 0 it does nothing wrong.
 */
#include "policy.h"

#define QUEUE 0
#define MIXED 1 /* of bad tasks, in two orders */
#define SLICE 20000000
#define NO_QUEUE 0x1234
#define NO_CPU 999

enum {
	SOUND,
	BPF_ERROR,        /* scx_bpf_error() */
	BPF_EXIT,         /* scx_bpf_exit() */
	NO_DSQ,           /* inserts into a queue that does not exist */
	NO_BUILTIN_DSQ,   /* and into a built-in one that does not exist */
	INVALID_DSQ,      /* and into SCX_DSQ_INVALID, which the kernel takes for no insert at all */
	LOCAL_ON_NO_CPU,  /* inserts into the local queue of a CPU that does not exist */
	LOCAL_ON_WRONG,   /* and of one that the task may not use */
	SELECT_NO_CPU,    /* select_cpu returns a CPU that does not exist */
	TWICE,            /* inserts a task twice */
	ANOTHER,          /* inserts another task than the one that is enqueued */
	DROPPED,          /* forgets the task */
	OVERFLOW,         /* more inserts in dispatch than there is room for */
	FIFO_THEN_VTIME,  /* mixes both orders in one queue */
	VTIME_THEN_FIFO,
	VTIME_BUILTIN,    /* vtime in a built-in queue */
	WRONG_OP,         /* a kfunc of dispatch in enqueue */
	KICK_IDLE_PREEMPT,
	KICK_NO_CPU,
	INTERNAL_FLAGS,   /* flags that only the kernel may use */
	MOVE_NO_DSQ,      /* takes from a queue that does not exist */
	INIT_FAILS,
	INIT_TASK_FAILS,
	QUEUE_EXISTS,     /* creates a queue twice */
	BUILTIN_QUEUE,    /* creates a queue with the number of a built-in one */
	INIT_BAD_ERRNO,   /* init returns what is no errno */
	IDLE_NO_CPU,      /* asks whether a CPU that does not exist is idle */
	MOVE_WRONG_CPU,   /* moves a task from a queue to a CPU that it may not use */
	MOVE_NO_CPU,      /* and to one that does not exist */
	MOVE_VTIME_BUILTIN, /* and by vtime to a built-in queue */
	REENQUEUE,        /* a kfunc of cpu_release in enqueue */
	DESTROY_BUSY,     /* destroys a queue that is not empty */
	DESTROYED,        /* inserts into a queue that it has destroyed */
};

const volatile u32 fault = SOUND;

void scx_bpf_error_bstr(char *fmt, unsigned long long *data, u32 data_sz) __ksym;
void scx_bpf_exit_bstr(s64 code, char *fmt, unsigned long long *data, u32 data_sz) __ksym;
bool scx_bpf_test_and_clear_cpu_idle(s32 cpu) __ksym;
bool scx_bpf_dsq_move_vtime(struct bpf_iter_scx_dsq *it__iter, struct task_struct *p, u64 dsq_id, u64 enq_flags) __ksym;
u32 scx_bpf_reenqueue_local(void) __ksym;
void scx_bpf_destroy_dsq(u64 dsq_id) __ksym;

static char error_text[] = "a task called bad, of nice %lld";
static char exit_text[] = "leaving, code %lld";

static __always_inline bool is_bad(const struct task_struct *p)
{
	return p->comm[0] == 'b' && p->comm[1] == 'a' && p->comm[2] == 'd';
}

/* Of group bad, the n-th task: "bad-n". */
static __always_inline bool is_bad_number(const struct task_struct *p, char n)
{
	return is_bad(p) && p->comm[4] == n;
}

s32 OP(wrong_select_cpu, struct task_struct *p, s32 prev_cpu, u64 wake_flags)
{
	if (!is_bad(p))
		return select_idle_cpu(p, prev_cpu, wake_flags, SLICE);
	return fault == SELECT_NO_CPU ? NO_CPU : prev_cpu;
}

static __always_inline void insert(struct task_struct *p, u64 dsq, u64 enq_flags)
{
	scx_bpf_dsq_insert(p, dsq, SLICE, enq_flags);
}

/* Returns whether the task is taken care of. */
static __always_inline bool misinsert(struct task_struct *p, u64 enq_flags)
{
	switch (fault) {
	case NO_DSQ:
		insert(p, NO_QUEUE, enq_flags);
		return true;
	case NO_BUILTIN_DSQ:
		insert(p, 1ULL << 63 | 3, enq_flags);
		return true;
	case INVALID_DSQ:
		insert(p, 1ULL << 63, enq_flags);
		return true;
	case LOCAL_ON_NO_CPU:
		insert(p, SCX_DSQ_LOCAL_ON | NO_CPU, enq_flags);
		return true;
	case LOCAL_ON_WRONG:
		insert(p, SCX_DSQ_LOCAL_ON | 1, enq_flags);
		return true;
	case TWICE:
		insert(p, QUEUE, enq_flags);
		insert(p, QUEUE, enq_flags);
		return true;
	case INTERNAL_FLAGS:
		insert(p, QUEUE, enq_flags | 1ULL << 56);
		return true;
	case VTIME_BUILTIN:
		scx_bpf_dsq_insert_vtime(p, SCX_DSQ_GLOBAL, SLICE, 0, enq_flags);
		return true;
	case FIFO_THEN_VTIME:
	case VTIME_THEN_FIFO:
		if (is_bad_number(p, fault == FIFO_THEN_VTIME ? '1' : '0'))
			scx_bpf_dsq_insert_vtime(p, MIXED, SLICE, 0, enq_flags);
		else
			insert(p, MIXED, enq_flags);
		return true;
	case MOVE_WRONG_CPU:
	case MOVE_NO_CPU:
	case MOVE_VTIME_BUILTIN:
		insert(p, MIXED, enq_flags);
		return true;
	case DESTROY_BUSY:
		if (scx_bpf_dsq_nr_queued(MIXED) > 0)
			scx_bpf_destroy_dsq(MIXED);
		insert(p, MIXED, enq_flags);
		return true;
	case DESTROYED:
		if (!scx_bpf_dsq_nr_queued(MIXED))
			scx_bpf_destroy_dsq(MIXED);
		insert(p, MIXED, enq_flags);
		return true;
	case DROPPED:
		return true;
	}
	return false;
}

static __always_inline void misbehave(struct task_struct *p)
{
	unsigned long long args[1];

	switch (fault) {
	case BPF_ERROR:
		args[0] = p->static_prio - 120;
		scx_bpf_error_bstr(error_text, args, sizeof(args));
		break;
	case BPF_EXIT:
		args[0] = 7;
		scx_bpf_exit_bstr(7, exit_text, args, sizeof(args));
		break;
	case WRONG_OP:
		scx_bpf_dsq_move_to_local(QUEUE);
		break;
	case KICK_IDLE_PREEMPT:
		scx_bpf_kick_cpu(0, SCX_KICK_IDLE | SCX_KICK_PREEMPT);
		break;
	case KICK_NO_CPU:
		scx_bpf_kick_cpu(NO_CPU, 0);
		break;
	case REENQUEUE:
		scx_bpf_reenqueue_local();
		break;
	case IDLE_NO_CPU:
		scx_bpf_test_and_clear_cpu_idle(NO_CPU);
		break;
	}
}

void OP(wrong_enqueue, struct task_struct *p, u64 enq_flags)
{
	struct task_struct *current = bpf_get_current_task_btf();

	if (fault == ANOTHER && is_bad(current) && p->comm[0] == 'g') {
		insert(current, QUEUE, enq_flags);
		return;
	}
	if (is_bad(p)) {
		if (misinsert(p, enq_flags))
			return;
		misbehave(p);
	}
	insert(p, QUEUE, enq_flags);
	kick_idle_cpu(p);
}

static __always_inline void mismove(void)
{
	struct bpf_iter_scx_dsq queue;
	struct task_struct *p;

	bpf_iter_scx_dsq_new(&queue, MIXED, 0);
	p = bpf_iter_scx_dsq_next(&queue);
	if (p && fault == MOVE_WRONG_CPU)
		scx_bpf_dsq_move(&queue, p, SCX_DSQ_LOCAL_ON | 1, 0);
	if (p && fault == MOVE_NO_CPU)
		scx_bpf_dsq_move(&queue, p, SCX_DSQ_LOCAL_ON | NO_CPU, 0);
	if (p && fault == MOVE_VTIME_BUILTIN)
		scx_bpf_dsq_move_vtime(&queue, p, SCX_DSQ_GLOBAL, 0);
	bpf_iter_scx_dsq_destroy(&queue);
}

void OP(wrong_dispatch, s32 cpu, struct task_struct *prev)
{
	u32 i;

	if (fault == MOVE_WRONG_CPU || fault == MOVE_NO_CPU || fault == MOVE_VTIME_BUILTIN)
		mismove();

	if (prev && is_bad(prev)) {
		if (fault == OVERFLOW)
			bpf_for(i, 0, 40)
				insert(prev, QUEUE, 0);
		if (fault == MOVE_NO_DSQ)
			scx_bpf_dsq_move_to_local(NO_QUEUE);
	}
	if (!scx_bpf_dsq_move_to_local(QUEUE))
		scx_bpf_dsq_move_to_local(MIXED);
}

s32 SLEEPABLE_OP(wrong_init_task, struct task_struct *p, struct scx_init_task_args *args)
{
	return fault == INIT_TASK_FAILS && is_bad(p) ? -12 : 0;
}

s32 SLEEPABLE_OP(wrong_init)
{
	s32 result = scx_bpf_create_dsq(QUEUE, -1);

	if (!result)
		result = scx_bpf_create_dsq(MIXED, -1);
	if (result)
		return result;
	if (fault == QUEUE_EXISTS)
		return scx_bpf_create_dsq(QUEUE, -1);
	if (fault == BUILTIN_QUEUE)
		return scx_bpf_create_dsq(SCX_DSQ_GLOBAL, -1);
	if (fault == INIT_BAD_ERRNO)
		return -5000;
	return fault == INIT_FAILS ? -12 : 0;
}

void OP(wrong_exit, struct scx_exit_info *info)
{
	record_exit(info);
}

SEC(".struct_ops.link")
struct sched_ext_ops wrong_ops = {
	.select_cpu = (void *)wrong_select_cpu,
	.enqueue = (void *)wrong_enqueue,
	.dispatch = (void *)wrong_dispatch,
	.init_task = (void *)wrong_init_task,
	.init = (void *)wrong_init,
	.exit = (void *)wrong_exit,
	.timeout_ms = 1000,
	.exit_dump_len = EXIT_DUMP_BYTES,
	.name = "wrong",
};

char _license[] SEC("license") = "GPL";
