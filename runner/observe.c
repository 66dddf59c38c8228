/* SPDX-License-Identifier: Apache-2.0 */
/* Whom a job wants observed: a process by a descriptor of it, so that its number cannot come to mean another one (pidfd_open(2)), or a
 * cgroup by its number, which is that of its directory's inode. When what the job started began and ended. */
#include "observe.h"
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

enum { CGROUP2_MAGIC = 0x63677270 };

static int pid_fd = -1;
static uint64_t cgroup;
static struct span span;

int subject_fd(void) { return pid_fd; }
uint64_t subject_cgroup(void) { return cgroup; }
struct span subject_span(void) { return span; }

void subject_ran(uint64_t start, uint64_t end)
{
	span.start = span.start && span.start < start ? span.start : start;
	span.end = span.end > end ? span.end : end;
}

bool subject_gone(void)
{
	struct pollfd ended = {.fd = pid_fd, .events = POLLIN};
	return pid_fd >= 0 && poll(&ended, 1, 0) == 1;
}

static bool find_process(int64_t pid)
{
	pid_fd = (int)syscall(SYS_pidfd_open, (pid_t)pid, 0);
	if (pid_fd >= 0)
		return true;
	bool thread = errno == EINVAL || errno == ENOENT; /* 6.18 says the one, older kernels the other */
	fault_code = "not-found";
	fault(thread ? "name its process: the Tgid in /proc/PID/status" : "name a process that runs",
	      thread ? "%lld is a thread, not a process" : "there is no process %lld", (long long)pid);
	return false;
}

static uint64_t cgroup_at(const char *path)
{
	struct statfs fs;
	struct stat s;
	return !statfs(path, &fs) && fs.f_type == CGROUP2_MAGIC && !stat(path, &s) && S_ISDIR(s.st_mode) ? s.st_ino : 0;
}

/* As /proc/PID/cgroup names it, or the path of its directory. */
static bool find_cgroup(struct bytes name)
{
	static const char *const mounts[] = {"", "/sys/fs/cgroup", "/sys/fs/cgroup/unified"};
	char path[4200];
	for (size_t i = 0; i < 3 && !cgroup; i++) {
		snprintf(path, sizeof(path), "%s%.*s", mounts[i], (int)name.n, (const char *)name.at);
		cgroup = cgroup_at(path);
	}
	if (!cgroup) {
		fault_code = "not-found";
		fault("name it as the line 0:: of /proc/PID/cgroup does, or by its directory", "there is no cgroup (v2) %.*s", (int)name.n, (const char *)name.at);
	}
	return cgroup != 0;
}

bool subject_find(const struct job *job)
{
	if (job->follow == FOLLOW_PID)
		return find_process(job->follow_pid);
	return job->follow != FOLLOW_CGROUP || find_cgroup(job->follow_cgroup);
}
