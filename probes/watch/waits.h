/* SPDX-License-Identifier: GPL-2.0 */
/* What a task waits for and what woke it, by the rules of src/traces/wait-reasons.ts: so that counters and recordings say the same. */
#pragma once
#include "state.h"

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

/* 0: in no interrupt. A softirq that is served counts 0x100, and those that are only kept off twice that (include/linux/preempt.h). */
static __always_inline u32 interrupts(struct task_struct *current_task)
{
	u32 count = 0;
	struct rq *rq = current_task->se.cfs_rq->rq;
	if (!preempt_count_at || bpf_probe_read_kernel(&count, sizeof(count), (void *)rq + preempt_count_at))
		return current_task->pid ? 0 : interrupt_bits;
	return count & (interrupt_bits | 0x100);
}

/* Who is woken in an interrupt, by what: src/traces/wait-reasons.ts has the same rules for recordings. */
static __always_inline u32 cause_of(u32 count, u32 reason, bool together)
{
	if (count & interrupt_bits) { /* hrtimers ring here */
		u32 by_timer = 1 << UNKNOWN | 1 << SLEEP | 1 << FUTEX | 1 << PIPE | 1 << POLL | 1 << CHILD | 1 << OTHER;
		return by_timer >> reason & 1 ? TIMER : INTERRUPT;
	}
	if (reason == SLEEP)
		return TIMER;
	return together && (reason == SOCKET || reason == POLL) ? TASK : INTERRUPT;
}

/*
 * Most wake the same one again and again: the map is asked only when that changes. Who changes often is asked every STRIDE times from then on, and the
 * answer counts as many times.
 */
static __always_inline void edge(struct slot *from, u32 to)
{
	if (from->edge_to == to) {
		from->edge_count++;
		return;
	}
	u32 turn = from->edge_turns++, times = turn < EXACT ? 1 : STRIDE;
	if (turn >= EXACT && turn % STRIDE)
		return;
	u64 key = (u64)from->id << 32 | from->edge_to, count = from->edge_count;
	u64 *found = count ? bpf_map_lookup_elem(&edges, &key) : NULL;
	if (found)
		ADD(*found, count);
	else if (count && bpf_map_update_elem(&edges, &key, &count, BPF_NOEXIST))
		ADD(lost_edges, count);
	from->edge_to = to;
	from->edge_count = times;
}

