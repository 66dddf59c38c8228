/* SPDX-License-Identifier: Apache-2.0 */
/* Runs inside a VM: every way in which `hold` must let go. One line per case: name, milliseconds until the kernel said "disabled".
 * usage: hold-test RUNNER OBJECT STALLING-OBJECT; exits 1 when a case failed. Its own class is real-time so that it can watch. */
#include "../../runner/runner.h"
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const char *runner, *good, *stalling;
static int bad;

static long ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int state_is(const char *want)
{
	char state[32] = "";
	int fd = open("/sys/kernel/sched_ext/state", O_RDONLY);
	if (read(fd, state, sizeof(state) - 1) < 0)
		return 0;
	close(fd);
	return !strncmp(state, want, strlen(want));
}

static int wait_state(const char *want, long limit)
{
	for (long end = ms() + limit; ms() < end; usleep(2000))
		if (state_is(want))
			return 1;
	return 0;
}

struct held {
	pid_t pid;
	int in, out;
};

static struct held start(const char *object, const char *socket)
{
	int in[2], out[2];
	struct held h;
	if (pipe2(in, O_CLOEXEC) || pipe2(out, O_CLOEXEC))
		exit(2);
	h.pid = fork();
	if (h.pid == 0) {
		dup2(in[0], 0);
		dup2(out[1], 1);
		execl(runner, runner, "hold", "--object", object, socket ? "--socket" : NULL, socket, NULL);
		_exit(127);
	}
	close(in[0]);
	close(out[1]);
	h.in = in[1];
	h.out = out[0];
	fcntl(h.out, F_SETFL, O_NONBLOCK);
	return h;
}

static void say(int fd, const char *text)
{
	if (write(fd, text, strlen(text)) < 0)
		perror("write");
}

static void finish(const char *name, struct held *h, long since, long limit)
{
	char text[65536];
	int ok = wait_state("disabled", limit);
	long took = ms() - since;
	printf("%-22s %s after %ld ms\n", name, ok ? "disabled" : "STILL ATTACHED", took);
	bad |= !ok;
	usleep(300000);
	ssize_t n = h->out >= 0 ? read(h->out, text, sizeof(text) - 1) : 0;
	if (n > 0) {
		text[n] = 0;
		char *why = strstr(text, "\"detached\"");
		printf("   %.90s\n", why ? why : strstr(text, "\"fault\"") ? strstr(text, "\"fault\"") : "(no farewell)");
	}
	if (h->in >= 0)
		close(h->in);
	if (h->out >= 0)
		close(h->out);
	kill(h->pid, SIGKILL);
	waitpid(h->pid, NULL, 0);
	fflush(stdout);
}

static void enabled(const char *name)
{
	if (!wait_state("enabled", 15000)) {
		printf("%s: the policy did not attach\n", name);
		bad = 1;
	}
}

static void with_signal(const char *name, int signal)
{
	struct held h = start(good, NULL);
	enabled(name);
	usleep(200000);
	long since = ms();
	kill(h.pid, signal);
	finish(name, &h, since, 5000);
}

static void end_of_input(void)
{
	struct held h = start(good, NULL);
	enabled("end of input");
	long since = ms();
	close(h.in);
	h.in = -1;
	finish("end of input", &h, since, 5000);
}

static void asked(void)
{
	struct held h = start(good, NULL);
	enabled("asked");
	long since = ms();
	say(h.in, "detach\n");
	finish("asked to detach", &h, since, 5000);
}

/* Beats for 4.5 s (longer than the heartbeat), then falls silent with the pipe open: a frozen control plane. */
static void missed(void)
{
	struct held h = start(good, NULL);
	enabled("missed");
	for (int i = 0; i < 9; i++) {
		say(h.in, "beat\n");
		usleep(500000);
	}
	if (!state_is("enabled")) {
		puts("missed: detached although it beat");
		bad = 1;
	}
	finish("frozen control plane", &h, ms(), 5000);
}

/* A control plane of its own is stopped with SIGSTOP. */
static void stopped(void)
{
	struct held h = {.in = -1, .out = -1};
	h.pid = fork();
	if (h.pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		struct held inner = start(good, NULL);
		for (;;) {
			say(inner.in, "beat\n");
			usleep(200000);
		}
	}
	enabled("stopped");
	usleep(1000000);
	long since = ms();
	kill(h.pid, SIGSTOP);
	finish("SIGSTOP of controller", &h, since, 5000);
}

static int connect_to(const char *path)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	strcpy(a.sun_path, path);
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	return connect(fd, (struct sockaddr *)&a, sizeof(a)) ? -1 : fd;
}

/* The control plane dies, another one adopts within the grace time, beats for 5 s, and dies too. */
static void adopted(void)
{
	struct stat s;
	struct held h = start(good, "/tmp/hold.sock");
	enabled("adopted");
	close(h.in);
	h.in = -1;
	usleep(1000000);
	int fd = connect_to("/tmp/hold.sock");
	if (fd < 0 || stat("/tmp/hold.sock", &s) || (s.st_mode & 0777) != 0600) {
		puts("adopted: cannot connect, or the socket's mode is not 0600");
		bad = 1;
	}
	for (int i = 0; i < 10; i++) {
		say(fd, "beat\n");
		usleep(500000);
	}
	if (!state_is("enabled")) {
		puts("adopted: detached although adopted");
		bad = 1;
	}
	close(fd);
	finish("adopter gone", &h, ms(), 5000);
}

/* A policy that never runs anybody: only the watchdog, or our heartbeat, ends it. */
static void stall(void)
{
	struct held h = start(stalling, NULL);
	enabled("stall");
	finish("stalling policy", &h, ms(), 9000);
}

static void stall_killed(void)
{
	struct held h = start(stalling, NULL);
	enabled("stall killed");
	usleep(300000);
	long since = ms();
	kill(h.pid, SIGKILL);
	finish("SIGKILL while stalled", &h, since, 5000);
}

/* The last resort: the guard presses SysRq-S although the holder is well and beats. */
static void guard(void)
{
	struct held h = start(good, NULL);
	enabled("guard");
	struct pollfd said = {.fd = h.out, .events = POLLIN};
	poll(&said, 1, 5000); /* the kernel counts the policy a moment after it says `enabled`, and the guard means the one that was counted */
	guard_start();
	long since = ms();
	guard_arm(500);
	finish("SysRq-S by the guard", &h, since, 3000);
}

int main(int argc, char **argv)
{
	struct sched_param p = {.sched_priority = 60};
	if (argc != 4)
		return 2;
	runner = argv[1];
	good = argv[2];
	stalling = argv[3];
	signal(SIGPIPE, SIG_IGN);
	sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &p);
	asked();
	end_of_input();
	missed();
	stopped();
	with_signal("SIGTERM", SIGTERM);
	with_signal("SIGINT", SIGINT);
	with_signal("SIGHUP", SIGHUP);
	with_signal("SIGKILL of the runner", SIGKILL);
	adopted();
	stall();
	stall_killed();
	guard();
	return bad;
}
