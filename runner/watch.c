/* SPDX-License-Identifier: Apache-2.0 */
/* The standing watch: loads probes/watch.bpf.c, attaches it, lets it count wakeups in windows of 100 ms as long as all of it is estimated to cost
 * less than its budget, and reads what it counted when it is over. docs/protocol.md, section 6. Sources: bpf(2), perf_event_open(2),
 * Documentation/bpf/bpf_iterators.rst, proc(5): /proc/stat. */
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

/* What an event costs with the way to the program and with what its memory traffic costs others: two to three times what the kernel accounts for the program
 * alone, as `perf bench sched messaging` shows it. */
enum { SWITCH_NS = 500, WAKING_NS = 1500, TICK_NS = 100000000, MOST_OFF = 50, SAMPLE_NS = 7300000, MIN_SLOTS = 1024, MAX_SLOTS = 32768 };
enum { ON_SWITCH, ON_FORK, ON_EXEC, ON_BLOCK, ON_SAMPLE, ON_WAKING, LINKS };
static const char *const programs[LINKS] = {"on_switch", "on_fork", "on_exec", "on_block", "on_sample", "on_waking"};

static struct probe probe;
static struct bpf_link *links[LINKS];
static struct watch_told told;
static uint64_t last_ns, last_busy, last_switches, last_wakes, off_ticks, slot_room;
static double credit, budget;
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
	if (program)
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

static void start_now(void)
{
	pmu_run(true);
	told.start_ns = last_ns = now_ns();
	machine_now(&last_busy, &last_switches);
	told.busy_ns = last_busy;
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
	int error = attach_all();
	error = error ? error : enter_all(job);
	if (error)
		return refuse(error);
	if (!pmu_open(job))
		lacks(job->follow == FOLLOW_CGROUP ? "counters of the CPU (cycles, instructions, cache misses): not of a cgroup"
						   : "counters of the CPU (cycles, instructions, cache misses): this machine has none that can be used");
	is_group = job->follow == FOLLOW_CGROUP;
	budget = (double)job->watch_budget_ppm / 1e6;
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

/* Who uses less than this share of a CPU is observed as if it did: a share of next to nothing would pay for nothing. */
static const double LEAST_USED = 0.05;

/* Wakeups are counted in the next 100 ms if what all this has cost so far, as estimated, is below the budget, and now and then at any rate. */
void watch_tick(void)
{
	uint64_t now = now_ns(), busy, switches, wakes;
	if (!told.start_ns || now - last_ns < TICK_NS / 2)
		return;
	wakes = wakes_seen();
	if (is_group)
		walk("begin"); /* who was moved into the group */
	machine_now(&busy, &switches);
	double used = (double)(busy - last_busy), least = (double)(now - last_ns) * LEAST_USED;
	double earned = budget * (used > least ? used : least), room = budget * TICK_NS * 2;
	credit += earned - (double)(switches - last_switches) * SWITCH_NS - (double)(wakes - last_wakes) * WAKING_NS;
	credit = credit > room ? room : credit < -50 * room ? -50 * room : credit;
	if (links[ON_WAKING])
		told.waking_ns += now - last_ns;
	bool want = credit >= 0 || ++off_ticks >= MOST_OFF;
	if (want) {
		off_ticks = 0;
		if (!links[ON_WAKING])
			attach(ON_WAKING);
	} else if (links[ON_WAKING]) {
		detach(ON_WAKING);
	}
	last_ns = now;
	last_busy = busy;
	last_switches = switches;
	last_wakes = wakes;
}

static void collect(void)
{
	uint64_t busy, switches;
	if (links[ON_WAKING])
		told.waking_ns += told.end_ns > last_ns ? told.end_ns - last_ns : 0;
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
