/* SPDX-License-Identifier: Apache-2.0 */
/* How a policy ended: from the `exit_record` its ops.exit fills (docs/protocol.md), else from the kernel log. The log's words and
 * their kinds: kernel/sched/ext.c scx_exit_reason(), v6.16 to v7.3. /dev/kmsg: Documentation/ABI/testing/dev-kmsg. */
#include "runner.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int kmsg = -1;

void kmsg_start(void)
{
	if (kmsg < 0)
		kmsg = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (kmsg >= 0)
		lseek(kmsg, 0, SEEK_END);
}

size_t kmsg_since(const char *wanted, char *buf, size_t cap)
{
	char record[8192];
	size_t used = 0;
	buf[0] = 0;
	for (int i = 0; kmsg >= 0 && i < 10000; i++) {
		ssize_t n = read(kmsg, record, sizeof(record) - 1);
		if (n < 0 && errno == EPIPE) /* overwritten before we came: go on with the next */
			continue;
		if (n <= 0)
			break;
		record[n] = 0;
		char *message = strchr(record, ';'), *end = message ? strchr(message, '\n') : NULL;
		if (!end || !strstr(message, wanted))
			continue;
		size_t length = (size_t)(end - message); /* newline included, ';' not */
		if (used + length >= cap)
			break;
		memcpy(buf + used, message + 1, length);
		used += length;
		buf[used] = 0;
	}
	return used;
}

struct exit_record {
	int32_t kind;
	uint32_t zero;
	int64_t code;
	char reason[128], message[1024], dump[16384];
};

static const struct {
	const char *words;
	int kind;
} reasons[] = {
	{"unregistered from user space", 64}, {"unregistered from BPF", 65}, {"unregistered from the main kernel", 66},
	{"disabled by sysrq-S", 67}, {"parent exiting", 68}, {"killed by parent", 69}, {"runtime error", 1024},
	{"scx_bpf_error", 1025}, {"runnable task stall", 1026},
};

struct exit_seen exit_seen;

static void emit(int kind, int64_t code, struct bytes reason, struct bytes message, struct bytes dump, const char *source)
{
	exit_seen.kind = kind;
	snprintf(exit_seen.reason, sizeof(exit_seen.reason), "%.*s", (int)reason.n, reason.at);
	snprintf(exit_seen.message, sizeof(exit_seen.message), "%.*s", (int)message.n, message.at);
	json_open("exit");
	json_int("kind", kind);
	json_int("code", code);
	json_bytes("reason", reason.at, reason.n);
	json_bytes("message", message.at, message.n);
	json_bytes("dump", dump.at, dump.n);
	json_string("source", source);
	json_close();
}

static struct bytes field(const char *text, size_t cap) { return (struct bytes){(const uint8_t *)text, strnlen(text, cap)}; }

/* `sched_ext: BPF scheduler "x" disabled (reason)` and then `sched_ext: x: message`. */
static int from_log(char *log)
{
	char *opening = strstr(log, "\" disabled (");
	if (!opening)
		return -1;
	opening += strlen("\" disabled (");
	char *close = strstr(opening, ")\n");
	if (!close)
		return -1;
	*close = 0;
	char *message = strstr(close + 2, "sched_ext: ");
	message = message ? message + strlen("sched_ext: ") : "";
	size_t name = strcspn(message, ":\n");
	message += strncmp(message + name, ": ", 2) ? 0 : name + 2;
	int kind = -1;
	for (size_t i = 0; i < sizeof(reasons) / sizeof(*reasons); i++)
		if (!strcmp(opening, reasons[i].words))
			kind = reasons[i].kind;
	if (kind < 0 && strstr(opening, "sysrq"))
		kind = 67;
	emit(kind, 0, field(opening, 128), field(message, strcspn(message, "\n")), (struct bytes){(const uint8_t *)"", 0}, "kmsg");
	return kind;
}

int exit_emit(const void *bytes, size_t size)
{
	const struct exit_record *r = bytes;
	exit_seen = (struct exit_seen){.kind = -1};
	if (r && size >= sizeof(*r) && r->kind) {
		emit(r->kind, r->code, field(r->reason, sizeof(r->reason)), field(r->message, sizeof(r->message)), field(r->dump, sizeof(r->dump)), "record");
		return r->kind;
	}
	char log[16384];
	size_t used = 0;
	for (int i = 0; i < 40 && used < sizeof(log) - 1; i++) { /* the log may be a moment behind */
		used += kmsg_since("sched_ext: ", log + used, sizeof(log) - used);
		if (strstr(log, "\" disabled ("))
			return from_log(log);
		sleep_ns(5 * MS);
	}
	return -1;
}
