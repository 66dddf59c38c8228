/* SPDX-License-Identifier: Apache-2.0 */
/* What probes/watch.bpf.c keeps of each task, as it lies in its maps. docs/protocol.md, section 6. */
#pragma once
#include "observe.h"

enum { WATCH_BUCKETS = 40, WATCH_REASONS = 12, WATCH_CAUSES = 5, WATCH_LEVELS = 65, WATCH_CPUS = 512, WATCH_MOST_WINDOWS = 20 };

struct watch_totals {
	int64_t ran, delay, utime, stime, nvcsw, nivcsw, min_flt, maj_flt, migrations, read_bytes, write_bytes;
};
struct watch_slot {
	uint64_t task, ran_seen, delay_seen, departed, burst_ran;
	uint32_t seen_voluntary, seen_involuntary;
	uint16_t call;
	uint8_t call_reason, call_turns;
	uint32_t call_arg;
	uint8_t state, reason, ended, weight;
	uint32_t bursts, wakes[5], id, edge_to, edge_count, edge_turns, forks;
	uint64_t born_ns, ended_ns;
	int32_t tgid, tid;
	struct {
		uint64_t ns, count;
	} waits[WATCH_REASONS];
	uint32_t times[3 * WATCH_BUCKETS];
	struct watch_totals sum;
	uint32_t reads, writes;
	uint64_t read_bytes, written_bytes;
	char comm[16];
	uint32_t claim, flags, missed, waited, pad[4];
};
_Static_assert(sizeof(struct watch_slot) == 960, "as in probes/watch.bpf.c");

/* What is told when it is over. */
struct watch_told {
	uint64_t start_ns, end_ns, switching_ns, waking_ns, busy_ns, sample_ns;
	const struct watch_slot *slots, *rest;
	uint32_t allocated, folded;
	int edges_fd;
	uint64_t lost_tasks, lost_edges, samples;
	struct probe_cost cost;
	uint64_t pmu[3]; /* all zero: none */
	const uint64_t *parallel, *queued;
	const char *missing[8];
	size_t missing_count;
};
/* watch-budget.c: what is counted when. Times are in ns, `share` and budgets of the used CPU time. */
struct budget {
	double share, credit, spare, earned, cost, closed, wakes, last_earned, last_cost, last_closed;
	uint64_t switch_ns; /* of the program at a switch, by the kernel's account */
	uint64_t block, opens, closes;
	uint32_t forced, one_of, off_ticks, fresh_ticks, random;
	bool in_windows, doubts /* whether `switch_ns` is still true */, waking;
};
/* What was used in a time. */
struct spent {
	uint64_t ns, busy_ns, switches, wakes, waking_ns;
};
struct wish {
	bool counting, waking /* wakeups, too */;
	uint32_t one_of; /* windows */
	uint64_t until;
};
/* `windows`: one of so many is open from the start, whatever it costs (1: always); 0: by the budget. */
void budget_start(struct budget *budget, double share, uint32_t windows, uint64_t now);
void budget_settle(struct budget *budget, const struct spent *spent);
void budget_measured(struct budget *budget, uint64_t runs, uint64_t ns);
struct wish budget_wish(struct budget *budget, uint64_t now);
/* watch-pmu.c: false when the CPU has no counters, or none that we may use for what the job observes. */
bool pmu_open(const struct job *job);
void pmu_run(bool on);
void pmu_read(uint64_t sums[3]); /* cycles, instructions, cache misses; and closes */
void watch_report(const struct watch_told *told);
