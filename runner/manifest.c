/* SPDX-License-Identifier: Apache-2.0 */
/* Reads the manifest of an export: JSON (RFC 8259) whose members are those that src/deployment/manifest.ts writes. Whatever it does not know it refuses. */
#include "keep.h"
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_DEPTH = 4, MOST_BYTES = 64 << 10 };

struct reader {
	const char *at, *end;
	struct manifest *m;
	char path[512]; /* "/policy/name": where we are */
	char text[160]; /* the string or word that was read last */
	const char *why;
};

static bool refuse(struct reader *r, const char *why)
{
	r->why = why;
	return false;
}

static char next(struct reader *r)
{
	while (r->at < r->end && strchr(" \t\r\n", *r->at) && *r->at)
		r->at++;
	return r->at < r->end ? *r->at : 0;
}

static bool eat(struct reader *r, char c)
{
	bool there = next(r) == c;
	r->at += there;
	return there;
}

static bool put(struct reader *r, size_t *n, char c)
{
	if (*n + 1 >= sizeof(r->text))
		return refuse(r, "a text is too long");
	r->text[(*n)++] = c;
	r->text[*n] = 0;
	return true;
}

/* What an escape stands for; '?' for what no name of ours contains. */
static bool escape(struct reader *r, size_t *n)
{
	char c = r->at < r->end ? *r->at++ : 0;
	if (c == '"' || c == '\\' || c == '/')
		return put(r, n, c);
	if (c && strchr("bfnrt", c))
		return put(r, n, '?');
	for (int i = 0; c == 'u' && i < 4; i++)
		if (r->at >= r->end || !isxdigit((unsigned char)*r->at++))
			return refuse(r, "an escape is broken");
	return c == 'u' ? put(r, n, '?') : refuse(r, "an escape is broken");
}

static bool string(struct reader *r)
{
	size_t n = 0;
	r->text[0] = 0;
	if (!eat(r, '"'))
		return refuse(r, "a text does not begin");
	while (r->at < r->end && *r->at != '"') {
		char c = *r->at++;
		if ((unsigned char)c < 0x20)
			return refuse(r, "a text has a control character");
		if (c == '\\' ? !escape(r, &n) : !put(r, &n, c))
			return false;
	}
	return r->at < r->end ? r->at++, true : refuse(r, "a text does not end");
}

/* A number or a word: what it is, is for the one who takes it. */
static bool word(struct reader *r)
{
	size_t n = 0;
	r->text[0] = 0;
	while (r->at < r->end && (isalnum((unsigned char)*r->at) || (*r->at && strchr("+-.", *r->at))))
		if (!put(r, &n, *r->at++))
			return false;
	return n > 0 || refuse(r, "a value is missing");
}

static bool is_digest(const char *text) { return strlen(text) == 64 && strspn(text, "0123456789abcdef") == 64; }

static bool once(struct reader *r, char *to, size_t cap, bool digest)
{
	if (*to)
		return refuse(r, "a member is there twice");
	if (!r->text[0] || strlen(r->text) >= cap || (digest && !is_digest(r->text)))
		return refuse(r, "a member has not its form");
	strcpy(to, r->text);
	return true;
}

static bool take(struct reader *r)
{
	struct manifest *m = r->m;
	const struct {
		const char *path;
		char *to;
	} digests[] = {
		{"/verdict", m->verdict}, {"/policy/identity", m->identity}, {"/loads", m->object},
		{"/files/policy.job", m->job}, {"/files/schedcp-runner", m->runner},
	};
	for (size_t i = 0; i < sizeof(digests) / sizeof(*digests); i++)
		if (!strcmp(r->path, digests[i].path))
			return once(r, digests[i].to, 65, true);
	if (!strcmp(r->path, "/policy/name"))
		return once(r, m->name, sizeof(m->name), false);
	if (!strcmp(r->path, "/releases/"))
		return m->release_count < MOST_RELEASES ? once(r, m->releases[m->release_count++], 129, false) : refuse(r, "too many releases");
	if (!strcmp(r->path, "/version"))
		return !strcmp(r->text, "1") || refuse(r, "it is of another version");
	if (!strcmp(r->path, "/covers"))
		return (m->series = !strcmp(r->text, "series")) || !strcmp(r->text, "release") || refuse(r, "a member has not its form");
	bool known = !strncmp(r->path, "/files/", 7) || !strncmp(r->path, "/policy/parameters/", 19) || !strcmp(r->path, "/policy/object") ||
		     !strcmp(r->path, "/exportedAtMs");
	return known || refuse(r, "it has a member that is not known");
}

static bool value(struct reader *r, int depth);

static bool members(struct reader *r, int depth, char closing)
{
	size_t length = strlen(r->path);
	if (eat(r, closing))
		return true;
	do {
		if (closing == '}' && (!string(r) || (!eat(r, ':') && !refuse(r, "a member has no value"))))
			return false;
		if (length + 1 + strlen(r->text) >= sizeof(r->path))
			return refuse(r, "a name is too long");
		sprintf(r->path + length, "/%s", closing == '}' ? r->text : "");
		if (!value(r, depth + 1))
			return false;
		r->path[length] = 0;
	} while (eat(r, ','));
	return eat(r, closing) || refuse(r, "a list does not end");
}

static bool value(struct reader *r, int depth)
{
	if (depth > MOST_DEPTH)
		return refuse(r, "it is nested too deeply");
	if (eat(r, '{'))
		return members(r, depth, '}');
	if (eat(r, '['))
		return members(r, depth, ']');
	return (next(r) == '"' ? string(r) : word(r)) && take(r);
}

bool manifest_parse(const char *text, size_t n, struct manifest *m, char *why, size_t cap)
{
	struct reader r = {.at = text, .end = text + n, .m = m};
	memset(m, 0, sizeof(*m));
	bool read = n <= MOST_BYTES ? value(&r, 0) && (!next(&r) || refuse(&r, "something stands behind it")) : refuse(&r, "it is too long");
	bool whole = *m->verdict && *m->identity && *m->name && *m->job && *m->object && *m->runner && m->release_count;
	if (read && !whole)
		read = refuse(&r, "a member is missing");
	if (!read)
		snprintf(why, cap, "%s (at byte %td%s%s)", r.why, r.at - text, *r.path ? ", " : "", r.path);
	return read;
}

/* Length of the major.minor of a release; 0: it is none. */
static size_t series_length(const char *release)
{
	size_t major = strspn(release, "0123456789"), minor = release[major] == '.' ? strspn(release + major + 1, "0123456789") : 0;
	return major && minor ? major + 1 + minor : 0;
}

bool manifest_covers(const struct manifest *m, const char *release)
{
	size_t n = series_length(release);
	for (size_t i = 0; i < m->release_count; i++) {
		const char *measured = m->releases[i];
		if (!strcmp(measured, release) || (m->series && n && series_length(measured) == n && !strncmp(measured, release, n)))
			return true;
	}
	return false;
}
