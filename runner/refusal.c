/* SPDX-License-Identifier: Apache-2.0 */
/* Why the kernel or libbpf refused: what libbpf warned of and what the verifier logged, as the `load` event that says no. Return codes and the
 * log's wording: kernel/bpf/verifier.c, log.c, v6.16; libbpf 1.4. */
#include "runner.h"
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TAIL_LINES = 60, MAX_LINE = 2048 };

static char said[16384];
static size_t said_n;

void remark(const char *format, ...)
{
	va_list list;
	va_start(list, format);
	int n = vsnprintf(said + said_n, sizeof(said) - said_n, format, list);
	va_end(list);
	if (n > 0 && said_n + (size_t)n < sizeof(said))
		said_n += (size_t)n;
	said[said_n] = 0; /* what does not fit is left out */
}

static int hear(enum libbpf_print_level level, const char *format, va_list list)
{
	if (level != LIBBPF_WARN)
		return 0;
	char *line = NULL;
	int n = vasprintf(&line, format, list);
	const char *text = n >= 8 && !strncmp(line, "libbpf: ", 8) ? line + 8 : line;
	if (n > MAX_LINE)
		remark("…%s", line + n - MAX_LINE); /* the verifier's log: why stands at its end */
	else if (n > 0)
		remark("%s", text);
	free(n < 0 ? NULL : line);
	return 0;
}

void hear_libbpf(void)
{
	libbpf_set_print(hear);
	said_n = 0;
	said[0] = 0;
}

const char *heard(void) { return said; }

uint64_t processed_insns(const char *log)
{
	uint64_t last = 0;
	size_t n = strlen(log), from = n > 8192 ? n - 8192 : 0;
	for (const char *at = log + from; (at = strstr(at, "processed ")); at += 10)
		last = strtoull(at + 10, NULL, 10);
	return last;
}

static void emit_tail(const char *text)
{
	size_t lines = 0, n = strlen(text);
	const char *start = text + n;
	while (start > text && lines <= TAIL_LINES)
		if (*--start == '\n' && start + 1 < text + n)
			lines++;
	if (lines > TAIL_LINES)
		start++;
	uint64_t omitted = 0;
	for (const char *at = text; at < start; at++)
		omitted += *at == '\n';
	json_bytes("log", start, n - (size_t)(start - text));
	json_uint("omittedLines", omitted);
}

/* prog 'NAME': BPF program load failed */
static void emit_program(void)
{
	const char *at = strstr(said, "prog '"), *end = at ? strchr(at + 6, '\'') : NULL;
	if (end)
		json_bytes("program", at + 6, (size_t)(end - at - 6));
}

void refusal_emit(const char *stage, int error, const char *log, bool budget_over, uint64_t processed)
{
	if (error >= __LIBBPF_ERRNO__START) /* libbpf's own numbers: not an ELF file, wrong kind, wrong version */
		error = ENOEXEC;
	bool over = budget_over || processed > 999999;
	char messages[4096];
	failed = true;
	json_open("load");
	json_bool("ok", false);
	json_string("stage", stage);
	json_int("errno", error);
	const char *name = strerrorname_np(error);
	json_string("error", name ? name : "unknown");
	emit_program();
	bool verifier = !strcmp(stage, "load") && log[0] && strstr(said, "prog '");
	if (!verifier && kmsg_since("sched_ext: ", messages, sizeof(messages)))
		remark("%s", messages);
	emit_tail(verifier ? log : said);
	json_bool("budgetExceeded", over);
	json_uint("processedInsns", processed);
	json_bool("brokenBtf", strstr(said, "func_proto") && strstr(said, "incompatible with vmlinux"));
	json_close();
}
