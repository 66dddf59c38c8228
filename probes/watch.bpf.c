/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Counts what tasks do, for long observation: one program at each switch, which looks at the task that leaves its CPU and at what the kernel has accounted for
 * it (task_struct: se.sum_exec_runtime, sched_info), and none at all for what can be read at the end. Wakeups are counted while the runner has `on_waking`
 * attached. docs/protocol.md, section 6, is the contract with the runner. Sources, v6.18: kernel/sched/core.c: __schedule() (the tracepoint comes before
 * sched_info_switch(), so that only what leaves is accounted up to now), kernel/sched/stats.h, include/trace/events/sched.h, include/linux/sched.h.
 */
#include "watch/tasks.h"

static __always_inline u32 bucket(u64 ns)
{
	u32 n = 0;
	if (ns >> 32) { n += 32; ns >>= 32; }
	if (ns >> 16) { n += 16; ns >>= 16; }
	if (ns >> 8) { n += 8; ns >>= 8; }
	if (ns >> 4) { n += 4; ns >>= 4; }
	if (ns >> 2) { n += 2; ns >>= 2; }
	n += (u32)(ns >> 1);
	return n < BUCKETS ? n : BUCKETS - 1;
}

/* The task was awake and now comes off its CPU: what it did since it last did so. */
static __always_inline void settle(struct slot *s, struct task_struct *t)
{
	u64 ran = t->se.sum_exec_runtime, delay = t->sched_info.run_delay, arrival = t->sched_info.last_arrival;
	u64 ran_now = ran - s->ran_seen, delayed = delay - s->delay_seen;
	u32 times = s->weight;
	if (s->state == WAITING || s->state == NEW) {
		s->bursts += times;
		s->burst_ran = 0;
		s->times[DELAYS + bucket(delayed)] += times;
	}
	if (s->state == WAITING) {
		s64 waited = (s64)(arrival - delayed - s->departed);
		u32 reason = s->reason;
		waited = waited > 0 ? waited : 0; /* clocks of two CPUs */
		if (reason < REASONS) {
			s->waits[reason].ns += waited * times;
			s->waits[reason].count += times;
		}
		s->times[SLEEPS + bucket(waited)] += times;
	}
	s->burst_ran += ran_now;
	if (s->state != CUT)
		s->state = RUNNABLE;
	remember(s, t);
}

/* A window or a recursion of the program may have kept switches from us: the kernel's count of them tells. */
static __always_inline void account_switch(struct slot *s, struct task_struct *t, u32 voluntary)
{
	s32 missed = switches_since(s, t) - 1;
	if (missed)
		catch_up(s, t, missed, voluntary);
	else
		settle(s, t);
}

static __always_inline void stop_running(struct slot *s)
{
	if (s->state != CUT)
		s->times[RUNS + bucket(s->burst_ran)] += s->weight;
}

SEC("tp_btf/sched_switch")
int on_switch(u64 *ctx)
{
	struct task_struct *t = (struct task_struct *)ctx[1];
	u32 state = (u32)ctx[3];
	bool dead = state & STATE_DEAD, early = t->nvcsw + t->nivcsw <= EARLY;
	if (window.closed && !early && !dead)
		return 0;
	s32 tid = t->pid;
	u64 entry = tid ? find(tid) : 0;
	if (!entry)
		return 0;
	bool runnable = !dead && ((bool)ctx[0] || !state);
	struct slot *s = slot_of(entry);
	if (s && s->task != (u64)t) { /* between taking over a number and on_exec */
		entry = dead ? find_exactly(t, &tid) : 0;
		s = entry ? slot_of(entry) : NULL;
		if (!s)
			return 0;
	}
	if (s) {
		account_switch(s, t, !runnable);
		if (!runnable) {
			stop_running(s);
			s->weight = early ? 1 : window.weight;
			s->departed = clock_of(t);
			if (!dead) {
				s->reason = reason_of(s, t, state);
				s->state = WAITING;
			}
		}
	}
	if (dead)
		die(t, entry, tid);
	return 0;
}

static __always_inline bool in_group(struct task_struct *t)
{
	struct cgroup *group = t->cgroups->dfl_cgrp;
	for (u32 depth = 0; depth < 32 && group; depth++) {
		if (BPF_CORE_READ(group, kn, id) == cgroup_id)
			return true;
		group = (struct cgroup *)BPF_CORE_READ(group, self.parent); /* `self` is what a cgroup begins with */
	}
	return false;
}

SEC("tp_btf/sched_process_fork")
int on_fork(u64 *ctx)
{
	struct task_struct *parent = (struct task_struct *)ctx[0], *child = (struct task_struct *)ctx[1];
	u64 entry = find(parent->pid);
	if (entry) {
		struct slot *s = slot_of(entry);
		if (s)
			ADD(s->forks, 1);
	}
	if (entry || (scope == OWN && follow_own && parent->tgid == own) || scope == ALL || (scope == CGROUP && in_group(child)))
		if (!find(child->pid))
			follow(child, true);
	return 0;
}

/* A thread that execs takes over the number of its process, whose first thread has ended or is about to: de_thread(), fs/exec.c. */
SEC("tp_btf/sched_process_exec")
int on_exec(u64 *ctx)
{
	struct task_struct *t = (struct task_struct *)ctx[0];
	s32 before = (s32)ctx[1], tid = t->pid;
	u64 entry = before != tid ? find(before) : 0, leader = entry ? find(tid) : 0;
	if (!entry)
		return 0;
	struct slot *s = leader ? slot_of(leader) : NULL;
	if (s) {
		s->sum.ran += s->ran_seen;
		s->sum.delay += s->delay_seen;
		s->ended_ns = bpf_ktime_get_ns();
		s->ended = 1;
	}
	leave(tid);
	leave(before);
	s = slot_of(entry);
	if (s)
		s->tid = tid;
	enter(tid, (u32)tid | (entry >> 32 << 32));
	return 0;
}

/* What it waits for, who is about to be woken: as it was seen going, or as its state still tells. */
static __always_inline u32 waits_for(struct slot *s, struct task_struct *t)
{
	if (switches_since(s, t))
		return t->__state ? reason_of(s, t, t->__state) : OTHER;
	return s->state == WAITING && s->reason < REASONS ? s->reason : OTHER;
}

/* Attached in windows. */
SEC("tp_btf/sched_waking")
int on_waking(u64 *ctx)
{
	if (window.closed)
		return 0;
	struct task_struct *t = (struct task_struct *)ctx[0], *waker = bpf_get_current_task_btf();
	u64 entry = find(t->pid);
	struct slot *s = entry ? slot_of(entry) : NULL;
	if (!s)
		return 0;
	u64 by = waker->pid ? find(waker->pid) : 0;
	struct slot *from = by ? slot_of(by) : NULL;
	u32 count = interrupts(waker), cause = waker->pid ? TASK : INTERRUPT;
	if (count) {
		u32 reason = waits_for(s, t);
		cause = cause_of(count, reason, from && !((t->flags | waker->flags) & PF_KTHREAD));
	}
	s->wakes[cause < CAUSES ? cause : START]++;
	seen[bpf_get_smp_processor_id() & (MAX_CPUS - 1)].wakes++;
	if (cause == TASK && from)
		edge(from, s->id);
	return 0;
}

SEC("tp_btf/block_rq_issue")
int on_block(u64 *ctx)
{
	struct request *rq = (struct request *)ctx[0];
	u64 entry = find(bpf_get_current_task_btf()->pid);
	struct slot *s = entry ? slot_of(entry) : NULL;
	if (!s)
		return 0;
	u32 op = rq->cmd_flags & 0xff; /* REQ_OP_READ 0, REQ_OP_WRITE 1 */
	if (op == 0) {
		s->reads++;
		s->read_bytes += rq->__data_len;
	} else if (op == 1) {
		s->writes++;
		s->written_bytes += rq->__data_len;
	}
	return 0;
}

/* The two below are functions of their own so that the verifier looks at each once. */

/* A slot's task is ready but not on a CPU. Its address may be that of a task that is gone: the number tells. */
__noinline int is_queued(u32 i)
{
	struct slot *s = bpf_map_lookup_elem(&slots, &i);
	if (!s || !s->tid || s->ended)
		return 0;
	struct task_struct *t = (struct task_struct *)s->task;
	return BPF_CORE_READ(t, pid) == s->tid && BPF_CORE_READ(t, on_rq) == 1 && !BPF_CORE_READ(t, se.sched_delayed) &&
	       BPF_CORE_READ(t, se.cfs_rq, rq, curr) != t;
}

/* What a CPU does: 1 it runs a followed task; and 2 for each that waits for it. */
__noinline int look_at(u32 cpu)
{
	struct rq *rq = (struct rq *)rqs[cpu & (MAX_CPUS - 1)];
	if (!rq)
		return 0;
	s32 tid = BPF_CORE_READ(rq, curr, pid);
	u32 there = BPF_CORE_READ(rq, nr_running) & 0xffff;
	return (tid && find(tid)) + 2 * (there - (tid && there));
}

/* A moment, many times a second: how many of the followed tasks run, and how many are ready and wait. */
SEC("perf_event")
int on_sample(void *ctx)
{
	u32 i = 0, n = allocated < QUEUE_LOOK ? allocated : QUEUE_LOOK;
	bool of_machine = scope == ALL || allocated > QUEUE_LOOK;
	if (scope == OWN && !follow_own)
		return 0;
	now_running = now_waiting = 0; /* not on the stack: the verifier would follow each value */
	bpf_for(i, 0, cpus) {
		u32 seen = look_at(i);
		now_running += seen & 1;
		now_waiting += of_machine ? seen >> 1 : 0;
	}
	if (!of_machine) {
		bpf_for(i, 0, n) now_waiting += is_queued(i);
	}
	u32 running = now_running, waiting = now_waiting;
	parallel[running < LEVELS ? running : LEVELS - 1]++;
	queued[waiting < LEVELS ? waiting : LEVELS - 1]++;
	samples++;
	return 0;
}

static __always_inline bool wanted(struct task_struct *t)
{
	if (scope == ALL)
		return true;
	if (scope == CGROUP)
		return in_group(t);
	return scope == PROCESS && (t->tgid == process || find(t->tgid) || find(t->real_parent->pid) || find(t->real_parent->tgid));
}

/* Reading it enters everyone who is to be followed and is not yet; a line for each. */
SEC("iter/task")
int begin(struct bpf_iter__task *ctx)
{
	struct task_struct *t = ctx->task;
	own = bpf_get_current_pid_tgid() >> 32;
	if (!t)
		return 0;
	u32 cpu = t->thread_info.cpu;
	if (t->nr_cpus_allowed == 1 && cpu < MAX_CPUS)
		rqs[cpu] = (u64)t->se.cfs_rq->rq;
	if ((t->__state & STATE_DEAD) || !wanted(t) || find(t->pid))
		return 0;
	follow(t, false);
	char one = '+';
	bpf_seq_write(ctx->meta->seq, &one, 1);
	return 0;
}

/* Reading it accounts for everyone who is followed and still lives; the other programs are detached then. */
SEC("iter/task")
int end(struct bpf_iter__task *ctx)
{
	struct task_struct *t = ctx->task;
	u64 entry = t ? find(t->pid) : 0;
	if (!entry)
		return 0;
	if (entry >> 32 == NO_SLOT) {
		fold_task(t, 1);
		return 0;
	}
	struct slot *s = slot_of(entry);
	if (!s || s->task != (u64)t)
		return 0;
	finish(s, t);
	s32 missed = switches_since(s, t);
	if (missed)
		catch_up(s, t, missed, 0);
	if (s->state == WAITING && t->__state) { /* and waits still */
		s64 waited = (s64)(clock_of(bpf_get_current_task_btf()) - s->departed);
		u32 reason = s->reason;
		if (waited > 0 && reason < REASONS) {
			s->waits[reason].ns += waited * s->weight;
			s->waits[reason].count += s->weight;
		}
	}
	return 0;
}
