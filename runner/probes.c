/* SPDX-License-Identifier: Apache-2.0 */
/* A probe's way: opened, configured, loaded, attached, asked for its cost, dropped. Nothing is pinned: the kernel drops it with this process.
 * Sources: libbpf's libbpf.h and bpf.h, 1.4; bpf(2), BPF_ENABLE_STATS. */
#include "observe.h"
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static bool refuse(const struct probe *probe, int error)
{
	const char *said = heard();
	size_t n = strlen(said);
	bool btf = access("/sys/kernel/btf/vmlinux", R_OK) == 0, permitted = error != -EPERM && error != -EACCES;
	fault_code = !permitted ? "not-permitted" : "unsupported";
	fault(!permitted ? "run as root, or with CAP_BPF and CAP_PERFMON" : btf ? "use another kernel: 6.16 or newer" : "use a kernel with CONFIG_DEBUG_INFO_BTF",
	      "the kernel refuses the %s (%s)%s%s", probe->name, strerror(-error), *said ? ": " : "", said + (n > 800 ? n - 800 : 0));
	return false;
}

bool probe_open(struct probe *probe, const char *name, struct bytes image)
{
	LIBBPF_OPTS(bpf_object_open_opts, options, .object_name = name);
	*probe = (struct probe){.name = name, .image = xalloc(NULL, image.n), .stats_fd = -1}; /* libelf wants alignment */
	memcpy(probe->image, image.at, image.n);
	hear_libbpf();
	probe->object = bpf_object__open_mem(probe->image, image.n, &options);
	return probe->object || refuse(probe, -errno);
}

/* Puts the kernel's variables in the place of the copy that they were filled from; libbpf 1.4 does so only for skeletons. */
static int share(struct bpf_map *map)
{
	size_t n = 0;
	void *copy = map ? bpf_map__initial_value(map, &n) : NULL;
	if (!copy)
		return 0;
	return mmap(copy, n, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, bpf_map__fd(map), 0) == MAP_FAILED ? -errno : 0;
}

bool probe_load(struct probe *probe)
{
	int error = bpf_object__load(probe->object);
	for (size_t i = 0; i < 2 && !error; i++)
		error = share(bpf_object__find_map_by_name(probe->object, (const char *[]){".bss", ".data"}[i]));
	return !error || refuse(probe, error);
}

bool probe_attach(struct probe *probe)
{
	struct bpf_program *program;
	probe->stats_fd = bpf_enable_stats(BPF_STATS_RUN_TIME);
	bpf_object__for_each_program(program, probe->object) {
		if (!bpf_program__autoload(program) || bpf_program__type(program) == BPF_PROG_TYPE_SYSCALL)
			continue;
		struct bpf_link *link = probe->link_count < 32 ? bpf_program__attach(program) : NULL;
		if (!link)
			return refuse(probe, -errno);
		probe->links[probe->link_count++] = link;
	}
	return true;
}

void *probe_variable(struct probe *probe, const char *section, const char *name, size_t size)
{
	struct bpf_map *map = bpf_object__find_map_by_name(probe->object, section);
	const struct btf *btf = bpf_object__btf(probe->object);
	int id = map && btf ? btf__find_by_name_kind(btf, section, BTF_KIND_DATASEC) : -1;
	const struct btf_type *type = id < 0 ? NULL : btf__type_by_id(btf, (uint32_t)id);
	size_t room = 0;
	char *bytes = map ? bpf_map__initial_value(map, &room) : NULL;
	for (uint32_t i = 0; bytes && type && i < btf_vlen(type); i++) {
		const struct btf_var_secinfo *v = btf_var_secinfos(type) + i;
		if (!strcmp(btf__name_by_offset(btf, btf__type_by_id(btf, v->type)->name_off), name) && v->size == size && v->offset + size <= room)
			return bytes + v->offset;
	}
	fault("build probes/ again with this version of schedcp", "the %s has no variable %s of %zu bytes in %s", probe->name, name, size, section);
	return NULL;
}

int probe_run(struct probe *probe, const char *name)
{
	LIBBPF_OPTS(bpf_test_run_opts, options);
	struct bpf_program *program = bpf_object__find_program_by_name(probe->object, name);
	int error = program ? bpf_prog_test_run_opts(bpf_program__fd(program), &options) : -ENOENT;
	return error ? error : (int)options.retval;
}

static const struct btf_var_secinfo *percpu_variable(const struct btf *btf, const char *name)
{
	int id = btf ? btf__find_by_name_kind(btf, ".data..percpu", BTF_KIND_DATASEC) : -1;
	const struct btf_type *section = id > 0 ? btf__type_by_id(btf, (uint32_t)id) : NULL;
	for (uint32_t i = 0; section && i < btf_vlen(section); i++) {
		const struct btf_var_secinfo *v = btf_var_secinfos(section) + i;
		if (!strcmp(btf__name_by_offset(btf, btf__type_by_id(btf, v->type)->name_off), name))
			return v;
	}
	return NULL;
}

int64_t percpu_distance(const char *from, const char *to)
{
	struct btf *btf = btf__load_vmlinux_btf();
	const struct btf_var_secinfo *a = percpu_variable(btf, from), *b = percpu_variable(btf, to);
	int64_t distance = a && b ? (int64_t)b->offset - (int64_t)a->offset : 0;
	btf__free(btf);
	return distance;
}

uint32_t interrupt_bits(void)
{
	struct btf *btf = btf__load_vmlinux_btf();
	const struct btf_var_secinfo *count = percpu_variable(btf, "__preempt_count");
	uint32_t bits = count && count->size == 8 ? 0xff000000 : 0x00ff0000;
	btf__free(btf);
	return bits;
}

void probe_detach(struct probe *probe)
{
	while (probe->link_count)
		bpf_link__destroy(probe->links[--probe->link_count]);
}

struct probe_cost probe_cost(const struct probe *probe)
{
	struct bpf_program *program;
	struct probe_cost cost = {0};
	bpf_object__for_each_program(program, probe->object) {
		struct bpf_prog_info info = {0};
		uint32_t size = sizeof(info);
		if (bpf_program__fd(program) < 0 || bpf_program__type(program) == BPF_PROG_TYPE_SYSCALL ||
		    bpf_prog_get_info_by_fd(bpf_program__fd(program), &info, &size))
			continue;
		cost.runs += info.run_cnt;
		cost.ns += info.run_time_ns;
		cost.missed += info.recursion_misses;
	}
	return cost;
}

void probe_close(struct probe *probe)
{
	probe_detach(probe);
	bpf_object__close(probe->object);
	if (probe->stats_fd >= 0)
		close(probe->stats_fd);
	free(probe->image);
	*probe = (struct probe){.stats_fd = -1};
}

void emit_raw(const char *event, const void *bytes, size_t n)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	enum { CHUNK = 49152 }; /* a multiple of three and of every event's size */
	const uint8_t *in = bytes;
	char *text = xalloc(NULL, CHUNK / 3 * 4);
	for (size_t at = 0; at < n; at += CHUNK) {
		size_t end = n - at < CHUNK ? n : at + CHUNK, used = 0;
		for (size_t i = at; i < end; i += 3) {
			uint32_t three = (uint32_t)in[i] << 16 | (i + 1 < end ? (uint32_t)in[i + 1] << 8 : 0) | (i + 2 < end ? in[i + 2] : 0);
			text[used++] = digits[three >> 18];
			text[used++] = digits[three >> 12 & 63];
			text[used++] = i + 1 < end ? digits[three >> 6 & 63] : '=';
			text[used++] = i + 2 < end ? digits[three & 63] : '=';
		}
		json_open(event);
		json_plain("bytes", text, used);
		json_close();
		json_flush();
	}
	free(text);
}
