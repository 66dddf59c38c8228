/* SPDX-License-Identifier: Apache-2.0 */
/* Mutates jobs and expansions and feeds them to the runner's two parsers, under the address and undefined-behaviour sanitizers:
 * any bytes must give a value or an error, never a crash, and what is accepted must satisfy the player's assumptions.
 * Build: make -C test/runner fuzz   Run: build/fuzz [COUNT] [SEED] */
#include "../../runner/expansion.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void *xalloc(void *old, size_t size)
{
	void *p = realloc(old, size ? size : 1);
	if (!p)
		abort();
	return p;
}

static uint64_t state;
static uint64_t next_random(void) /* xorshift64* */
{
	state ^= state >> 12;
	state ^= state << 25;
	state ^= state >> 27;
	return state * 2685821657736338717ULL;
}
static size_t below(size_t n) { return n ? next_random() % n : 0; }

static void put(uint8_t **at, const void *bytes, size_t n)
{
	memcpy(*at, bytes, n);
	*at += n;
}

/* A valid expansion of a few tasks that uses every operation. */
static size_t seed_expansion(uint8_t *buf)
{
	struct x_header h = {{'S', 'C', 'P', 'W', 'O', 'R', 'K', '1'}, 3, 20, 2, 1, 1, 1, 1, 2, 1, 0};
	struct x_series s = {.name = "rtt", .capacity = 100};
	struct x_cgroup g = {.name = "heavy", .weight = 100};
	struct x_task tasks[3] = {{.name = "a", .cgroup = 0, .ops = 18}, {.name = "b", .flags = 2, .cgroup = -1, .first_op = 18, .ops = 1},
				  {.name = "c", .round = 1, .cgroup = -1, .first_op = 18, .ops = 2}};
	struct x_op ops[20] = {{1, 0, 10}, {2, 0, 10}, {3, 0, 10}, {4, 1, 0}, {5, 1, 2}, {6, 0, 0}, {7, 0, 0}, {8, 0, 9}, {9, 0, 9}, {10, 1, 0},
			       {11, 1, 0}, {12, 0, 0}, {13, 0, 1}, {14, 0, 5}, {15, 3, 14}, {16, 0, (uint64_t)-5}, {17, 0, 3}, {1, 0, 0}, {1, 0, 7}, {2, 0, 7}};
	uint8_t *at = buf;
	put(&at, &h, sizeof(h));
	put(&at, &s, sizeof(s));
	put(&at, &g, sizeof(g));
	put(&at, tasks, sizeof(tasks));
	put(&at, ops, sizeof(ops));
	return (size_t)(at - buf);
}

static size_t seed_job(uint8_t *buf)
{
	static const char text[] = "schedcp-job 1\nwall-limit-ms 20000\nverify-budget-ms 5000\ntimeout-ms 2000\nstart-offset-ns 137000\npid-offset 17\n"
				   "base-slice-ns 3000000\nfeature NO_RUN_TO_PARITY\nnice -5\nsched batch\ncpu-weight 200\nruns 3\noutput-limit 65536\n"
				   "map hints 00ff 0102\nblob object 12\n\x7f" "ELF\n\0end\nxx\nblob arg 4\nmake\nblob arg 3\n-j2\nblob env 9\nNAME=valu\n"
				   "blob cwd 5\n/home\nend\n";
	static const char *const observed[] = {"follow pid 1234", "follow cgroup /a/b", "follow all"};
	if (below(2)) {
		memcpy(buf, text, sizeof(text) - 1);
		return sizeof(text) - 1;
	}
	return (size_t)sprintf((char *)buf, "schedcp-job 1\nstart-offset-ns 5\n%s\nrecord-events 5000\nblob recorder 4\nELF!\nblob watcher 4\nELF!\nend\n",
			       observed[below(3)]);
}

static size_t mutate(uint8_t *buf, size_t n, size_t cap)
{
	static const uint64_t values[] = {0, 1, 2, 3, 0x7f, 0x80, 0xff, 4096, 65535, 1u << 31, 0xffffffff, 1ULL << 60, 1ULL << 63, ~0ULL};
	for (size_t i = 1 + below(6); i; i--) {
		size_t at = below(n), length = below(n - at < 40 ? n - at : 40);
		switch (below(6)) {
		case 0: buf[at] ^= (uint8_t)(1 << below(8)); break;
		case 1: buf[at] = (uint8_t)next_random(); break;
		case 2: n = at + 1; break;
		case 3: memcpy(buf + at, &values[below(14)], n - at < 8 ? n - at : (size_t)1 << below(4)); break;
		case 4: memmove(buf + at, buf + at + length, n - at - length); n = n - length ? n - length : 1; break;
		case 5:
			if (n + length <= cap) {
				memmove(buf + at + length, buf + at, n - at);
				n += length;
			}
			break;
		}
	}
	return n;
}

static void check(bool truth, const char *what)
{
	if (truth)
		return;
	fprintf(stderr, "fuzz: accepted although %s\n", what);
	abort();
}

static void check_expansion(const struct expansion *x)
{
	for (uint32_t t = 0; t < x->header->tasks; t++) {
		const struct x_task *task = &x->tasks[t];
		check((uint64_t)task->first_op + task->ops <= x->header->ops, "operations lie outside");
		check(task->cgroup < (int32_t)x->header->cgroups && memchr(task->name, 0, 16), "cgroup or name is wrong");
		for (uint32_t i = 0; i < task->ops; i++) {
			const struct x_op *op = &x->ops[task->first_op + i];
			check(op->code != OP_REPEAT || op->b <= i, "a REPEAT leaves its task");
			check(op->code != OP_FORK || x->tasks[op->a].flags & TASK_FORKED, "a FORK starts a task of the player's");
		}
	}
}

static void check_job(const struct job *job, const uint8_t *buf, size_t n)
{
	uint8_t byte[65536];
	check(job->record_events >= 1 && job->record_events <= 1 << 26, "the room of a recording is out of bounds");
	check(job->follow != FOLLOW_PID || (job->follow_pid >= 1 && job->follow_pid <= 1 << 22), "no process has such a number");
	check(job->follow != FOLLOW_CGROUP || (job->follow_cgroup.n && job->follow_cgroup.at[0] == '/' && !memchr(job->follow_cgroup.at, 0, job->follow_cgroup.n)),
	      "no cgroup has such a path");
	check(job->follow == FOLLOW_OWN || (!job->workload.at && !job->arg_count), "it follows two things");
	check(job->timeout_ms <= 30000 && job->runs >= 1 && job->output_limit <= 16 << 20, "a limit was passed");
	check(!job->object.at || (job->object.at >= buf && job->object.at + job->object.n < buf + n), "the object lies outside");
	for (size_t i = 0; i < job->map_count; i++)
		unhex(job->maps[i].key, byte, job->maps[i].key.n / 2);
}

int main(int argc, char **argv)
{
	size_t count = argc > 1 ? strtoul(argv[1], NULL, 10) : 100000, accepted[2] = {0};
	state = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
	for (size_t i = 0; i < count; i++) {
		uint8_t seed[4096];
		struct parse_error error = {0};
		bool is_job = i % 2;
		size_t n = is_job ? seed_job(seed) : seed_expansion(seed), need = 0;
		n = i < 2 ? n : mutate(seed, n, sizeof(seed));
		uint8_t *exact = malloc(n); /* so that a read past the end is seen */
		memcpy(exact, seed, n);
		struct expansion x;
		struct job job;
		if (is_job) {
			enum parsed result = job_parse(exact, n, &job, &need, &error);
			check(result != NEEDS_MORE || need > n, "it asks for less than it has");
			accepted[1] += result == PARSED;
			if (result == PARSED) {
				check_job(&job, exact, n);
				job_free(&job);
			}
		} else if (expansion_parse(exact, n, &x, &error)) {
			accepted[0]++;
			check_expansion(&x);
		} else {
			check(error.text[0] && error.offset <= n, "the error says nothing");
		}
		check(i >= 2 || accepted[i] == 1, "(reversed) the unmutated seed was refused");
		free(exact);
	}
	printf("fuzz: %zu inputs, accepted %zu expansions and %zu jobs\n", count, accepted[0], accepted[1]);
	return 0;
}
