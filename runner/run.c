/* SPDX-License-Identifier: Apache-2.0 */
/* The stages of a job: settings, load, presence, nuisance, workload, undo. And the watch kept while something runs: wall limit,
 * ejected policy, signals, a reader that went away. The same code runs in the guest and on the host. */
#include "expansion.h"
#include "observe.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static volatile sig_atomic_t end_asked;

static void on_end(int signal)
{
	(void)signal;
	end_asked = 1;
}
static void on_wake(int signal) { (void)signal; }

bool signals_end_asked(void) { return end_asked; }

void signals_setup(void)
{
	static const int ends[] = {SIGTERM, SIGINT, SIGHUP}, wakes[] = {SIGCHLD, SIGUSR1};
	struct sigaction end = {.sa_handler = on_end}, wake = {.sa_handler = on_wake};
	sigset_t blocked;
	sigemptyset(&blocked);
	for (size_t i = 0; i < 3; i++) {
		sigaction(ends[i], &end, NULL);
		sigaddset(&blocked, ends[i]);
	}
	for (size_t i = 0; i < 2; i++) {
		sigaction(wakes[i], &wake, NULL);
		sigaddset(&blocked, wakes[i]);
	}
	signal(SIGPIPE, SIG_IGN);
	sigprocmask(SIG_SETMASK, &blocked, NULL);
}

int wait_signals(struct pollfd *fds, size_t n, uint64_t until)
{
	sigset_t open;
	uint64_t now = now_ns(), left = until > now ? until - now : 0;
	struct timespec timeout = {.tv_sec = (time_t)(left / SECOND), .tv_nsec = (long)(left % SECOND)};
	sigemptyset(&open);
	return ppoll(fds, n, &timeout, &open);
}

/* A pipe without a reader says POLLERR, a socket POLLHUP; a virtio port says that at other times, too. */
static bool reader_gone(void)
{
	struct pollfd reader = {.fd = output_fd};
	struct stat s;
	if (poll(&reader, 1, 0) != 1)
		return false;
	return reader.revents & POLLERR || (reader.revents & POLLHUP && !fstat(output_fd, &s) && S_ISSOCK(s.st_mode));
}

enum stop watch_check(struct watch *w)
{
	uint64_t now = now_ns();
	if (end_asked)
		return STOP_SIGNAL;
	if (now >= w->deadline)
		return STOP_WALL;
	if (now < w->next_tick)
		return GO_ON;
	uint64_t usual = now + 100 * MS, wanted = watch_tick();
	w->next_tick = wanted < usual ? wanted : usual;
	presence_read(&w->during);
	w->have_during = true;
	if (w->policy && (strcmp(w->during.state, "enabled") || strcmp(w->during.ops, policy_name(w->policy))))
		return STOP_EJECTED;
	return reader_gone() ? STOP_READER_GONE : GO_ON;
}

void stop_report(enum stop stop, const struct job *job)
{
	if (stop == STOP_WALL)
		limit_event("wall", "timeout: the workload was still running after %llu ms and was killed", (unsigned long long)job->wall_limit_ms);
	if (stop == STOP_SIGNAL)
		fault_code = "interrupted";
	if (stop == STOP_SIGNAL)
		fault("start it again", "ended by a signal before the workload had finished");
	if (stop == STOP_READER_GONE)
		fault("start it again", "nobody reads the runner's output any more");
	if (stop == STOP_EJECTED)
		failed = true; /* presence and exit say it */
}

static bool kill_children_once(void)
{
	char path[64], list[8192], *save, *word;
	snprintf(path, sizeof(path), "/proc/self/task/%d/children", getpid());
	bool any = read_text(path, list, sizeof(list)) > 0;
	for (word = strtok_r(list, " ", &save); word; word = strtok_r(NULL, " ", &save))
		kill(atoi(word), SIGKILL);
	while (waitpid(-1, NULL, WNOHANG) > 0)
		any = true;
	return any;
}

void kill_descendants(void)
{
	uint64_t limit = now_ns() + 5 * SECOND;
	while (kill_children_once() && now_ns() < limit)
		sleep_ns(2 * MS);
}

/* Uses up process ids, so that repetitions differ where nothing should depend on it. */
static void burn_pids(uint64_t count)
{
	for (uint64_t i = 0; i < count; i++) {
		pid_t pid = fork_into(-1);
		if (pid == 0)
			_exit(0);
		if (pid > 0)
			waitpid(pid, NULL, 0);
	}
}

/* A job without a workload: keep the policy attached for start-offset-ns, watching it, or observe what runs already. A signal is a proper
 * end of an observation, and so is that of the observed process. */
static void dwell(const struct job *job, struct policy *policy)
{
	struct watch w = {.policy = policy, .deadline = now_ns() + job->wall_limit_ms * MS};
	uint64_t end = now_ns() + job->start_offset_ns;
	enum stop stop = GO_ON;
	while (!stop && now_ns() < end && !subject_gone()) {
		stop = watch_check(&w);
		struct pollfd subject = {.fd = subject_fd(), .events = POLLIN};
		wait_signals(&subject, 1, w.next_tick < end ? w.next_tick : end);
	}
	if (stop != STOP_SIGNAL || job->follow == FOLLOW_OWN)
		stop_report(stop, job);
	if (w.have_during)
		presence_emit("during", &w.during);
}

/* What observes comes after the policy, so that it does not see the policy's start. */
static bool observers_start(const struct job *job)
{
	bool ready = subject_find(job) && (!job->recorder.at || record_start(job)) && (!job->watcher.at || watch_start(job));
	kernel_btf_forget();
	return ready;
}

static void observe_own(bool on)
{
	record_follow(on);
	watch_follow(on);
}

static void run_workload(const struct job *job, struct policy *policy)
{
	struct watch w = {.policy = policy};
	burn_pids(job->pid_offset);
	if (job->start_offset_ns)
		sleep_ns(job->start_offset_ns);
	w.deadline = now_ns() + job->wall_limit_ms * MS;
	observe_own(true);
	if (job->workload.at)
		play(job, &w);
	else
		command(job, &w);
	observe_own(false);
	kill_descendants();
	cgroup_remove_all();
	if (w.have_during)
		presence_emit("during", &w.during);
}

static void stages(const struct job *job)
{
	struct policy *policy = NULL;
	struct presence before, after;
	bool has_workload = job->workload.at || job->arg_count;
	if (job->scope_count) {
		fault("hold a policy that is to have a scope", "a run takes the whole machine");
		return;
	}
	if (job->workload.at && !play_accepts(job))
		return;
	if (settings_apply(job))
		return;
	kmsg_start();
	if (job->object.at && !(policy = policy_attach(job, NULL, NULL)))
		return;
	if (!policy && job->tracer.at && !trace_start(job, NULL))
		return;
	bool observing = observers_start(job);
	if (!policy)
		guard_start();
	presence_settled(&before);
	presence_emit("before", &before);
	json_flush();
	bool present = observing && (!policy || (!strcmp(before.state, "enabled") && !strcmp(before.ops, policy_name(policy))));
	if (has_workload && present)
		run_workload(job, policy);
	else if (present)
		dwell(job, policy);
	if (job->tracer.at || job->recorder.at || job->watcher.at)
		sleep_ns(10 * MS); /* who is a zombie may still have to leave its CPU */
	if (!policy) {
		presence_read(&after);
		presence_emit("after", &after);
	} else if (!policy_detach(policy, 2000)) {
		failed = true;
	}
}

void run_job(const struct job *job)
{
	signals_setup();
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	if (!job->object.at && !job->tracer.at && !job->recorder.at && !job->watcher.at)
		kernel_btf_forget();
	bool refused = !job->object.at && protect_self();
	if (refused)
		fault_code = "not-permitted";
	if (refused)
		fault("run as root, or with CAP_SYS_NICE and CAP_IPC_LOCK", "cannot take a real-time class and lock memory");
	else if (job->serve)
		serve(job);
	else
		stages(job);
	record_end();
	watch_end();
	if (job->tracer.at)
		trace_end();
	settings_restore();
	json_open("done");
	json_string("status", failed ? "failed" : "ok");
	json_close();
	json_flush();
}

uint8_t *read_all(int fd, size_t *n)
{
	size_t room = 1 << 16;
	uint8_t *buf = xalloc(NULL, room);
	ssize_t got;
	*n = 0;
	while (*n < 256u << 20 && ((got = read(fd, buf + *n, room - *n)) > 0 || (got < 0 && errno == EINTR))) {
		*n += got > 0 ? (size_t)got : 0;
		if (*n == room)
			buf = xalloc(buf, room *= 2);
	}
	return buf;
}

static int finish_malformed(void)
{
	json_open("done");
	json_string("status", "failed");
	json_close();
	json_flush();
	return 1;
}

/* The whole of a file, or of standard input for NULL; NULL and a fault when it cannot be opened. */
static uint8_t *read_input(const char *path, size_t *n)
{
	int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : 0;
	if (fd >= 0)
		return read_all(fd, n);
	fault("name a file that exists", "cannot open %s: %s", path, strerror(errno));
	return NULL;
}

int run_main(int argc, char **argv)
{
	struct job job;
	struct parse_error error = {0};
	size_t n, need;
	bool named = argc == 2 && !strcmp(argv[0], "--job");
	if (argc && !named) {
		fprintf(stderr, "usage: schedcp-runner run [--job FILE]\n");
		return 2;
	}
	uint8_t *buf = read_input(named ? argv[1] : NULL, &n);
	if (!buf)
		return finish_malformed();
	enum parsed result = job_parse(buf, n, &job, &need, &error);
	if (result == PARSED)
		return run_kept(&job);
	fault("send a job as docs/protocol.md section 2 describes it", "%s",
	      result == MALFORMED ? error.text : "the job ends before its line `end`");
	return finish_malformed();
}

/* An expansion under whatever schedules now: `play FILE`, or standard input. */
int play_main(int argc, char **argv)
{
	size_t n;
	if (argc > 1) {
		fprintf(stderr, "usage: schedcp-runner play [FILE]\n");
		return 2;
	}
	uint8_t *buf = read_input(argc ? argv[0] : NULL, &n);
	if (!buf)
		return finish_malformed();
	struct job job = {.wall_limit_ms = 600000, .sched = -1, .runs = 1, .workload = {buf, n}};
	return run_kept(&job);
}
