/* SPDX-License-Identifier: Apache-2.0 */
/* Programs of known use of CPUs, which say at their end what the kernel has told them of it by other ways than ours: a line for each task,
 * "tid ranNs delayNs voluntary involuntary minor", from /proc/thread-self/schedstat and getrusage(2). */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static long long cpu_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static void spin(long ms)
{
	while (cpu_ns() < ms * 1000000LL)
		;
}

static void report(void)
{
	struct rusage u;
	char line[256];
	unsigned long long ran = 0, delay = 0;
	FILE *f = fopen("/proc/thread-self/schedstat", "r");
	if (!f || fscanf(f, "%llu %llu", &ran, &delay) != 2)
		exit(3);
	fclose(f);
	getrusage(RUSAGE_THREAD, &u);
	int n = snprintf(line, sizeof(line), "%ld %llu %llu %ld %ld %ld\n", syscall(SYS_gettid), ran, delay, u.ru_nvcsw, u.ru_nivcsw, u.ru_minflt);
	if (write(1, line, (size_t)n) != n)
		exit(4);
}

static void *spinner(void *ms)
{
	spin((long)ms);
	report();
	return NULL;
}

/* Two processes on one CPU. */
static void share(long ms)
{
	cpu_set_t one;
	CPU_ZERO(&one);
	CPU_SET(0, &one);
	sched_setaffinity(0, sizeof(one), &one);
	fork();
	spin(ms);
	report();
	while (wait(NULL) > 0)
		;
}

static void threads(long ms)
{
	pthread_t t[3];
	for (int i = 0; i < 3; i++)
		pthread_create(&t[i], NULL, spinner, (void *)ms);
	for (int i = 0; i < 3; i++)
		pthread_join(t[i], NULL);
}

/* Children that end at once, one after the other. */
static void storm(long n)
{
	for (long i = 0; i < n; i++) {
		if (!fork())
			_exit(0);
		wait(NULL);
	}
	report();
}

/* Reads and writes of memory that was not there before: a fault for each page. */
static void touch(long pages)
{
	volatile char *p = malloc((size_t)pages * 4096);
	for (long i = 0; i < pages; i++)
		p[i * 4096] = 1;
	report();
}

int main(int argc, char **argv)
{
	long n = argc == 3 ? atol(argv[2]) : 0;
	if (n && !strcmp(argv[1], "spin"))
		spinner((void *)n);
	else if (n && !strcmp(argv[1], "share"))
		share(n);
	else if (n && !strcmp(argv[1], "threads"))
		threads(n);
	else if (n && !strcmp(argv[1], "storm"))
		storm(n);
	else if (n && !strcmp(argv[1], "touch"))
		touch(n);
	else
		return 2;
	return 0;
}
