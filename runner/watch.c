/* SPDX-License-Identifier: Apache-2.0 */
/* The standing watch: loads probes/watch.bpf.c, attaches it, lets it count as much as its budget allows (watch-budget.c), and reads what it counted when it
 * is over. docs/protocol.md, section 6. Sources: bpf(2), perf_event_open(2), Documentation/bpf/bpf_iterators.rst, proc(5): /proc/stat. */
#include "observe.h"
#include "watch.h"
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sysinfo.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { TICK_NS = 100000000, SAMPLE_NS = 7300000, MIN_SLOTS = 1024, MAX_SLOTS = 32768 };
/* A measurement of what the program at a switch costs: of so many runs, or for so many ticks; and how many ticks it holds. */
enum { ENOUGH_RUNS = 200, MOST_TICKS = 10, ACCOUNT_TICKS = 64 };
enum { ON_SWITCH, ON_FORK, ON_EXEC, ON_BLOCK, ON_SAMPLE, ON_WAKING, LINKS };
static const char *const programs[LINKS] = {"on_switch", "on_fork", "on_exec", "on_block", "on_sample", "on_waking"};

static struct probe probe;
static struct bpf_link *links[LINKS];
static struct watch_told told;
static struct budget budget;
static uint64_t last_ns, last_busy, last_switches, last_wakes, last_waking, marked_ns, slot_room;
static struct window {
	uint32_t weight, closed;
} *window; /* the probe's */
static int stats_fd = -1;
static unsigned int measured_ago = ACCOUNT_TICKS, forced_windows;
static double share;
static bool is_group;

static bool set(const char *name, const void *value, size_t size)
{
	void *at = probe_variable(&probe, ".rodata", name, size);
	return at && memcpy(at, value, size);
}

static uint64_t number(const char *name)
{
	uint64_t *at = probe_variable(&probe, ".bss", name, sizeof(*at));
	return at ? *at : 0;
}

static uint32_t small(const char *name)
{
	uint32_t *at = probe_variable(&probe, ".bss", name, sizeof(*at));
	return at ? *at : 0;
}

static bool settle(const struct job *job)
{
	static const uint32_t scopes[] = {[FOLLOW_OWN] = 0, [FOLLOW_PID] = 1, [FOLLOW_CGROUP] = 2, [FOLLOW_ALL] = 3};
	struct sysinfo info;
	sysinfo(&info);
	slot_room = (uint64_t)info.totalram * info.mem_unit / 64 / sizeof(struct watch_slot);
	slot_room = job->watch_tasks ? job->watch_tasks : slot_room < MIN_SLOTS ? MIN_SLOTS : slot_room > MAX_SLOTS ? MAX_SLOTS : slot_room;
	uint32_t capacity = (uint32_t)slot_room, cpus = (uint32_t)libbpf_num_possible_cpus();
	int32_t process = (int32_t)job->follow_pid;
	int64_t count_at = percpu_distance("runqueues", "__preempt_count");
	uint32_t bits = interrupt_bits();
	uint64_t group = subject_cgroup();
	struct bpf_map *slots = bpf_object__find_map_by_name(probe.object, "slots");
	return slots && bpf_map__value_size(slots) == sizeof(struct watch_slot) && !bpf_map__set_max_entries(slots, capacity) &&
	       set("capacity", &capacity, 4) && set("cpus", &cpus, 4) && set("scope", &scopes[job->follow], 4) && set("process", &process, 4) &&
	       set("preempt_count_at", &count_at, 8) && set("interrupt_bits", &bits, 4) && set("cgroup_id", &group, 8);
}

static void lacks(const char *what)
{
	if (told.missing_count < sizeof(told.missing) / sizeof(*told.missing))
		told.missing[told.missing_count++] = what;
}

/* A clock on one CPU that interrupts it, idle or not. */
static struct bpf_link *attach_sampler(struct bpf_program *program)
{
	struct perf_event_attr attr = {.type = PERF_TYPE_SOFTWARE, .size = sizeof(attr), .config = PERF_COUNT_SW_CPU_CLOCK, .sample_period = SAMPLE_NS};
	int fd = (int)syscall(SYS_perf_event_open, &attr, -1, 0, -1, PERF_FLAG_FD_CLOEXEC);
	struct bpf_link *link = fd < 0 ? NULL : bpf_program__attach_perf_event(program, fd);
	if (!link && fd >= 0)
		close(fd);
	return link;
}

static int attach(size_t which)
{
	struct bpf_program *program = bpf_object__find_program_by_name(probe.object, programs[which]);
	errno = ENOENT;
	if (program && bpf_program__autoload(program))
		links[which] = which == ON_SAMPLE ? attach_sampler(program) : bpf_program__attach(program);
	return links[which] ? 0 : -errno;
}

static void detach(size_t which)
{
	bpf_link__destroy(links[which]);
	links[which] = NULL;
}

/* Reads an iterator to its end; how many bytes it wrote, -1 when the kernel refuses. */
static ssize_t walk(const char *name)
{
	struct bpf_program *program = bpf_object__find_program_by_name(probe.object, name);
	struct bpf_link *link = program ? bpf_program__attach_iter(program, NULL) : NULL;
	int fd = link ? bpf_iter_create(bpf_link__fd(link)) : -1;
	char buf[4096];
	ssize_t sum = fd < 0 ? -1 : 0, n = 1;
	while (fd >= 0 && n > 0) {
		n = read(fd, buf, sizeof(buf));
		sum += n > 0 ? n : 0;
	}
	if (fd >= 0)
		close(fd);
	bpf_link__destroy(link);
	return n < 0 ? -1 : sum;
}

/* CPU time that was not idle, and switches, of the whole machine since its start. */
static void machine_now(uint64_t *busy_ns, uint64_t *switches)
{
	static char text[65536];
	unsigned long long t[8] = {0};
	*busy_ns = *switches = 0;
	if (read_text("/proc/stat", text, sizeof(text)) <= 0)
		return;
	sscanf(text, "cpu %llu %llu %llu %llu %llu %llu %llu %llu", &t[0], &t[1], &t[2], &t[3], &t[4], &t[5], &t[6], &t[7]);
	*busy_ns = (t[0] + t[1] + t[2] + t[5] + t[6]) * (SECOND / (uint64_t)sysconf(_SC_CLK_TCK));
	char *line = strstr(text, "\nctxt ");
	*switches = line ? strtoull(line + 6, NULL, 10) : 0;
}

static uint64_t wakes_seen(void)
{
	const uint64_t(*seen)[8] = probe_variable(&probe, ".bss", "seen", sizeof(uint64_t[WATCH_CPUS][8]));
	uint64_t sum = 0;
	for (size_t i = 0; seen && i < WATCH_CPUS; i++)
		sum += seen[i][0];
	return sum;
}

/* What the program at a switch costs by the kernel's account, which is kept only when somebody asks for it, and that costs time itself: now and then. */
static void measure_switch(void)
{
	static uint64_t runs, ns;
	struct bpf_prog_info info = {0};
	uint32_t size = sizeof(info);
	struct bpf_program *program = bpf_object__find_program_by_name(probe.object, programs[ON_SWITCH]);
	bool starts = stats_fd < 0, wanted = budget.doubts || ++measured_ago >= ACCOUNT_TICKS;
	if ((starts && !wanted) || bpf_prog_get_info_by_fd(bpf_program__fd(program), &info, &size))
		return;
	if (starts) {
		stats_fd = bpf_enable_stats(BPF_STATS_RUN_TIME);
		runs = info.run_cnt;
		ns = info.run_time_ns;
		measured_ago = 0;
		if (stats_fd < 0)
			budget_measured(&budget, 0, 0); /* goes on with what it knows */
	} else if (info.run_cnt - runs >= ENOUGH_RUNS || ++measured_ago > MOST_TICKS) {
		close(stats_fd);
		stats_fd = -1;
		measured_ago = 0;
		budget_measured(&budget, info.run_cnt - runs, info.run_time_ns - ns);
	}
}

static void start_now(void)
{
	pmu_run(true);
	told.start_ns = last_ns = marked_ns = now_ns();
	told.switching_ns = told.waking_ns = last_waking = 0;
	*window = (struct window){1, 0};
	last_wakes = wakes_seen();
	machine_now(&last_busy, &last_switches);
	told.busy_ns = last_busy;
	budget_start(&budget, share, forced_windows, told.start_ns);
	measure_switch();
}

/* Everyone in scope; those who came in by a parent that was entered in this very walk need another one. */
static int enter_all(const struct job *job)
{
	ssize_t entered = 1;
	for (int i = 0; i < 8 && entered > 0; i++)
		entered = walk("begin");
	if (entered < 0)
		return -errno;
	return job->follow == FOLLOW_PID && !small("next_id") ? -ESRCH : 0;
}

static int attach_all(void)
{
	int error = attach(ON_SWITCH);
	error = error ? error : attach(ON_FORK);
	error = error ? error : attach(ON_EXEC);
	if (!error && attach(ON_WAKING))
		lacks("who wakes whom: the kernel lacks the tracepoint sched_waking");
	if (!error && attach(ON_BLOCK))
		lacks("block I/O: the kernel lacks the tracepoint block_rq_issue");
	if (!error && attach(ON_SAMPLE))
		lacks("parallelism over time: no software clock event to sample with");
	return error;
}

static bool refuse(int error)
{
	fault_code = error == -ESRCH ? "not-found" : "unsupported";
	if (error == -ESRCH)
		fault("name a process that runs", "the process has ended");
	else
		fault("use another kernel: 6.16 or newer", "the watch cannot be kept (%s): %s", strerror(-error), heard());
	return false;
}

bool watch_start(const struct job *job)
{
	if (!probe_open(&probe, "watch", job->watcher))
		return false;
	if (!settle(job)) {
		fault("build probes/ again with this version of schedcp", "the watch does not count what the runner reads");
		return false;
	}
	if (!probe_load(&probe))
		return false;
	window = probe_variable(&probe, ".data", "window", sizeof(*window));
	int error = window ? attach_all() : -ENOENT;
	error = error ? error : enter_all(job);
	if (error)
		return refuse(error);
	if (!pmu_open(job))
		lacks(job->follow == FOLLOW_CGROUP ? "counters of the CPU (cycles, instructions, cache misses): not of a cgroup"
						   : "counters of the CPU (cycles, instructions, cache misses): this machine has none that can be used");
	is_group = job->follow == FOLLOW_CGROUP;
	share = (double)job->watch_budget_ppm / 1e6;
	forced_windows = (uint32_t)job->watch_windows;
	start_now();
	return true;
}

void watch_follow(bool on)
{
	uint32_t *flag = told.start_ns ? probe_variable(&probe, ".bss", "follow_own", sizeof(*flag)) : NULL;
	if (!flag)
		return;
	if (on)
		start_now();
	else
		told.end_ns = now_ns();
	pmu_run(on);
	*flag = on;
}

/* How long has been counted what, until now. */
static void mark(uint64_t now)
{
	uint64_t passed = now > marked_ns && !window->closed ? now - marked_ns : 0;
	told.switching_ns += passed;
	told.waking_ns += links[ON_WAKING] ? passed : 0;
	marked_ns = now;
}

static void settle_budget(uint64_t now)
{
	uint64_t busy, switches, wakes = wakes_seen();
	machine_now(&busy, &switches);
	measure_switch();
	budget_settle(&budget, &(struct spent){.ns = now - last_ns,
					       .busy_ns = busy - last_busy,
					       .switches = switches - last_switches,
					       .wakes = wakes - last_wakes,
					       .waking_ns = told.waking_ns - last_waking});
	last_ns = now;
	last_busy = busy;
	last_switches = switches;
	last_wakes = wakes;
	last_waking = told.waking_ns;
}

static void keep(size_t which, bool on)
{
	if (on && !links[which])
		attach(which);
	else if (!on && links[which])
		detach(which);
}

uint64_t watch_tick(void)
{
	uint64_t now = now_ns();
	if (!told.start_ns)
		return UINT64_MAX;
	mark(now);
	if (now - last_ns >= TICK_NS / 2) {
		if (is_group)
			walk("begin"); /* who was moved into the group */
		settle_budget(now);
	}
	struct wish wish = budget_wish(&budget, now);
	*window = (struct window){wish.one_of, !wish.counting};
	keep(ON_WAKING, wish.waking);
	return wish.until;
}

static bool accounts_always(void)
{
	char text[16] = "";
	return read_text("/proc/sys/kernel/bpf_stats_enabled", text, sizeof(text)) > 0 && text[0] == '1';
}

static void collect(void)
{
	uint64_t busy, switches;
	mark(told.end_ns);
	for (size_t i = 0; i < LINKS; i++)
		detach(i);
	pmu_run(false);
	pmu_read(told.pmu);
	machine_now(&busy, &switches);
	told.busy_ns = busy - told.busy_ns;
	if (walk("end") < 0)
		lacks("what the tasks that live on have used: the kernel refuses the iterator of tasks");
	told.allocated = small("allocated") < slot_room ? small("allocated") : (uint32_t)slot_room;
	told.folded = small("folded");
	told.lost_tasks = number("lost_tasks");
	told.lost_edges = number("lost_edges");
	told.samples = number("samples");
	told.sample_ns = SAMPLE_NS;
	told.cost = probe_cost(&probe);
	if (!accounts_always()) /* not only for us, now and then */
		told.cost.runs = 0;
	if (stats_fd >= 0)
		close(stats_fd);
	told.rest = probe_variable(&probe, ".bss", "rest", sizeof(struct watch_slot));
	told.parallel = probe_variable(&probe, ".bss", "parallel", WATCH_LEVELS * sizeof(uint64_t));
	told.queued = probe_variable(&probe, ".bss", "queued", WATCH_LEVELS * sizeof(uint64_t));
	told.edges_fd = bpf_object__find_map_fd_by_name(probe.object, "edges");
}

void watch_end(void)
{
	if (told.start_ns) {
		told.end_ns = told.end_ns ? told.end_ns : now_ns();
		collect();
		int fd = bpf_object__find_map_fd_by_name(probe.object, "slots");
		const void *slots = mmap(NULL, slot_room * sizeof(struct watch_slot), PROT_READ, MAP_SHARED, fd, 0);
		told.slots = slots;
		if (slots == MAP_FAILED)
			fault("give the machine more memory", "cannot map what the watch has counted: %s", strerror(errno));
		else if (told.rest && told.parallel && told.queued)
			watch_report(&told);
	}
	if (probe.object)
		probe_close(&probe);
}
