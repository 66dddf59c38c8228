/* SPDX-License-Identifier: Apache-2.0 */
/* The expansion of a workload as it lies in memory (docs/protocol.md section 1), and its check. */
#pragma once
#include "runner.h"

enum op_code {
	OP_RUN = 1, OP_SLEEP, OP_UNTIL, OP_WAIT, OP_SIGNAL, OP_LOCK, OP_UNLOCK, OP_WRITE, OP_READ, OP_FORK, OP_JOIN, OP_YIELD,
	OP_LAP, OP_SINCE, OP_REPEAT, OP_NICE, OP_CPUS,
};
enum { TASK_BACKGROUND = 1, TASK_FORKED = 2 };

struct x_header {
	char magic[8];
	uint32_t tasks, ops, semaphores, locks, pipes, series, cgroups, rounds, warmup_rounds, zero;
};
struct x_series {
	char name[32];
	uint64_t deadline_ns, capacity;
	uint8_t zero[16];
};
struct x_cgroup {
	char name[32];
	uint32_t weight, zero;
	uint64_t max_ns;
	uint8_t zeros[16];
};
struct x_task {
	char name[16];
	uint32_t round, flags;
	uint64_t start_ns;
	int32_t nice;
	uint32_t sched_class;
	int32_t cgroup;
	uint32_t group;
	uint64_t cpus[4];
	uint32_t first_op, ops;
	uint8_t zero[40];
};
struct x_op {
	uint32_t code, a;
	uint64_t b;
};
_Static_assert(sizeof(struct x_header) == 48 && sizeof(struct x_series) == 64 && sizeof(struct x_cgroup) == 64, "layout");
_Static_assert(sizeof(struct x_task) == 128 && sizeof(struct x_op) == 16, "layout");

struct expansion {
	const struct x_header *header;
	const struct x_series *series;
	const struct x_cgroup *cgroups;
	const struct x_task *tasks;
	const struct x_op *ops;
};
/* Pure. buf must be aligned to 8 bytes. Checks every count, index, name and limit; nothing is left for the player to doubt. */
bool expansion_parse(const uint8_t *buf, size_t n, struct expansion *x, struct parse_error *error);
