/* SPDX-License-Identifier: Apache-2.0 */
/* The player of expansions (docs/protocol.md section 1): forks a round's tasks, lets each go at its time,
 * keeps out of the way, and reports at the end.
 * Run delay: field 2 of /proc/PID/schedstat (Documentation/scheduler/sched-stats.rst), readable until the task is reaped. */
#include "play.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static char own_comm[16];
static struct expansion accepted; /* set by play_accepts, into an aligned copy */

bool play_accepts(const struct job *job)
{
	struct parse_error error;
	uint8_t *copy = xalloc(NULL, job->workload.n);
	memcpy(copy, job->workload.at, job->workload.n);
	if (expansion_parse(copy, job->workload.n, &accepted, &error))
		return true;
	fault("expand the workload again with this version of schedcp", "%s", error.text);
	free(copy);
	return false;
}

/* What stays when play() has returned. */
static const struct record *records;
static uint64_t first_start;

uint64_t play_started(void) { return first_start; }

static int by_pid(const void *a, const void *b)
{
	int32_t x = records[*(const uint32_t *)a].pid, y = records[*(const uint32_t *)b].pid;
	return (x > y) - (x < y);
}

int32_t play_task(int32_t pid)
{
	static uint32_t *order; /* tasks by their process ids */
	uint32_t n = records ? accepted.header->tasks : 0, low = 0;
	if (n && !order) {
		order = xalloc(NULL, n * sizeof(*order));
		for (uint32_t i = 0; i < n; i++)
			order[i] = i;
		qsort(order, n, sizeof(*order), by_pid);
	}
	for (uint32_t high = n; low < high;) {
		uint32_t middle = (low + high) / 2;
		if (records[order[middle]].pid < pid)
			low = middle + 1;
		else
			high = middle;
	}
	return low < n && records[order[low]].pid == pid ? (int32_t)order[low] : -1;
}

static uint8_t *arena;
static size_t arena_room;

/* Everything shared lies in one mapping: each further one would make every fork slower. */
static void *shared(size_t size)
{
	size_t rounded = (size + 63) / 64 * 64;
	void *p = arena;
	arena += rounded;
	arena_room -= rounded;
	return p;
}

static void arena_create(size_t size)
{
	arena_room = size;
	arena = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if (arena == MAP_FAILED) {
		fprintf(stderr, "schedcp-runner: no memory for the workload (%zu bytes)\n", size);
		abort();
	}
}

static bool pipes_create(struct play *p)
{
	uint32_t n = p->x.header->pipes;
	struct rlimit files = {8192, 8192};
	setrlimit(RLIMIT_NOFILE, &files);
	p->pipes = xalloc(NULL, n * sizeof(*p->pipes));
	p->scratch = n ? shared(1 << 20) : NULL;
	for (uint32_t i = 0; i < n; i++) {
		if (pipe2(p->pipes[i], O_CLOEXEC)) {
			fault("raise the limit of open files", "cannot create pipe %u of %u: %s", i + 1, n, strerror(errno));
			return false;
		}
	}
	return true;
}

static int own_cgroup(void)
{
	char text[4096], path[4200];
	read_text("/proc/self/cgroup", text, sizeof(text));
	char *at = strstr(text, "0::");
	snprintf(path, sizeof(path), "/sys/fs/cgroup%s", at ? strtok(at + 3, "\n") : "/");
	return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static bool cgroups_create(struct play *p, const struct job *job)
{
	char name[80], value[64];
	const char *parent = job->cpu_weight ? "work/" : "";
	p->base_cgroup_fd = -1;
	if (!job->cpu_weight && !p->x.header->cgroups)
		return true;
	cgroup_needs(1);
	if (job->cpu_weight) {
		snprintf(value, sizeof(value), "%llu", (unsigned long long)job->cpu_weight);
		if (cgroup_create("work") < 0 || cgroup_set("work", "cpu.weight", value))
			goto no;
		p->base_cgroup_fd = cgroup_create("work/rest~"); /* no cgroup of a workload may have this name */
	} else {
		p->base_cgroup_fd = own_cgroup();
	}
	for (uint32_t i = 0; i < p->x.header->cgroups; i++) {
		const struct x_cgroup *g = &p->x.cgroups[i];
		snprintf(name, sizeof(name), "%s%s", parent, g->name);
		p->cgroup_fds[i] = cgroup_create(name);
		snprintf(value, sizeof(value), "%u", g->weight);
		if (p->cgroup_fds[i] < 0 || cgroup_set(name, "cpu.weight", value))
			goto no;
		snprintf(value, sizeof(value), "%llu 100000", (unsigned long long)g->max_ns / 1000);
		if (g->max_ns && cgroup_set(name, "cpu.max", value))
			goto no;
	}
	return true;
no:
	fault("mount cgroup2 on /sys/fs/cgroup with its cpu controller", "cannot create the workload's cgroups: %s", strerror(errno));
	return false;
}

static bool prepare(struct play *p, const struct job *job)
{
	const struct x_header *h = accepted.header;
	*p = (struct play){.x = accepted, .player = getpid(), .job_nice = (int)job->nice, .job_sched = job->sched};
	uint64_t samples = 0;
	for (uint32_t i = 0; i < h->series; i++)
		samples += p->x.series[i].capacity;
	arena_create(4096 + h->semaphores * sizeof(*p->semaphores) + h->locks * sizeof(*p->locks) + h->tasks * sizeof(*p->records) +
		     h->series * (sizeof(*p->recorders) + 64) + samples * sizeof(uint64_t) + (h->pipes ? 1 << 20 : 0));
	p->semaphores = shared(h->semaphores * sizeof(*p->semaphores));
	p->locks = shared(h->locks * sizeof(*p->locks));
	p->records = shared(h->tasks * sizeof(*p->records));
	p->recorders = shared(h->series * sizeof(*p->recorders));
	p->remaining = shared(sizeof(*p->remaining));
	p->unready = shared(sizeof(*p->unready));
	p->shared_start = shared(sizeof(*p->shared_start));
	for (uint32_t i = 0; i < h->series; i++)
		p->recorders[i].values = shared(p->x.series[i].capacity * sizeof(uint64_t));
	signal(SIGCHLD, SIG_DFL);    /* tasks are reaped after their round: do not wake up for each */
	prctl(PR_SET_TIMERSLACK, 1); /* inherited: a SLEEP means what it says */
	p->spin_rate = spin_calibrate();
	return cgroups_create(p, job) && pipes_create(p);
}

static const struct x_task *sort_tasks;
static int by_start(const void *a, const void *b)
{
	uint32_t i = *(const uint32_t *)a, j = *(const uint32_t *)b;
	uint64_t x = sort_tasks[i].start_ns, y = sort_tasks[j].start_ns;
	return x != y ? (x < y ? -1 : 1) : (i < j ? -1 : 1);
}

/* The tasks the player starts in a round, in order; counts the foreground ones into *remaining. */
static uint32_t plan_round(struct play *p, uint32_t round, uint32_t *order)
{
	uint32_t n = 0, foreground = 0;
	for (uint32_t i = 0; i < p->x.header->tasks; i++) {
		const struct x_task *t = &p->x.tasks[i];
		if (t->round != round || t->flags & TASK_FORKED)
			continue;
		order[n++] = i;
		foreground += !(t->flags & TASK_BACKGROUND);
	}
	sort_tasks = p->x.tasks;
	qsort(order, n, sizeof(*order), by_start);
	atomic_store(p->remaining, foreground);
	return n;
}

/* Reads what the kernel has counted for a process so far. */
static void counted(pid_t pid, uint64_t *cpu, uint64_t *delay)
{
	char path[48], text[128], *rest = text;
	snprintf(path, sizeof(path), "/proc/%d/schedstat", pid);
	read_text(path, text, sizeof(text));
	*cpu = strtoull(text, &rest, 10);
	*delay = strtoull(rest, NULL, 10);
}

static uint64_t status_number(const char *status, const char *key)
{
	const char *at = strstr(status, key);
	return at ? strtoull(at + strlen(key), NULL, 10) : 0;
}

static void counted_before(struct record *r)
{
	char path[48], status[4096];
	counted(r->pid, &r->cpu_before, &r->delay_before);
	snprintf(path, sizeof(path), "/proc/%d/status", r->pid);
	read_text(path, status, sizeof(status));
	r->icsw_before = status_number(status, "nonvoluntary_ctxt_switches:");
	r->vcsw_before = status_number(status, "\nvoluntary_ctxt_switches:");
}

/* Forks the round's tasks and waits until all stand at their start line. */
static enum stop line_up(struct play *p, const uint32_t *order, uint32_t n, struct watch *w)
{
	enum stop stop = GO_ON;
	atomic_store(p->unready, n);
	for (uint32_t i = 0; i < n; i++) {
		atomic_store(&p->records[order[i]].started, 1);
		if (task_fork(p, order[i]) < 0) {
			fault("use fewer tasks, or give the machine more memory", "cannot fork task %u: %s", order[i], strerror(errno));
			return STOP_SIGNAL;
		}
	}
	while (!stop && atomic_load(p->unready)) {
		stop = watch_check(w);
		wait_signals(NULL, 0, w->next_tick < w->deadline ? w->next_tick : w->deadline);
	}
	prctl(PR_SET_NAME, own_comm); /* forking has given us theirs */
	if (!stop)
		sleep_ns(MS); /* the last one goes to sleep */
	for (uint32_t i = 0; !stop && i < n; i++)
		counted_before(&p->records[order[i]]);
	return stop;
}

static enum stop run_round(struct play *p, const uint32_t *order, uint32_t n, struct watch *w)
{
	uint32_t next = 0;
	enum stop stop = line_up(p, order, n, w);
	p->round_start = *p->shared_start = now_ns();
	while (!stop) {
		for (; next < n && p->round_start + p->x.tasks[order[next]].start_ns <= now_ns(); next++)
			task_release(p, order[next]);
		stop = watch_check(w);
		if (stop || !atomic_load(p->remaining))
			break;
		uint64_t until = w->next_tick < w->deadline ? w->next_tick : w->deadline;
		if (next < n && p->round_start + p->x.tasks[order[next]].start_ns < until)
			until = p->round_start + p->x.tasks[order[next]].start_ns;
		wait_signals(NULL, 0, until);
	}
	return stop;
}

/* Waits until a task is a zombie, reads what the kernel counted, and lets it go. */
static void reap(struct play *p, uint32_t t, uint64_t limit)
{
	struct record *r = &p->records[t];
	uint64_t cpu, delay;
	siginfo_t info;
	struct rusage usage = {0};
	pid_t pid = atomic_load(&r->pid);
	for (;;) { /* a forked task is ours to wait for only after its parent has ended */
		info.si_pid = 0;
		if (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT | WNOHANG) == 0 && info.si_pid)
			break;
		if (now_ns() > limit)
			return;
		sleep_ns(MS / 5);
	}
	counted(pid, &cpu, &delay);
	r->delay = delay - r->delay_before;
	if (r->killed)
		r->cpu = cpu - r->cpu_before;
	wait4(pid, NULL, 0, &usage);
	r->vcsw = (uint64_t)usage.ru_nvcsw - r->vcsw_before;
	r->icsw = (uint64_t)usage.ru_nivcsw - r->icsw_before;
}

static void end_round(struct play *p, uint32_t round, bool stopped)
{
	uint64_t limit = now_ns() + 2 * SECOND;
	for (uint32_t i = 0; i < p->x.header->tasks; i++) {
		struct record *r = &p->records[i];
		if (p->x.tasks[i].round != round || !atomic_load(&r->pid) || atomic_load(&r->ended))
			continue;
		kill(r->pid, SIGKILL);
		r->killed = true;
		r->end = now_ns();
	}
	for (uint32_t i = 0; !stopped && i < p->x.header->tasks; i++)
		if (p->x.tasks[i].round == round && atomic_load(&p->records[i].pid))
			reap(p, i, limit);
}

static void emit_task(const struct play *p, uint32_t t)
{
	const struct record *r = &p->records[t];
	static const char *const errors[] = {"", "unlocks a lock that it does not hold", "forks a task that has been started before", "cannot fork",
					     "cannot use its pipe", "cannot set its nice value", "cannot set its affinity"};
	json_open("task");
	json_uint("task", t);
	json_uint("startNs", r->start - p->round_start);
	json_uint("endNs", r->end - p->round_start);
	json_uint("cpuNs", r->cpu);
	json_uint("delayNs", r->delay);
	json_uint("vcsw", r->vcsw);
	json_uint("icsw", r->icsw);
	json_uint("cpu", r->cpu_number);
	json_bool("killed", r->killed);
	json_close();
	if (r->misplaced)
		fault("correct the workload, or the machine's CPUs", "task %u (%s) cannot be given its class, nice value or affinity", t, p->x.tasks[t].name);
	if (r->error)
		fault("correct the workload, or the machine's CPUs", "task %u (%s), operation %u: %s", t, p->x.tasks[t].name, r->error_op, errors[r->error]);
}

static uint64_t round_end(const struct play *p, uint32_t round)
{
	uint64_t end = p->round_start;
	for (uint32_t i = 0; i < p->x.header->tasks; i++)
		if (p->x.tasks[i].round == round && !(p->x.tasks[i].flags & TASK_BACKGROUND) && p->records[i].end > end)
			end = p->records[i].end;
	return end;
}

static void emit_round(const struct play *p, uint32_t round)
{
	uint64_t end = round_end(p, round);
	json_open("round");
	json_uint("round", round);
	json_uint("startNs", p->round_start - first_start);
	json_uint("endNs", end - first_start);
	json_uint("makespanNs", end - p->round_start);
	json_close();
	for (uint32_t i = 0; i < p->x.header->tasks; i++)
		if (p->x.tasks[i].round == round && atomic_load(&p->records[i].pid))
			emit_task(p, i);
}

static void emit_samples(const struct play *p)
{
	for (uint32_t s = 0; s < p->x.header->series; s++) {
		uint64_t n = atomic_load(&p->recorders[s].count), capacity = p->x.series[s].capacity;
		if (n > capacity)
			fault("report this: the expansion's capacity is wrong", "series %u got %llu samples but has room for %llu", s,
			      (unsigned long long)n, (unsigned long long)capacity);
		n = n < capacity ? n : capacity;
		for (uint64_t at = 0; at < n; at += 2000) {
			json_open("samples");
			json_uint("series", s);
			json_array("values");
			for (uint64_t i = at; i < n && i < at + 2000; i++)
				json_uint(NULL, p->recorders[s].values[i]);
			json_array_end();
			json_close();
		}
	}
}

void play(const struct job *job, struct watch *w)
{
	struct play p;
	enum stop stop = GO_ON;
	if (!prepare(&p, job))
		return;
	records = p.records;
	uint32_t *order = xalloc(NULL, p.x.header->tasks * sizeof(*order));
	prctl(PR_GET_NAME, own_comm);
	w->deadline = now_ns() + job->wall_limit_ms * MS;
	for (uint32_t round = 0; round < p.x.header->rounds && !stop; round++) {
		uint32_t n = plan_round(&p, round, order);
		stop = run_round(&p, order, n, w);
		first_start = round ? first_start : p.round_start;
		end_round(&p, round, stop != GO_ON);
		subject_ran(p.round_start, round_end(&p, round));
		if (!stop)
			emit_round(&p, round);
	}
	if (!stop)
		emit_samples(&p);
	stop_report(stop, job);
	free(order);
}
