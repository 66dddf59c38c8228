/* SPDX-License-Identifier: GPL-2.0 */
/* What the watch keeps: a slot for each task, and what the runner reads and sets. */
#pragma once
#include "kernel.h"

char _license[] SEC("license") = "GPL";

enum { INDEX = 1 << 16, WAYS = 4, BUCKETS = 40, REASONS = 12, CAUSES = 5, MAX_CPUS = 512, LEVELS = 65, QUEUE_LOOK = 64, CACHE_TURNS = 63, EXACT = 1024, STRIDE = 16, EARLY = 64 };
enum reason { UNKNOWN, SLEEP, FUTEX, PIPE, SOCKET, POLL, DISK, CHILD, FAULT, KERNEL, IDLE, OTHER, BY_FILE }; /* src/core/trace.ts: waitReasons */
enum cause { START, FORK, TASK, TIMER, INTERRUPT };							     /* wakeCauses */
enum { STATE_INTERRUPTIBLE = 1, STATE_UNINTERRUPTIBLE = 2, STATE_STOPPED = 4 | 8, STATE_DEAD = 0x10 | 0x80, STATE_NOLOAD = 0x400, STATE_RTLOCK = 0x1000 };
enum { PF_KTHREAD = 0x200000, NO_SLOT = 0xffffffff };
enum scope { OWN, PROCESS, CGROUP, ALL };
enum { RUNNABLE, WAITING, NEW, CUT }; /* CUT: awake, but when its burst began was not seen */
enum { RUNS = 0, SLEEPS = BUCKETS, DELAYS = 2 * BUCKETS };

/* Differences between the end and the beginning of the observation. */
struct totals {
	u64 ran, delay, utime, stime, nvcsw, nivcsw, min_flt, maj_flt, migrations, read_bytes, write_bytes;
};

/* One task. The runner reads it as it is. */
struct slot {
	u64 task; /* its address: a thread that execs takes over the number of its process */
	u64 ran_seen, delay_seen, departed, burst_ran;
	u32 voluntary, involuntary; /* its switches, by the kernel's count, when it was seen last */
	u16 call; /* the system call in which it waited last, its first argument, and what that was */
	u8 call_reason, call_turns;
	u32 call_arg;
	u8 state, reason, ended, weight; /* what it has done since is counted so many times */
	u32 bursts;
	/* The second cache line is that of wakeups. */
	u32 wakes[5], id /* never used again */, edge_to, edge_count, edge_turns, forks;
	u64 born_ns, ended_ns; /* CLOCK_MONOTONIC; 0: not in the observation */
	s32 tgid, tid;
	struct {
		u64 ns, count;
	} waits[REASONS];
	u32 times[3 * BUCKETS]; /* of runs, of waits, of delays: how many of [2^i, 2^(i+1)) ns */
	struct totals sum;
	u32 reads, writes;
	u64 read_bytes, written_bytes;
	char comm[16];
	u32 claim, flags, missed /* switches that were not seen */, waited /* when the observation began */, pad[4]; /* to whole cache lines */
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
const volatile s64 preempt_count_at = 0;	/* from a CPU's runqueue; 0: not known */
const volatile u32 interrupt_bits = 0xff0000; /* of it: in a hard interrupt, or NMI */
const volatile u64 cgroup_id = 0;
const volatile s32 process = 0;

u64 entries[INDEX]; /* tid | (slot + 1) << 32, or NO_SLOT << 32: followed, but only in `rest` */
u64 rqs[MAX_CPUS];
u64 parallel[LEVELS], queued[LEVELS]; /* samples */
struct slot rest;		      /* of all that have no slot any more */
/*
 * Switches and wakeups are counted in one window of `weight`: what is seen stands for so many times as much. In the others (`closed`) only the EARLY switches of
 * each task are, and its last one.
 */
struct {
	u32 weight, closed;
} window = {1, 0};
u32 allocated, recycled, next_id, folded, follow_own, now_running, now_waiting;
s32 own;
u64 lost_tasks, lost_edges, samples;
struct {
	u64 wakes, zero[7]; /* a cache line for each CPU */
} seen[MAX_CPUS];

#define ADD(to, what) __sync_fetch_and_add(&(to), (what))
