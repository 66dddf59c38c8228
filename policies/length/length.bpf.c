/* SPDX-License-Identifier: GPL-2.0 */
/*
 * length: jobs in order of their length, longest first (shorter makespan of a batch: the long job does not start last) or shortest first
 * (lower mean completion time). A length comes from the hint map, which the user or an agent fills before attach, or is learned: the CPU
 * time of earlier tasks with the same comm. A new name runs at once for a short turn, which also lets a fresh child rename itself. What
 * counts is the ratio to the longest length known: a factor of 16 is a handicap of guard_ns, a factor of 2 a quarter of that; within equal
 * lengths tasks take turns. Good for batches that repeat, build graphs and test suites with known or repeated steps.
 *
 * Bad: open-ended services (a name says nothing about the next request; learn_bursts helps a little); ignores weights; lengths that change
 * from run to run; a job much longer than guard_ns shares with those that have waited so long; without hints the first round is plain FIFO.
 * Latency of known tasks is bad in longest-first order by design.
 */
#include "policy.h"
#include "comm.h"
#include "turn.h"

const volatile bool shortest_first = false;
const volatile u64 slice_ns = 20000000;
const volatile u64 first_slice_ns = 4000000;    /* first turn of a name not known */
const volatile u64 guard_ns = 1000000000;       /* the most that the order by length can delay anyone, in its whole life */
const volatile bool learn = true;               /* learn lengths; hints alone otherwise */
const volatile bool learn_bursts = false;       /* a length is a run between two sleeps, not a whole life */
const volatile u32 comm_bytes = 15;             /* tasks are one kind when their names agree in so many bytes */
const volatile u64 dependent_ns = 1000000;      /* what each dependent of a hinted task adds to its length */

#define QUEUE 0
#define OPEN_ENDED 3600000000000ULL /* a hint of an hour or more says that there is no end: as good as none */
#define FACTOR_16 (4 * 256) /* log2_256(16 * x) - log2_256(x) */

struct hint {
	u64 length_ns;
	u64 rank;       /* longest chain of work that starts here; 0: none known */
	u32 dependents;
	u32 zero;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__type(key, struct comm);
	__type(value, struct hint);
} hints SEC(".maps");

struct learned {
	u64 length_ns; /* running average */
	u64 samples;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, struct comm);
	__type(value, struct learned);
} lengths SEC(".maps");

struct task_state {
	u64 mark;
	u64 run;            /* since it last slept */
	u64 queued_at;
	u64 waited;         /* in the queue, in its whole life */
	struct turn turn;
	struct comm born_as;
};

#include "task.h"
#include "queue.h"

/*
 * What lengths are compared with: the longest seen in this window of guard_ns or, fading by an eighth a window, before. It must outlast the gap
 * between two rounds of a batch: the short tasks of a round are often queued before the long one is.
 */
u64 longest_now, longest_before, window_ends;

static __always_inline u64 longest_with(u64 length)
{
	u64 now = scx_bpf_now();

	if (!before(now, window_ends)) {
		longest_before = larger(longest_now, longest_before - longest_before / 8);
		longest_now = 0;
		window_ends = now + guard_ns;
	}
	longest_now = larger(longest_now, length);
	return larger(longest_now, longest_before);
}

/*
 * The length to order `p` by; 0 for a first short turn. A name that stays unknown is taken for middling,
 * and in shortest-first order for no shorter than it has already run.
 */
static __always_inline u64 length_of(struct task_struct *p, struct task_state *s)
{
	struct comm comm;
	struct hint *hint;
	struct learned *learned;
	u64 length;

	read_comm(&comm, p, comm_bytes);
	hint = bpf_map_lookup_elem(&hints, &comm);
	if (hint) {
		length = hint->rank && !shortest_first ? hint->rank : hint->length_ns;
		if (length < OPEN_ENDED)
			return larger(length + hint->dependents * dependent_ns, 1);
	}
	/* A child that has not run yet still has its parent's name: no guess before it had the chance to change it. */
	if (p->se.sum_exec_runtime < first_slice_ns && same_comm(&comm, &s->born_as))
		return 0;
	learned = bpf_map_lookup_elem(&lengths, &comm);
	if (learned)
		return larger(learned->length_ns, 1);
	if (s->run < first_slice_ns)
		return 0;
	length = larger(longest_now, longest_before) / 4;
	return larger(shortest_first ? larger(length, s->run) : length, 1);
}

/* What a task has waited already counts: one that wakes often is not held back anew at every wakeup. */
static __always_inline u64 handicap_of(struct task_state *s, u64 length)
{
	u32 longest, own = log2_256(length), below;
	u64 left = guard_ns > s->waited ? guard_ns - s->waited : 0;

	if (!length)
		return 0;
	longest = log2_256(longest_with(length));
	below = longest > own ? smaller(longest - own, FACTOR_16) : 0;
	return smaller(guard_ns * (shortest_first ? FACTOR_16 - below : below) / FACTOR_16, left);
}

s32 OP(length_select_cpu, struct task_struct *p, s32 prev_cpu, u64 wake_flags)
{
	return select_idle_cpu(p, prev_cpu, wake_flags, slice_ns);
}

void OP(length_enqueue, struct task_struct *p, u64 enq_flags)
{
	struct task_state *s = task_state(p);
	u64 length, slice, due;

	if (insert_percpu_kthread(p, slice_ns, enq_flags))
		return;
	length = s ? length_of(p, s) : 0;
	slice = length ? crowded_slice(slice_ns, QUEUE) : first_slice_ns;
	if (s)
		s->queued_at = scx_bpf_now();
	due = s ? turn_due(&s->turn, handicap_of(s, length), slice, enq_flags & SCX_ENQ_WAKEUP) : scx_bpf_now();
	scx_bpf_dsq_insert_vtime(p, QUEUE, slice, due, enq_flags);
	kick_idle_cpu(p);
}

/* Charges what `p` has run since it was last charged. */
static __always_inline void charge_running(struct task_struct *p, struct task_state *s)
{
	u64 ran = charge(p, &s->mark);

	s->run += ran;
	s->turn.used += ran;
}

void OP(length_dispatch, s32 cpu, struct task_struct *prev)
{
	if (is_runnable(prev)) {
		struct task_state *s = task_state(prev);
		u64 due = scx_bpf_now();

		if (s) {
			charge_running(prev, s);
			due = turn_due_if_queued(&s->turn, handicap_of(s, length_of(prev, s)));
		}
		if (keep_running(QUEUE, cpu, prev, due, first_slice_ns))
			return;
	}
	scx_bpf_dsq_move_to_local(QUEUE);
}

/* Who yields has had its turn. */
bool OP(length_yield, struct task_struct *from, struct task_struct *to)
{
	struct task_state *s = task_state(from);

	if (s)
		s->turn.used = s->turn.slice;
	task_set_slice(from, 0);
	return false;
}

void OP(length_running, struct task_struct *p)
{
	struct task_state *s = task_state(p);

	if (!s)
		return;
	charge(p, &s->mark);
	if (s->queued_at)
		s->waited += scx_bpf_now() - s->queued_at;
	s->queued_at = 0;
}

static __always_inline void learn_length(struct task_struct *p, u64 length)
{
	struct learned *known, first = { .length_ns = length, .samples = 1 };
	struct comm comm;

	longest_with(length);
	read_comm(&comm, p, comm_bytes);
	known = bpf_map_lookup_elem(&lengths, &comm);
	if (known) {
		known->length_ns = (known->length_ns * 3 + length) / 4;
		known->samples++;
	} else {
		bpf_map_update_elem(&lengths, &comm, &first, BPF_ANY);
	}
}

void OP(length_stopping, struct task_struct *p, bool runnable)
{
	struct task_state *s = task_state(p);

	if (!s)
		return;
	charge_running(p, s);
	if (runnable || p->flags & PF_KTHREAD)
		return;
	if (learn && learn_bursts)
		learn_length(p, s->run);
	else if (learn && p->flags & PF_EXITING)
		learn_length(p, p->se.sum_exec_runtime);
	s->run = 0;
}

s32 SLEEPABLE_OP(length_init_task, struct task_struct *p, struct scx_init_task_args *args)
{
	struct task_state *s = new_task_state(p);

	if (!s)
		return -ENOMEM;
	if (args->fork)
		read_comm(&s->born_as, p, comm_bytes);
	return 0;
}

s32 SLEEPABLE_OP(length_init)
{
	return scx_bpf_create_dsq(QUEUE, -1);
}

POLICY(length,
       .select_cpu = (void *)length_select_cpu,
       .enqueue = (void *)length_enqueue,
       .dispatch = (void *)length_dispatch,
       .yield = (void *)length_yield,
       .running = (void *)length_running,
       .stopping = (void *)length_stopping,
       .init_task = (void *)length_init_task,
       .init = (void *)length_init);
