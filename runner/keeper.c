/* SPDX-License-Identifier: Apache-2.0 */
/* On a host the job runs in a child, and this process keeps it: whatever way the child ends, nothing that it changed or started stays. It is the subreaper of all
 * that the child leaves behind (PR_SET_CHILD_SUBREAPER), sees what was changed (undo.h), and does almost nothing else, so that little can go wrong with it. If
 * the keeper is killed, the child hears SIGTERM (PR_SET_PDEATHSIG) and ends in order by itself. */
#include "undo.h"
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile pid_t ward;

/* One that is stopped cannot end. */
static void pass_on(int signal)
{
	if (ward > 0)
		kill(ward, signal);
	if (ward > 0)
		kill(ward, SIGCONT);
}

static void listen(void)
{
	static const int ends[] = {SIGTERM, SIGINT, SIGHUP};
	struct sigaction action = {.sa_handler = pass_on};
	for (size_t i = 0; i < 3; i++)
		sigaction(ends[i], &action, NULL);
	signal(SIGPIPE, SIG_IGN);
}

static noreturn void ward_main(const struct job *job, pid_t keeper)
{
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	setsid();
	if (getppid() != keeper)
		_exit(1);
	run_job(job);
	_exit(failed ? 1 : 0);
}

/* Waits for the ward, no longer than its job may take. False: it had to be killed. */
static bool ward_ended(const struct job *job, int *status)
{
	uint64_t ms = job->verify_budget_ms + job->start_offset_ns / MS + job->wall_limit_ms;
	uint64_t limit = now_ns() + (ms + 120000) * MS;
	for (;;) {
		int got = 0;
		pid_t pid = waitpid(-1, &got, now_ns() < limit ? WNOHANG : 0);
		if (pid == ward) {
			*status = got;
			return now_ns() < limit;
		}
		if (pid > 0)
			continue;
		wait_signals(NULL, 0, now_ns() + 100 * MS);
		if (now_ns() >= limit)
			kill(ward, SIGKILL);
	}
}

/* The kernel drops the link of a policy whose owner has died; what is left then is ours. */
static void tidy(void)
{
	kill_descendants();
	cgroup_remove_all();
	undo_for_ward();
	if (undo->attached && !wait_gone(undo->attached, 5000))
		write_text("/proc/sysrq-trigger", "S");
}

static void tell_how(bool in_time, int status)
{
	if (in_time && WIFEXITED(status))
		return; /* it has said everything itself */
	if (!in_time)
		fault("report this", "the runner did not end within its own limits and was killed");
	else
		fault(WTERMSIG(status) == SIGKILL ? "did the machine run out of memory? start it again" : "the object or the job may be hostile: report it",
		      "the runner was ended by signal %d (%s)", WTERMSIG(status), strsignal(WTERMSIG(status)));
	json_open("done");
	json_string("status", "failed");
	json_close();
	json_flush();
}

int run_kept(const struct job *job)
{
	int status = 0;
	pid_t self = getpid();
	undo_recover();
	undo_share();
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	signals_setup();
	ward = fork();
	if (ward == 0)
		ward_main(job, self);
	if (ward < 0) {
		fault("give the machine more memory", "cannot fork: %s", strerror(errno));
		tell_how(false, 0);
		return 1;
	}
	prctl(PR_SET_NAME, "schedcp-keeper");
	protect_self(); /* who is not permitted keeps all the same, less surely */
	protect_from_oom();
	listen();
	bool in_time = ward_ended(job, &status);
	tidy();
	tell_how(in_time, status);
	return in_time && WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
