/* SPDX-License-Identifier: Apache-2.0 */
/* JSON lines (docs/protocol.md section 3): ASCII only, other bytes escaped one by one, integers beyond 2^53 as strings.
 * Lines collect in memory and leave in one go, so that nothing is written while a workload runs. */
#include "runner.h"
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char *text;
static size_t used, room;
int output_fd = 1;
bool failed;
const char *fault_code;

void json_output(int fd) { output_fd = fd; }

static void put(const char *bytes, size_t n)
{
	if (used + n > room) {
		room = (used + n) * 2 + 4096;
		text = xalloc(text, room);
	}
	memcpy(text + used, bytes, n);
	used += n;
}

static void put_escaped(const unsigned char *bytes, size_t n)
{
	char escape[8];
	for (size_t i = 0; i < n; i++) {
		unsigned char c = bytes[i];
		if (c == '"' || c == '\\') {
			put((char[]){'\\', (char)c}, 2);
		} else if (c == '\n') {
			put("\\n", 2);
		} else if (c == '\t') {
			put("\\t", 2);
		} else if (c < 0x20 || c >= 0x7f) {
			snprintf(escape, sizeof(escape), "\\u%04x", c);
			put(escape, 6);
		} else {
			put((char *)&bytes[i], 1);
		}
	}
}

/* Starts a value: comma where one is needed, and the key unless inside an array. */
static void lead(const char *key)
{
	if (used && text[used - 1] != '{' && text[used - 1] != '[' && text[used - 1] != '\n')
		put(",", 1);
	if (!key)
		return;
	put("\"", 1);
	put_escaped((const unsigned char *)key, strlen(key));
	put("\":", 2);
}

void json_open(const char *event)
{
	put("{", 1);
	json_string("event", event);
}

void json_close(void) { put("}\n", 2); }

void json_int(const char *key, int64_t value)
{
	char digits[32];
	bool big = value > (1LL << 53) || value < -(1LL << 53);
	lead(key);
	int n = snprintf(digits, sizeof(digits), big ? "\"%lld\"" : "%lld", (long long)value);
	put(digits, (size_t)n);
}

void json_uint(const char *key, uint64_t value)
{
	char digits[32];
	lead(key);
	int n = snprintf(digits, sizeof(digits), value > (1ULL << 53) ? "\"%llu\"" : "%llu", (unsigned long long)value);
	put(digits, (size_t)n);
}

void json_bool(const char *key, bool value)
{
	lead(key);
	put(value ? "true" : "false", value ? 4 : 5);
}

void json_null(const char *key)
{
	lead(key);
	put("null", 4);
}

void json_string(const char *key, const char *value) { json_bytes(key, value, strlen(value)); }

void json_bytes(const char *key, const void *bytes, size_t n)
{
	lead(key);
	put("\"", 1);
	put_escaped(bytes, n);
	put("\"", 1);
}

void json_plain(const char *key, const char *ascii, size_t n)
{
	lead(key);
	put("\"", 1);
	put(ascii, n);
	put("\"", 1);
}

void json_array(const char *key)
{
	lead(key);
	put("[", 1);
}

void json_array_end(void) { put("]", 1); }

void json_object(const char *key)
{
	lead(key);
	put("{", 1);
}

void json_object_end(void) { put("}", 1); }

/* How much can be written at once without blocking for long: PIPE_BUF into a pipe that is writable, a buffer of the driver's into virtio-serial. */
static size_t portion(void)
{
	struct stat s;
	return fstat(output_fd, &s) || !S_ISCHR(s.st_mode) ? 4096 : 32768;
}

void json_flush(void)
{
	size_t most = portion();
	uint64_t limit = now_ns() + 5 * SECOND;
	for (size_t at = 0; at < used && now_ns() < limit;) {
		struct pollfd ready = {.fd = output_fd, .events = POLLOUT};
		if (poll(&ready, 1, 500) < 1)
			continue;
		size_t chunk = used - at < most ? used - at : most;
		ssize_t n = write(output_fd, text + at, chunk);
		if (n < 0 && errno != EINTR && errno != EAGAIN)
			break;
		at += n > 0 ? (size_t)n : 0;
	}
	used = 0;
}

size_t json_take(char **out)
{
	size_t n = used;
	*out = text;
	used = 0;
	return n;
}

void fault(const char *next, const char *format, ...)
{
	char message[1024];
	va_list list;
	va_start(list, format);
	vsnprintf(message, sizeof(message), format, list);
	va_end(list);
	failed = true;
	json_open("fault");
	json_string("message", message);
	json_string("next", next);
	if (fault_code)
		json_string("code", fault_code);
	fault_code = NULL;
	json_close();
}

void limit_event(const char *what, const char *format, ...)
{
	char detail[512];
	va_list list;
	va_start(list, format);
	vsnprintf(detail, sizeof(detail), format, list);
	va_end(list);
	failed = true;
	json_open("limit");
	json_string("what", what);
	json_string("detail", detail);
	json_close();
}
