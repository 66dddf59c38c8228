/* SPDX-License-Identifier: Apache-2.0 */
/* A process that outlives a holder of a policy which is killed, and kills one that is frozen: it waits for the holder's end (pidfd_open(2)) and for a sign of life
 * (undo->alive_until). The kernel drops the policy with its holder; what else there was is undone here: threads in SCHED_EXT, the socket. Nobody needs it while all is
 * well: without it the holder goes on. It leaves the cgroup, which may be frozen with control plane and holder in it (Documentation/admin-guide/cgroup-v2.rst,
 * cgroup.freeze: the frozen can be killed; cgroup-v1/freezer-subsystem.rst: not before they are thawed, so that only SysRq-S helps). */
#include "undo.h"
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static void leave_everything(int keep)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	for (int i = 0; i < 3; i++)
		dup2(null, i);
	syscall(SYS_close_range, 3, keep - 1, 0);
	syscall(SYS_close_range, keep + 1, ~0U, 0);
	if (chdir("/"))
		_exit(1);
	setsid();
	for (int i = 1; i < 32; i++)
		signal(i, i == SIGCHLD || i == SIGSEGV || i == SIGBUS ? SIG_DFL : SIG_IGN);
}

/* Into the root of each hierarchy that can freeze: no root can be frozen, or has the file for it. What a container sees as its root is none. False: we may be frozen. */
static bool leave_cgroups(void)
{
	static const char *const freezes[] = {"cgroup.freeze", "freezer.state"};
	bool seen[2] = {true, false}, left[2] = {false, false}; /* of versions 2 and 1 */
	char line[4096], at[2048], path[2100];
	FILE *mounts = fopen("/proc/self/mountinfo", "re");
	while (mounts && fgets(line, sizeof(line), mounts)) {
		const char *type = strstr(line, " - cgroup");
		if (!type || sscanf(line, "%*s %*s %*s %*s %2047s", at) != 1)
			continue;
		bool old = type[strlen(" - cgroup")] == ' ';
		if (old && !strstr(type, "freezer"))
			continue;
		seen[old] = true;
		snprintf(path, sizeof(path), "%s/%s", at, freezes[old]);
		if (!access(path, F_OK))
			continue;
		snprintf(path, sizeof(path), "%s/cgroup.procs", at);
		left[old] |= !write_text(path, "0");
	}
	if (mounts)
		fclose(mounts);
	return left[0] && left[1] == seen[1];
}

static void leave_policy(uint64_t patience_ms)
{
	if (undo->attached && !wait_gone(undo->attached, patience_ms))
		write_text("/proc/sysrq-trigger", "S");
}

static void tidy(const char *socket_path)
{
	leave_policy(3000);
	scope_recover();
	if (undo->listening)
		unlink(socket_path);
	rmdir(RUN_DIRECTORY);
}

static noreturn void survive(int holder, const char *socket_path)
{
	struct pollfd end = {.fd = holder, .events = POLLIN};
	prctl(PR_SET_NAME, SURVIVOR_NAME);
	leave_everything(holder);
	protect_self();
	protect_from_oom();
	for (uint64_t last = now_ns(), grace = 0, now; poll(&end, 1, 250) != 1; last = now_ns()) {
		now = now_ns();
		if (now - last > SECOND) /* frozen ourselves, as by a suspend: the holder was, too, and may wake after us */
			grace = now + 2 * SECOND;
		if (!undo->alive_until || now <= undo->alive_until || now <= grace)
			continue;
		syscall(SYS_pidfd_send_signal, holder, SIGKILL, NULL, 0);
		if (poll(&end, 1, 1000) != 1)
			leave_policy(0);
	}
	if (!undo->over)
		tidy(socket_path);
	_exit(0);
}

static int survivor = -1;

void survivor_release(void)
{
	if (survivor >= 0)
		syscall(SYS_pidfd_send_signal, survivor, SIGKILL, NULL, 0);
}

bool survivor_start(const char *socket_path, uint64_t start_ms)
{
	int self = (int)syscall(SYS_pidfd_open, getpid(), 0), status = -1;
	undo_share();
	undo->alive_until = start_ms ? now_ns() + start_ms * MS : 0;
	pid_t pid = self < 0 ? -1 : fork();
	if (pid == 0) { /* a child of nobody that waits for it */
		undo->freeze_noticed = leave_cgroups();
		pid_t second = fork();
		if (second == 0)
			survive(self, socket_path);
		undo->survivor = second;
		_exit(second < 0);
	}
	if (pid > 0)
		waitpid(pid, &status, 0);
	if (pid > 0 && !status) /* by its id now, so that no other process is meant later */
		survivor = (int)syscall(SYS_pidfd_open, undo->survivor, 0);
	if (self >= 0)
		close(self);
	if (pid < 0 || status)
		fault("give the machine more memory or processes", "cannot start the process that would tidy up after this one");
	return pid > 0 && !status;
}
