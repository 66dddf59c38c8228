/* SPDX-License-Identifier: Apache-2.0 */
/* Knobs: integers, booleans and enumerators in .data of a policy that runs, written one at a time through a mapping of the map that holds them: programs see the
 * old value or the new one. */
#include "runner.h"
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct knob {
	uint32_t offset, size;
	bool has_sign, is_bool;
};

static bool find_knob(const struct btf *btf, const char *name, struct knob *knob)
{
	int id = btf__find_by_name_kind(btf, ".data", BTF_KIND_DATASEC);
	const struct btf_type *section = id < 0 ? NULL : btf__type_by_id(btf, (uint32_t)id);
	for (uint32_t i = 0; section && i < btf_vlen(section); i++) {
		const struct btf_var_secinfo *v = btf_var_secinfos(section) + i;
		const struct btf_type *variable = btf__type_by_id(btf, v->type);
		if (strcmp(btf__name_by_offset(btf, variable->name_off), name))
			continue;
		int type_id = btf__resolve_type(btf, variable->type);
		const struct btf_type *type = type_id < 0 ? NULL : btf__type_by_id(btf, (uint32_t)type_id);
		if (!type || !(btf_is_int(type) || btf_is_any_enum(type)) || v->size > 8 || (v->size & (v->size - 1)))
			return false;
		uint8_t encoding = btf_is_int(type) ? btf_int_encoding(type) : 0;
		*knob = (struct knob){v->offset, v->size, btf_is_int(type) ? encoding & BTF_INT_SIGNED : btf_kflag(type), encoding & BTF_INT_BOOL};
		return true;
	}
	return false;
}

/* Whole decimal numbers, true and false; the bits of it, cut to the knob's size. */
static bool fits(const struct knob *knob, const char *text, uint64_t *bits)
{
	char *end;
	uint32_t width = knob->size * 8;
	errno = 0;
	if (knob->is_bool && (!strcmp(text, "true") || !strcmp(text, "false"))) {
		*bits = text[0] == 't';
		return true;
	}
	if (*text == '-') {
		int64_t value = strtoll(text, &end, 10);
		*bits = (uint64_t)value;
		return !errno && !*end && knob->has_sign && value >= -(int64_t)(1ULL << (width - 1));
	}
	*bits = strtoull(text, &end, 10);
	uint64_t most = knob->is_bool ? 1 : ~0ULL >> (64 - width + (knob->has_sign ? 1 : 0));
	return !errno && !*end && *text >= '0' && *text <= '9' && *bits <= most;
}

static int store(struct bpf_map *map, const struct knob *knob, uint64_t bits)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE), room = (bpf_map__value_size(map) + page - 1) / page * page;
	uint8_t *at = mmap(NULL, room, PROT_READ | PROT_WRITE, MAP_SHARED, bpf_map__fd(map), 0);
	if (at == MAP_FAILED)
		return -errno;
	void *place = at + knob->offset;
	if (knob->size == 1)
		*(volatile uint8_t *)place = (uint8_t)bits;
	else if (knob->size == 2)
		*(volatile uint16_t *)place = (uint16_t)bits;
	else if (knob->size == 4)
		*(volatile uint32_t *)place = (uint32_t)bits;
	else
		*(volatile uint64_t *)place = bits;
	munmap(at, room);
	return 0;
}

int knob_set(struct bpf_object *object, const char *name, const char *value)
{
	struct knob knob;
	uint64_t bits;
	struct bpf_map *map = bpf_object__find_map_by_name(object, ".data");
	if (!map || !find_knob(bpf_object__btf(object), name, &knob))
		return -ENOENT;
	return fits(&knob, value, &bits) ? store(map, &knob, bits) : -ERANGE;
}
