/* SPDX-License-Identifier: Apache-2.0 */
/* Settings of the default scheduler that a job changes, and their way back. Files: /sys/kernel/debug/sched (kernel/sched/debug.c). */
#include "runner.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>

#define BASE_SLICE "/sys/kernel/debug/sched/base_slice_ns"
#define FEATURES "/sys/kernel/debug/sched/features"

static char old_slice[32], old_features[4096];

static int set(const char *path, const char *value)
{
	if (!write_text(path, value))
		return 0;
	fault(errno == ENOENT ? "mount debugfs on /sys/kernel/debug (kernel needs CONFIG_DEBUG_FS)" : "check the value against what this kernel offers",
	      "cannot write \"%s\" to %s: %s", value, path, strerror(errno));
	return -1;
}

int settings_apply(const struct job *job)
{
	char value[72];
	old_slice[0] = old_features[0] = 0;
	if (job->base_slice_ns) {
		read_text(BASE_SLICE, old_slice, sizeof(old_slice));
		snprintf(value, sizeof(value), "%llu", (unsigned long long)job->base_slice_ns);
		if (set(BASE_SLICE, value))
			return -1;
	}
	if (job->feature_count)
		read_text(FEATURES, old_features, sizeof(old_features));
	for (size_t i = 0; i < job->feature_count; i++) {
		snprintf(value, sizeof(value), "%.*s", (int)job->features[i].n, job->features[i].at);
		if (set(FEATURES, value))
			return -1;
	}
	return 0;
}

void settings_restore(void)
{
	char *save, *word;
	if (old_slice[0])
		write_text(BASE_SLICE, old_slice);
	for (word = strtok_r(old_features, " ", &save); word; word = strtok_r(NULL, " ", &save))
		write_text(FEATURES, word);
	old_slice[0] = old_features[0] = 0;
}
