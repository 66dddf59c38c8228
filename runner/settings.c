/* SPDX-License-Identifier: Apache-2.0 */
/* Settings of the default scheduler that a job changes, and their way back: each change keeps what was there and what was written, so that only our own
 * changes are undone. Files: /sys/kernel/debug/sched (kernel/sched/debug.c: a feature's word is its name, with NO_ before it when it is off). */
#include "undo.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>

static const char *const files[] = {"/sys/kernel/debug/sched/base_slice_ns", "/sys/kernel/debug/sched/features"};
enum { BASE_SLICE, FEATURES };

static int set(int file, const char *value)
{
	if (!write_text(files[file], value))
		return 0;
	fault(errno == ENOENT ? "mount debugfs on /sys/kernel/debug (kernel needs CONFIG_DEBUG_FS)" : "check the value against what this kernel offers",
	      "cannot write \"%s\" to %s: %s", value, files[file], strerror(errno));
	return -1;
}

static bool has_word(const char *text, const char *word)
{
	size_t n = strlen(word);
	for (const char *at = text; (at = strstr(at, word)); at++)
		if ((at == text || at[-1] == ' ') && (at[n] == ' ' || !at[n]))
			return true;
	return false;
}

/* What undoes the writing of value; empty when nothing would have to be undone, or nobody could tell. */
static void way_back(int file, const char *value, char *old, size_t cap)
{
	char now[4096], other[72];
	old[0] = 0;
	if (read_text(files[file], now, sizeof(now)) <= 0)
		return;
	if (file == BASE_SLICE) {
		snprintf(old, cap, "%.31s", now);
		return;
	}
	bool off = !strncmp(value, "NO_", 3);
	snprintf(other, sizeof(other), "%s%.67s", off ? "" : "NO_", off ? value + 3 : value);
	if (has_word(now, other))
		snprintf(old, cap, "%s", other);
}

static int change(int file, const char *value)
{
	struct change *c = &undo->changes[undo->change_n];
	c->file = file;
	snprintf(c->to, sizeof(c->to), "%s", value);
	way_back(file, value, c->from, sizeof(c->from));
	if (c->from[0] && strcmp(c->from, c->to)) {
		undo->change_n++;
		undo_write_ahead();
	}
	return set(file, value);
}

int settings_apply(const struct job *job)
{
	char value[72];
	if ((job->base_slice_ns || job->feature_count) && !undo_alone())
		return -1;
	if (job->base_slice_ns) {
		snprintf(value, sizeof(value), "%llu", (unsigned long long)job->base_slice_ns);
		if (change(BASE_SLICE, value))
			return -1;
	}
	for (size_t i = 0; i < job->feature_count; i++) {
		snprintf(value, sizeof(value), "%.*s", (int)job->features[i].n, job->features[i].at);
		if (change(FEATURES, value))
			return -1;
	}
	return 0;
}

/* A value that somebody else has written meanwhile stays. */
static void change_back(const struct change *c)
{
	char now[4096];
	if (c->file > FEATURES || read_text(files[c->file], now, sizeof(now)) <= 0)
		return;
	if (c->file == BASE_SLICE ? !strcmp(now, c->to) : has_word(now, c->to))
		write_text(files[c->file], c->from);
}

void settings_restore(void)
{
	while (undo->change_n)
		change_back(&undo->changes[--undo->change_n]);
	undo_forget_ahead();
}
