/* SPDX-License-Identifier: Apache-2.0 */
/* Runs a command: own session and cgroup, output caught in rings, every limit reported by name, nothing left behind.
 * Sources: execve(2), wait4(2), Documentation/admin-guide/cgroup-v2.rst (pids, memory). No shell is involved. */
#include "runner.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <sys/sysinfo.h>
#include <sys/wait.h>
#include <unistd.h>

struct ring {
	int fd;
	uint8_t *bytes;
	size_t cap;
	uint64_t total;
};

struct child {
	pid_t pid;
	int error_fd; /* gets errno when the program could not be started */
	char cgroup[16];
	bool in_cgroup;
	struct ring out, err;
	uint64_t start, end;
	int status;
	struct rusage usage;
};

static void ring_put(struct ring *r, const uint8_t *bytes, size_t n)
{
	for (size_t i = 0; i < n && r->cap; i++)
		r->bytes[(r->total + i) % r->cap] = bytes[i];
	r->total += n;
}

/* Reads what is there; at most 4 MiB at a time so that a flood cannot hold us. */
static void ring_drain(struct ring *r)
{
	uint8_t chunk[65536];
	for (int i = 0; i < 64 && r->fd >= 0; i++) {
		ssize_t n = read(r->fd, chunk, sizeof(chunk));
		if (n > 0) {
			ring_put(r, chunk, (size_t)n);
			continue;
		}
		if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
			close(r->fd);
			r->fd = -1;
		}
		return;
	}
}

static void ring_emit(const char *key, const char *omitted, struct ring *r)
{
	uint64_t kept = r->total < r->cap ? r->total : r->cap;
	uint8_t *text = xalloc(NULL, kept);
	for (uint64_t i = 0; i < kept; i++)
		text[i] = r->bytes[(r->total - kept + i) % r->cap];
	json_bytes(key, text, kept);
	json_uint(omitted, r->total - kept);
	free(text);
}

static char **string_list(const struct bytes *items, size_t n)
{
	char **list = xalloc(NULL, (n + 1) * sizeof(*list));
	for (size_t i = 0; i < n; i++)
		list[i] = strndup((const char *)items[i].at, items[i].n);
	list[n] = NULL;
	return list;
}

static const struct bytes usual_path = {(const uint8_t *)"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", 65};

static const char *variable(char **env, const char *name)
{
	size_t n = strlen(name);
	for (; *env; env++)
		if (!strncmp(*env, name, n) && (*env)[n] == '=')
			return *env + n + 1;
	return NULL;
}

/* As execvpe, but with the job's PATH and never through a shell. Returns errno. */
static int exec_search(char **argv, char **env)
{
	const char *path = variable(env, "PATH");
	char full[4096];
	int error = ENOENT;
	if (strchr(argv[0], '/')) {
		execve(argv[0], argv, env);
		return errno;
	}
	for (const char *at = path ? path : "/usr/local/bin:/usr/bin:/bin"; at; at = strchr(at, ':') ? strchr(at, ':') + 1 : NULL) {
		snprintf(full, sizeof(full), "%.*s/%s", (int)strcspn(at, ":"), at, argv[0]);
		execve(full, argv, env);
		if (errno != ENOENT && errno != ENOTDIR)
			error = errno;
	}
	return error;
}

static void child_settle(const struct job *job, int out, int err)
{
	struct sched_param param = {0};
	struct rlimit no_core = {0, 0};
	sigset_t none;
	setsid();
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (int i = 1; i < 32; i++)
		signal(i, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	setrlimit(RLIMIT_CORE, &no_core);
	dup2(open("/dev/null", O_RDONLY), 0);
	dup2(out, 1);
	dup2(err, 2);
	if (job->sched >= 0)
		sched_setscheduler(0, job->sched, &param);
	if (job->nice)
		setpriority(PRIO_PROCESS, 0, (int)job->nice);
}

static noreturn void child_main(const struct job *job, char **argv, char **env, int out, int err, int report)
{
	char cwd[4096] = "/";
	int problem[2] = {0, 0}; /* 1: working directory, 2: program; errno */
	if (job->cwd.at)
		snprintf(cwd, sizeof(cwd), "%.*s", (int)job->cwd.n, job->cwd.at);
	child_settle(job, out, err);
	if (chdir(cwd)) {
		problem[0] = 1;
		problem[1] = errno;
	} else {
		problem[1] = exec_search(argv, env);
		problem[0] = 2;
	}
	if (write(report, problem, sizeof(problem)) < 0)
		_exit(126);
	_exit(127);
}

/* A cgroup that bounds processes and memory, so that neither can take the runner down with it. */
static int bounded_cgroup(struct child *c, const struct job *job, uint64_t run)
{
	char value[32], text[4096];
	struct sysinfo info;
	sysinfo(&info);
	cgroup_needs(6 | (job->cpu_weight ? 1 : 0));
	snprintf(c->cgroup, sizeof(c->cgroup), "run%llu", (unsigned long long)run);
	int fd = cgroup_create(c->cgroup);
	c->in_cgroup = fd >= 0;
	uint64_t total = (uint64_t)info.totalram * info.mem_unit, processes = total >> 18;
	processes = processes < 256 ? 256 : processes > 8192 ? 8192 : processes;
	snprintf(value, sizeof(value), "%llu", (unsigned long long)processes);
	cgroup_set(c->cgroup, "pids.max", value);
	read_text("/proc/meminfo", text, sizeof(text));
	char *line = strstr(text, "MemAvailable:");
	uint64_t available = line ? strtoull(line + 13, NULL, 10) << 10 : total / 2;
	uint64_t reserve = 24ULL << 20;
	snprintf(value, sizeof(value), "%llu", (unsigned long long)(available > 2 * reserve ? available - reserve : available / 2));
	cgroup_set(c->cgroup, "memory.max", value);
	cgroup_set(c->cgroup, "memory.oom.group", "1");
	snprintf(value, sizeof(value), "%llu", (unsigned long long)job->cpu_weight);
	if (job->cpu_weight && cgroup_set(c->cgroup, "cpu.weight", value))
		fault("mount cgroup2 on /sys/fs/cgroup with its cpu controller", "cannot set cpu.weight: %s", strerror(errno));
	return fd;
}

static void ring_open(struct ring *r, int ends[2], size_t cap)
{
	if (pipe2(ends, O_CLOEXEC)) {
		ends[0] = ends[1] = -1;
		fault("close some files", "cannot create a pipe: %s", strerror(errno));
	}
	fcntl(ends[1], F_SETPIPE_SZ, 1 << 20); /* fewer wake-ups of ours while the command talks */
	fcntl(ends[0], F_SETFL, O_NONBLOCK);
	*r = (struct ring){.fd = ends[0], .bytes = xalloc(NULL, cap), .cap = cap};
}

static bool child_start(struct child *c, const struct job *job, char **argv, char **env, uint64_t run)
{
	int out[2], err[2], report[2];
	ring_open(&c->out, out, job->output_limit);
	ring_open(&c->err, err, job->output_limit);
	if (pipe2(report, O_CLOEXEC | O_NONBLOCK))
		return false;
	int cgroup_fd = bounded_cgroup(c, job, run);
	c->start = now_ns();
	c->pid = fork_into(cgroup_fd);
	if (c->pid == 0)
		child_main(job, argv, env, out[1], err[1], report[1]);
	close(out[1]);
	close(err[1]);
	close(report[1]);
	if (cgroup_fd >= 0)
		close(cgroup_fd);
	c->error_fd = report[0];
	if (c->pid < 0)
		fault("free some memory or processes", "cannot fork: %s", strerror(errno));
	return c->pid > 0;
}

static enum stop limits_check(const struct child *c)
{
	if (!c->in_cgroup)
		return GO_ON;
	if (cgroup_event(c->cgroup, "memory.events", "oom_kill") > 0)
		return STOP_MEMORY;
	return cgroup_event(c->cgroup, "pids.events", "max") > 0 ? STOP_PROCESSES : GO_ON;
}

/* Output is looked at no more often than every 5 ms: a chatty command must not wake a real-time task at each line. */
static enum stop child_wait(struct child *c, struct watch *w)
{
	uint64_t quiet_until = 0;
	for (;;) {
		if (wait4(c->pid, &c->status, WNOHANG, &c->usage) == c->pid) {
			c->end = now_ns();
			return limits_check(c);
		}
		uint64_t tick = w->next_tick;
		enum stop stop = watch_check(w);
		if (!stop && w->next_tick != tick)
			stop = limits_check(c);
		if (stop)
			return stop;
		uint64_t now = now_ns(), until = w->next_tick < w->deadline ? w->next_tick : w->deadline;
		struct pollfd fds[2] = {{.fd = c->out.fd, .events = POLLIN}, {.fd = c->err.fd, .events = POLLIN}};
		if (now < quiet_until) {
			wait_signals(NULL, 0, quiet_until < until ? quiet_until : until);
		} else if (wait_signals(fds, 2, until) > 0) {
			ring_drain(&c->out);
			ring_drain(&c->err);
			quiet_until = now_ns() + 5 * MS;
		}
	}
}

static void emit_run(struct child *c, uint64_t run)
{
	json_open("run");
	json_uint("run", run);
	json_int("exit", WIFEXITED(c->status) ? WEXITSTATUS(c->status) : -1);
	json_int("signal", WIFSIGNALED(c->status) ? WTERMSIG(c->status) : 0);
	json_uint("wallNs", c->end - c->start);
	json_uint("userNs", (uint64_t)c->usage.ru_utime.tv_sec * SECOND + (uint64_t)c->usage.ru_utime.tv_usec * 1000);
	json_uint("systemNs", (uint64_t)c->usage.ru_stime.tv_sec * SECOND + (uint64_t)c->usage.ru_stime.tv_usec * 1000);
	json_int("maxRssKiB", c->usage.ru_maxrss);
	json_int("vcsw", c->usage.ru_nvcsw);
	json_int("icsw", c->usage.ru_nivcsw);
	ring_emit("stdout", "stdoutOmitted", &c->out);
	ring_emit("stderr", "stderrOmitted", &c->err);
	json_close();
}

/* True when the program could not be started at all. */
static bool start_failed(struct child *c, char **argv, const struct job *job)
{
	int problem[2];
	bool yes = read(c->error_fd, problem, sizeof(problem)) == sizeof(problem);
	close(c->error_fd);
	if (yes)
		fault_code = problem[1] == ENOENT || problem[1] == ENOTDIR ? "not-found" : problem[1] == EACCES ? "not-permitted" : NULL;
	if (yes && problem[0] == 1)
		fault("name a directory that the machine has (--with brings one in)", "cannot enter the working directory %.*s: %s", (int)job->cwd.n,
		      (const char *)job->cwd.at, strerror(problem[1]));
	else if (yes)
		fault(problem[1] == ENOENT ? "check the name, and that the program (and its interpreter) is in the machine" : "check the program",
		      "cannot start the command %s: %s", argv[0], strerror(problem[1]));
	return yes;
}

static void disk_check(const struct job *job)
{
	char cwd[4096] = "/";
	if (job->cwd.at)
		snprintf(cwd, sizeof(cwd), "%.*s", (int)job->cwd.n, job->cwd.at);
	const char *places[] = {"/", "/tmp", "/dev/shm", cwd};
	for (size_t i = 0; i < 4; i++) {
		struct statvfs s;
		if (statvfs(places[i], &s) || !s.f_blocks || s.f_bavail * s.f_frsize > 65536)
			continue;
		limit_event("disk", "%s is full (%llu MiB): the command needs more room than the machine has", places[i],
			    (unsigned long long)(s.f_blocks * s.f_frsize >> 20));
		return;
	}
}

static bool one_run(const struct job *job, struct watch *w, char **argv, char **env, uint64_t run)
{
	struct child c = {0};
	if (!child_start(&c, job, argv, env, run))
		return false;
	enum stop stop = child_wait(&c, w);
	if (c.in_cgroup)
		cgroup_kill(c.cgroup);
	kill(-c.pid, SIGKILL);
	if (!c.end) {
		for (int i = 0; i < 500 && wait4(c.pid, &c.status, WNOHANG, &c.usage) != c.pid; i++)
			sleep_ns(2 * MS);
		c.end = now_ns();
	}
	subject_ran(c.start, c.end);
	kill_descendants();
	ring_drain(&c.out);
	ring_drain(&c.err);
	close(c.out.fd);
	close(c.err.fd);
	bool failed_start = start_failed(&c, argv, job);
	if (!failed_start)
		emit_run(&c, run);
	if (stop == STOP_MEMORY)
		limit_event("memory", "the command needed more memory than the machine has and was killed");
	else if (stop == STOP_PROCESSES)
		limit_event("processes", "the command started more processes than the machine allows and was killed");
	stop_report(stop, job);
	disk_check(job);
	free(c.out.bytes);
	free(c.err.bytes);
	return !stop && !failed_start && !failed;
}

pid_t command_start(const struct job *job, int out)
{
	struct child c = {0};
	char **argv = string_list(job->args, job->arg_count);
	char **env = job->env_count ? string_list(job->envs, job->env_count) : string_list(&usual_path, 1);
	int report[2], cgroup_fd = cgroup_create("work");
	if (pipe2(report, O_CLOEXEC))
		return -1;
	c.pid = fork_into(cgroup_fd);
	if (c.pid == 0)
		child_main(job, argv, env, out, out, report[1]);
	close(report[1]);
	if (cgroup_fd >= 0)
		close(cgroup_fd);
	c.error_fd = report[0];
	return c.pid < 0 || start_failed(&c, argv, job) ? -1 : c.pid;
}

void command(const struct job *job, struct watch *w)
{
	char **argv = string_list(job->args, job->arg_count);
	char **env = job->env_count ? string_list(job->envs, job->env_count) : string_list(&usual_path, 1);
	for (uint64_t run = 0; run < job->runs; run++) {
		if (!one_run(job, w, argv, env, run))
			break;
		cgroup_remove_all();
	}
}
