/* SPDX-License-Identifier: Apache-2.0 */
/* What the standing watch has counted, as JSON lines: a line for 50 tasks, then one for the whole. docs/protocol.md, section 6. */
#include "watch.h"
#include <bpf/bpf.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { TASKS_A_LINE = 50, MAX_EDGES = 4000, KERNEL_THREAD = 0x200000 };

struct edge {
	uint64_t key, count;
};

/* Numbers without the zeroes at the end. */
static void emit_small(const char *key, const uint32_t *values, size_t n)
{
	while (n && !values[n - 1])
		n--;
	json_array(key);
	for (size_t i = 0; i < n; i++)
		json_uint(NULL, values[i]);
	json_array_end();
}

static void emit_long(const char *key, const uint64_t *values, size_t n, uint64_t times)
{
	while (n && !values[n - 1])
		n--;
	json_array(key);
	for (size_t i = 0; i < n; i++)
		json_uint(NULL, values[i] * times);
	json_array_end();
}

static void emit_waits(const struct watch_slot *s)
{
	json_array("waits");
	for (size_t i = 0; i < WATCH_REASONS; i++) {
		if (!s->waits[i].count)
			continue;
		json_array(NULL);
		json_uint(NULL, i);
		json_uint(NULL, s->waits[i].count);
		json_uint(NULL, s->waits[i].ns);
		json_array_end();
	}
	json_array_end();
}

static int64_t grown(int64_t value) { return value > 0 ? value : 0; }

static void emit_task(const struct watch_slot *s, uint64_t start, int32_t tid)
{
	json_object(NULL);
	json_uint("id", s->id);
	json_int("tid", tid);
	json_int("tgid", tid < 0 ? -1 : s->tgid);
	json_bytes("comm", s->comm, strnlen(s->comm, sizeof(s->comm)));
	json_bool("kernel", s->flags & KERNEL_THREAD);
	if (s->born_ns)
		json_int("bornNs", grown((int64_t)(s->born_ns - start)));
	if (s->ended_ns)
		json_int("endedNs", grown((int64_t)(s->ended_ns - start)));
	json_int("ranNs", grown(s->sum.ran));
	json_int("delayNs", grown(s->sum.delay));
	json_int("utime", grown(s->sum.utime));
	json_int("stime", grown(s->sum.stime));
	json_uint("bursts", s->bursts);
	if (s->missed)
		json_uint("missed", s->missed);
	if (s->waited)
		json_bool("waited", true);
	json_int("voluntary", grown(s->sum.nvcsw));
	json_int("involuntary", grown(s->sum.nivcsw));
	json_int("migrations", grown(s->sum.migrations));
	json_uint("forks", s->forks);
	json_int("minorFaults", grown(s->sum.min_flt));
	json_int("majorFaults", grown(s->sum.maj_flt));
	json_array("io");
	json_uint(NULL, s->reads);
	json_uint(NULL, s->writes);
	json_uint(NULL, s->read_bytes);
	json_uint(NULL, s->written_bytes);
	json_array_end();
	emit_waits(s);
	emit_small("wakes", s->wakes, WATCH_CAUSES);
	emit_small("runs", s->times, WATCH_BUCKETS);
	emit_small("sleeps", s->times + WATCH_BUCKETS, WATCH_BUCKETS);
	emit_small("delays", s->times + 2 * WATCH_BUCKETS, WATCH_BUCKETS);
	json_object_end();
}

/* Was entered, and not in vain. */
static bool is_task(const struct watch_slot *s) { return s->id && s->ended != 2; }

static uint32_t emit_one(uint32_t n, const struct watch_slot *s, uint64_t start, int32_t tid)
{
	if (n % TASKS_A_LINE == 0) {
		json_open("watchedTasks");
		json_array("tasks");
	}
	emit_task(s, start, tid);
	if (++n % TASKS_A_LINE == 0) {
		json_array_end();
		json_close();
	}
	return n;
}

static void emit_tasks(const struct watch_told *told)
{
	uint32_t n = 0;
	for (uint32_t i = 0; i < told->allocated; i++)
		if (is_task(&told->slots[i]))
			n = emit_one(n, &told->slots[i], told->start_ns, told->slots[i].tid);
	if (told->folded)
		n = emit_one(n, told->rest, told->start_ns, -1);
	if (n % TASKS_A_LINE) {
		json_array_end();
		json_close();
	}
}

static int by_count(const void *a, const void *b)
{
	const struct edge *left = a, *right = b;
	return left->count < right->count ? 1 : left->count > right->count ? -1 : left->key < right->key ? -1 : left->key > right->key;
}

static size_t read_edges(const struct watch_told *told, struct edge *edges, size_t room)
{
	uint64_t key, *last = NULL;
	size_t n = 0;
	while (n < room && !bpf_map_get_next_key(told->edges_fd, last, &key)) {
		if (!bpf_map_lookup_elem(told->edges_fd, &key, &edges[n].count))
			edges[n++].key = key;
		last = &key;
	}
	for (uint32_t i = 0; i < told->allocated && n < room; i++) { /* those that have not come to the map yet */
		const struct watch_slot *s = &told->slots[i];
		if (is_task(s) && s->edge_count)
			edges[n++] = (struct edge){(uint64_t)s->id << 32 | s->edge_to, s->edge_count};
	}
	return n;
}

static int by_key(const void *a, const void *b)
{
	const struct edge *left = a, *right = b;
	return left->key < right->key ? -1 : left->key > right->key;
}

/* What the map has and what had not come to it yet, of the same two, is one. */
static size_t merge(struct edge *edges, size_t n)
{
	size_t kept = 0;
	qsort(edges, n, sizeof(*edges), by_key);
	for (size_t i = 0; i < n; i++) {
		if (kept && edges[kept - 1].key == edges[i].key)
			edges[kept - 1].count += edges[i].count;
		else
			edges[kept++] = edges[i];
	}
	return kept;
}

static void emit_edges(const struct watch_told *told)
{
	size_t room = 16384 + told->allocated;
	struct edge *edges = xalloc(NULL, room * sizeof(*edges));
	size_t n = merge(edges, read_edges(told, edges, room));
	qsort(edges, n, sizeof(*edges), by_count);
	json_array("edges");
	for (size_t i = 0; i < n && i < MAX_EDGES; i++) {
		json_array(NULL);
		json_uint(NULL, edges[i].key >> 32);
		json_uint(NULL, (uint32_t)edges[i].key);
		json_uint(NULL, edges[i].count);
		json_array_end();
	}
	json_array_end();
	free(edges);
}

void watch_report(const struct watch_told *told)
{
	uint64_t observed = told->end_ns - told->start_ns;
	emit_tasks(told);
	json_open("watched");
	json_uint("observedNs", observed);
	json_uint("switchingNs", told->switching_ns < observed ? told->switching_ns : observed);
	json_uint("wakingNs", told->waking_ns < observed ? told->waking_ns : observed);
	json_int("cpus", sysconf(_SC_NPROCESSORS_ONLN));
	json_uint("busyNs", told->busy_ns);
	json_uint("folded", told->folded);
	json_uint("samples", told->samples);
	emit_long("parallelNs", told->parallel, WATCH_LEVELS, told->sample_ns);
	emit_long("queuedNs", told->queued, WATCH_LEVELS, told->sample_ns);
	emit_edges(told);
	json_object("lost");
	json_uint("tasks", told->lost_tasks);
	json_uint("edges", told->lost_edges);
	json_uint("events", told->cost.missed);
	json_object_end();
	if (told->cost.runs) { /* while kernel.bpf_stats_enabled is on */
		json_object("cost");
		json_uint("runs", told->cost.runs);
		json_uint("ns", told->cost.ns);
		json_object_end();
	}
	if (told->pmu[0] && told->pmu[1]) {
		json_array("pmu");
		for (size_t i = 0; i < 3; i++)
			json_uint(NULL, told->pmu[i]);
		json_array_end();
	}
	json_array("missing");
	for (size_t i = 0; i < told->missing_count; i++)
		json_string(NULL, told->missing[i]);
	json_array_end();
	json_close();
}
