/* SPDX-License-Identifier: Apache-2.0 */
/* The workload's cgroups: /sys/fs/cgroup/schedcp-<pid>.<name>, siblings of a task that is in none, made at need, emptied and removed at the end
 * (Documentation/admin-guide/cgroup-v2.rst: cgroup.kill, pids.events, memory.events). */
#include "runner.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAX_CGROUPS = 80 };
static char made[MAX_CGROUPS][160]; /* in order of creation: parents first */
static size_t made_n;

static void path_of(char *path, size_t cap, const char *name, const char *file)
{
	snprintf(path, cap, "/sys/fs/cgroup/schedcp-%d.%s%s%s", getpid(), name, *file ? "/" : "", file);
}

static int make(const char *name)
{
	char path[160];
	path_of(path, sizeof(path), name, "");
	if (mkdir(path, 0755) == 0) {
		if (made_n < MAX_CGROUPS)
			strcpy(made[made_n++], path);
		return 0;
	}
	return errno == EEXIST ? 0 : -1;
}

static void enable_controllers(const char *directory)
{
	static const char *const controllers[] = {"+cpu", "+memory", "+pids"};
	char path[192];
	snprintf(path, sizeof(path), "%s/cgroup.subtree_control", directory);
	for (size_t i = 0; i < 3; i++)
		write_text(path, controllers[i]);
}

int cgroup_create(const char *name)
{
	char path[160], parent[160], above[80];
	const char *slash = strchr(name, '/');
	if (access("/sys/fs/cgroup/cgroup.controllers", F_OK))
		return -1;
	if (!made_n)
		enable_controllers("/sys/fs/cgroup");
	if (slash) {
		snprintf(above, sizeof(above), "%.*s", (int)(slash - name), name);
		path_of(parent, sizeof(parent), above, "");
		enable_controllers(parent);
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
	while (made_n) {
		const char *path = made[--made_n];
		for (int i = 0; i < 200 && rmdir(path) && errno == EBUSY; i++)
			sleep_ns(5 * MS);
	}
}
