/* SPDX-License-Identifier: Apache-2.0 */
/* Time, small files, and the runner's own protection: locked memory, a real-time class (outside sched_ext), and a guard thread that
 * presses SysRq-S when a detach has not taken effect in time. Sources: sched(7), mlockall(2), Documentation/admin-guide/sysrq.rst. */
#include "runner.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

uint64_t now_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * SECOND + (uint64_t)t.tv_nsec;
}

void sleep_ns(uint64_t ns)
{
	struct timespec t = {.tv_sec = (time_t)(ns / SECOND), .tv_nsec = (long)(ns % SECOND)};
	while (clock_nanosleep(CLOCK_MONOTONIC, 0, &t, &t) == EINTR)
		;
}

ssize_t read_text(const char *path, char *buf, size_t cap)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		buf[0] = 0;
		return -1;
	}
	size_t n = 0;
	ssize_t got;
	while (n < cap - 1 && (got = read(fd, buf + n, cap - 1 - n)) > 0)
		n += (size_t)got;
	close(fd);
	while (n && buf[n - 1] == '\n')
		n--;
	buf[n] = 0;
	return (ssize_t)n;
}

int write_text(const char *path, const char *value)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	ssize_t n = write(fd, value, strlen(value));
	int saved = errno;
	close(fd);
	errno = saved;
	return n < 0 ? -1 : 0;
}

void *xalloc(void *old, size_t size)
{
	void *p = realloc(old, size ? size : 1);
	if (!p) {
		fprintf(stderr, "schedcp-runner: out of memory (%zu bytes)\n", size);
		abort();
	}
	return p;
}

int protect_self(void)
{
	struct sched_param param = {.sched_priority = 50};
	int result = mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT);
	if (sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &param))
		result = -1;
	return result;
}

void protect_from_oom(void) { write_text("/proc/self/oom_score_adj", "-1000"); }

pid_t fork_into(int cgroup_fd)
{
	struct clone_args args = {.exit_signal = SIGCHLD};
	if (cgroup_fd >= 0) {
		args.flags = CLONE_INTO_CGROUP;
		args.cgroup = (uint64_t)cgroup_fd;
	}
	return (pid_t)syscall(SYS_clone3, &args, sizeof(args));
}

static pthread_mutex_t guard_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t guard_changed;
static uint64_t guard_deadline; /* 0: not armed */
static int64_t guard_seq;	/* of the policy that is meant: another one is not ours */

static int64_t enable_seq(void)
{
	char text[32];
	return read_text("/sys/kernel/sched_ext/enable_seq", text, sizeof(text)) > 0 ? strtoll(text, NULL, 10) : -1;
}

static void *guard_thread(void *unused)
{
	pthread_mutex_lock(&guard_lock);
	for (;;) {
		if (!guard_deadline) {
			pthread_cond_wait(&guard_changed, &guard_lock);
			continue;
		}
		uint64_t deadline = guard_deadline;
		struct timespec until = {.tv_sec = (time_t)(deadline / SECOND), .tv_nsec = (long)(deadline % SECOND)};
		int result = pthread_cond_timedwait(&guard_changed, &guard_lock, &until);
		if (result != ETIMEDOUT || guard_deadline != deadline)
			continue;
		char state[24];
		read_text("/sys/kernel/sched_ext/state", state, sizeof(state));
		if (strcmp(state, "disabled") && enable_seq() == guard_seq)
			write_text("/proc/sysrq-trigger", "S"); /* the capital letter: "s" syncs discs */
		guard_deadline = 0;
	}
	return unused;
}

void guard_start(void)
{
	static bool started;
	pthread_condattr_t clock;
	pthread_attr_t attr;
	struct sched_param param = {.sched_priority = 51};
	pthread_t thread;
	if (started)
		return;
	pthread_condattr_init(&clock);
	pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
	pthread_cond_init(&guard_changed, &clock);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 64 * 1024);
	pthread_attr_setinheritsched(&attr, PTHREAD_EXPLICIT_SCHED);
	pthread_attr_setschedpolicy(&attr, SCHED_FIFO);
	pthread_attr_setschedparam(&attr, &param);
	started = pthread_create(&thread, &attr, guard_thread, NULL) == 0;
	if (!started)
		fault("run as root, or with CAP_SYS_NICE", "cannot start the guard thread in a real-time class");
}

static void guard_set(uint64_t deadline)
{
	pthread_mutex_lock(&guard_lock);
	guard_deadline = deadline;
	guard_seq = deadline ? enable_seq() : 0;
	pthread_cond_signal(&guard_changed);
	pthread_mutex_unlock(&guard_lock);
}

void guard_arm(uint64_t ms) { guard_set(now_ns() + ms * MS); }
void guard_disarm(void) { guard_set(0); }
