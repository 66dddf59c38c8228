/* SPDX-License-Identifier: GPL-2.0 */
/* Which tasks are followed, and where each has its slot: from when it is entered until its last switch. */
#pragma once
#include "waits.h"

/* The entry of a followed task; 0: it is not followed. */
static __always_inline u64 find(s32 tid)
{
	u32 home = (u32)tid & (INDEX - 1);
	u64 entry = entries[home];
	if ((s32)entry == tid)
		return entry;
	for (u32 way = 1; way < WAYS; way++) {
		entry = entries[(home ^ way) & (INDEX - 1)];
		if ((s32)entry == tid)
			return entry;
	}
	return 0;
}

static __always_inline struct slot *slot_of(u64 entry)
{
	u32 i = (u32)(entry >> 32) - 1;
	return bpf_map_lookup_elem(&slots, &i);
}

static __always_inline u64 clock_of(struct task_struct *t)
{
	if (bpf_core_field_exists(((struct cfs_rq *)0)->rq))
		return t->se.cfs_rq->rq->clock;
	return t->sched_info.last_arrival;
}

/* Adds what the kernel has accounted for the task, or takes it away: once each at the two ends of its observation. */
static __always_inline void account(struct totals *sum, struct task_struct *t, s64 sign)
{
	sum->ran += sign * t->se.sum_exec_runtime;
	sum->delay += sign * t->sched_info.run_delay;
	sum->utime += sign * t->utime;
	sum->stime += sign * t->stime;
	sum->nvcsw += sign * t->nvcsw;
	sum->nivcsw += sign * t->nivcsw;
	sum->min_flt += sign * t->min_flt;
	sum->maj_flt += sign * t->maj_flt;
	sum->migrations += sign * t->se.nr_migrations;
	if (bpf_core_field_exists(t->ioac)) {
		sum->read_bytes += sign * t->ioac.read_bytes;
		sum->write_bytes += sign * t->ioac.write_bytes;
	}
}

static __noinline int fold(const struct totals *from)
{
	const u64 *n = (const u64 *)from;
	u64 *to = (u64 *)&rest.sum;
	for (u32 i = 0; from && i < sizeof(*from) / sizeof(u64); i++)
		ADD(to[i], n[i]);
	return 0;
}

static __always_inline void fold_task(struct task_struct *t, s64 sign)
{
	struct totals sum = {};
	account(&sum, t, sign);
	fold(&sum);
}

/* A dead task's slot is wanted for another one: what was counted goes to `rest`. */
static __noinline int fold_slot(u32 i)
{
	struct slot *s = bpf_map_lookup_elem(&slots, &i);
	if (!s)
		return 0;
	fold(&s->sum);
	ADD(rest.bursts, s->bursts);
	ADD(rest.missed, s->missed);
	ADD(rest.forks, s->forks);
	ADD(rest.reads, s->reads);
	ADD(rest.writes, s->writes);
	ADD(rest.read_bytes, s->read_bytes);
	ADD(rest.written_bytes, s->written_bytes);
	for (u32 n = 0; n < REASONS; n++) {
		ADD(rest.waits[n].ns, s->waits[n].ns);
		ADD(rest.waits[n].count, s->waits[n].count);
	}
	for (u32 n = 0; n < CAUSES; n++)
		ADD(rest.wakes[n], s->wakes[n]);
	for (u32 n = 0; n < 3 * BUCKETS; n++)
		if (s->times[n])
			ADD(rest.times[n], s->times[n]);
	ADD(folded, 1);
	return 0;
}

/* A slot that nobody has used, or that of a task that has ended; NO_SLOT: all are alive. */
static __always_inline u32 take_slot(void)
{
	u32 i = allocated < capacity ? __sync_fetch_and_add(&allocated, 1) : capacity;
	if (i < capacity)
		return i;
	for (u32 tries = 0; tries < 8; tries++) {
		i = __sync_fetch_and_add(&recycled, 1) % capacity;
		struct slot *s = bpf_map_lookup_elem(&slots, &i);
		if (!s || !s->ended || __sync_val_compare_and_swap(&s->claim, 0, 1))
			continue;
		fold_slot(i);
		__builtin_memset(s, 0, sizeof(*s));
		return i;
	}
	return NO_SLOT;
}

static __always_inline bool enter(s32 tid, u64 entry)
{
	for (u32 way = 0; way < WAYS; way++)
		if (!__sync_val_compare_and_swap(&entries[((u32)tid ^ way) & (INDEX - 1)], 0, entry))
			return true;
	ADD(lost_tasks, 1);
	return false;
}

static __always_inline void leave(s32 tid)
{
	for (u32 way = 0; way < WAYS; way++) {
		u32 i = ((u32)tid ^ way) & (INDEX - 1);
		if ((s32)entries[i] == tid)
			entries[i] = 0;
	}
}

/* How many times it has left a CPU since it was seen last. */
static __always_inline s32 switches_since(struct slot *s, struct task_struct *t)
{
	return (s32)((u32)t->nvcsw - s->voluntary + (u32)t->nivcsw - s->involuntary);
}

static __always_inline void remember(struct slot *s, struct task_struct *t)
{
	s->voluntary = t->nvcsw;
	s->involuntary = t->nivcsw;
	s->ran_seen = t->se.sum_exec_runtime;
	s->delay_seen = t->sched_info.run_delay;
}

/*
 * `missed` of its switches were not seen, or (-1) one is seen that has been counted before. A wait that had begun is one, and the time that the task neither
 * ran nor was ready is that of this wait and of those that were missed: it has its share of it. `leaves`: its last voluntary switch begins no wait before now.
 */
static __noinline int catch_up(struct slot *s, struct task_struct *t, s32 missed, u32 leaves)
{
	if (!s || !t)
		return 0;
	if (s->state == WAITING && missed > 0) {
		s64 elapsed = (s64)(clock_of(bpf_get_current_task_btf()) - s->departed);
		s64 waited = elapsed - (s64)(t->se.sum_exec_runtime - s->ran_seen) - (s64)(t->sched_info.run_delay - s->delay_seen);
		u32 waits = 1 + (u32)t->nvcsw - s->voluntary - leaves, reason = s->reason;
		if (reason < REASONS) {
			s->waits[reason].ns += waited > 0 && waits ? (u64)waited / waits * s->weight : 0;
			s->waits[reason].count += s->weight;
		}
	}
	s->missed += missed > 0 ? missed : 0;
	s->state = CUT;
	remember(s, t);
	return 0;
}

/* Follows a task from now on; `t` may be any that is neither idle nor dead. */
static __always_inline void follow(struct task_struct *t, bool born)
{
	u32 i = take_slot();
	s32 tid = t->pid;
	if (i == NO_SLOT) {
		ADD(folded, 1);
		if (enter(tid, (u32)tid | (u64)NO_SLOT << 32))
			fold_task(t, -1);
		return;
	}
	struct slot *s = bpf_map_lookup_elem(&slots, &i);
	if (!s)
		return;
	s->task = (u64)t;
	s->tid = tid;
	s->id = __sync_fetch_and_add(&next_id, 1) + 1;
	account(&s->sum, t, -1);
	remember(s, t);
	s->weight = 1;
	s->state = born ? NEW : RUNNABLE;
	s->born_ns = born ? bpf_ktime_get_ns() : 0;
	u32 state = t->__state;
	if (!born && state && !(state & STATE_DEAD)) {
		s->reason = reason_of(s, t, state);
		s->departed = clock_of(bpf_get_current_task_btf());
		s->state = WAITING;
		s->waited = 1;
	}
	if (!enter(tid, (u32)tid | (u64)(i + 1) << 32))
		s->ended = 2; /* was never followed */
}

static __always_inline void finish(struct slot *s, struct task_struct *t)
{
	account(&s->sum, t, 1);
	s->tgid = t->tgid;
	s->flags = t->flags;
	__builtin_memcpy(s->comm, t->comm, sizeof(s->comm));
}

/* Its last switch: nothing will be accounted for it any more. `tid` is the number that it is followed by. */
static __noinline int die(struct task_struct *t, u64 entry, s32 tid)
{
	if (!t)
		return 0;
	leave(tid);
	if (entry >> 32 == NO_SLOT) {
		fold_task(t, 1);
		return 0;
	}
	struct slot *s = slot_of(entry);
	if (!s)
		return 0;
	finish(s, t);
	s->ended_ns = bpf_ktime_get_ns();
	s->ended = 1;
	return 0;
}

/* The entry of exactly this task, which may have given its number to a thread that execs; then it is still that of its process. */
static __always_inline u64 find_exactly(struct task_struct *t, s32 *tid)
{
	*tid = t->pid;
	u64 entry = find(*tid);
	struct slot *s = entry ? slot_of(entry) : NULL;
	if (!s || s->task == (u64)t)
		return entry;
	*tid = t->tgid;
	entry = find(*tid);
	s = entry ? slot_of(entry) : NULL;
	return s && s->task == (u64)t ? entry : 0;
}
