/* SPDX-License-Identifier: Apache-2.0 */
/* Keeps the policy of an accepted verdict without a control plane, as a service does: what was exported is what the verdict measured, this kernel is one that it measured, and the
 * last attempt did not take the machine down (docs/protocol.md, "Keeping"). The policy stays until SIGTERM; the exit code tells systemd whether to try again. What ends a
 * policy without its fault: kernel/sched/ext.c handle_hotplug(), scx_pm_handler(), v6.18. */
#include "keep.h"
#include "undo.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

/* All but FAILED and NO_RECORD are final: RestartPreventExitStatus of the unit names them. */
enum { FAILED_ONCE = 1, OTHER_KERNEL = 10, OTHER_FILES = 11, OCCUPIED = 12, WENT_DOWN = 13, QUARANTINE = 14, NO_RECORD = 15, UNFIT = 16 };
enum { TICK_MS = 500, FROZEN_MS = 30000, LOAD_MS = 30000, DETACH_MS = 15000, EXIT_UNREG = 64, EXIT_UNREG_KERN = 66, EXIT_SYSRQ = 67 };

struct keep {
	const char *manifest_path, *record_path, *boot_path;
	uint64_t dwell_ms, ping_ns, next_ping, attached_at, written_s;
	struct manifest manifest;
	struct job job;
	struct attempt attempt;
	struct policy *policy;
};

/* One clear line, for the journal and for `systemctl status`. */
static void say(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void say(const char *format, ...)
{
	char text[700];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	fprintf(stderr, "%s\n", text);
	notify("STATUS=%s", text);
}

static uint64_t boot_s(void)
{
	struct timespec t;
	clock_gettime(CLOCK_BOOTTIME, &t);
	return (uint64_t)t.tv_sec;
}

static void forget_json(void)
{
	char *text;
	json_take(&text);
}

static uint8_t *read_file(const char *path, size_t *n)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	uint8_t *bytes = fd < 0 ? NULL : read_all(fd, n);
	if (fd >= 0)
		close(fd);
	return bytes;
}

static bool same_digest(const uint8_t *bytes, size_t n, const char *digest)
{
	char found[65];
	sha256_hex(bytes, n, found);
	return !strcmp(found, digest);
}

static int manifest_find(struct keep *k)
{
	char why[256];
	struct utsname name;
	size_t n = 0;
	uint8_t *text = read_file(k->manifest_path, &n);
	bool read = text && manifest_parse((const char *)text, n, &k->manifest, why, sizeof(why));
	free(text);
	if (!read) {
		say("the manifest %s cannot be read: %s; export it again: schedcp export", k->manifest_path, text ? why : strerror(errno));
		return OTHER_FILES;
	}
	uname(&name);
	if (manifest_covers(&k->manifest, name.release))
		return 0;
	say("kernel %s is not the one that %s was measured on (%s): a new kernel asks for a new verdict: schedcp tune, then schedcp export", name.release, k->manifest.name,
	    k->manifest.releases[0]);
	return OTHER_KERNEL;
}

/* The job that lies beside the manifest, if it, its object and this program are those that the manifest names. */
static int files_find(struct keep *k)
{
	struct parse_error error = {0};
	char path[4096];
	const char *slash = strrchr(k->manifest_path, '/'), *wrong = NULL;
	size_t n = 0, own_n = 0, need;
	snprintf(path, sizeof(path), "%.*s/policy.job", slash ? (int)(slash - k->manifest_path) : 1, slash ? k->manifest_path : ".");
	uint8_t *bytes = read_file(path, &n), *own = read_file("/proc/self/exe", &own_n);
	if (!bytes || !same_digest(bytes, n, k->manifest.job))
		wrong = path;
	else if (job_parse(bytes, n, &k->job, &need, &error) != PARSED || !k->job.object.at || !same_digest(k->job.object.at, k->job.object.n, k->manifest.object))
		wrong = "the object in policy.job";
	else if (!own || !same_digest(own, own_n, k->manifest.runner))
		wrong = "schedcp-runner";
	free(own);
	if (!wrong)
		return 0;
	say("%s is not what was exported: nothing is loaded; export it again: schedcp export", wrong);
	return OTHER_FILES;
}

static int place_find(void)
{
	struct presence now;
	presence_settled(&now);
	if (!strcmp(now.state, "disabled"))
		return 0;
	if (!strcmp(now.state, "absent")) {
		say("this kernel has no sched_ext");
		return UNFIT;
	}
	say("another scheduler is loaded (%s, %s): it is left alone; stop it first", *now.ops ? now.ops : "without a name", now.state);
	return OCCUPIED;
}

static int record_open(const char *path)
{
	enum opened opened = attempt_open(path);
	if (opened == IN_USE)
		say("another process keeps a policy already (lock of %s)", path);
	else if (opened == UNOPENED)
		say("cannot open the record of the last attempt, %s: %s; nothing is loaded without it", path, strerror(errno));
	return opened == OPENED ? 0 : opened == IN_USE ? OCCUPIED : NO_RECORD;
}

static int record_failed(const char *path)
{
	say("cannot write the record of the last attempt, %s: %s; nothing is loaded without it", path, strerror(errno));
	return NO_RECORD;
}

/* What the last attempt says about this one; `next` is written, and waited for, when it may start. */
static int attempt_find(struct keep *k, uint64_t *wait_s)
{
	static const char again[] = "to try again: schedcp-runner keep --again, then start the service";
	char boot[64];
	struct attempt last;
	bool unreadable;
	int refused = record_open(k->record_path);
	if (refused)
		return refused;
	if (read_text(k->boot_path, boot, sizeof(boot)) != 36) {
		say("cannot read the id of this boot, %s", k->boot_path);
		return NO_RECORD;
	}
	bool there = attempt_read(&last, &unreadable);
	if (unreadable) {
		say("the record of the last attempt, %s, was cut off or changed: the machine may have gone down with it; %s", k->record_path, again);
		return WENT_DOWN;
	}
	switch (attempt_judge(there ? &last : NULL, k->manifest.identity, boot, boot_s(), &k->attempt, wait_s)) {
	case MACHINE_WENT_DOWN:
		say("the machine went down at least %llu s after %s was loaded, and before it had been seen well; %s", (unsigned long long)last.alive_s, k->manifest.name, again);
		return WENT_DOWN;
	case IN_QUARANTINE:
		attempt_write(&k->attempt);
		say("%s is in quarantine after %llu failures (%s); %s", k->manifest.name, (unsigned long long)k->attempt.failures, k->attempt.why, again);
		return QUARANTINE;
	case MAY_START:
		break;
	}
	return 0;
}

/* False: a signal has come. */
static bool pause_for(uint64_t ns)
{
	for (uint64_t until = now_ns() + ns; now_ns() < until && !signals_end_asked();)
		wait_signals(NULL, 0, until);
	return !signals_end_asked();
}

static void note_alive(struct keep *k, uint64_t now)
{
	struct attempt *a = &k->attempt;
	a->alive_s = (now - k->attached_at) / SECOND;
	if (a->state == ATTACHING && now - k->attached_at >= k->dwell_ms * MS) {
		a->state = GOOD;
		k->written_s = a->alive_s;
		attempt_write_soon(a);
		say("%s is kept", k->manifest.name);
	}
	if (a->alive_s - k->written_s >= (a->state == GOOD ? 600 : 2) || !attempt_writer_well()) {
		k->written_s = a->alive_s;
		attempt_write_soon(a);
	}
}

/* Until a signal (true) or until the kernel is without the policy. */
static bool watch_over(struct keep *k)
{
	bool complained = false;
	while (!signals_end_asked()) {
		uint64_t now = now_ns();
		undo->alive_until = now + FROZEN_MS * MS;
		if (!presence_enabled() || presence_seq() != policy_seq(k->policy))
			return false;
		note_alive(k, now);
		if (!attempt_writer_well() && !complained)
			say("%s is kept, but its record cannot be written: after a crash a person is asked", k->manifest.name);
		complained |= !attempt_writer_well();
		if (k->ping_ns && now >= k->next_ping) {
			notify("WATCHDOG=1");
			k->next_ping = now + k->ping_ns / 2;
		}
		wait_signals(NULL, 0, now + TICK_MS * MS);
	}
	return true;
}

static bool attach_policy(struct keep *k)
{
	undo->alive_until = now_ns() + k->job.verify_budget_ms * MS + LOAD_MS * MS;
	k->policy = policy_attach(&k->job, NULL, NULL);
	if (!k->policy)
		return false;
	forget_json();
	protect_from_oom();
	k->attached_at = now_ns();
	k->written_s = 0;
	notify("READY=1");
	say("%s is loaded; in %llu s it counts as good", k->manifest.name, (unsigned long long)(k->dwell_ms / 1000));
	return true;
}

/* The kernel has refused the policy, or ended it for a fault. */
static int failed_with(struct keep *k, const char *why)
{
	attempt_failed(&k->attempt, boot_s(), why);
	attempt_write_soon(&k->attempt);
	attempt_written(5000);
	bool last = k->attempt.state == QUARANTINED;
	say("%s: %s; failure %llu of %d%s", k->manifest.name, why, (unsigned long long)k->attempt.failures, MOST_FAILURES,
	    last ? ": in quarantine until a person says schedcp-runner keep --again" : "");
	return last ? QUARANTINE : FAILED_ONCE;
}

static void clean(struct keep *k)
{
	k->attempt.state = CLEAN;
	attempt_write_soon(&k->attempt);
	if (!attempt_written(5000))
		say("the record of the last attempt could not be written: %s", k->record_path);
}

static int refused(struct keep *k)
{
	struct presence now;
	presence_settled(&now);
	json_flush(); /* what the kernel has said, for the journal */
	if (strcmp(now.state, "enabled"))
		return failed_with(k, "the kernel refused it (the reason stands above)");
	clean(k);
	say("another scheduler was loaded meanwhile (%s): it is left alone", now.ops);
	return OCCUPIED;
}

/* After the policy has gone; -1: it is to be loaded again. */
static int ended(struct keep *k, bool asked)
{
	char why[512];
	undo->alive_until = now_ns() + DETACH_MS * MS;
	if (asked)
		notify("STOPPING=1");
	policy_detach(k->policy, 1000);
	k->policy = NULL;
	snprintf(why, sizeof(why), "%s%s%s", *exit_seen.reason ? exit_seen.reason : "the kernel ended it", *exit_seen.message ? ": " : "", exit_seen.message);
	if (asked && !failed) {
		clean(k);
		say("%s was let go", k->manifest.name);
		return 0;
	}
	if (exit_seen.kind == EXIT_UNREG_KERN) {
		say("%s: %s; it is loaded again", k->manifest.name, why);
		forget_json();
		return -1;
	}
	json_flush();
	if (exit_seen.kind == EXIT_UNREG) {
		clean(k);
		say("somebody else has unloaded %s: it stays out until the service is started", k->manifest.name);
		return OCCUPIED;
	}
	if (exit_seen.kind == EXIT_SYSRQ)
		k->attempt.failures = MOST_FAILURES;
	return failed_with(k, why);
}

static int hold_on(struct keep *k)
{
	int code;
	for (;;) {
		if (!attach_policy(k))
			return refused(k);
		code = ended(k, watch_over(k));
		if (code >= 0)
			return code;
		/* a CPU came or went: a suspend takes all but one away, and brings them back */
		undo->alive_until = 0;
		if (!pause_for(SECOND)) {
			clean(k);
			return 0;
		}
		k->attempt.state = ATTACHING;
		k->attempt.number++;
		k->attempt.alive_s = 0;
		attempt_write_soon(&k->attempt);
		if (!attempt_written(5000))
			return record_failed(k->record_path);
	}
}

static int keep_policy(struct keep *k)
{
	uint64_t wait_s = 0;
	int no = manifest_find(k);
	no = no ? no : files_find(k);
	no = no ? no : place_find();
	no = no ? no : attempt_find(k, &wait_s);
	if (no)
		return no;
	if (wait_s) {
		notify("EXTEND_TIMEOUT_USEC=%llu", (unsigned long long)(wait_s + 60) * 1000000);
		say("%s failed a moment ago: waiting %llu s", k->manifest.name, (unsigned long long)wait_s);
		if (!pause_for(wait_s * SECOND))
			return 0;
	}
	if (attempt_write(&k->attempt))
		return record_failed(k->record_path);
	attempt_writer_start();
	if (!survivor_start(NULL, 0)) {
		json_flush();
		clean(k);
		return FAILED_ONCE;
	}
	if (!undo->freeze_noticed)
		say("the survivor cannot leave this cgroup: if it is frozen, %s goes on with nobody to watch it", k->manifest.name);
	kmsg_start();
	int code = hold_on(k);
	undo->over = true;
	survivor_release();
	return code;
}

static int forgive(const char *path)
{
	if (access(path, F_OK) && errno == ENOENT) {
		say("there is no record of an attempt: nothing stands in the way");
		return 0;
	}
	int no = record_open(path);
	if (!no && unlink(path))
		no = record_failed(path);
	if (!no)
		say("the record of the last attempt is gone: the service may be started");
	return no;
}

static int options(struct keep *k, bool *again, int argc, char **argv)
{
	for (int i = 0; i < argc; i++) {
		char *end = "", *value = i + 1 < argc ? argv[i + 1] : NULL;
		if (!strcmp(argv[i], "--again")) {
			*again = true;
			continue;
		}
		if (!value)
			return -1;
		if (!strcmp(argv[i], "--manifest"))
			k->manifest_path = value;
		else if (!strcmp(argv[i], "--record"))
			k->record_path = value;
		else if (!strcmp(argv[i], "--boot-id"))
			k->boot_path = value;
		else if (!strcmp(argv[i], "--dwell-ms"))
			k->dwell_ms = strtoull(value, &end, 10);
		else
			return -1;
		if (*end)
			return -1;
		i++;
	}
	return k->dwell_ms >= 1000 && k->dwell_ms <= 3600000 && !k->manifest_path == *again ? 0 : -1;
}

int keep_main(int argc, char **argv)
{
	bool again = false;
	struct keep k = {.record_path = ATTEMPT_DEFAULT, .boot_path = "/proc/sys/kernel/random/boot_id", .dwell_ms = 60000};
	if (options(&k, &again, argc, argv)) {
		fprintf(stderr, "usage: schedcp-runner keep --manifest FILE | --again [--record FILE] [--dwell-ms 1000..3600000]\n");
		return 2;
	}
	if (again)
		return forgive(k.record_path);
	k.ping_ns = notify_watchdog_ns();
	signals_setup();
	return keep_policy(&k);
}
