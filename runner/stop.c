/* SPDX-License-Identifier: Apache-2.0 */
/* `stop`: works when nothing else does, with neither a job nor a control plane. Every holder of a policy is asked to let go, and killed when it does not within 1 s; if a
 * scheduler is in charge then, it is somebody else's: --force asks the kernel to leave it (SysRq-S). Holders are found by their sockets (SO_PEERCRED names who listens there,
 * frozen or not) and, those without one, by what they were started as. */
#include "undo.h"
#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

enum { MAX_HOLDERS = 64, PATIENCE_MS = 1000, KERNEL_MS = 5000 };

struct holder {
	pid_t pid;
	int life; /* pidfd: readable when it has ended */
};
struct stopping {
	struct holder holders[MAX_HOLDERS];
	size_t count, killed;
	bool no_permission;
};

/* The process behind a pidfd is the one that was looked at before, if it is still there afterwards. */
static bool add(struct stopping *s, pid_t pid)
{
	for (size_t i = 0; i < s->count; i++)
		if (s->holders[i].pid == pid)
			return true;
	int life = s->count < MAX_HOLDERS ? (int)syscall(SYS_pidfd_open, pid, 0) : -1;
	if (life >= 0)
		s->holders[s->count++] = (struct holder){pid, life};
	return life >= 0;
}

static void ask_at(struct stopping *s, const char *name)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct ucred peer;
	socklen_t size = sizeof(peer);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	snprintf(address.sun_path, sizeof(address.sun_path), RUN_DIRECTORY "/%.80s", name);
	if (!connect(fd, (struct sockaddr *)&address, sizeof(address)) || errno == EAGAIN) {
		if (!getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) && peer.pid > 0 && add(s, peer.pid))
			send(fd, "detach\n", 7, MSG_NOSIGNAL);
	} else if (errno == ECONNREFUSED) {
		unlink(address.sun_path); /* its holder and its survivor were killed */
	}
	close(fd);
}

static void ask_sockets(struct stopping *s)
{
	DIR *directory = opendir(RUN_DIRECTORY);
	struct dirent *entry;
	s->no_permission |= !directory && errno == EACCES;
	while (directory && (entry = readdir(directory)))
		if (!strncmp(entry->d_name, "hold-", 5))
			ask_at(s, entry->d_name);
	if (directory)
		closedir(directory);
}

/* This program, started as `hold` or `keep`: a holder or its survivor. */
static bool holds(const char *pid)
{
	char path[300], own[256] = "", program[256] = "", words[66] = "";
	snprintf(path, sizeof(path), "/proc/%s/cmdline", pid);
	if (read_text(path, words, 64) <= 0)
		return false;
	const char *command = words + strlen(words) + 1; /* within the buffer: two zeroes are left at its end */
	if (strcmp(command, "hold") && strcmp(command, "keep"))
		return false;
	snprintf(path, sizeof(path), "/proc/%s/exe", pid);
	return readlink("/proc/self/exe", own, sizeof(own) - 1) > 0 && readlink(path, program, sizeof(program) - 1) > 0 && !strcmp(own, program);
}

static bool survives(const char *pid)
{
	char path[300], name[32];
	snprintf(path, sizeof(path), "/proc/%s/comm", pid);
	return read_text(path, name, sizeof(name)) > 0 && !strcmp(name, SURVIVOR_NAME);
}

/* A survivor only needs to go on, if it was stopped, and ends with its holder. */
static void ask_processes(struct stopping *s)
{
	DIR *directory = opendir("/proc");
	struct dirent *entry;
	size_t known = s->count;
	while (directory && (entry = readdir(directory))) {
		pid_t pid = (pid_t)atoi(entry->d_name);
		if (pid > 0 && holds(entry->d_name) && survives(entry->d_name))
			kill(pid, SIGCONT);
		else if (pid > 0 && holds(entry->d_name))
			add(s, pid);
	}
	if (directory)
		closedir(directory);
	for (; known < s->count; known++)
		s->no_permission |= syscall(SYS_pidfd_send_signal, s->holders[known].life, SIGTERM, NULL, 0) && errno == EPERM;
}

static void end_holders(struct stopping *s)
{
	uint64_t limit = now_ns() + PATIENCE_MS * MS;
	for (size_t i = 0; i < s->count; i++) {
		struct pollfd life = {.fd = s->holders[i].life, .events = POLLIN};
		uint64_t now = now_ns();
		if (poll(&life, 1, now < limit ? (int)((limit - now) / MS) + 1 : 0) == 1)
			continue;
		s->killed++;
		s->no_permission |= syscall(SYS_pidfd_send_signal, life.fd, SIGKILL, NULL, 0) && errno == EPERM;
		poll(&life, 1, KERNEL_MS);
	}
}

static bool disabled_within(struct presence *p, uint64_t ms)
{
	uint64_t limit = now_ns() + ms * MS;
	for (;;) {
		presence_read(p);
		if (!strcmp(p->state, "disabled") || !strcmp(p->state, "absent"))
			return true;
		if (now_ns() >= limit)
			return false;
		sleep_ns(5 * MS);
	}
}

/* One line, and the exit code. */
static int conclude(struct stopping *s, bool force)
{
	struct presence p, before;
	bool gone = disabled_within(&p, s->killed ? KERNEL_MS : s->count ? PATIENCE_MS : 0);
	before = p;
	if (!gone && force) {
		s->no_permission |= write_text("/proc/sysrq-trigger", "S") != 0;
		gone = disabled_within(&p, KERNEL_MS);
	}
	if (!gone && s->no_permission)
		printf("not permitted: run it as root (sched_ext is %s, ops %s)\n", p.state, p.ops);
	else if (!gone && force)
		printf("the kernel does not leave %s (sched_ext is %s): reboot the machine\n", p.ops, p.state);
	else if (!gone)
		printf("sched_ext is still %s: %s is not held by SchedCP; --force makes the kernel leave it\n", p.state, p.ops);
	else if (strcmp(before.state, p.state))
		printf("stopped: the kernel was told to leave %s (SysRq-S)\n", before.ops);
	else if (s->count)
		printf("stopped: %zu holder%s, %zu of them killed; sched_ext is %s\n", s->count, s->count > 1 ? "s" : "", s->killed, p.state);
	else
		printf("nothing to stop: sched_ext is %s\n", p.state);
	return gone ? 0 : s->no_permission ? 3 : 1;
}

int stop_main(int argc, char **argv)
{
	struct stopping s = {0};
	bool force = argc == 1 && !strcmp(argv[0], "--force");
	if (argc > 1 || (argc == 1 && !force)) {
		fprintf(stderr, "usage: schedcp-runner stop [--force]\n");
		return 2;
	}
	protect_self(); /* a policy that starves everyone must not starve this */
	ask_sockets(&s);
	ask_processes(&s);
	end_holders(&s);
	int code = conclude(&s, force);
	ask_sockets(&(struct stopping){0}); /* those of the killed are removed */
	undo_recover();
	scope_recover();
	return code;
}
