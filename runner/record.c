/* SPDX-License-Identifier: Apache-2.0 */
/* The recorder: a BPF object that the job brings along (probes/record.bpf.c), attached before the workload starts, read when everything is over:
 * nothing of ours runs in between. docs/protocol.md, section 5, is the contract with it and with the reader. */
#include "observe.h"
#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

enum { CENSUS = 1 << 17, FOLLOWED = (1 << 22) / 8, SUBJECT = 8, LOST = 9 };

struct event {
	uint64_t ns;
	uint8_t kind, flags;
	uint16_t cpu;
	int32_t task, other;
	uint32_t detail;
	uint64_t value;
};
_Static_assert(sizeof(struct event) == 32, "layout");

static struct probe probe;
static uint64_t started_at;

static bool configure(const struct job *job)
{
	int32_t *target = probe_variable(&probe, ".rodata", "target", sizeof(*target));
	uint64_t *cgroup = probe_variable(&probe, ".rodata", "target_cgroup", sizeof(*cgroup));
	int64_t *distance = probe_variable(&probe, ".rodata", "preempt_count_distance", sizeof(*distance));
	uint32_t *interrupts = probe_variable(&probe, ".rodata", "preempt_count_interrupts", sizeof(*interrupts));
	struct bpf_map *events = bpf_object__find_map_by_name(probe.object, "events");
	struct bpf_program *attach = bpf_object__find_program_by_name(probe.object, "on_attach");
	if (!target || !cgroup || !distance || !interrupts)
		return false;
	if (!events || bpf_map__value_size(events) != sizeof(struct event)) {
		fault("build probes/ again with this version of schedcp", "the recorder does not record what the runner reads");
		return false;
	}
	*target = job->follow == FOLLOW_PID ? (int32_t)job->follow_pid : 0;
	*cgroup = subject_cgroup();
	*distance = percpu_distance("runqueues", "__preempt_count");
	*interrupts = interrupt_bits();
	bpf_program__set_autoload(attach, *cgroup != 0);
	bpf_map__set_max_entries(events, (uint32_t)(job->record_events > CENSUS ? job->record_events : CENSUS));
	return true;
}

/* Whoever lives already: all, or those whom the probe finds. */
static bool follow_living(const struct job *job)
{
	uint8_t *followed = probe_variable(&probe, ".bss", "followed", FOLLOWED);
	if (followed && job->follow == FOLLOW_ALL) {
		memset(followed, 0xff, FOLLOWED);
		followed[0] &= 0xfe; /* nobody is idle */
	}
	bool gather = job->follow == FOLLOW_PID || job->follow == FOLLOW_CGROUP;
	int error = gather ? probe_run(&probe, "gather") : 0;
	error = gather && !error ? probe_run(&probe, "gather") : error;
	if (error)
		fault("report this", "the recorder cannot find the tasks to follow: %s", strerror(-error));
	return followed && !error;
}

bool record_start(const struct job *job)
{
	if (!probe_open(&probe, "recorder", job->recorder) || !configure(job) || !probe_load(&probe))
		return false;
	uint64_t *room = probe_variable(&probe, ".bss", "room", sizeof(*room));
	int error = room ? probe_run(&probe, "introduce") : 0;
	if (!room)
		return false;
	*room = job->record_events;
	if (error || subject_gone()) { /* or its number means another one by now */
		fault_code = "not-found";
		fault("name a process that runs", "the process %lld is gone", (long long)job->follow_pid);
		return false;
	}
	if (!probe_attach(&probe) || !follow_living(job))
		return false;
	started_at = now_ns();
	return true;
}

void record_follow(bool on)
{
	uint32_t *adopting = started_at ? probe_variable(&probe, ".bss", "adopting", sizeof(*adopting)) : NULL;
	if (adopting)
		__atomic_store_n(adopting, on, __ATOMIC_SEQ_CST);
}

static void emit_one(uint8_t kind, uint64_t ns, int32_t task, uint32_t detail, uint64_t value)
{
	struct event e = {.ns = ns, .kind = kind, .task = task, .detail = detail, .value = value};
	emit_raw("trace", &e, sizeof(e));
}

static void report(void)
{
	uint64_t *recorded = probe_variable(&probe, ".bss", "recorded", sizeof(*recorded));
	uint64_t *room = probe_variable(&probe, ".bss", "room", sizeof(*room));
	int32_t *root = probe_variable(&probe, ".bss", "root", sizeof(*root));
	struct bpf_map *map = bpf_object__find_map_by_name(probe.object, "events");
	uint64_t entries = bpf_map__max_entries(map), ended_at = now_ns();
	if (!recorded || !room || !root)
		return;
	const struct event *events = mmap(NULL, entries * sizeof(*events), PROT_READ, MAP_SHARED, bpf_map__fd(map), 0);
	if (events == MAP_FAILED) {
		fault("give the machine more memory", "cannot map the recorded events: %s", strerror(errno));
		return;
	}
	struct probe_cost cost = probe_cost(&probe);
	struct span span = subject_span();
	uint64_t kept = *recorded < *room ? *recorded : *room, lost = *recorded - kept + cost.missed;
	emit_one(SUBJECT, span.end ? span.start : started_at, *root, 0, 0);
	emit_raw("trace", events, kept * sizeof(*events));
	*recorded = 0; /* the room is used again */
	*room = entries;
	if (!probe_run(&probe, "census"))
		emit_raw("trace", events, (*recorded < entries ? *recorded : entries) * sizeof(*events));
	emit_one(SUBJECT, span.end ? span.end : ended_at, *root, 1, 0);
	emit_one(LOST, ended_at, 0, 0, lost);
	json_open("recorded");
	json_uint("events", kept);
	json_uint("lost", lost);
	json_uint("programNs", cost.ns);
	json_uint("programRuns", cost.runs);
	json_close();
}

void record_end(void)
{
	probe_detach(&probe);
	if (started_at)
		report();
	if (probe.object)
		probe_close(&probe);
}
