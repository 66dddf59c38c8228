/* SPDX-License-Identifier: Apache-2.0 */
/* The CPU's own counters of what is watched, where it has any: cycles, instructions, cache misses, from the start to the end. Source: perf_event_open(2):
 * a counter of a task counts its children too when it inherits; one of a CPU counts whoever runs there. */
#include "watch.h"
#include <dirent.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { KINDS = 3, MAX_COUNTERS = 3072 };
static const uint64_t kinds[KINDS] = {PERF_COUNT_HW_CPU_CYCLES, PERF_COUNT_HW_INSTRUCTIONS, PERF_COUNT_HW_CACHE_MISSES};
static int counters[MAX_COUNTERS];
static size_t count;

static bool count_for(pid_t task, int cpu)
{
	for (size_t i = 0; i < KINDS; i++) {
		struct perf_event_attr attr = {.type = PERF_TYPE_HARDWARE, .size = sizeof(attr), .config = kinds[i], .inherit = cpu < 0, .disabled = 1,
					       .read_format = PERF_FORMAT_TOTAL_TIME_ENABLED | PERF_FORMAT_TOTAL_TIME_RUNNING};
		int fd = count < MAX_COUNTERS ? (int)syscall(SYS_perf_event_open, &attr, task, cpu, -1, PERF_FLAG_FD_CLOEXEC) : -1;
		if (fd < 0)
			return false;
		counters[count++] = fd;
	}
	return true;
}

static bool count_threads(pid_t process)
{
	char path[64];
	bool any = false;
	snprintf(path, sizeof(path), "/proc/%d/task", process);
	DIR *tasks = opendir(path);
	for (struct dirent *entry; tasks && (entry = readdir(tasks));)
		if (entry->d_name[0] != '.')
			any |= count_for(atoi(entry->d_name), -1);
	if (tasks)
		closedir(tasks);
	return any;
}

bool pmu_open(const struct job *job)
{
	bool any = false;
	if (job->follow == FOLLOW_OWN)
		any = count_for(0, -1); /* and what we fork */
	else if (job->follow == FOLLOW_PID)
		any = count_threads((pid_t)job->follow_pid);
	else if (job->follow == FOLLOW_ALL)
		for (int cpu = 0; cpu < sysconf(_SC_NPROCESSORS_ONLN); cpu++)
			any |= count_for(-1, cpu);
	return any;
}

void pmu_run(bool on)
{
	for (size_t i = 0; i < count; i++)
		ioctl(counters[i], on ? PERF_EVENT_IOC_ENABLE : PERF_EVENT_IOC_DISABLE, 0);
}

/* Counters that had to share the hardware counted for a part of the time only. */
void pmu_read(uint64_t sums[3])
{
	for (size_t i = 0; i < count; i++) {
		uint64_t got[3];
		if (read(counters[i], got, sizeof(got)) == sizeof(got) && got[2])
			sums[i % KINDS] += (uint64_t)((double)got[0] * (double)got[1] / (double)got[2]);
		close(counters[i]);
	}
	count = 0;
}
