/* SPDX-License-Identifier: Apache-2.0 */
/* The job's text (docs/protocol.md section 2), parsed as a pure function over a buffer that may still be growing. */
#include "runner.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_LINE = 65536, MAX_BLOB = 64 << 20, MAX_ITEMS = 65536 };

struct reader {
	const uint8_t *buf;
	size_t n, at, line_start;
	size_t need;
	struct parse_error *error;
	uint32_t seen;
};

static enum parsed bad(struct reader *r, const char *what)
{
	r->error->offset = r->line_start;
	snprintf(r->error->text, sizeof(r->error->text), "job, offset %zu: %s", r->line_start, what);
	return MALFORMED;
}

/* The next line without its newline. */
static enum parsed next_line(struct reader *r, struct bytes *line)
{
	r->line_start = r->at;
	size_t left = r->n - r->at;
	const uint8_t *end = memchr(r->buf + r->at, '\n', left < MAX_LINE ? left : MAX_LINE);
	if (!end) {
		r->need = r->n + 1;
		return left >= MAX_LINE ? bad(r, "line longer than 65536 bytes") : NEEDS_MORE;
	}
	line->at = r->buf + r->at;
	line->n = (size_t)(end - line->at);
	r->at += line->n + 1;
	return PARSED;
}

/* Splits the first word off a line. */
static struct bytes word(struct bytes *line)
{
	struct bytes first = {line->at, 0};
	while (first.n < line->n && line->at[first.n] != ' ')
		first.n++;
	size_t skip = first.n < line->n ? first.n + 1 : first.n;
	line->at += skip;
	line->n -= skip;
	return first;
}

static bool is(struct bytes b, const char *text) { return b.n == strlen(text) && !memcmp(b.at, text, b.n); }

/* A whole decimal number within bounds; nothing else in the text. */
static bool number(struct bytes text, int64_t low, int64_t high, int64_t *out)
{
	size_t i = 0;
	bool negative = text.n && text.at[0] == '-';
	int64_t value = 0;
	if (negative)
		i++;
	if (i == text.n || text.n - i > 18)
		return false;
	for (; i < text.n; i++) {
		if (text.at[i] < '0' || text.at[i] > '9')
			return false;
		value = value * 10 + (text.at[i] - '0');
	}
	*out = negative ? -value : value;
	return *out >= low && *out <= high;
}

struct scalar {
	const char *name;
	int64_t low, high;
	size_t offset;
};
static const struct scalar scalars[] = {
	{"wall-limit-ms", 1, 86400000, offsetof(struct job, wall_limit_ms)},
	{"verify-budget-ms", 1, 600000, offsetof(struct job, verify_budget_ms)},
	{"timeout-ms", 1, 30000, offsetof(struct job, timeout_ms)},
	{"start-offset-ns", 0, 86400000000000, offsetof(struct job, start_offset_ns)},
	{"pid-offset", 0, 30000, offsetof(struct job, pid_offset)},
	{"base-slice-ns", 1, 1000000000, offsetof(struct job, base_slice_ns)},
	{"nice", -39, 39, offsetof(struct job, nice)},
	{"cpu-weight", 1, 10000, offsetof(struct job, cpu_weight)},
	{"runs", 1, 10000, offsetof(struct job, runs)},
	{"output-limit", 0, 16 << 20, offsetof(struct job, output_limit)},
	{"record-events", 1, 1 << 26, offsetof(struct job, record_events)},
	{"watch-tasks", 16, 1 << 20, offsetof(struct job, watch_tasks)},
	{"watch-budget-ppm", 1, 1000000, offsetof(struct job, watch_budget_ppm)},
	{"watch-windows", 1, 20, offsetof(struct job, watch_windows)},
};

static enum parsed parse_scalar(struct reader *r, struct job *job, struct bytes name, struct bytes rest, bool *known)
{
	char text[120];
	for (size_t i = 0; i < sizeof(scalars) / sizeof(*scalars); i++) {
		const struct scalar *s = &scalars[i];
		int64_t value;
		if (!is(name, s->name))
			continue;
		*known = true;
		if (r->seen & 1u << i)
			return bad(r, "this line was given before");
		r->seen |= 1u << i;
		if (!number(rest, s->low, s->high, &value)) {
			snprintf(text, sizeof(text), "%s needs a number from %lld to %lld", s->name, (long long)s->low, (long long)s->high);
			return bad(r, text);
		}
		memcpy((char *)job + s->offset, &value, sizeof(value));
		return PARSED;
	}
	*known = false;
	return PARSED;
}

static bool feature_name(struct bytes b)
{
	if (!b.n || b.n > 63)
		return false;
	for (size_t i = 0; i < b.n; i++)
		if (b.at[i] != '_' && (b.at[i] < 'A' || b.at[i] > 'Z') && (b.at[i] < '0' || b.at[i] > '9'))
			return false;
	return true;
}

static bool hex_text(struct bytes b)
{
	for (size_t i = 0; i < b.n; i++)
		if (!memchr("0123456789abcdefABCDEF", b.at[i], 22))
			return false;
	return b.n && b.n % 2 == 0;
}

static enum parsed parse_map(struct reader *r, struct job *job, struct bytes rest)
{
	struct map_line map;
	map.name = word(&rest);
	map.key = word(&rest);
	map.value = word(&rest);
	if (rest.n || !map.name.n || map.name.n > 127 || !hex_text(map.key) || !hex_text(map.value))
		return bad(r, "expected: map NAME KEYHEX VALUEHEX");
	if (job->map_count == MAX_ITEMS)
		return bad(r, "more than 65536 map lines");
	if ((job->map_count & (job->map_count - 1)) == 0) /* grow at powers of two */
		job->maps = xalloc(job->maps, (job->map_count ? job->map_count * 2 : 1) * sizeof(map));
	job->maps[job->map_count++] = map;
	return PARSED;
}

static enum parsed parse_follow(struct reader *r, struct job *job, struct bytes rest)
{
	struct bytes what = word(&rest);
	if (job->follow != FOLLOW_OWN)
		return bad(r, "this line was given before");
	if (is(what, "all") && !rest.n)
		job->follow = FOLLOW_ALL;
	else if (is(what, "pid") && number(rest, 1, 1 << 22, &job->follow_pid))
		job->follow = FOLLOW_PID;
	else if (is(what, "cgroup") && rest.n && rest.at[0] == '/' && rest.n < 4096 && !memchr(rest.at, 0, rest.n))
		job->follow = FOLLOW_CGROUP;
	else
		return bad(r, "expected: follow all, follow pid NUMBER, or follow cgroup /PATH");
	job->follow_cgroup = rest;
	return PARSED;
}

static enum parsed parse_scope(struct reader *r, struct job *job, struct bytes rest)
{
	struct scope_line line = {0};
	struct bytes what = word(&rest);
	bool pid = is(what, "pid") && number(rest, 1, 1 << 22, &line.pid);
	bool cgroup = is(what, "cgroup") && rest.n > 1 && rest.at[0] == '/' && rest.n < 4096 && !memchr(rest.at, 0, rest.n);
	if (!pid && !cgroup)
		return bad(r, "expected: scope pid NUMBER, or scope cgroup /PATH");
	if (job->scope_count == 1024)
		return bad(r, "more than 1024 scope lines");
	if (cgroup)
		line.cgroup = rest;
	if ((job->scope_count & (job->scope_count - 1)) == 0)
		job->scopes = xalloc(job->scopes, (job->scope_count ? job->scope_count * 2 : 1) * sizeof(line));
	job->scopes[job->scope_count++] = line;
	return PARSED;
}

static enum parsed append(struct reader *r, struct bytes **list, size_t *count, struct bytes item)
{
	if (memchr(item.at, 0, item.n))
		return bad(r, "an argument or variable contains a zero byte");
	if (*count == 4096)
		return bad(r, "more than 4096 arguments or variables");
	if ((*count & (*count - 1)) == 0)
		*list = xalloc(*list, (*count ? *count * 2 : 1) * sizeof(item));
	(*list)[(*count)++] = item;
	return PARSED;
}

static enum parsed once(struct reader *r, struct bytes *field, struct bytes blob)
{
	if (field->at)
		return bad(r, "this blob was given before");
	*field = blob;
	return PARSED;
}

static enum parsed parse_blob(struct reader *r, struct job *job, struct bytes rest)
{
	struct bytes kind = word(&rest);
	int64_t size;
	if (!number(rest, 0, MAX_BLOB, &size))
		return bad(r, "blob needs a size from 0 to 67108864");
	if (r->n - r->at < (size_t)size + 1) {
		r->need = r->at + (size_t)size + 1;
		return NEEDS_MORE;
	}
	struct bytes blob = {r->buf + r->at, (size_t)size};
	r->at += blob.n + 1;
	if (blob.at[blob.n] != '\n')
		return bad(r, "the blob is not followed by a newline: its size is wrong");
	if (is(kind, "object"))
		return once(r, &job->object, blob);
	if (is(kind, "workload"))
		return once(r, &job->workload, blob);
	if (is(kind, "tracer"))
		return once(r, &job->tracer, blob);
	if (is(kind, "recorder"))
		return once(r, &job->recorder, blob);
	if (is(kind, "watcher"))
		return once(r, &job->watcher, blob);
	if (is(kind, "cwd"))
		return memchr(blob.at, 0, blob.n) || !blob.n ? bad(r, "cwd is empty or contains a zero byte") : once(r, &job->cwd, blob);
	if (is(kind, "arg"))
		return append(r, &job->args, &job->arg_count, blob);
	if (is(kind, "env"))
		return append(r, &job->envs, &job->env_count, blob);
	return bad(r, "unknown kind of blob");
}

static enum parsed parse_line(struct reader *r, struct job *job, struct bytes line)
{
	bool known;
	struct bytes name = word(&line);
	if (is(name, "blob"))
		return parse_blob(r, job, line);
	if (is(name, "map"))
		return parse_map(r, job, line);
	if (is(name, "follow"))
		return parse_follow(r, job, line);
	if (is(name, "serve") && (!line.n || is(line, "tests"))) {
		job->serve = true;
		job->serve_tests = line.n;
		return PARSED;
	}
	if (is(name, "scope"))
		return parse_scope(r, job, line);
	if (is(name, "sched")) {
		job->sched = is(line, "other") ? 0 : is(line, "batch") ? 3 : is(line, "idle") ? 5 : -1;
		return job->sched < 0 ? bad(r, "sched needs one of other, batch, idle") : PARSED;
	}
	if (is(name, "feature")) {
		if (!feature_name(line) || job->feature_count == 32)
			return bad(r, "feature needs a name such as NO_RUN_TO_PARITY (at most 32 of them)");
		job->features[job->feature_count++] = line;
		return PARSED;
	}
	enum parsed result = parse_scalar(r, job, name, line, &known);
	return known ? result : bad(r, "unknown line");
}

static enum parsed parse_all(struct reader *r, struct job *job)
{
	struct bytes line;
	enum parsed result = next_line(r, &line);
	if (result == PARSED && !is(line, "schedcp-job 1"))
		return bad(r, "expected the first line: schedcp-job 1");
	while (result == PARSED) {
		result = next_line(r, &line);
		if (result != PARSED || is(line, "end"))
			break;
		result = parse_line(r, job, line);
	}
	if (result == PARSED && job->workload.at && job->arg_count)
		return bad(r, "a job has a workload or a command, not both");
	if (result == PARSED && job->follow != FOLLOW_OWN && (job->workload.at || job->arg_count))
		return bad(r, "a job with a workload or a command follows that, and nothing else");
	if (result == PARSED && job->follow == FOLLOW_OWN && (job->recorder.at || job->watcher.at) && !job->workload.at && !job->arg_count)
		return bad(r, "there is nothing to observe: a line follow, a command or a workload is needed");
	return result;
}

enum parsed job_parse(const uint8_t *buf, size_t n, struct job *job, size_t *need, struct parse_error *error)
{
	struct reader r = {.buf = buf, .n = n, .error = error};
	*job = (struct job){.wall_limit_ms = 20000, .verify_budget_ms = 5000, .timeout_ms = 2000, .runs = 1, .output_limit = 65536, .record_events = 1000000, .watch_budget_ppm = 10000, .sched = -1};
	enum parsed result = parse_all(&r, job);
	*need = r.need;
	if (result != PARSED)
		job_free(job);
	return result;
}

void job_free(struct job *job)
{
	free(job->maps);
	free(job->scopes);
	free(job->args);
	free(job->envs);
	job->maps = NULL;
	job->scopes = NULL;
	job->args = job->envs = NULL;
}

bool unhex(struct bytes hex, uint8_t *out, size_t n)
{
	if (hex.n != n * 2)
		return false;
	for (size_t i = 0; i < hex.n; i++) {
		uint8_t c = hex.at[i], digit = c <= '9' ? c - '0' : (uint8_t)((c | 32) - 'a' + 10);
		out[i / 2] = (uint8_t)(out[i / 2] << 4 | digit);
	}
	return true;
}
