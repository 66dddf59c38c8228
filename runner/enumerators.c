/* SPDX-License-Identifier: Apache-2.0 */
/* scx's headers read the kernel's enumerators (SCX_DSQ_LOCAL, SCX_SLICE_DFL…) from weak constants __SCX_… that each scheduler's own loader fills in
 * before loading. For objects without their loader: whatever of these is still zero gets the kernel's value. libbpf's public interface (btf.h, 1.4). */
#include "runner.h"
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <string.h>

enum { MAX_CONSTANTS = 256 };

struct constant {
	const char *name; /* without the underscores */
	uint8_t *at;
	size_t size;
};

static size_t collect(struct bpf_object *object, struct constant *constants)
{
	const struct btf *btf = bpf_object__btf(object);
	struct bpf_map *map;
	size_t n = 0;
	bpf_object__for_each_map(map, object) {
		size_t room = 0;
		uint8_t *data = strstr(bpf_map__name(map), ".rodata") ? bpf_map__initial_value(map, &room) : NULL;
		const struct btf_type *section = data && btf ? btf__type_by_id(btf, bpf_map__btf_value_type_id(map)) : NULL;
		for (uint32_t i = 0; section && btf_is_datasec(section) && i < btf_vlen(section) && n < MAX_CONSTANTS; i++) {
			const struct btf_var_secinfo *v = btf_var_secinfos(section) + i;
			const char *name = btf__name_by_offset(btf, btf__type_by_id(btf, v->type)->name_off);
			static const uint8_t zero[8];
			if (strncmp(name, "__SCX_", 6) || v->size > sizeof(zero) || v->offset + v->size > room || memcmp(data + v->offset, zero, v->size))
				continue;
			constants[n++] = (struct constant){name + 2, data + v->offset, v->size};
		}
	}
	return n;
}

static void set(const struct constant *constants, size_t n, const char *name, uint64_t value)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(constants[i].name, name))
			memcpy(constants[i].at, &value, constants[i].size);
}

void fill_enumerators(struct bpf_object *object)
{
	struct constant constants[MAX_CONSTANTS];
	size_t n = collect(object, constants);
	struct btf *btf = n ? btf__load_vmlinux_btf() : NULL;
	for (uint32_t id = 1; btf && id < btf__type_cnt(btf); id++) {
		const struct btf_type *type = btf__type_by_id(btf, id);
		for (uint32_t i = 0; btf_is_any_enum(type) && i < btf_vlen(type); i++) {
			const struct btf_enum64 *wide = btf_enum64(type) + i;
			const struct btf_enum *narrow = btf_enum(type) + i;
			bool is_wide = btf_is_enum64(type);
			const char *name = btf__name_by_offset(btf, is_wide ? wide->name_off : narrow->name_off);
			if (!strncmp(name, "SCX_", 4))
				set(constants, n, name, is_wide ? btf_enum64_value(wide) : (uint64_t)(int64_t)narrow->val);
		}
	}
	btf__free(btf);
}
