/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Counts what tasks do, for long observation: one program at each switch, which looks at the task that leaves its CPU and at what the kernel has accounted for
 * it (task_struct: se.sum_exec_runtime, sched_info), and none at all for what can be read at the end. Wakeups are counted while the runner has `on_waking`
 * attached. docs/protocol.md, section 6, is the contract with the runner. Sources, v6.18: kernel/sched/core.c: __schedule() (the tracepoint comes before
 * sched_info_switch(), so that only what leaves is accounted up to now), kernel/sched/stats.h, include/trace/events/sched.h, include/linux/sched.h.
 */
typedef unsigned char __u8;
typedef unsigned short __u16;
typedef short __s16;
typedef unsigned int __u32;
typedef int __s32;
typedef unsigned long long __u64;
typedef long long __s64;
typedef __u16 __be16;
typedef __u32 __be32;
typedef __u64 __be64;
typedef __u32 __wsum;
typedef __u8 u8;
typedef __u16 u16;
typedef __u32 u32;
typedef __s32 s32;
typedef __u64 u64;
typedef __s64 s64;
typedef _Bool bool;
#define NULL ((void *)0)
#define true 1
#define false 0

enum { BPF_MAP_TYPE_HASH = 1, BPF_MAP_TYPE_ARRAY = 2, BPF_NOEXIST = 1, BPF_F_MMAPABLE = 1024 };

#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct sched_info {
	u64 run_delay, last_arrival;
};
struct task_struct;
struct rq {
	u32 nr_running;
	struct task_struct *curr;
	u64 clock;
};
struct cfs_rq {
	struct rq *rq;
};
struct sched_entity {
	u8 sched_delayed;
	u64 sum_exec_runtime, nr_migrations;
	struct cfs_rq *cfs_rq;
};
struct task_io_accounting {
	u64 read_bytes, write_bytes;
};
struct inode {
	u16 i_mode;
};
struct file {
	struct inode *f_inode;
};
struct fdtable {
	u32 max_fds;
	struct file **fd;
};
struct files_struct {
	struct fdtable *fdt;
};
struct kernfs_node {
	u64 id;
};
struct cgroup_subsys_state {
	struct cgroup_subsys_state *parent;
};
struct cgroup {
	struct cgroup_subsys_state self;
	struct kernfs_node *kn;
};
struct css_set {
	struct cgroup *dfl_cgrp;
};
struct thread_info {
	u32 cpu;
};
struct task_struct {
	struct thread_info thread_info;
	u32 __state;
	void *stack;
	u32 flags;
	int on_cpu, on_rq, nr_cpus_allowed;
	struct sched_entity se;
	struct sched_info sched_info;
	u32 in_iowait : 1;
	int pid, tgid;
	struct task_struct *real_parent;
	u64 utime, stime, nvcsw, nivcsw, min_flt, maj_flt;
	char comm[16];
	struct files_struct *files;
	struct css_set *cgroups;
	struct task_io_accounting ioac;
};
struct pt_regs {
	u64 di, orig_ax;
};
struct gendisk;
struct request {
	u32 cmd_flags, __data_len;
};
struct seq_file;
struct bpf_iter_meta {
	struct seq_file *seq;
};
struct bpf_iter__task {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
};

#pragma clang attribute pop

struct bpf_iter_num {
	u64 opaque;
} __attribute__((aligned(8)));

char _license[] SEC("license") = "GPL";

enum { INDEX = 1 << 16, WAYS = 4, BUCKETS = 40, REASONS = 12, CAUSES = 5, MAX_CPUS = 512, LEVELS = 65, QUEUE_LOOK = 64, CACHE_TURNS = 63 };
enum reason { UNKNOWN, SLEEP, FUTEX, PIPE, SOCKET, POLL, DISK, CHILD, FAULT, KERNEL, IDLE, OTHER, BY_FILE }; /* src/core/trace.ts: waitReasons */
enum cause { START, FORK, TASK, TIMER, INTERRUPT };							     /* wakeCauses */
enum { STATE_INTERRUPTIBLE = 1, STATE_UNINTERRUPTIBLE = 2, STATE_STOPPED = 4 | 8, STATE_DEAD = 0x10 | 0x80, STATE_NOLOAD = 0x400, STATE_RTLOCK = 0x1000 };
enum { PF_KTHREAD = 0x200000, NO_SLOT = 0xffffffff };
enum scope { OWN, PROCESS, CGROUP, ALL };
enum { RUNNABLE, WAITING, NEW };
enum { RUNS = 0, SLEEPS = BUCKETS, DELAYS = 2 * BUCKETS };

/* Differences between the end and the beginning of the observation. */
struct totals {
	u64 ran, delay, utime, stime, nvcsw, nivcsw, min_flt, maj_flt, migrations, read_bytes, write_bytes;
};

/* One task. The runner reads it as it is. */
struct slot {
	u64 task; /* its address: a thread that execs takes over the number of its process */
	u64 ran_seen, delay_seen, departed, burst_ran;
	u32 id; /* never used again */
	s32 tid;
	u16 call; /* the system call in which it waited last, its first argument, and what that was */
	u8 call_reason, call_turns;
	u32 call_arg;
	u8 state, reason, ended, zero;
	u32 bursts;
	struct totals sum;
	u64 born_ns, ended_ns; /* CLOCK_MONOTONIC; 0: not in the observation */
	s32 tgid;
	u32 forks, flags, edge_to, edge_count, reads, writes, claim;
	u64 read_bytes, written_bytes;
	char comm[16];
	u64 wait_ns[REASONS];
	u32 waits[REASONS];
	u32 wakes[6];
	u32 times[3 * BUCKETS]; /* of runs, of waits, of delays: how many of [2^i, 2^(i+1)) ns */
	u64 pad[2];	       /* to whole cache lines */
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 16384); /* the runner may choose another number */
	__type(key, u32);
	__type(value, struct slot);
} slots SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__type(key, u64); /* id of the waker << 32 | id of the woken */
	__type(value, u64);
} edges SEC(".maps");

const volatile u32 capacity = 16384, cpus = 1, scope = ALL;
const volatile s64 preempt_count_at = 0; /* from a CPU's runqueue; 0: not known */
const volatile u64 cgroup_id = 0;
const volatile s32 process = 0;

u64 entries[INDEX]; /* tid | (slot + 1) << 32, or NO_SLOT << 32: followed, but only in `rest` */
u64 rqs[MAX_CPUS];
u64 parallel[LEVELS], queued[LEVELS]; /* samples */
struct slot rest;		      /* of all that have no slot any more */
u32 allocated, recycled, next_id, folded, follow_own, now_running, now_waiting;
s32 own;
u64 lost_tasks, lost_edges, waking_seen, samples;

/* What a system call waits for (arch/x86/entry/syscalls/syscall_64.tbl). */
static __always_inline u8 reason_of_call(u32 call)
{
	switch (call) {
	case 35: case 230: return SLEEP; /* nanosleep, clock_nanosleep */
	case 202: case 449: case 455: return FUTEX;
	case 42: case 43: case 44: case 45: case 46: case 47: case 288: case 299: case 307: return SOCKET; /* connect … recvmsg, accept4, recvmmsg, sendmmsg */
	case 7: case 23: case 208: case 232: case 270: case 271: case 281: case 333: case 426: case 441: return POLL; /* poll, select, io_getevents, epoll_wait … */
	case 56: case 57: case 58: case 61: case 247: case 435: return CHILD; /* clone, fork, vfork, wait4, waitid, clone3 */
	case 26: case 74: case 75: case 162: case 277: case 306: return DISK; /* msync, fsync, fdatasync, sync, sync_file_range, syncfs */
	case 0: case 1: case 17: case 18: case 19: case 20: case 40: case 275: case 276: case 278: case 295: case 296: case 327: case 328:
		return BY_FILE; /* read … writev, sendfile, splice, tee, vmsplice, preadv … pwritev2 */
	}
	return OTHER;
}

static __always_inline u8 reason_of_file(struct task_struct *t, u32 fd)
{
	struct files_struct *files = t->files;
	struct file *file = NULL;
	if (!files)
		return UNKNOWN;
	struct fdtable *table = files->fdt;
	if (fd >= table->max_fds || bpf_probe_read_kernel(&file, sizeof(file), table->fd + fd) || !file)
		return UNKNOWN;
	u32 mode = BPF_CORE_READ(file, f_inode, i_mode) & 0170000;
	return mode == 0010000 ? PIPE : mode == 0140000 ? SOCKET : OTHER;
}

/* Kept from wait to wait: most wait for the same thing again. Looked up anew now and then, because descriptors change. */
static __always_inline u8 reason_of_user(struct slot *s, struct task_struct *t, u32 state)
{
	struct pt_regs *regs = (struct pt_regs *)bpf_task_pt_regs(t);
	u64 call = regs->orig_ax;
	u32 arg = (u32)regs->di;
	bool deep = state & (STATE_UNINTERRUPTIBLE | STATE_RTLOCK);
	if (call > 0xfffe)
		return state & STATE_STOPPED ? OTHER : FAULT; /* not in a system call */
	if (state & STATE_STOPPED)
		return OTHER;
	if (s->call != (u16)call || s->call_arg != arg || !(s->call_turns & CACHE_TURNS)) {
		u8 found = reason_of_call((u32)call);
		s->call = (u16)call;
		s->call_arg = arg;
		s->call_turns = 0;
		s->call_reason = found == BY_FILE ? reason_of_file(t, arg) : found;
	}
	s->call_turns++;
	u8 reason = s->call_reason;
	if (deep)
		return reason == CHILD || reason == DISK ? reason : KERNEL;
	return reason == DISK ? OTHER : reason;
}

static __always_inline u8 reason_of(struct slot *s, struct task_struct *t, u32 state)
{
	if (BPF_CORE_READ_BITFIELD(t, in_iowait))
		return DISK;
	if (t->flags & PF_KTHREAD)
		return (state & STATE_UNINTERRUPTIBLE) && !(state & STATE_NOLOAD) ? KERNEL : IDLE;
	if (state & STATE_NOLOAD)
		return IDLE; /* workers of io_uring and vhost */
	return reason_of_user(s, t, state);
}

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

#define ADD(to, what) __sync_fetch_and_add(&(to), (what))

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
	ADD(rest.forks, s->forks);
	ADD(rest.reads, s->reads);
	ADD(rest.writes, s->writes);
	ADD(rest.read_bytes, s->read_bytes);
	ADD(rest.written_bytes, s->written_bytes);
	for (u32 n = 0; n < REASONS; n++) {
		ADD(rest.wait_ns[n], s->wait_ns[n]);
		ADD(rest.waits[n], s->waits[n]);
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
	s->ran_seen = t->se.sum_exec_runtime;
	s->delay_seen = t->sched_info.run_delay;
	s->state = born ? NEW : RUNNABLE;
	s->born_ns = born ? bpf_ktime_get_ns() : 0;
	u32 state = t->__state;
	if (!born && state && !(state & STATE_DEAD)) {
		s->reason = reason_of(s, t, state);
		s->departed = clock_of(bpf_get_current_task_btf());
		s->state = WAITING;
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

/* Its last switch: nothing will be accounted for it any more. */
static __noinline int die(struct task_struct *t, u64 entry)
{
	if (!t)
		return 0;
	leave(t->pid);
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

/* The task was awake and now comes off its CPU: what it did since it last did so. */
static __always_inline void settle(struct slot *s, struct task_struct *t)
{
	u64 ran = t->se.sum_exec_runtime, delay = t->sched_info.run_delay, arrival = t->sched_info.last_arrival;
	u64 ran_now = ran - s->ran_seen, delayed = delay - s->delay_seen;
	s->ran_seen = ran;
	s->delay_seen = delay;
	if (s->state != RUNNABLE) {
		s->bursts++;
		s->burst_ran = 0;
		s->times[DELAYS + bucket(delayed)]++;
	}
	if (s->state == WAITING) {
		s64 waited = (s64)(arrival - delayed - s->departed);
		u32 reason = s->reason;
		waited = waited > 0 ? waited : 0; /* clocks of two CPUs */
		if (reason < REASONS) {
			s->wait_ns[reason] += waited;
			s->waits[reason]++;
		}
		s->times[SLEEPS + bucket(waited)]++;
	}
	s->burst_ran += ran_now;
	s->state = RUNNABLE;
}

static __always_inline void stop_running(struct slot *s)
{
	s->times[RUNS + bucket(s->burst_ran)]++;
}

SEC("tp_btf/sched_switch")
int on_switch(u64 *ctx)
{
	struct task_struct *t = (struct task_struct *)ctx[1];
	u32 state = (u32)ctx[3];
	u64 entry = t->pid ? find(t->pid) : 0;
	if (!entry)
		return 0;
	bool dead = state & STATE_DEAD, runnable = !dead && ((bool)ctx[0] || !state);
	struct slot *s = slot_of(entry);
	if (s && s->task == (u64)t) {
		settle(s, t);
		if (!runnable) {
			stop_running(s);
			s->departed = clock_of(t);
			if (!dead) {
				s->reason = reason_of(s, t, state);
				s->state = WAITING;
			}
		}
	} else if (s) { /* it has taken over this number by exec: another task's sums end here */
		s->task = (u64)t;
		s->ran_seen = t->se.sum_exec_runtime;
		s->delay_seen = t->sched_info.run_delay;
		s->state = RUNNABLE;
	}
	if (dead)
		die(t, entry);
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

static __always_inline u32 interrupts(struct task_struct *current_task)
{
	u32 count = 0;
	struct rq *rq = current_task->se.cfs_rq->rq;
	if (preempt_count_at && !bpf_probe_read_kernel(&count, sizeof(count), (void *)rq + preempt_count_at))
		return count;
	return current_task->pid ? 0 : 0x10000;
}

/* From what context somebody is woken, and for what he waits: see src/traces/wait-reasons.ts, which has the same rules for recordings. */
static __always_inline u32 cause_of(u32 count, bool nobody, u32 reason, bool together)
{
	if (count & 0xff0000) { /* in a hard interrupt, or NMI: hrtimers ring here */
		u32 by_timer = 1 << UNKNOWN | 1 << SLEEP | 1 << FUTEX | 1 << PIPE | 1 << POLL | 1 << CHILD | 1 << OTHER;
		return by_timer >> reason & 1 ? TIMER : INTERRUPT;
	}
	if (!(count & 0x100)) /* SOFTIRQ_OFFSET: one is served, not only kept off */
		return nobody ? INTERRUPT : TASK;
	if (reason == SLEEP)
		return TIMER;
	return together && (reason == SOCKET || reason == POLL) ? TASK : INTERRUPT;
}

/* Most wake the same one again and again: the map is asked only when that changes. */
static __always_inline void edge(struct slot *from, u32 to)
{
	if (from->edge_to == to) {
		from->edge_count++;
		return;
	}
	u64 key = (u64)from->id << 32 | from->edge_to, count = from->edge_count;
	u64 *found = count ? bpf_map_lookup_elem(&edges, &key) : NULL;
	if (found)
		ADD(*found, count);
	else if (count && bpf_map_update_elem(&edges, &key, &count, BPF_NOEXIST))
		ADD(lost_edges, count);
	from->edge_to = to;
	from->edge_count = 1;
}

/* Attached in windows. */
SEC("tp_btf/sched_waking")
int on_waking(u64 *ctx)
{
	struct task_struct *t = (struct task_struct *)ctx[0], *waker = bpf_get_current_task_btf();
	u64 entry = find(t->pid);
	struct slot *s = entry ? slot_of(entry) : NULL;
	if (!s)
		return 0;
	u64 by = waker->pid ? find(waker->pid) : 0;
	struct slot *from = by ? slot_of(by) : NULL;
	u32 reason = s->state == WAITING && s->reason < REASONS ? s->reason : OTHER;
	bool kernel = (t->flags | waker->flags) & PF_KTHREAD;
	u32 cause = cause_of(interrupts(waker), !waker->pid, reason, from && !kernel);
	s->wakes[cause & 7 ? (cause < CAUSES ? cause : START) : START]++;
	ADD(waking_seen, 1);
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
	return BPF_CORE_READ(t, pid) == s->tid && BPF_CORE_READ(t, on_rq) == 1 && !BPF_CORE_READ(t, on_cpu) && !BPF_CORE_READ(t, se.sched_delayed);
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
	if (s->state == WAITING && t->__state && !t->on_cpu) { /* and waits still */
		s64 waited = (s64)(clock_of(bpf_get_current_task_btf()) - s->departed);
		u32 reason = s->reason;
		if (waited > 0 && reason < REASONS) {
			s->wait_ns[reason] += waited;
			s->waits[reason]++;
		}
	}
	return 0;
}
