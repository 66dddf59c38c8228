/* SPDX-License-Identifier: Apache-2.0 */
/* Keeping a policy without a control plane: docs/protocol.md, "Keeping". */
#pragma once
#include "runner.h"

/* ---- sha256.c ---- */
void sha256_hex(const void *bytes, size_t n, char hex[65]);

/* ---- manifest.c: what was exported ---- */
enum { MOST_RELEASES = 16 };
struct manifest {
	char verdict[65], identity[65], name[129];
	char job[65], object[65], runner[65]; /* digests: of the job, of the object in it, of the program */
	char releases[MOST_RELEASES][129];
	size_t release_count;
	bool series; /* other releases of the same major.minor are covered, too */
};
/* Any bytes give a manifest, or false and why not. */
bool manifest_parse(const char *text, size_t n, struct manifest *manifest, char *why, size_t cap);
bool manifest_covers(const struct manifest *manifest, const char *release);

/* ---- attempt.c: a record of the last attempt that outlives the machine ---- */
#define ATTEMPT_DEFAULT "/var/lib/schedcp/last-attempt"
enum { ATTEMPT_SIZE = 512, MOST_FAILURES = 3, LONG_ENOUGH_S = 3600 };
/* attaching: the machine has not been seen well with it yet; good: it has; clean: it was let go in order; failed: ejected, refused or killed;
 * quarantined: only a person starts it again. */
enum attempt_state { ATTACHING, GOOD, CLEAN, FAILED, QUARANTINED };
struct attempt {
	enum attempt_state state;
	char policy[65], boot[37];
	uint64_t number;   /* of attempts since the record was made */
	uint64_t failures; /* in a row, none of which came after it was held for LONG_ENOUGH_S */
	uint64_t alive_s;  /* seconds after which it was last seen alive */
	uint64_t failed_s; /* CLOCK_BOOTTIME */
	char why[128];
};
size_t attempt_print(const struct attempt *attempt, char text[ATTEMPT_SIZE]);
bool attempt_parse(const char *text, size_t n, struct attempt *attempt);

enum judgement { MAY_START, MACHINE_WENT_DOWN, IN_QUARANTINE };
/* What the last attempt (NULL: there is none) means for one of this policy in this boot. *next is that attempt as it is written before anything is attached, or the
 * record of a quarantine; *wait_s how long it has to wait. */
enum judgement attempt_judge(const struct attempt *last, const char *policy, const char *boot, uint64_t now_s, struct attempt *next, uint64_t *wait_s);
/* One more failure; the cap turns it into a quarantine. */
void attempt_failed(struct attempt *attempt, uint64_t now_s, const char *why);

/* The file, held under a lock for the life of this process. */
enum opened { OPENED, IN_USE, UNOPENED };
enum opened attempt_open(const char *path);
/* True: *last is what was written; false: nothing was, or (*unreadable) it cannot be read. */
bool attempt_read(struct attempt *last, bool *unreadable);
/* On disk when it returns 0; else -1 and errno. */
int attempt_write(const struct attempt *attempt);
/* A process of its own writes from now on: a disk that hangs must not hold up who watches the policy. Before the policy is loaded, so that it shares nothing of it. */
void attempt_writer_start(void);
/* Asks for it to be written, never waits. */
void attempt_write_soon(const struct attempt *attempt);
/* False: the last write has failed, or the writer is gone. */
bool attempt_writer_well(void);
/* Waits until everything is written, so long at most. */
bool attempt_written(uint64_t ms);

/* ---- notify.c: what a service tells its manager (sd_notify(3)); nothing without NOTIFY_SOCKET ---- */
void notify(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* How often the manager wants to hear from us, ns; 0: it does not ask. */
uint64_t notify_watchdog_ns(void);
