/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Records what the scheduler does with some tasks: who leaves a CPU and what for, who is woken by whom, forks, ends and migrations. Observation only. How the
 * runner loads it and what an event is: docs/protocol.md, section 5. Tracepoints: include/trace/events/{sched,task,cgroup}.h; what a task waits for is
 * read from its system call's registers and its open files (arch/x86/include/asm/ptrace.h, include/linux/fdtable.h), v6.18.
 */
#include "record/kernel.h"

enum { PF_EXITING = 4, PF_USER_WORKER = 0x4000, PF_KTHREAD = 0x200000, TS_COMPAT = 2 };
enum { TASK_STOPPED = 4, TASK_TRACED = 8, TASK_FROZEN = 0x8000 };
enum { SOFTIRQ_SERVING = 0x100 };
enum { S_IFMT = 0xf000, S_IFIFO = 0x1000, S_IFCHR = 0x2000, S_IFSOCK = 0xc000 };
enum { ANON_INODE_MAGIC = 0x09041934, PIDFS_MAGIC = 0x50494446 };
enum { ALL_THREADS = 1, PROC_THREADS = 2 };

enum kind { SWITCH = 1, WAKE, FORK, EXIT, MIGRATE, NAME, ABOUT };
enum { NO_CALL = 0xffff, IN_FAULT = 1 << 21, ABSOLUTE = 1 << 20 };
enum { PIPE = 1, SOCKET, REGULAR, ANONYMOUS, CHARACTER };

/* The runner reads these fields at these offsets. */
struct event {
	u64 ns; /* CLOCK_MONOTONIC */
	u8 kind, flags;
	u16 cpu;
	s32 task, other;
	u32 detail;
	u64 value;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1); /* the runner decides */
	__type(key, u32);
	__type(value, struct event);
} events SEC(".maps");

/* The runner's own: whose children are followed from their fork on while `adopting`, the process that is followed with its descendants, the cgroup. */
u32 adopting;
s32 runner;
u64 room;     /* of `events`; what is recorded beyond it is lost */
u64 recorded; /* lost ones included */
s32 root;     /* the first task that was followed */
const volatile s32 target;
const volatile u64 target_cgroup;
/* From a CPU's `runqueues` to its `__preempt_count`; 0: not known. Kernels without KALLSYMS_ALL do not let a program name the latter. */
const volatile s64 preempt_count_distance;
/* Its bits for hardirq and NMI: 16-23 while it has 32 bits, 24-31 since it has 64 (include/linux/preempt.h, 7.x). */
const volatile u32 preempt_count_interrupts;

#define PID_LIMIT (1 << 22)
u64 followed[PID_LIMIT / 64]; /* a bit for each number of a task; 0, the idle tasks, never */

#define CAST(type, pointer) ((struct type *)bpf_rdonly_cast((const void *)(pointer), bpf_core_type_id_kernel(struct type)))

/* What lies there as a number: of pointers that are read as such, the verifier allows no arithmetic. Any type serves that begins with a number. */
static __always_inline u64 number_at(const void *address) { return CAST(pt_regs, address)->r15; }

static __always_inline bool is_followed(s32 pid)
{
	return followed[(u32)pid % PID_LIMIT / 64] >> ((u32)pid % 64) & 1;
}

static __always_inline void follow(s32 pid, bool on)
{
	u64 *word = &followed[(u32)pid % PID_LIMIT / 64], bit = 1ULL << ((u32)pid % 64);

	if (on)
		__sync_fetch_and_or(word, bit);
	else if (*word & bit)
		__sync_fetch_and_and(word, ~bit);
}

static __always_inline void emit(enum kind kind, u8 flags, s32 task, s32 other, u32 detail, u64 value)
{
	u64 n = __sync_fetch_and_add(&recorded, 1);
	u32 at = n;
	struct event *e = n < room ? bpf_map_lookup_elem(&events, &at) : NULL;

	if (!e)
		return;
	e->ns = bpf_ktime_get_ns();
	e->kind = kind;
	e->flags = flags;
	e->cpu = bpf_get_smp_processor_id();
	e->task = task;
	e->other = other;
	e->detail = detail;
	e->value = value;
}

static __always_inline void emit_name(struct task_struct *p)
{
	const u64 *comm = (const u64 *)p->comm;

	emit(NAME, 0, p->pid, (s32)comm[0], comm[0] >> 32, comm[1]);
}

static __always_inline void emit_about(struct task_struct *p, s32 parent)
{
	u32 detail = (u32)(p->static_prio - 100) & 0xff; /* nice + 20 */

	detail |= (p->policy & 0xff) << 8;
	detail |= (u32) !!(p->flags & PF_KTHREAD) << 16;
	detail |= (u32)is_followed(p->pid) << 17;
	emit(ABOUT, 0, p->pid, p->tgid, detail, (u32)parent);
}

/* A process's parent, a thread's process. */
static __always_inline s32 parent_of(struct task_struct *p)
{
	return p->pid == p->tgid ? p->real_parent->tgid : p->tgid;
}

/* System calls whose first argument is the file that they may wait for: bits by their numbers. */
#define CALL(n) (1ULL << ((n) % 64))
static const u64 fd_calls[8] = {
	/* read, write, ioctl, pread64, pwrite64, readv, writev, sendfile, connect, accept, sendto, recvfrom, sendmsg, recvmsg */
	CALL(0) | CALL(1) | CALL(16) | CALL(17) | CALL(18) | CALL(19) | CALL(20) | CALL(40) | CALL(42) | CALL(43) | CALL(44) | CALL(45) | CALL(46) | CALL(47),
	/* fcntl, flock, fsync, fdatasync, ftruncate, getdents */
	CALL(72) | CALL(73) | CALL(74) | CALL(75) | CALL(77) | CALL(78),
	/* readahead */
	CALL(187),
	/* getdents64, epoll_wait */
	CALL(217) | CALL(232),
	/* splice, tee, sync_file_range, vmsplice, epoll_pwait, fallocate, accept4, preadv, pwritev, recvmmsg, syncfs, sendmmsg */
	CALL(275) | CALL(276) | CALL(277) | CALL(278) | CALL(281) | CALL(285) | CALL(288) | CALL(295) | CALL(296) | CALL(299) | CALL(306) | CALL(307),
	/* copy_file_range, preadv2, pwritev2 */
	CALL(326) | CALL(327) | CALL(328),
	/* io_uring_enter, epoll_pwait2 */
	CALL(426) | CALL(441),
	0,
};

/* Kind of a file of the current task in bits 16-19, which one in bits 32-63; 0: not known. */
static __always_inline u64 file_value(struct task_struct *p, u64 fd)
{
	struct fdtable *table = p->files->fdt;
	struct inode *inode;
	u32 mode, magic;
	u64 file;

	if (fd >= table->max_fds)
		return 0;
	file = number_at(table->fd + fd);
	inode = CAST(file, file)->f_inode;
	if (!inode)
		return 0;
	mode = inode->i_mode & S_IFMT;
	magic = inode->i_sb->s_magic;
	/* All anonymous files share one inode: they are told apart by themselves. */
	if (magic == ANON_INODE_MAGIC || magic == PIDFS_MAGIC)
		return ANONYMOUS << 16 | (file >> 6) * 0x9e3779b1 << 32;
	mode = mode == S_IFIFO ? PIPE : mode == S_IFSOCK ? SOCKET : mode == S_IFCHR ? CHARACTER : REGULAR;
	return mode << 16 | inode->i_ino << 32;
}

/* A private futex belongs to its memory; a shared one is taken to lie at the same address everywhere, as after a fork. */
static __always_inline u64 futex_value(struct task_struct *p, u64 address, bool is_private)
{
	u32 owner = is_private ? (u32)(number_at(&p->mm) >> 6) * 0x9e3779b1 : 0;

	return (u64)((u32)(address >> 2) ^ owner) << 32;
}

/* The value of a switch: what the current task waits for. */
static __always_inline u64 reason(struct task_struct *p, u32 state)
{
	struct pt_regs *regs;
	u64 call;

	if (p->flags & (PF_KTHREAD | PF_USER_WORKER))
		return NO_CALL;
	regs = (struct pt_regs *)bpf_task_pt_regs(p);
	call = regs->orig_ax;
	if ((s64)call < 0)
		return p->flags & PF_EXITING || state & (TASK_STOPPED | TASK_TRACED | TASK_FROZEN) ? NO_CALL : NO_CALL | IN_FAULT;
	call &= ~0x40000000ULL; /* x32 */
	if (call >= 512 || p->thread_info.status & TS_COMPAT)
		return NO_CALL;
	if (fd_calls[call / 64] & CALL(call))
		return call | file_value(p, (u32)regs->di);
	if (call == 202 || call == 449 || call == 455) /* futex, futex_waitv, futex_wait */
		return call | futex_value(p, regs->di, call == 202 && regs->si & 128);
	if (call == 230 && regs->si & 1) /* clock_nanosleep, TIMER_ABSTIME */
		return call | ABSOLUTE;
	return call;
}

SEC("tp_btf/sched_switch")
int BPF_PROG(on_switch, bool preempt, struct task_struct *prev, struct task_struct *next, u32 prev_state)
{
	bool leaves = is_followed(prev->pid);
	u64 value = NO_CALL;
	u32 state = preempt ? 0 : prev_state;

	if (!leaves && !is_followed(next->pid))
		return 0;
	if (leaves && state)
		value = reason(prev, state);
	emit(SWITCH, (preempt ? 1 : 0) | (BPF_CORE_READ_BITFIELD(prev, in_iowait) ? 2 : 0), prev->pid, next->pid, state, value);
	return 0;
}

/* 1: in a hardirq or NMI, 2: serving a softirq. When that cannot be known: who is idle wakes nobody by itself. */
static __always_inline u8 interrupt(struct task_struct *current)
{
	u32 count;

	if (!preempt_count_distance)
		return current->pid ? 0 : 1;
	count = number_at((void *)(number_at(&current->se.cfs_rq->rq) + preempt_count_distance));
	return count & preempt_count_interrupts ? 1 : count & SOFTIRQ_SERVING ? 2 : 0;
}

SEC("tp_btf/sched_waking")
int BPF_PROG(on_waking, struct task_struct *p)
{
	struct task_struct *waker = bpf_get_current_task_btf();
	u8 flags = interrupt(waker);

	if (is_followed(p->pid) || (!flags && is_followed(waker->pid)))
		emit(WAKE, flags, p->pid, waker->pid, 0, 0);
	return 0;
}

/* By a task's cgroup, when that is what is followed. */
static __always_inline bool belongs(struct task_struct *p)
{
	struct cgroup *cgroup = bpf_cgroup_from_id(target_cgroup);
	bool yes;

	if (!cgroup)
		return false;
	yes = bpf_task_under_cgroup(p, cgroup);
	bpf_cgroup_release(cgroup);
	return yes;
}

static __always_inline int born(struct task_struct *child)
{
	struct task_struct *parent = bpf_get_current_task_btf();
	bool own = adopting && parent->tgid == runner;
	bool on = target_cgroup ? belongs(child) : own || is_followed(parent->pid);

	follow(child->pid, on);
	if (!on)
		return 0;
	if (own && !root)
		root = child->pid;
	emit(FORK, 0, child->pid, parent->pid, child->tgid, 0);
	emit_about(child, parent->pid);
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(on_fork, struct task_struct *child)
{
	return born(child);
}

/* Again, a little later: newer kernels preempt programs, and who forks meanwhile on that CPU is missed. With a child its children would be. */
SEC("tp_btf/sched_process_fork")
int BPF_PROG(on_forked, struct task_struct *parent, struct task_struct *child)
{
	return is_followed(child->pid) ? 0 : born(child);
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(on_exec, struct task_struct *p, s32 old)
{
	if (!is_followed(old))
		return 0;
	if (old != p->pid) { /* a thread that took over its process and its number */
		follow(p->pid, true);
		emit(FORK, 0, p->pid, old, p->tgid, 0);
		emit(EXIT, 0, old, 0, 0, 0);
	}
	emit_name(p);
	return 0;
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(on_exit, struct task_struct *p)
{
	if (!is_followed(p->pid))
		return 0;
	emit_name(p);
	emit_about(p, parent_of(p));
	emit(EXIT, 0, p->pid, 0, 0, 0);
	return 0;
}

SEC("tp_btf/sched_migrate_task")
int BPF_PROG(on_migrate, struct task_struct *p, s32 to)
{
	if (is_followed(p->pid))
		emit(MIGRATE, 0, p->pid, p->thread_info.cpu, to, 0);
	return 0;
}

/* Loaded only when a cgroup is followed: tasks come and go. */
SEC("tp_btf/cgroup_attach_task")
int BPF_PROG(on_attach, struct cgroup *destination, const char *path, struct task_struct *leader, bool all)
{
	struct bpf_iter_task it;
	struct task_struct *p;

	follow(leader->pid, belongs(leader));
	if (!all)
		return 0;
	bpf_iter_task_new(&it, leader, PROC_THREADS);
	while ((p = bpf_iter_task_next(&it)))
		follow(p->pid, belongs(p));
	bpf_iter_task_destroy(&it);
	return 0;
}

/* What follows is run by the runner, on its own behalf. Numbers of tasks are those of the root pid namespace, which it may not know. */
SEC("syscall")
int introduce(void *ctx)
{
	struct task_struct *p;

	runner = bpf_get_current_pid_tgid() >> 32;
	p = target ? bpf_task_from_vpid(target) : NULL;
	if (p) {
		root = p->tgid;
		bpf_task_release(p);
	}
	return !target || p ? 0 : -3;
}

/* Follows whoever is to be followed and lives already. A parent stands before its children in the kernel's list. Twice: who was being forked may have been missed. */
SEC("syscall")
int gather(void *ctx)
{
	struct bpf_iter_task it;
	struct task_struct *p;

	bpf_rcu_read_lock();
	bpf_iter_task_new(&it, NULL, ALL_THREADS);
	while ((p = bpf_iter_task_next(&it))) {
		if (target_cgroup ? belongs(p) : p->tgid == root || is_followed(parent_of(p)))
			follow(p->pid, true);
	}
	bpf_iter_task_destroy(&it);
	bpf_rcu_read_unlock();
	return 0;
}

/* Who lives now. */
SEC("syscall")
int census(void *ctx)
{
	struct bpf_iter_task it;
	struct task_struct *p;

	bpf_rcu_read_lock();
	bpf_iter_task_new(&it, NULL, ALL_THREADS);
	while ((p = bpf_iter_task_next(&it))) {
		if (!p->pid) /* the first idle task heads the list */
			continue;
		emit_name(p);
		emit_about(p, parent_of(p));
	}
	bpf_iter_task_destroy(&it);
	bpf_rcu_read_unlock();
	return 0;
}

char _license[] SEC("license") = "GPL";
