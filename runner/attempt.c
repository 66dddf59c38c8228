/* SPDX-License-Identifier: Apache-2.0 */
/* The record of the last attempt to keep a policy, on disk, so that a machine that goes down with it is not taken down again. Written and synced before anything is attached;
 * always 512 bytes in one place (a sector: a write of it is whole or is not), so that marking an attempt good needs no new space. A lock (flock(2)) on it says
 * that somebody keeps a policy. */
#include "keep.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const states[] = {"attaching", "good", "clean", "failed", "quarantined"};
static const char form[] = "schedcp last attempt 1\nstate %s\npolicy %s\nboot %s\nattempt %llu\nfailures %llu\nalive-s %llu\nfailed-at-s %llu\nwhy %s\n";

size_t attempt_print(const struct attempt *a, char text[ATTEMPT_SIZE])
{
	char sum[65];
	int n = snprintf(text, ATTEMPT_SIZE, form, states[a->state], a->policy, a->boot, (unsigned long long)a->number, (unsigned long long)a->failures,
			 (unsigned long long)a->alive_s, (unsigned long long)a->failed_s, a->why);
	for (char *c = strstr(text, "\nwhy ") + 5; c < text + n - 1; c++)
		if ((unsigned char)*c < 0x20)
			*c = ' ';
	sha256_hex(text, (size_t)n, sum);
	n += snprintf(text + n, ATTEMPT_SIZE - (size_t)n, "sum %.16s\n", sum);
	memset(text + n, '\n', ATTEMPT_SIZE - (size_t)n);
	return ATTEMPT_SIZE;
}

bool attempt_parse(const char *bytes, size_t n, struct attempt *a)
{
	char text[ATTEMPT_SIZE + 1], state[16], again[ATTEMPT_SIZE];
	unsigned long long number, failures, alive, failed;
	int at = 0;
	if (n != ATTEMPT_SIZE || memchr(bytes, 0, n))
		return false;
	memcpy(text, bytes, n);
	text[n] = 0;
	memset(a, 0, sizeof(*a));
	if (sscanf(text,
		   "schedcp last attempt 1\nstate %15s\npolicy %64s\nboot %36s\nattempt %llu\nfailures %llu\nalive-s %llu\nfailed-at-s %llu\nwhy%n",
		   state, a->policy, a->boot, &number, &failures, &alive, &failed, &at) != 7 ||
	    !at)
		return false;
	char *end = strchr(text + at, '\n');
	snprintf(a->why, sizeof(a->why), "%.*s", end ? (int)(end - text - at - 1) : 0, text + at + 1);
	a->number = number;
	a->failures = failures;
	a->alive_s = alive;
	a->failed_s = failed;
	for (a->state = 0; a->state < 5 && strcmp(states[a->state], state); a->state++)
		;
	return a->state < 5 && attempt_print(a, again) == n && !memcmp(again, bytes, n); /* there is one text for each */
}

void attempt_failed(struct attempt *a, uint64_t now_s, const char *why)
{
	a->failures = a->alive_s >= LONG_ENOUGH_S ? 1 : a->failures + 1;
	a->state = a->failures >= MOST_FAILURES ? QUARANTINED : FAILED;
	a->failed_s = now_s;
	snprintf(a->why, sizeof(a->why), "%s", why);
}

enum judgement attempt_judge(const struct attempt *last, const char *policy, const char *boot, uint64_t now_s, struct attempt *next, uint64_t *wait_s)
{
	struct attempt before = {0};
	*wait_s = 0;
	if (last && !strcmp(last->policy, policy))
		before = *last;
	bool same_boot = !strcmp(before.boot, boot), held = before.state == ATTACHING || before.state == GOOD;
	if (*before.policy && same_boot && held)
		attempt_failed(&before, now_s, "the process that held it was killed");
	*next = before;
	if (before.state == QUARANTINED)
		return IN_QUARANTINE;
	if (*before.policy && !same_boot && before.state == ATTACHING)
		return MACHINE_WENT_DOWN;
	if (before.state == FAILED && same_boot) { /* 10 s after the first failure, 40 s after the second */
		uint64_t pause = before.failures > 1 ? 40 : 10, over = before.failed_s + pause;
		*wait_s = over > now_s ? over - now_s : 0;
	} else if (before.alive_s >= LONG_ENOUGH_S) {
		next->failures = 0;
	}
	next->state = ATTACHING;
	next->number++;
	next->alive_s = next->failed_s = 0;
	next->why[0] = 0;
	snprintf(next->policy, sizeof(next->policy), "%s", policy);
	snprintf(next->boot, sizeof(next->boot), "%s", boot);
	return MAY_START;
}

static int record = -1, writer = -1;
static bool in_flight, waiting, well = true;
static struct attempt wanted;

/* A directory entry that is not on disk yet would take the record with it. */
static int sync_directory(const char *path)
{
	char directory[4096];
	const char *slash = strrchr(path, '/');
	snprintf(directory, sizeof(directory), "%.*s", slash && slash > path ? (int)(slash - path) : 1, slash ? path : ".");
	int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC), result = fd < 0 ? -1 : fsync(fd);
	if (fd >= 0)
		close(fd);
	return result;
}

enum opened attempt_open(const char *path)
{
	bool fresh = access(path, F_OK) != 0;
	record = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (record < 0)
		return UNOPENED;
	for (uint64_t limit = now_ns() + 2 * SECOND; flock(record, LOCK_EX | LOCK_NB); sleep_ns(20 * MS))
		if (now_ns() >= limit)
			return IN_USE;
	return fresh && sync_directory(path) ? UNOPENED : OPENED;
}

bool attempt_read(struct attempt *last, bool *unreadable)
{
	char text[ATTEMPT_SIZE + 1];
	ssize_t n = pread(record, text, sizeof(text), 0);
	bool read = n > 0 && attempt_parse(text, (size_t)n, last);
	*unreadable = n != 0 && !read;
	return read;
}

static int write_text_now(const char *text)
{
	ssize_t n = pwrite(record, text, ATTEMPT_SIZE, 0);
	if (n >= 0 && n != ATTEMPT_SIZE)
		errno = ENOSPC;
	return n == ATTEMPT_SIZE && !fdatasync(record) ? 0 : -1;
}

int attempt_write(const struct attempt *a)
{
	char text[ATTEMPT_SIZE];
	attempt_print(a, text);
	return write_text_now(text);
}

static noreturn void write_on(int from)
{
	char text[ATTEMPT_SIZE];
	for (int i = 1; i < 32; i++)
		signal(i, i == SIGCHLD || i == SIGSEGV || i == SIGBUS ? SIG_DFL : SIG_IGN); /* the end of input ends it */
	while (recv(from, text, sizeof(text), 0) == ATTEMPT_SIZE)
		if (send(from, write_text_now(text) ? "-" : "+", 1, MSG_NOSIGNAL) != 1)
			break;
	_exit(0);
}

void attempt_writer_start(void)
{
	int ends[2];
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends)) {
		well = false;
		return;
	}
	pid_t pid = fork();
	if (pid == 0) {
		close(ends[0]);
		write_on(ends[1]);
	}
	close(ends[1]);
	writer = ends[0];
	well = pid > 0;
}

static void hear_writer(void)
{
	char answer;
	ssize_t n = writer < 0 ? 0 : recv(writer, &answer, 1, MSG_DONTWAIT);
	if (n == 1) {
		in_flight = false;
		well = answer == '+';
		waiting |= !well;
	} else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
		well = in_flight = false;
	}
}

static void talk_to_writer(void)
{
	char text[ATTEMPT_SIZE];
	if (in_flight)
		hear_writer();
	if (in_flight || !waiting || writer < 0)
		return;
	attempt_print(&wanted, text);
	in_flight = send(writer, text, sizeof(text), MSG_DONTWAIT | MSG_NOSIGNAL) == sizeof(text);
	waiting = !in_flight;
	well &= in_flight || errno == EAGAIN;
}

void attempt_write_soon(const struct attempt *a)
{
	waiting |= memcmp(&wanted, a, sizeof(*a)) != 0;
	wanted = *a;
	talk_to_writer();
}

bool attempt_writer_well(void) { return well; }

bool attempt_written(uint64_t ms)
{
	for (uint64_t limit = now_ns() + ms * MS; waiting || in_flight; sleep_ns(5 * MS)) {
		talk_to_writer();
		if (now_ns() >= limit || (!in_flight && !well && writer < 0))
			return false;
	}
	return well;
}
