/* SPDX-License-Identifier: Apache-2.0 */
/* What tests do to a guest that lives long, where it must happen, and the census of what a deployment has left over (docs/protocol.md, section 8). Only for jobs with
 * the line `serve tests`. Objects that are still loaded are counted by bpf(2), *_GET_NEXT_ID. */
#include "undo.h"
#include "serve.h"
#include <bpf/bpf.h>
#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MAX_RUNNERS = 64, OUTPUT = 4096 };

struct runner {
	pid_t pid;
	const char *what;
	char state;
};

/* The state of a process in /proc/PID/stat, behind the name in parentheses; 0: there is no such process. */
static char state_of(pid_t pid)
{
	char path[40], text[512];
	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	if (read_text(path, text, sizeof(text)) <= 0)
		return 0;
	char *end = strrchr(text, ')');
	return end && end[1] ? end[2] : '?';
}

/* What a process of ours is doing there; NULL: it is none. A zombie has no program any more, and its name is left. */
static const char *role(const struct served *s, pid_t pid)
{
	char path[40], own[256] = "", program[256] = "", words[64] = "";
	if (pid == 1 || pid == getpid())
		return pid == 1 ? "init" : "serve";
	if (pid == s->holder)
		return "holder";
	snprintf(path, sizeof(path), "/proc/%d/exe", pid);
	if (readlink("/proc/self/exe", own, sizeof(own) - 1) < 0)
		return NULL;
	if (readlink(path, program, sizeof(program) - 1) < 0) {
		snprintf(path, sizeof(path), "/proc/%d/comm", pid);
		return state_of(pid) == 'Z' && read_text(path, words, sizeof(words)) > 0 && !strcmp(words, "exe") ? "zombie" : NULL;
	}
	if (strcmp(own, program))
		return NULL;
	snprintf(path, sizeof(path), "/proc/%d/cmdline", pid);
	read_text(path, words, sizeof(words));
	return strcmp(words, "schedcp-runner") ? "other" : !strcmp(words + sizeof("schedcp-runner"), "hold") ? "survivor" : "other";
}

static size_t runners(const struct served *s, struct runner list[MAX_RUNNERS], size_t *processes)
{
	DIR *directory = opendir("/proc");
	struct dirent *entry;
	size_t n = 0;
	*processes = 0;
	while (directory && (entry = readdir(directory))) {
		pid_t pid = (pid_t)atoi(entry->d_name);
		const char *what = pid > 0 ? role(s, pid) : NULL;
		*processes += pid > 0;
		if (what && n < MAX_RUNNERS)
			list[n++] = (struct runner){pid, what, state_of(pid)};
	}
	if (directory)
		closedir(directory);
	return n;
}

static uint64_t entries(const char *path, const char *prefix, const char *key)
{
	DIR *directory = opendir(path);
	struct dirent *entry;
	uint64_t n = 0;
	if (key)
		json_array(key);
	while (directory && (entry = readdir(directory))) {
		if (entry->d_name[0] == '.' || strncmp(entry->d_name, prefix, strlen(prefix)))
			continue;
		n++;
		if (key)
			json_string(NULL, entry->d_name);
	}
	if (directory)
		closedir(directory);
	if (key)
		json_array_end();
	return n;
}

static uint64_t links(void)
{
	uint64_t n = 0;
	for (uint32_t id = 0; !bpf_link_get_next_id(id, &id);) {
		struct bpf_link_info info = {0};
		uint32_t size = sizeof(info);
		int fd = bpf_link_get_fd_by_id(id);
		n += fd >= 0 && !bpf_link_get_info_by_fd(fd, &info, &size) && info.type == BPF_LINK_TYPE_STRUCT_OPS;
		if (fd >= 0)
			close(fd);
	}
	return n;
}

static uint64_t maps(uint64_t *all)
{
	uint64_t n = 0;
	*all = 0;
	for (uint32_t id = 0; !bpf_map_get_next_id(id, &id);) {
		struct bpf_map_info info = {0};
		uint32_t size = sizeof(info);
		int fd = bpf_map_get_fd_by_id(id);
		n += fd >= 0 && !bpf_map_get_info_by_fd(fd, &info, &size) && info.type == BPF_MAP_TYPE_STRUCT_OPS;
		*all += fd >= 0;
		if (fd >= 0)
			close(fd);
	}
	return n;
}

static uint64_t programs(void)
{
	uint64_t n = 0;
	for (uint32_t id = 0; !bpf_prog_get_next_id(id, &id);)
		n++;
	return n;
}

static uint64_t available_kib(void)
{
	char text[2048];
	const char *at = read_text("/proc/meminfo", text, sizeof(text)) > 0 ? strstr(text, "MemAvailable:") : NULL;
	return at ? strtoull(at + 13, NULL, 10) : 0;
}

static void census(struct served *s)
{
	struct presence p;
	struct runner list[MAX_RUNNERS];
	uint64_t all_maps, now = now_ns();
	size_t processes, n = runners(s, list, &processes);
	presence_read(&p);
	json_open("census");
	json_string("state", p.state);
	json_string("ops", p.ops);
	json_int("enableSeq", p.enable_seq);
	json_array("runners");
	for (size_t i = 0; i < n; i++) {
		json_object(NULL);
		json_int("pid", list[i].pid);
		json_string("what", list[i].what);
		json_plain("state", list[i].state ? &list[i].state : "-", 1);
		json_object_end();
	}
	json_array_end();
	entries(RUN_DIRECTORY, "", "left");
	json_uint("cgroups", entries("/sys/fs/cgroup", "schedcp-", NULL));
	json_uint("extThreads", scope_threads());
	json_uint("links", links());
	json_uint("structOps", maps(&all_maps));
	json_uint("maps", all_maps);
	json_uint("programs", programs());
	json_uint("files", entries("/proc/self/fd", "", NULL));
	json_uint("processes", processes);
	json_uint("availableKiB", available_kib());
	json_int("sinceMarkNs", s->marked ? (int64_t)(now - s->marked) : -1);
	json_int("enabledNs", !s->marked ? -1 : s->first_enabled ? (int64_t)(s->last_enabled - s->first_enabled) : 0);
	json_uint("gapNs", s->longest_gap);
	json_close();
}

void tests_tick(struct served *s)
{
	char state[24];
	uint64_t now = now_ns();
	if (s->marked && now - s->looked > s->longest_gap)
		s->longest_gap = now - s->looked;
	s->looked = now;
	if (s->marked && read_text("/sys/kernel/sched_ext/state", state, sizeof(state)) > 0 && strcmp(state, "disabled")) {
		s->last_enabled = now_ns();
		s->first_enabled = s->first_enabled ? s->first_enabled : s->last_enabled;
	}
}

static uint64_t signal_children(pid_t pid, int signal)
{
	char path[64], list[8192], *save, *word;
	uint64_t n = 0;
	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", pid, pid);
	read_text(path, list, sizeof(list));
	for (word = strtok_r(list, " ", &save); word; word = strtok_r(NULL, " ", &save))
		n += !kill(atoi(word), signal);
	return n;
}

/* Of the workload its children: it is to start new ones. */
static uint64_t signal_whom(struct served *s, const char *whom, int signal)
{
	struct runner list[MAX_RUNNERS];
	size_t processes, n = runners(s, list, &processes);
	uint64_t hit = 0;
	if (!strcmp(whom, "work"))
		return s->work > 0 ? signal_children(s->work, signal) : 0;
	for (size_t i = 0; i < n; i++)
		if (!strcmp(list[i].what, whom) && list[i].state != 'Z')
			hit += !kill(list[i].pid, signal);
	return hit;
}

static int signal_number(const char *name)
{
	static const struct {
		const char *name;
		int number;
	} known[] = {{"KILL", SIGKILL}, {"STOP", SIGSTOP}, {"CONT", SIGCONT}, {"TERM", SIGTERM}, {"USR1", SIGUSR1}};
	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
		if (!strcmp(name, known[i].name))
			return known[i].number;
	return 0;
}

static void signalled(uint64_t n)
{
	json_open("signalled");
	json_uint("processes", n);
	json_close();
}

/* Runs `stop` as somebody at this machine would, and says what it said. */
static void run_stop(struct served *s, bool force)
{
	char output[OUTPUT] = "";
	int ends[2], status = 0;
	size_t n = 0;
	if (pipe(ends))
		return;
	pid_t pid = fork_into(-1);
	if (pid == 0) {
		dup2(ends[1], 1);
		dup2(ends[1], 2);
		close(ends[0]);
		close(ends[1]);
		execl("/proc/self/exe", "schedcp-runner", "stop", force ? "--force" : (char *)NULL, (char *)NULL);
		_exit(127);
	}
	close(ends[1]);
	for (ssize_t got = 1; got > 0 && n < OUTPUT - 1; tests_tick(s)) {
		struct pollfd more = {.fd = ends[0], .events = POLLIN};
		if (poll(&more, 1, 5) == 1 && (got = read(ends[0], output + n, OUTPUT - 1 - n)) > 0)
			n += (size_t)got;
	}
	close(ends[0]);
	if (pid > 0)
		waitpid(pid, &status, 0);
	json_open("stopped");
	json_int("exit", WIFEXITED(status) ? WEXITSTATUS(status) : -1);
	json_bytes("text", output, n);
	json_close();
}

static const char *way(const char *name)
{
	static const char *const ways[] = {"hold", "socket", "run"};
	for (size_t i = 0; i < 3; i++)
		if (!strcmp(name, ways[i]))
			return ways[i];
	return NULL;
}

static void mark(struct served *s)
{
	s->marked = s->last_enabled = s->looked = now_ns();
	s->first_enabled = s->longest_gap = 0;
}

bool tests_obey(struct served *s, const char *line)
{
	char whom[16], name[8];
	if (!strcmp(line, "census"))
		census(s);
	else if (!strcmp(line, "mark"))
		mark(s);
	else if (sscanf(line, "signal %15s %7s", whom, name) == 2 && signal_number(name))
		signalled(signal_whom(s, whom, signal_number(name)));
	else if (!strcmp(line, "end input"))
		serve_end_input(s);
	else if (!strncmp(line, "next ", 5) && way(line + 5))
		s->as = way(line + 5);
	else if (!strcmp(line, "sysrq"))
		write_text("/proc/sysrq-trigger", "S");
	else if (!strcmp(line, "stop") || !strcmp(line, "stop --force"))
		run_stop(s, line[4] != 0);
	else
		return false;
	tests_tick(s);
	serve_answer(s);
	return true;
}
