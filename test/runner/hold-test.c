/* SPDX-License-Identifier: Apache-2.0 */
/* Runs inside a VM: every way in which `hold` must let go. One line per case: name, milliseconds until the kernel said "disabled".
 * usage: hold-test RUNNER OBJECT STALLING-OBJECT; exits 1 when a case failed. Its own class is real-time so that it can watch. */
#include "../../runner/runner.h"
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
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

static long enable_seq(void)
{
	char text[32];
	return read_text("/sys/kernel/sched_ext/enable_seq", text, sizeof(text)) > 0 ? atol(text) : -1;
}

struct held {
	pid_t pid;
	int in, out;
	long seq; /* enable_seq before */
	bool never; /* it must not be attached at all */
};

static bool without_cgroups; /* the next one sees none */
static const char *heartbeat = "3000";

static struct held start(const char *object, const char *socket)
{
	int in[2], out[2];
	struct held h = {.seq = enable_seq()};
	if (pipe2(in, O_CLOEXEC) || pipe2(out, O_CLOEXEC))
		exit(2);
	h.pid = fork();
	if (h.pid == 0) {
		dup2(in[0], 0);
		dup2(out[1], 1);
		if (without_cgroups && (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) || umount2("/sys/fs/cgroup", MNT_DETACH)))
			_exit(126);
		execl(runner, runner, "hold", "--object", object, "--heartbeat-ms", heartbeat, socket ? "--socket" : NULL, socket, NULL);
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
	int ok = wait_state("disabled", limit), was = h->never && enable_seq() != h->seq;
	long took = ms() - since;
	printf("%-22s %s after %ld ms\n", name, !ok ? "STILL ATTACHED" : was ? "WAS ATTACHED" : "disabled", took);
	bad |= !ok || was;
	usleep(300000);
	ssize_t n = h->out >= 0 ? read(h->out, text, sizeof(text) - 1) : 0;
	if (n > 0) {
		text[n] = 0;
		char *why = strstr(text, "\"detached\""), *noticed = strstr(text, "\"freezeNoticed\"");
		printf("   %.20s %.90s\n", noticed ? noticed : "", why ? why : strstr(text, "\"fault\"") ? strstr(text, "\"fault\"") : "(no farewell)");
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

/* A control plane of its own, in that cgroup (NULL: in ours), that beats. */
static struct held controlled(const char *cgroup, const char *socket)
{
	char procs[100];
	struct held h = {.in = -1, .out = -1};
	snprintf(procs, sizeof(procs), "%s/cgroup.procs", cgroup ? cgroup : "");
	h.pid = fork();
	if (h.pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (cgroup && write_text(procs, "0"))
			_exit(126);
		struct held inner = start(good, socket);
		for (;;) {
			say(inner.in, "beat\n");
			usleep(200000);
		}
	}
	enabled("controlled");
	usleep(1000000);
	return h;
}

static void stopped(void)
{
	struct held h = controlled(NULL, NULL);
	long since = ms();
	kill(h.pid, SIGSTOP);
	finish("SIGSTOP of controller", &h, since, 5000);
}

static void in_cgroup(const char *cgroup, const char *file, const char *value)
{
	char path[100];
	snprintf(path, sizeof(path), "%s/%s", cgroup, file);
	if (write_text(path, value)) {
		perror(path);
		bad = 1;
	}
}

static void remove_cgroup(const char *cgroup)
{
	for (long end = ms() + 5000; rmdir(cgroup) && ms() < end; usleep(5000))
		;
}

/* As `systemctl freeze`: control plane and holder stand still. */
static void frozen(void)
{
	static const char cgroup[] = "/sys/fs/cgroup/hold-test";
	mkdir(cgroup, 0755);
	struct held h = controlled(cgroup, NULL);
	long since = ms();
	in_cgroup(cgroup, "cgroup.freeze", "1");
	finish("frozen cgroup", &h, since, 5000);
	in_cgroup(cgroup, "cgroup.kill", "1");
	remove_cgroup(cgroup);
}

/* As `docker pause` with cgroups of version 1, where not even SIGKILL ends who is frozen. */
static void frozen_of_old(void)
{
	static const char root[] = "/tmp/freezer", cgroup[] = "/tmp/freezer/hold-test";
	mkdir(root, 0755);
	if (mount("none", root, "cgroup", 0, "freezer"))
		perror("mount of the freezer");
	mkdir(cgroup, 0755);
	struct held h = controlled(cgroup, NULL);
	long since = ms();
	in_cgroup(cgroup, "freezer.state", "FROZEN");
	bool gone = wait_state("disabled", 6000);
	in_cgroup(cgroup, "freezer.state", "THAWED");
	h.never = !gone; /* it has been until it was thawed */
	h.seq = -1;
	finish("frozen cgroup of v1", &h, since, 6000);
	remove_cgroup(cgroup);
	umount(root);
}

static int survivors(void)
{
	DIR *directory = opendir("/proc");
	struct dirent *entry;
	char path[300], name[32];
	int n = 0;
	while (directory && (entry = readdir(directory))) {
		snprintf(path, sizeof(path), "/proc/%s/comm", entry->d_name);
		if (read_text(path, name, sizeof(name)) <= 0 || strcmp(name, "schedcp-survive"))
			continue;
		snprintf(path, sizeof(path), "/proc/%s/cmdline", entry->d_name); /* a zombie's is empty */
		n += read_text(path, name, sizeof(name)) > 0;
	}
	closedir(directory);
	return n;
}

/* As systemd ends a unit: all of its cgroup at once. Who has left it tidies up, and ends. */
static void killed_with_its_cgroup(void)
{
	static const char cgroup[] = "/sys/fs/cgroup/hold-test", socket[] = "/run/schedcp/hold-test.sock";
	mkdir(cgroup, 0755);
	struct held h = controlled(cgroup, socket);
	long since = ms();
	in_cgroup(cgroup, "cgroup.kill", "1");
	finish("SIGKILL of its cgroup", &h, since, 5000);
	for (long end = ms() + 5000; survivors() && ms() < end;)
		usleep(5000);
	printf("   %s, %d survivors\n", access(socket, F_OK) ? "nothing left" : "its socket is left", survivors());
	remove_cgroup(cgroup);
}

static void no_way_out(void)
{
	without_cgroups = true;
	struct held h = start(good, NULL);
	without_cgroups = false;
	enabled("no way out");
	long since = ms();
	say(h.in, "detach\n");
	finish("no way out of cgroups", &h, since, 5000);
}

/* The object comes through a pipe, when it is fed: loading takes as long as we like. */
static const char slow[] = "/tmp/slow.bpf.o";

static struct held start_slowly(const char *socket)
{
	unlink(slow);
	mkfifo(slow, 0600);
	struct held h = start(slow, socket);
	h.never = true;
	return h;
}

static void feed(void)
{
	char bytes[65536];
	ssize_t n;
	int from = open(good, O_RDONLY), to = open(slow, O_WRONLY);
	while ((n = read(from, bytes, sizeof(bytes))) > 0)
		if (write(to, bytes, (size_t)n) != n)
			perror("feed");
	close(from);
	close(to);
}

static void ended(const char *name, struct held *h)
{
	siginfo_t end = {0};
	long since = ms();
	while (ms() < since + 15000 && !waitid(P_PID, (id_t)h->pid, &end, WEXITED | WNOHANG | WNOWAIT) && !end.si_pid)
		usleep(2000);
	finish(name, h, since, 1000);
}

/* With a socket, by which nobody comes. */
static void gone_while_loading(void)
{
	struct held h = start_slowly("/tmp/hold.sock");
	close(h.in);
	h.in = -1;
	feed();
	ended("gone while loading", &h);
}

static void asked_while_loading(void)
{
	struct held h = start_slowly(NULL);
	say(h.in, "detach\n");
	feed();
	ended("asked while loading", &h);
}

static void silent_while_loading(void)
{
	heartbeat = "1000";
	struct held h = start_slowly(NULL);
	say(h.in, "beat\n");
	usleep(1300000);
	feed();
	ended("silent while loading", &h);
}

/* Who goes on beating gets his policy. */
static void beating_while_loading(void)
{
	struct held h = start_slowly(NULL);
	h.never = false;
	say(h.in, "beat\n");
	usleep(1300000);
	feed();
	for (long end = ms() + 15000; !state_is("enabled") && ms() < end; usleep(100000))
		say(h.in, "beat\n");
	enabled("beating while loading");
	heartbeat = "3000";
	finish("beating, then silent", &h, ms(), 5000);
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

/* The control plane dies as soon as there is a socket; who has come by then hears whom he has adopted. */
static void adopted_while_loading(void)
{
	char text[65536];
	size_t n = 0;
	ssize_t got;
	int fd = -1;
	struct held h = start(good, "/tmp/hold.sock");
	for (long end = ms() + 5000; fd < 0 && ms() < end; usleep(500))
		fd = connect_to("/tmp/hold.sock");
	close(h.in);
	h.in = -1;
	text[0] = 0;
	for (long end = ms() + 15000; !strstr(text, "\"hold\"") && ms() < end; usleep(20000)) {
		say(fd, "beat\n");
		if ((got = recv(fd, text + n, sizeof(text) - 1 - n, MSG_DONTWAIT)) > 0)
			text[n += (size_t)got] = 0;
	}
	if (!strstr(text, "\"hold\"") || !state_is("enabled")) {
		puts("adopted while loading: it does not know whom");
		bad = 1;
	}
	close(fd);
	finish("adopted while loading", &h, ms(), 5000);
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
	adopted_while_loading();
	frozen();
	frozen_of_old();
	killed_with_its_cgroup();
	no_way_out();
	gone_while_loading();
	asked_while_loading();
	silent_while_loading();
	beating_while_loading();
	stall();
	stall_killed();
	guard();
	return bad;
}
