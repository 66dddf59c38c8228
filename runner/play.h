/* SPDX-License-Identifier: Apache-2.0 */
/* What the player and its tasks share: one anonymous mapping that every task inherits. */
#pragma once
#include "expansion.h"
#include <stdatomic.h>

struct semaphore {
	_Atomic uint32_t value, waiters;
	_Atomic uint64_t stamp;
} __attribute__((aligned(64)));

struct lock {
	_Atomic uint32_t state; /* 0 free, 1 held, 2 held and waited for */
	_Atomic uint32_t owner; /* task + 1 */
} __attribute__((aligned(64)));

enum task_error { TASK_OK, TASK_NOT_OWNER, TASK_FORKED_TWICE, TASK_FORK_FAILED, TASK_PIPE_FAILED, TASK_NICE_FAILED, TASK_CPUS_FAILED };

struct record {
	_Atomic uint32_t ended, joiners, attributes_set, started, go; /* ended and go are futexes */
	_Atomic int32_t pid;
	uint32_t cpu_number, error, error_op;
	uint64_t start, end, cpu, delay; /* ns; start and end on CLOCK_MONOTONIC */
	uint64_t vcsw, icsw;
	uint64_t cpu_before, delay_before, vcsw_before, icsw_before; /* used before its start */
	bool killed, misplaced; /* misplaced: its class, nice value or affinity could not be set */
} __attribute__((aligned(64)));

struct recorder {
	_Atomic uint64_t count;
	uint64_t *values;
};

struct play {
	struct expansion x;
	struct semaphore *semaphores;
	struct lock *locks;
	struct record *records;
	struct recorder *recorders;
	char *scratch; /* what READ and WRITE move; nobody looks at it */
	int (*pipes)[2];
	int cgroup_fds[64], base_cgroup_fd;
	_Atomic uint32_t *remaining; /* foreground tasks of this round that have not ended */
	_Atomic uint32_t *unready;   /* tasks of this round that have not come to their start line */
	uint64_t *shared_start; /* the round's start: known only after its tasks were forked */
	uint64_t round_start, spin_rate;
	uint64_t reading_ns; /* own to each process, measured before its start; a forked task has its parent's */
	pid_t player;
	int job_nice, job_sched;
};

/* Measures how fast this CPU spins; tasks inherit the answer. */
uint64_t spin_calibrate(void);
/* Forks task t, named and placed before it first runs. Returns as fork does, in the parent only. */
pid_t task_fork(struct play *play, uint32_t t);
/* Lets a task that waits at its start line go. */
void task_release(struct play *play, uint32_t t);
