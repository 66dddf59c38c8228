/* SPDX-License-Identifier: Apache-2.0 */
/* Checks an expansion (docs/protocol.md section 1) before anything starts: any bytes give an expansion or an error with its offset. */
#include "expansion.h"
#include <stdio.h>
#include <string.h>

#define MAX_TIME (1ULL << 60)

struct check {
	const uint8_t *buf;
	struct parse_error *error;
};

static bool bad(struct check *c, const void *where, const char *what)
{
	c->error->offset = (size_t)((const uint8_t *)where - c->buf);
	snprintf(c->error->text, sizeof(c->error->text), "expansion, offset %zu: %s", c->error->offset, what);
	return false;
}

static bool zeros(const uint8_t *bytes, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (bytes[i])
			return false;
	return true;
}

/* At least one allowed character, then NUL padding to the end. */
static bool name_ok(const char *name, size_t cap)
{
	size_t n = strnlen(name, cap);
	if (!n || n == cap || !zeros((const uint8_t *)name + n, cap - n))
		return false;
	for (size_t i = 0; i < n; i++) {
		char ch = name[i];
		bool letter = (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') || (ch >= '0' && ch <= '9');
		if (!letter && !strchr("._:-", ch))
			return false;
	}
	return true;
}

static bool check_header(struct check *c, const struct x_header *h, size_t n)
{
	if (n < sizeof(*h) || memcmp(h->magic, "SCPWORK1", 8))
		return bad(c, h, "does not start with SCPWORK1, or is shorter than its header");
	if (h->tasks < 1 || h->tasks > 32768 || h->ops > 8000000 || h->semaphores > 4096 || h->locks > 1024 || h->pipes > 1024 || h->series > 64 ||
	    h->cgroups > 64 || h->rounds < 1 || h->rounds > 64)
		return bad(c, &h->tasks, "a count is zero or above its limit");
	if (h->warmup_rounds > h->rounds || h->zero)
		return bad(c, &h->warmup_rounds, "more warm-up rounds than rounds, or a field that must be zero is not");
	size_t size = sizeof(*h) + 64 * ((size_t)h->series + h->cgroups) + 128 * (size_t)h->tasks + 16 * (size_t)h->ops;
	return n == size || bad(c, h, "its size is not what its counts say");
}

static bool check_tables(struct check *c, const struct expansion *x)
{
	uint64_t samples = 0;
	for (uint32_t i = 0; i < x->header->series; i++) {
		const struct x_series *s = &x->series[i];
		if (!name_ok(s->name, sizeof(s->name)) || !zeros(s->zero, sizeof(s->zero)) || s->deadline_ns > MAX_TIME || s->capacity > 1000000)
			return bad(c, s, "series: name, deadline, capacity or padding is wrong");
		samples += s->capacity;
	}
	if (samples > 1000000)
		return bad(c, x->series, "series: more than 1,000,000 samples in all");
	for (uint32_t i = 0; i < x->header->cgroups; i++) {
		const struct x_cgroup *g = &x->cgroups[i];
		if (!name_ok(g->name, sizeof(g->name)) || g->name[0] == '.' || g->zero || !zeros(g->zeros, sizeof(g->zeros)))
			return bad(c, g, "cgroup: name or padding is wrong");
		if (g->weight < 1 || g->weight > 10000 || g->max_ns > MAX_TIME)
			return bad(c, g, "cgroup: weight must be 1 to 10000, maxNs below 2^60");
		for (uint32_t j = 0; j < i; j++)
			if (!strcmp(x->cgroups[j].name, g->name))
				return bad(c, g, "cgroup: the name was used before");
	}
	return true;
}

static bool check_op(struct check *c, const struct expansion *x, const struct x_op *op)
{
	const struct x_header *h = x->header;
	int64_t nice = (int64_t)op->b;
	switch (op->code) {
	case OP_RUN: case OP_SLEEP: case OP_UNTIL:
		return (!op->a && op->b <= MAX_TIME) || bad(c, op, "RUN, SLEEP, UNTIL: a must be 0, b below 2^60");
	case OP_WAIT:
		return (op->a < h->semaphores && !op->b) || bad(c, op, "WAIT: no such semaphore, or b is not 0");
	case OP_SIGNAL:
		return (op->a < h->semaphores && op->b >= 1 && op->b <= 1 << 20) || bad(c, op, "SIGNAL: no such semaphore, or n is not 1 to 2^20");
	case OP_LOCK: case OP_UNLOCK:
		return (op->a < h->locks && !op->b) || bad(c, op, "LOCK, UNLOCK: no such lock, or b is not 0");
	case OP_WRITE: case OP_READ:
		return (op->a < h->pipes && op->b >= 1 && op->b <= 1 << 20) || bad(c, op, "WRITE, READ: no such pipe, or not 1 to 1048576 bytes");
	case OP_FORK: case OP_JOIN:
		return (op->a < h->tasks && !op->b) || bad(c, op, "FORK, JOIN: no such task, or b is not 0");
	case OP_YIELD:
		return (!op->a && !op->b) || bad(c, op, "YIELD takes no operands");
	case OP_LAP:
		return (op->a < h->series && op->b < h->semaphores) || bad(c, op, "LAP: no such series or semaphore");
	case OP_SINCE:
		return (op->a < h->series && op->b <= MAX_TIME) || bad(c, op, "SINCE: no such series, or time too large");
	case OP_REPEAT:
		return (op->a && op->b) || bad(c, op, "REPEAT: times and back must be at least 1");
	case OP_NICE:
		return (!op->a && nice >= -20 && nice <= 19) || bad(c, op, "NICE: b must be -20 to 19");
	case OP_CPUS:
		return (!op->a && op->b) || bad(c, op, "CPUS: the mask is empty");
	}
	return bad(c, op, "unknown operation");
}

/* What can only be said of an operation within its task. */
static bool check_task_ops(struct check *c, const struct expansion *x, uint32_t index)
{
	const struct x_task *t = &x->tasks[index];
	for (uint32_t i = 0; i < t->ops; i++) {
		const struct x_op *op = &x->ops[t->first_op + i];
		if (op->code == OP_REPEAT && op->b > i)
			return bad(c, op, "REPEAT jumps back beyond the task's first operation");
		if (op->code != OP_FORK && op->code != OP_JOIN)
			continue;
		if (x->tasks[op->a].round != t->round || op->a == index)
			return bad(c, op, "FORK, JOIN: the other task must be another one of the same round");
		if (op->code == OP_FORK && !(x->tasks[op->a].flags & TASK_FORKED))
			return bad(c, op, "FORK: that task is started by the player");
	}
	return true;
}

static bool check_task(struct check *c, const struct expansion *x, uint32_t index)
{
	const struct x_header *h = x->header;
	const struct x_task *t = &x->tasks[index];
	if (!name_ok(t->name, sizeof(t->name)))
		return bad(c, t, "task: the name must be 1 to 15 of [A-Za-z0-9._:-], NUL padded");
	if (t->round >= h->rounds || t->flags & ~3u || t->start_ns > MAX_TIME || (t->flags & TASK_FORKED && t->start_ns))
		return bad(c, &t->round, "task: round, flags or start is wrong");
	if (t->nice < -20 || t->nice > 19 || (t->sched_class != 0 && t->sched_class != 1 && t->sched_class != 3 && t->sched_class != 5))
		return bad(c, &t->nice, "task: nice or sched class is wrong");
	if (t->cgroup < -1 || t->cgroup >= (int32_t)h->cgroups || !zeros(t->zero, sizeof(t->zero)))
		return bad(c, &t->cgroup, "task: no such cgroup, or padding is not zero");
	if (t->first_op > h->ops || t->ops > h->ops - t->first_op)
		return bad(c, &t->first_op, "task: its operations lie outside the table");
	return check_task_ops(c, x, index);
}

bool expansion_parse(const uint8_t *buf, size_t n, struct expansion *x, struct parse_error *error)
{
	struct check c = {buf, error};
	x->header = (const struct x_header *)buf;
	if (!check_header(&c, x->header, n))
		return false;
	x->series = (const struct x_series *)(x->header + 1);
	x->cgroups = (const struct x_cgroup *)(x->series + x->header->series);
	x->tasks = (const struct x_task *)(x->cgroups + x->header->cgroups);
	x->ops = (const struct x_op *)(x->tasks + x->header->tasks);
	if (!check_tables(&c, x))
		return false;
	for (uint32_t i = 0; i < x->header->ops; i++)
		if (!check_op(&c, x, &x->ops[i]))
			return false;
	uint64_t walked = 0; /* tasks may share operations; what is walked in all stays bounded */
	for (uint32_t i = 0; i < x->header->tasks; i++) {
		walked += x->tasks[i].ops;
		if (walked > 64000000)
			return bad(&c, &x->tasks[i].first_op, "tasks share operations more often than 64,000,000 in all");
		if (!check_task(&c, x, i))
			return false;
	}
	return true;
}
