/* SPDX-License-Identifier: Apache-2.0 */
/* The tracer: a BPF object that the job brings along (probes/trace.bpf.c), attached to the policy's programs, to the kernel's kfuncs and
 * to tracepoints before the policy is attached, read when everything is over. docs/protocol.md, section 4, is the contract with it. */
#include "runner.h"
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { MAX_PROGRAMS = 128, NAME_SIZE = 32, ROWS = 1000 };

struct who {
	int64_t pid; /* -1: nobody */
	char comm[16];
};
struct event {
	uint64_t ns, args[4];
	int64_t result;
	uint32_t what, cpu;
	struct who task, other;
};

static struct bpf_object *object;
static struct bpf_link *links[MAX_PROGRAMS];
static size_t link_count;
static uint64_t attached_at;

/* What comes after the slash of a section's name; what comes before it is the kind. */
static const char *target_of(const struct bpf_program *program)
{
	const char *slash = strchr(bpf_program__section_name(program), '/');
	return slash ? slash + 1 : "";
}

static bool kernel_has(const struct btf *btf, const char *function, const char *suffix)
{
	char name[128];
	snprintf(name, sizeof(name), "%s%s", function, suffix);
	return btf__find_by_name_kind(btf, name, BTF_KIND_FUNC) > 0;
}

/* A kfunc that a newer one (___v2) stands in for only calls that one, and would be seen twice. */
static bool stood_in_for(const struct btf *btf, const char *function)
{
	char section[128];
	struct bpf_program *program;
	snprintf(section, sizeof(section), "fexit/%s___v2", function);
	bpf_object__for_each_program(program, object)
		if (!strcmp(bpf_program__section_name(program), section))
			return kernel_has(btf, function, "___v2");
	return false;
}

/* Chooses what there is to trace: ops that the policy has, kfuncs that the kernel has. */
static int choose(struct policy *policy)
{
	struct btf *btf = btf__load_vmlinux_btf();
	struct bpf_program *program;
	int error = btf ? 0 : -errno;
	bpf_object__for_each_program(program, object) {
		const char *target = target_of(program), *function = NULL;
		bool wanted = true;
		if (!strncmp(target, "ops.", 4)) {
			int fd = policy ? policy_op(policy, target + 4, &function) : -1;
			wanted = fd >= 0;
			error = error ? error : wanted ? bpf_program__set_attach_target(program, fd, function) : 0;
		} else if (!strncmp(bpf_program__section_name(program), "fexit/", 6)) {
			wanted = policy && btf && kernel_has(btf, target, "") && !stood_in_for(btf, target);
		}
		bpf_program__set_autoload(program, wanted);
	}
	btf__free(btf);
	return error;
}

static int attach_all(void)
{
	struct bpf_program *program;
	bpf_object__for_each_program(program, object) {
		if (!bpf_program__autoload(program) || link_count == MAX_PROGRAMS)
			continue;
		struct bpf_link *link = bpf_program__attach(program);
		if (!link)
			return -errno;
		links[link_count++] = link;
	}
	return 0;
}

bool trace_start(const struct job *job, struct policy *policy)
{
	LIBBPF_OPTS(bpf_object_open_opts, options, .object_name = "tracer");
	void *image = xalloc(NULL, job->tracer.n); /* libelf wants alignment */
	memcpy(image, job->tracer.at, job->tracer.n);
	hear_libbpf();
	object = bpf_object__open_mem(image, job->tracer.n, &options);
	int error = object ? choose(policy) : -errno;
	if (!error)
		error = bpf_object__load(object);
	if (!error)
		error = attach_all();
	free(image);
	attached_at = now_ns();
	if (error) {
		const char *said = heard();
		size_t n = strlen(said);
		fault("run without tracing, or on another kernel", "the kernel refuses the tracer (%s): %s", strerror(-error), said + (n > 800 ? n - 800 : 0));
	}
	return !error;
}

/* A copy of a global variable of the tracer, and how many bytes it has; NULL when it has none of that name. */
static const void *variable(const char *section, const char *name, size_t *size)
{
	struct bpf_map *map = bpf_object__find_map_by_name(object, section);
	const struct btf *btf = bpf_object__btf(object);
	int id = map && btf ? btf__find_by_name_kind(btf, section, BTF_KIND_DATASEC) : -1;
	const struct btf_type *type = id < 0 ? NULL : btf__type_by_id(btf, (uint32_t)id);
	uint32_t key = 0, room = type ? bpf_map__value_size(map) : 0;
	char *bytes = xalloc(NULL, room);
	if (type && bpf_map__lookup_elem(map, &key, sizeof(key), bytes, room, 0))
		type = NULL;
	for (uint32_t i = 0; type && i < btf_vlen(type); i++) {
		const struct btf_var_secinfo *v = btf_var_secinfos(type) + i;
		const struct btf_type *found = btf__type_by_id(btf, v->type);
		if (strcmp(btf__name_by_offset(btf, found->name_off), name) || v->offset + v->size > room)
			continue;
		*size = v->size;
		return memmove(bytes, bytes + v->offset, v->size);
	}
	free(bytes);
	return NULL;
}

/* A task of the workload by its number, any other by its name, nobody as null. */
static void emit_who(const struct who *who)
{
	int32_t task = who->pid > 0 ? play_task((int32_t)who->pid) : -1;
	if (task >= 0)
		json_int(NULL, task);
	else if (who->pid >= 0)
		json_bytes(NULL, who->comm, strnlen(who->comm, sizeof(who->comm)));
	else
		json_null(NULL);
}

static void emit_row(const struct event *e, const char *name)
{
	json_array(NULL);
	json_int(NULL, (int64_t)(e->ns - (play_started() ? play_started() : attached_at)));
	json_uint(NULL, e->cpu);
	json_string(NULL, name);
	emit_who(&e->task);
	emit_who(&e->other);
	for (int i = 0; i < 4; i++)
		json_uint(NULL, e->args[i]);
	json_int(NULL, e->result);
	json_array_end();
}

static void emit_rows(const struct event *events, uint64_t n, const char (*names)[NAME_SIZE], size_t name_count)
{
	static const char *const columns[] = {"ns", "cpu", "what", "task", "other", "a", "b", "c", "d", "result"};
	for (uint64_t at = 0; at < n; at += ROWS) {
		json_open("calls");
		json_uint("first", at);
		json_array("columns");
		for (size_t i = 0; i < sizeof(columns) / sizeof(*columns); i++)
			json_string(NULL, columns[i]);
		json_array_end();
		json_array("rows");
		for (uint64_t i = at; i < n && i < at + ROWS; i++)
			emit_row(&events[i], events[i].what < name_count ? names[events[i].what] : "?");
		json_array_end();
		json_close();
		json_flush();
	}
}

/* Events that a program could not make because it was running on that CPU already. */
static uint64_t missed(void)
{
	struct bpf_program *program;
	uint64_t sum = 0;
	bpf_object__for_each_program(program, object) {
		struct bpf_prog_info info = {0};
		uint32_t size = sizeof(info);
		if (bpf_program__fd(program) >= 0 && !bpf_prog_get_info_by_fd(bpf_program__fd(program), &info, &size))
			sum += info.recursion_misses;
	}
	return sum;
}

static void report(void)
{
	size_t counter_size = 0, names_size = 0;
	struct bpf_map *map = bpf_object__find_map_by_name(object, "events");
	const uint64_t *recorded = variable(".bss", "recorded", &counter_size);
	const char (*names)[NAME_SIZE] = variable(".rodata", "names", &names_size);
	if (!map || counter_size != sizeof(*recorded) || !names || bpf_map__value_size(map) != sizeof(struct event)) {
		fault("build probes/ again with this version of schedcp", "the tracer does not record what the runner reads");
		return;
	}
	uint64_t room = bpf_map__max_entries(map), n = *recorded < room ? *recorded : room;
	const struct event *events = mmap(NULL, room * sizeof(*events), PROT_READ, MAP_SHARED, bpf_map__fd(map), 0);
	if (events == MAP_FAILED) {
		fault("give the machine more memory", "cannot map the tracer's events: %s", strerror(errno));
		return;
	}
	emit_rows(events, n, names, names_size / NAME_SIZE);
	json_open("callsLost");
	json_uint("count", *recorded - n + missed());
	json_close();
}

void trace_end(void)
{
	for (size_t i = 0; i < link_count; i++)
		bpf_link__destroy(links[i]);
	if (link_count)
		report();
	bpf_object__close(object);
}
