/* SPDX-License-Identifier: Apache-2.0 */
/* Whom a policy schedules that leaves the rest of the machine alone (SCX_OPS_SWITCH_PARTIAL): threads of SCHED_OTHER are put into SCHED_EXT, what they fork
 * inherits it, and all of them are put back. Nice values and slices stay: __setscheduler_params() takes them from sched_attr for SCHED_EXT as for SCHED_OTHER
 * (kernel/sched/syscalls.c, v6.18). SCHED_BATCH and SCHED_IDLE stay what they are: nobody could tell afterwards which a thread was. */
#include "undo.h"
#include <dirent.h>
#include <errno.h>
#include <linux/sched.h>
#include <linux/sched/types.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { OTHER = 0, EXT = 7, MAX_DEPTH = 64, MAX_PASSES = 5 };

static pid_t *before; /* in SCHED_EXT before we came: not ours */
static size_t before_n;
static uint64_t base_slice;
static char ahead[64]; /* the file that holds them; empty: none */

static bool attributes(pid_t tid, struct sched_attr *attr)
{
	*attr = (struct sched_attr){.size = sizeof(*attr)};
	return !syscall(SYS_sched_getattr, tid, attr, sizeof(*attr), 0);
}

static bool was_before(pid_t tid)
{
	for (size_t i = 0; i < before_n; i++)
		if (before[i] == tid)
			return true;
	return false;
}

/* A slice in sched_attr makes it the task's own: the usual one stays unsaid. */
static bool move(pid_t tid, uint32_t from, uint32_t to)
{
	struct sched_attr attr;
	if (!attributes(tid, &attr) || attr.sched_policy != from)
		return false;
	attr.sched_policy = to;
	if (attr.sched_runtime == base_slice || !base_slice)
		attr.sched_runtime = 0;
	attr.sched_flags &= SCHED_FLAG_RESET_ON_FORK;
	return !syscall(SYS_sched_setattr, tid, &attr, 0);
}

typedef void visit(pid_t tid, void *argument);

/* Every entry of a directory that is a number. */
static void numbers(const char *path, visit *each, void *argument)
{
	DIR *directory = opendir(path);
	struct dirent *entry;
	while (directory && (entry = readdir(directory)))
		if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9')
			each((pid_t)atoi(entry->d_name), argument);
	if (directory)
		closedir(directory);
}

static void threads(pid_t pid, visit *each, void *argument)
{
	char path[40];
	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	numbers(path, each, argument);
}

struct count {
	uint64_t moved, covered;
};

static void take(pid_t tid, void *argument)
{
	struct count *count = argument;
	struct sched_attr attr;
	if (move(tid, OTHER, EXT)) {
		count->moved++;
		count->covered++;
	} else if (attributes(tid, &attr) && attr.sched_policy == EXT) {
		count->covered++;
	}
}

static void take_process(pid_t pid, struct count *count)
{
	threads(pid, take, count);
}

struct tree {
	struct count *count;
	int depth;
	pid_t pid;
};
static void take_tree(pid_t pid, struct count *count, int depth);

static void take_children(pid_t tid, void *argument)
{
	struct tree *tree = argument;
	char path[64], *text = xalloc(NULL, 1 << 16), *save, *word;
	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", tree->pid, tid);
	if (read_text(path, text, 1 << 16) > 0)
		for (word = strtok_r(text, " ", &save); word; word = strtok_r(NULL, " ", &save))
			take_tree((pid_t)atoi(word), tree->count, tree->depth + 1);
	free(text);
}

static void take_tree(pid_t pid, struct count *count, int depth)
{
	struct tree tree = {count, depth, pid};
	take_process(pid, count);
	if (depth < MAX_DEPTH)
		threads(pid, take_children, &tree);
}

static void take_cgroup(const char *path, struct count *count, int depth)
{
	char file[4400], line[32];
	snprintf(file, sizeof(file), "%s/cgroup.threads", path);
	FILE *list = fopen(file, "re");
	while (list && fgets(line, sizeof(line), list))
		take((pid_t)atoi(line), count);
	if (list)
		fclose(list);
	DIR *directory = depth < MAX_DEPTH ? opendir(path) : NULL;
	struct dirent *entry;
	while (directory && (entry = readdir(directory))) {
		if (entry->d_type != DT_DIR || entry->d_name[0] == '.')
			continue;
		snprintf(file, sizeof(file), "%s/%s", path, entry->d_name);
		take_cgroup(file, count, depth + 1);
	}
	if (directory)
		closedir(directory);
}

static bool cgroup_path(struct bytes name, char *path, size_t cap)
{
	static const char *const mounts[] = {"/sys/fs/cgroup", "/sys/fs/cgroup/unified"};
	for (size_t i = 0; i < 2; i++) {
		snprintf(path, cap, "%s%.*s/cgroup.threads", mounts[i], (int)name.n, (const char *)name.at);
		bool there = !access(path, F_OK);
		path[strlen(path) - strlen("/cgroup.threads")] = 0;
		if (there)
			return true;
	}
	return false;
}

uint64_t scope_take(const struct job *job)
{
	struct count count = {0};
	char path[4300];
	for (int pass = 0; pass < MAX_PASSES; pass++) { /* who forks while we look is found by the next look */
		count = (struct count){0};
		for (size_t i = 0; i < job->scope_count; i++) {
			const struct scope_line *line = &job->scopes[i];
			if (line->pid)
				take_tree((pid_t)line->pid, &count, 0);
			else if (cgroup_path(line->cgroup, path, sizeof(path)))
				take_cgroup(path, &count, 0);
		}
		if (!count.moved)
			break;
	}
	return count.covered;
}

bool scope_found(const struct job *job)
{
	char path[4300];
	for (size_t i = 0; i < job->scope_count; i++) {
		const struct scope_line *line = &job->scopes[i];
		snprintf(path, sizeof(path), "/proc/%lld", (long long)line->pid);
		fault_code = "not-found";
		if (line->pid && access(path, F_OK))
			fault("name a process that runs", "there is no process %lld", (long long)line->pid);
		else if (!line->pid && !cgroup_path(line->cgroup, path, sizeof(path)))
			fault("name it as the line 0:: of /proc/PID/cgroup does", "there is no cgroup (v2) %.*s", (int)line->cgroup.n, (const char *)line->cgroup.at);
		else
			continue;
		return false;
	}
	fault_code = NULL;
	return true;
}

static void everyone_threads(pid_t pid, void *each) { threads(pid, *(visit **)each, NULL); }

static void everyone(visit *each) { numbers("/proc", everyone_threads, &each); }

static void note(pid_t tid, void *unused)
{
	struct sched_attr attr;
	(void)unused;
	if (!attributes(tid, &attr) || attr.sched_policy != EXT)
		return;
	before = xalloc(before, (before_n + 1) * sizeof(*before));
	before[before_n++] = tid;
}

static uint64_t given;

static void give(pid_t tid, void *unused)
{
	(void)unused;
	if (!was_before(tid))
		given += move(tid, EXT, OTHER);
}

static void learn_slice(void)
{
	char text[32];
	base_slice = read_text("/sys/kernel/debug/sched/base_slice_ns", text, sizeof(text)) > 0 ? strtoull(text, NULL, 10) : 0;
}

/* Written down: who gives back may not be we. */
bool scope_remember(void)
{
	learn_slice();
	before_n = 0;
	everyone(note);
	mkdir(RUN_DIRECTORY, 0700);
	snprintf(ahead, sizeof(ahead), RUN_DIRECTORY "/scope.%d", getpid());
	FILE *file = fopen(ahead, "we");
	for (size_t i = 0; file && i < before_n; i++)
		fprintf(file, "%d\n", before[i]);
	if (file && !fclose(file))
		return true;
	unlink(ahead);
	fault("make room in /run", "cannot write %s: %s", ahead, strerror(errno));
	ahead[0] = 0;
	return false;
}

void scope_give_back(void)
{
	static const uint64_t pauses_ms[] = {0, 5, 20, 80};
	for (size_t i = 0; i < 20; i++) { /* a fork under way has the class of its parent already, and is not to be seen yet */
		sleep_ns(pauses_ms[i < 3 ? i : 3] * MS);
		given = 0;
		everyone(give);
		if (i >= 3 && !given)
			break;
	}
	if (ahead[0])
		unlink(ahead);
	ahead[0] = 0;
}

static void recover(const char *name)
{
	char line[32];
	before_n = 0;
	snprintf(ahead, sizeof(ahead), RUN_DIRECTORY "/%.40s", name);
	FILE *file = fopen(ahead, "re");
	while (file && fgets(line, sizeof(line), file)) {
		before = xalloc(before, (before_n + 1) * sizeof(*before));
		before[before_n++] = (pid_t)atoi(line);
	}
	if (file)
		fclose(file);
	learn_slice();
	scope_give_back();
}

static bool has_ended(pid_t pid)
{
	struct pollfd life = {.fd = (int)syscall(SYS_pidfd_open, pid, 0), .events = POLLIN};
	bool ended = life.fd < 0 ? errno == ESRCH : poll(&life, 1, 0) == 1;
	if (life.fd >= 0)
		close(life.fd);
	return ended;
}

void scope_recover(void)
{
	DIR *directory = opendir(RUN_DIRECTORY);
	struct dirent *entry;
	int pid;
	while (directory && (entry = readdir(directory)))
		if (sscanf(entry->d_name, "scope.%d", &pid) == 1 && pid > 0 && has_ended(pid))
			recover(entry->d_name);
	if (directory)
		closedir(directory);
	rmdir(RUN_DIRECTORY);
}

static uint64_t counted;

static void count_one(pid_t tid, void *unused)
{
	struct sched_attr attr;
	(void)unused;
	counted += attributes(tid, &attr) && attr.sched_policy == EXT;
}

uint64_t scope_threads(void)
{
	counted = 0;
	everyone(count_one);
	return counted;
}
