/* SPDX-License-Identifier: Apache-2.0 */
/* A guest that lives long, so that policies can be deployed into it: its command runs on, what it prints goes to the port org.schedcp.log, and whoever is at the port
 * org.schedcp.control has policies held by a `hold` of their own, one at a time (docs/protocol.md, section 8). When nobody is there any more, the input of `hold` ends,
 * and so does the policy. */
#include "serve.h"
#include "undo.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MAX_JOB = 64 << 20, HUNG_UP_MS = 20, COMING_MS = 500, STOPPED_MS = 8000 };
static const char job_file[] = "/run/held.job", socket_file[] = RUN_DIRECTORY "/hold-0123456789ab.sock";

/* Who has just come may be heard before the kernel says that somebody is there. */
static bool somebody_reads(const struct served *s)
{
	struct pollfd room = {.fd = s->control, .events = POLLOUT};
	while (s->control >= 0 && poll(&room, 1, 1000) == 1) {
		if (!(room.revents & POLLHUP))
			return true;
		if (now_ns() > s->heard + COMING_MS * MS)
			break;
		sleep_ns(2 * MS);
	}
	return false;
}

static void put_all(const struct served *s, const char *text, size_t n)
{
	for (size_t at = 0; at < n && somebody_reads(s);) {
		ssize_t put = write(s->control, text + at, n - at);
		if (put <= 0)
			return;
		at += (size_t)put;
	}
}

void serve_answer(struct served *s)
{
	char *text;
	size_t n = json_take(&text);
	put_all(s, text, n);
}

static noreturn void become_holder(const struct served *s, int end)
{
	sigset_t none;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	dup2(end, 0);
	dup2(end, 1);
	if (!strcmp(s->as, "run"))
		execl("/proc/self/exe", "schedcp-runner", "run", "--job", job_file, (char *)NULL);
	const char *option = !strcmp(s->as, "socket") ? "--socket" : NULL;
	execl("/proc/self/exe", "schedcp-runner", "hold", "--job", job_file, "--heartbeat-ms", s->heartbeat, "--timeout-ms", s->timeout, option, socket_file, (char *)NULL);
	_exit(127);
}

static void hold_start(struct served *s)
{
	int ends[2], fd = open(job_file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	bool written = fd >= 0 && write(fd, s->job, s->job_size) == (ssize_t)s->job_size;
	if (fd >= 0)
		close(fd);
	if (!written || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends)) {
		fault("give the VM more memory", "cannot keep the job of %zu bytes: %s", s->job_size, strerror(errno));
		return;
	}
	s->holder = fork_into(-1);
	if (s->holder == 0)
		become_holder(s, ends[1]);
	close(ends[1]);
	s->hold = ends[0];
	fcntl(s->hold, F_SETFL, O_NONBLOCK);
	s->as = "hold";
	if (s->holder < 0) {
		fault("give the VM more memory", "cannot fork: %s", strerror(errno));
		s->holder = 0;
	}
}

static void ask_presence(struct served *s)
{
	struct presence p;
	presence_read(&p);
	presence_emit("asked", &p);
	serve_answer(s);
}

static void obey(struct served *s)
{
	unsigned long size;
	if (sscanf(s->line, "hold %lu %23s %23s", &size, s->heartbeat, s->timeout) == 3 && size > 0 && size <= MAX_JOB) {
		s->job = xalloc(s->job, size);
		s->job_size = size;
		s->job_n = 0;
	} else if (!strcmp(s->line, "presence")) {
		ask_presence(s);
	} else if (!strcmp(s->line, "end")) {
		s->over = true;
	} /* else a line to a holder that has ended meanwhile */
}

/* One byte after the other: a job, lines to us, or lines to the holder; a question about presence is always for us. */
static void take(struct served *s, uint8_t byte)
{
	if (s->job_n < s->job_size) {
		s->job[s->job_n++] = byte;
		if (s->job_n == s->job_size) {
			hold_start(s);
			s->job_size = s->job_n = 0;
			serve_answer(s);
		}
		return;
	}
	if (byte != '\n') {
		if (s->n < sizeof(s->line) - 2)
			s->line[s->n++] = (char)byte;
		return;
	}
	s->line[s->n] = 0;
	if (s->tests && !strncmp(s->line, "test ", 5) && tests_obey(s, s->line + 5)) {
		s->n = 0;
		return;
	}
	if (s->hold < 0 || !strcmp(s->line, "presence") || !strcmp(s->line, "end")) {
		obey(s);
	} else {
		s->line[s->n++] = '\n';
		send(s->hold, s->line, s->n, MSG_NOSIGNAL | MSG_DONTWAIT);
	}
	s->n = 0;
}

void serve_end_input(struct served *s)
{
	if (s->hold >= 0)
		shutdown(s->hold, SHUT_WR);
}

/* A port that was taken away is opened again when it is back. */
static void hang_up(struct served *s, bool taken_away)
{
	serve_end_input(s);
	if (taken_away && s->control >= 0)
		close(s->control);
	if (taken_away)
		s->control = port_find("org.schedcp.control", O_RDWR | O_NONBLOCK);
	s->n = s->job_n = s->job_size = 0;
	sleep_ns(HUNG_UP_MS * MS);
}

/* Where nobody is at the other end, a port can be read (nothing); one that was taken away cannot: drivers/char/virtio_console.c, port_fops_poll(), v6.18. */
static void hear_control(struct served *s, short events)
{
	uint8_t bytes[16384];
	ssize_t n = events & POLLIN ? read(s->control, bytes, sizeof(bytes)) : 0;
	if (n > 0 && events & POLLHUP)
		s->heard = now_ns();
	for (ssize_t i = 0; i < n; i++)
		take(s, bytes[i]);
	bool taken_away = s->control < 0 || (events & (POLLHUP | POLLIN)) == POLLHUP;
	if (taken_away || (n <= 0 && events & POLLHUP))
		hang_up(s, taken_away);
}

/* What the holder says goes on as it is; when it has ended, that is said. */
static void hear_holder(struct served *s)
{
	char bytes[65536];
	ssize_t n = read(s->hold, bytes, sizeof(bytes));
	if (n > 0)
		put_all(s, bytes, (size_t)n);
	if (n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR)))
		return;
	close(s->hold);
	s->hold = -1;
}

/* When it has said all, or has left its end to a process that is stopped. */
static void release(struct served *s)
{
	if (s->hold >= 0)
		hear_holder(s);
	if (s->hold >= 0)
		close(s->hold);
	s->hold = -1;
	s->holder = 0;
	json_open("released");
	json_int("exit", WIFEXITED(s->held) ? WEXITSTATUS(s->held) : -1);
	json_int("signal", WIFSIGNALED(s->held) ? WTERMSIG(s->held) : 0);
	json_close();
	serve_answer(s);
}

static void introduce(struct served *s)
{
	json_open("serving");
	json_int("work", s->work);
	char cgroup[64];
	snprintf(cgroup, sizeof(cgroup), "/schedcp-%d.work", getpid());
	json_string("cgroup", s->work > 0 ? cgroup : "");
	json_close();
	serve_answer(s);
}

static void worked(struct served *s, int status)
{
	s->work = 0;
	json_open("worked");
	json_int("exit", WIFEXITED(status) ? WEXITSTATUS(status) : -1);
	json_int("signal", WIFSIGNALED(status) ? WTERMSIG(status) : 0);
	json_close();
	serve_answer(s);
}

/* The command, the holder, and who is left behind by them: we are their subreaper. */
static void reap(struct served *s)
{
	int status;
	for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG | WUNTRACED | WCONTINUED)) > 0;) {
		bool lives = WIFSTOPPED(status) || WIFCONTINUED(status);
		if (pid == s->work && !lives)
			worked(s, status);
		if (pid == s->holder)
			s->stopped = WIFSTOPPED(status) ? now_ns() : 0;
		if (pid == s->holder && !lives) {
			s->held = status;
			release(s);
		}
	}
	if (s->stopped && now_ns() > s->stopped + STOPPED_MS * MS) /* its survivor would have done it long ago: it was stopped before it had one */
		kill(s->holder, SIGKILL);
}

void serve(const struct job *job)
{
	struct served s = {.hold = -1, .as = "hold", .tests = job->serve_tests, .control = port_open("org.schedcp.control", O_RDWR | O_NONBLOCK)};
	int log = port_open("org.schedcp.log", O_WRONLY);
	uint64_t end = now_ns() + job->wall_limit_ms * MS;
	if (s.control < 0 || log < 0) {
		fault("start QEMU with the ports org.schedcp.control and org.schedcp.log", "there is no such port");
		return;
	}
	s.work = job->arg_count ? command_start(job, log) : 0;
	introduce(&s);
	while (!s.over && !failed && !signals_end_asked() && now_ns() < end) {
		struct pollfd fds[2] = {{.fd = s.control, .events = POLLIN}, {.fd = s.hold, .events = POLLIN}};
		wait_signals(fds, 2, now_ns() + (s.marked ? 5 : 100) * MS);
		tests_tick(&s);
		if (fds[0].revents || s.control < 0)
			hear_control(&s, fds[0].revents);
		if (s.hold >= 0 && fds[1].revents)
			hear_holder(&s);
		reap(&s);
	}
	serve_end_input(&s);
	for (uint64_t limit = now_ns() + 5 * SECOND; s.holder > 0 && now_ns() < limit; sleep_ns(10 * MS)) {
		if (s.hold >= 0)
			hear_holder(&s);
		reap(&s);
	}
	kill_descendants();
	cgroup_remove_all();
}
