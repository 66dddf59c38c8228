/* SPDX-License-Identifier: Apache-2.0 */
/* Programs whose behaviour is known to the last switch, for recordings of it: acts NAME COUNT [FILE]. What must not be preempted by its partner runs in
 * SCHED_FIFO on one CPU: who wakes goes on, and the woken one runs when the other blocks. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const char *file;

static void must(int ok, const char *what)
{
	if (ok)
		return;
	perror(what);
	exit(3);
}

static void in_turn(void)
{
	struct sched_param param = {.sched_priority = 1};
	cpu_set_t one;
	CPU_ZERO(&one);
	CPU_SET(0, &one);
	must(!sched_setaffinity(0, sizeof(one), &one), "sched_setaffinity");
	must(!sched_setscheduler(0, SCHED_FIFO, &param), "sched_setscheduler");
}

/* Not behind others: a machine that runs tests is busy. */
static void at_once(void)
{
	struct sched_param param = {.sched_priority = 1};
	must(!sched_setscheduler(0, SCHED_FIFO, &param), "sched_setscheduler");
}

static void nap(long ns) { nanosleep(&(struct timespec){0, ns}, NULL); }

static void pass(int from, int to, long n, int first)
{
	char byte = 0;
	for (long i = 0; i < n; i++) {
		must(first ? write(to, &byte, 1) == 1 && read(from, &byte, 1) == 1 : read(from, &byte, 1) == 1 && write(to, &byte, 1) == 1, "pass");
	}
}

/* The parent blocks n times in read and is woken by the child each time; the child n - 1 times. */
static void pingpong(long n)
{
	int there[2], back[2];
	in_turn();
	must(!pipe(there) && !pipe(back), "pipe");
	pid_t child = fork();
	if (!child) {
		pass(there[0], back[1], n, 0);
		_exit(0);
	}
	pass(back[0], there[1], n, 1);
	waitpid(child, NULL, 0);
}

/* As pingpong; and the parent sleeps 100 us after each fourth time. */
static void mixed(long n)
{
	int there[2], back[2];
	in_turn();
	must(!pipe(there) && !pipe(back), "pipe");
	pid_t child = fork();
	if (!child) {
		pass(there[0], back[1], n, 0);
		_exit(0);
	}
	for (long i = 0; i < n; i += 4) {
		pass(back[0], there[1], 4, 1);
		nap(100000);
	}
	waitpid(child, NULL, 0);
}

static void sleeps(long n)
{
	struct timespec at;
	at_once();
	for (long i = 0; i < n; i++)
		nap(300000);
	clock_gettime(CLOCK_MONOTONIC, &at);
	for (long i = 0; i < n; i++) {
		at.tv_nsec += 20000000;
		at.tv_sec += at.tv_nsec / 1000000000;
		at.tv_nsec %= 1000000000;
		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL);
	}
}

static uint32_t turns[2];
static long turn_count;

static void take_turns(int me)
{
	for (long i = 0; i < turn_count; i++) {
		while (!__atomic_load_n(&turns[me], __ATOMIC_SEQ_CST))
			syscall(SYS_futex, &turns[me], FUTEX_WAIT_PRIVATE, 0, NULL);
		turns[me] = 0;
		__atomic_store_n(&turns[!me], 1, __ATOMIC_SEQ_CST);
		syscall(SYS_futex, &turns[!me], FUTEX_WAKE_PRIVATE, 1);
	}
}

static void *other_turn(void *unused)
{
	take_turns(1);
	return unused;
}

/* The first thread waits n - 1 times for the one word, the second n times for the other. */
static void futexes(long n)
{
	pthread_t thread;
	in_turn();
	turn_count = n;
	must(!pthread_create(&thread, NULL, other_turn, NULL), "pthread_create");
	nap(2000000); /* it waits */
	turns[0] = 1;
	take_turns(0);
	pthread_join(thread, NULL);
}

static pthread_barrier_t gathered;

static void *crowd_member(void *unused)
{
	prctl(PR_SET_NAME, "member");
	pthread_barrier_wait(&gathered);
	return unused;
}

/* All live at once. */
static void crowd(long n)
{
	pthread_attr_t attr;
	pthread_t *threads = calloc((size_t)n, sizeof(*threads));
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 16384);
	pthread_barrier_init(&gathered, NULL, (unsigned)n + 1);
	for (long i = 0; i < n; i++)
		must(!pthread_create(&threads[i], &attr, crowd_member, NULL), "pthread_create");
	pthread_barrier_wait(&gathered);
	for (long i = 0; i < n; i++)
		pthread_join(threads[i], NULL);
}

static void forks(long n)
{
	for (long i = 0; i < n; i++) {
		pid_t child = fork();
		if (!child)
			_exit(0);
		waitpid(child, NULL, 0);
	}
}

/* Children, one after the other, each of which naps 200 times. */
static void nappers(long n)
{
	at_once();
	for (long i = 0; i < n; i++) {
		pid_t child = fork();
		for (int nth = 0; !child && nth < 200; nth++)
			nap(100000);
		if (!child)
			_exit(0);
		waitpid(child, NULL, 0);
	}
}

static void name(long n)
{
	prctl(PR_SET_NAME, "\xff\"\n\\\x01{\xc3x");
	nap(n * 1000000);
}

static int descriptors[2]; /* where is read, where is written */

static void *write_later(void *count)
{
	uint64_t one = 1;
	for (long i = 0; i < (long)count; i++) {
		nap(1000000);
		must(write(descriptors[1], &one, sizeof(one)) == sizeof(one), "write");
	}
	return NULL;
}

static void read_each(long n, int from, int to)
{
	uint64_t got;
	pthread_t thread;
	descriptors[0] = from;
	descriptors[1] = to;
	if (to >= 0)
		must(!pthread_create(&thread, NULL, write_later, (void *)n), "pthread_create");
	for (long i = 0; i < n; i++)
		must(read(from, &got, sizeof(got)) == sizeof(got), "read");
	if (to >= 0)
		pthread_join(thread, NULL);
}

/* n blocking reads each of a pipe, a socket, an eventfd, a timerfd; n polls and n epolls that time out. */
static void files(long n)
{
	int pair[2], event = eventfd(0, EFD_SEMAPHORE), timer = timerfd_create(CLOCK_MONOTONIC, 0), epoll = epoll_create1(0);
	struct itimerspec once = {.it_value = {0, 3000000}};
	struct epoll_event got;
	in_turn();
	must(!pipe(pair), "pipe");
	read_each(n, pair[0], pair[1]);
	must(!socketpair(AF_UNIX, SOCK_STREAM, 0, pair), "socketpair");
	read_each(n, pair[0], pair[1]);
	read_each(n, event, event);
	for (long i = 0; i < n; i++) { /* set anew, so that none has come before it is read */
		must(!timerfd_settime(timer, 0, &once, NULL), "timerfd_settime");
		read_each(1, timer, -1);
	}
	for (long i = 0; i < n; i++)
		poll(&(struct pollfd){.fd = pair[0], .events = POLLIN}, 1, 1);
	for (long i = 0; i < n; i++)
		epoll_wait(epoll, &got, 1, 1);
}

/* Writes past the page cache, then reads what is in no cache by touching it. Exit code 77 where the file system cannot. */
static void disk(long n)
{
	enum { BLOCK = 1 << 16 };
	char *block = aligned_alloc(4096, BLOCK);
	volatile char sum = 0;
	int fd = open(file, O_RDWR | O_CREAT | O_TRUNC | O_DIRECT, 0600);
	if (fd < 0)
		exit(77);
	memset(block, 7, BLOCK);
	for (long i = 0; i < n; i++)
		must(write(fd, block, BLOCK) == BLOCK, "write");
	must(!fsync(fd), "fsync");
	posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
	char *at = mmap(NULL, (size_t)n * BLOCK, PROT_READ, MAP_SHARED, fd, 0);
	must(at != MAP_FAILED, "mmap");
	madvise(at, (size_t)n * BLOCK, MADV_RANDOM);
	for (long i = 0; i < n; i++)
		sum += at[i * BLOCK];
	unlink(file);
}

static void *become(void *argv)
{
	nap(2000000);
	execv("/proc/self/exe", argv);
	return NULL;
}

/* A thread that is not the first one executes a program: it takes over the process and its number. */
static void takeover(long n)
{
	pthread_t thread;
	(void)n;
	must(!pthread_create(&thread, NULL, become, (char *[]){"acts", "sleeps", "2", NULL}), "pthread_create");
	for (;;)
		pause();
}

static void *napping(void *unused)
{
	for (;;)
		nap(1000000);
	return unused;
}

/* A process with a thread and a child, all napping, that forks another child every 2 ms and says "ready" first. n: for how many ms. */
static void family(long n)
{
	pthread_t thread;
	at_once();
	prctl(PR_SET_PDEATHSIG, SIGKILL); /* a test that is killed leaves none */
	must(!pthread_create(&thread, NULL, napping, NULL), "pthread_create");
	pid_t child = fork();
	if (!child) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		napping(NULL);
	}
	must(write(1, "ready\n", 6) == 6, "write");
	for (long i = 0; i < n; i += 2) {
		nap(2000000);
		forks(1);
	}
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
}

static const struct {
	const char *name;
	void (*act)(long n);
} acts[] = {{"pingpong", pingpong}, {"mixed", mixed}, {"sleeps", sleeps}, {"futexes", futexes}, {"crowd", crowd}, {"forks", forks}, {"nappers", nappers}, {"name", name},
	    {"files", files}, {"disk", disk}, {"takeover", takeover}, {"family", family}};

int main(int argc, char **argv)
{
	file = argc > 3 ? argv[3] : NULL;
	for (size_t i = 0; argc > 2 && i < sizeof(acts) / sizeof(*acts); i++) {
		if (strcmp(acts[i].name, argv[1]))
			continue;
		acts[i].act(atol(argv[2]));
		return 0;
	}
	return 2;
}
