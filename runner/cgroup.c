/* SPDX-License-Identifier: Apache-2.0 */
/* The workload's cgroups: /sys/fs/cgroup/schedcp-<pid>.<name>, siblings of a task that is in none, made at need, emptied and removed at the end, with the
 * controllers that were enabled for them (Documentation/admin-guide/cgroup-v2.rst: cgroup.kill, pids.events, memory.events, cgroup.subtree_control). */
#include "undo.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const controllers[] = {"cpu", "memory", "pids"};
static uint32_t needed = 7;

void cgroup_needs(uint32_t bits) { needed = bits; }

static void path_of(char *path, size_t cap, const char *name, const char *file)
{
	snprintf(path, cap, "/sys/fs/cgroup/schedcp-%d.%s%s%s", getpid(), name, *file ? "/" : "", file);
}

static int make(const char *name)
{
	char path[160];
	path_of(path, sizeof(path), name, "");
	if (mkdir(path, 0755) == 0) {
		if (undo->cgroup_n < sizeof(undo->cgroups) / sizeof(*undo->cgroups))
			strcpy(undo->cgroups[undo->cgroup_n++], path);
		return 0;
	}
	return errno == EEXIST ? 0 : -1;
}

/* Those that are wanted and not there yet; returns their bits. */
static uint32_t enable_controllers(const char *directory, uint32_t wanted)
{
	char path[192], text[256], word[16];
	uint32_t added = 0;
	snprintf(path, sizeof(path), "%s/cgroup.subtree_control", directory);
	read_text(path, text, sizeof(text));
	for (uint32_t i = 0; i < 3; i++) {
		const char *at = strstr(text, controllers[i]);
		bool there = at && (at == text || at[-1] == ' ') && (!at[strlen(controllers[i])] || at[strlen(controllers[i])] == ' ');
		snprintf(word, sizeof(word), "+%s", controllers[i]);
		if (wanted & 1u << i && !there && !write_text(path, word))
			added |= 1u << i;
	}
	return added;
}

int cgroup_create(const char *name)
{
	char path[160], parent[160], above[80];
	const char *slash = strchr(name, '/');
	if (access("/sys/fs/cgroup/cgroup.controllers", F_OK))
		return -1;
	if (!undo->cgroup_n)
		undo->controllers |= enable_controllers("/sys/fs/cgroup", needed);
	if (slash) {
		snprintf(above, sizeof(above), "%.*s", (int)(slash - name), name);
		path_of(parent, sizeof(parent), above, "");
		enable_controllers(parent, 7);
	}
	if (make(name))
		return -1;
	path_of(path, sizeof(path), name, "");
	return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

int cgroup_set(const char *name, const char *file, const char *value)
{
	char path[256];
	path_of(path, sizeof(path), name, file);
	return write_text(path, value);
}

int64_t cgroup_event(const char *name, const char *file, const char *key)
{
	char path[256], text[1024], *save, *line;
	path_of(path, sizeof(path), name, file);
	if (read_text(path, text, sizeof(text)) <= 0)
		return -1;
	for (line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		size_t n = strlen(key);
		if (!strncmp(line, key, n) && line[n] == ' ')
			return strtoll(line + n + 1, NULL, 10);
	}
	return -1;
}

void cgroup_kill(const char *name) { cgroup_set(name, "cgroup.kill", "1"); }

void cgroup_remove_all(void)
{
	char word[192];
	while (undo->cgroup_n) {
		const char *path = undo->cgroups[undo->cgroup_n - 1];
		snprintf(word, sizeof(word), "%s/cgroup.kill", path);
		write_text(word, "1");
		for (int i = 0; i < 200 && rmdir(path) && errno == EBUSY; i++)
			sleep_ns(5 * MS);
		undo->cgroup_n--;
	}
	for (uint32_t i = 0; i < 3; i++) {
		snprintf(word, sizeof(word), "-%s", controllers[i]);
		if (undo->controllers & 1u << i)
			write_text("/sys/fs/cgroup/cgroup.subtree_control", word);
	}
	undo->controllers = 0;
}
