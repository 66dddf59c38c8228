/* SPDX-License-Identifier: Apache-2.0 */
/* Reads the kernel's BTF once, before the job is there, and finds names in it through a hash. libbpf would parse it again for each
 * object and walk all its 150,000 types for each kfunc: 1.5 s of a guest's 2 s to load a policy. The linker's --wrap (see the
 * Makefile) sends libbpf's calls of its own public functions (btf.h) through here; any other BTF goes to the originals. */
#include "runner.h"
#include <bpf/btf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { SLOTS = 1 << 19 };

struct btf *__real_btf__load_vmlinux_btf(void);
void __real_btf__free(struct btf *btf);
int __real_btf__find_by_name_kind(const struct btf *btf, const char *name, uint32_t kind);
int __real_btf__find_by_name_kind_own(const struct btf *btf, const char *name, uint32_t kind);
struct btf *__wrap_btf__load_vmlinux_btf(void);
void __wrap_btf__free(struct btf *btf);
int __wrap_btf__find_by_name_kind(const struct btf *btf, const char *name, uint32_t kind);
int __wrap_btf__find_by_name_kind_own(const struct btf *btf, const char *name, uint32_t kind);

static struct btf *kernel;
static uint32_t *slots; /* type ids by name, open addressing, in order of id; 0: empty */

static uint32_t slot_of(const char *name)
{
	uint32_t hash = 2166136261u; /* FNV-1a */
	for (; *name; name++)
		hash = (hash ^ (uint8_t)*name) * 16777619u;
	return (hash ^ hash >> 15) % SLOTS;
}

static const char *name_of(uint32_t id) { return btf__name_by_offset(kernel, btf__type_by_id(kernel, id)->name_off); }

void kernel_btf_preload(void)
{
	kernel = __real_btf__load_vmlinux_btf();
	uint32_t n = kernel ? btf__type_cnt(kernel) : 0;
	if (n < 2 || n > SLOTS / 2)
		return;
	slots = xalloc(NULL, SLOTS * sizeof(*slots));
	memset(slots, 0, SLOTS * sizeof(*slots));
	for (uint32_t id = 1; id < n; id++) {
		const char *name = name_of(id);
		uint32_t at = name ? slot_of(name) : 0;
		if (!name || !*name)
			continue;
		while (slots[at])
			at = (at + 1) % SLOTS;
		slots[at] = id;
	}
}

void kernel_btf_forget(void)
{
	__real_btf__free(kernel);
	free(slots);
	kernel = NULL;
	slots = NULL;
}

static int find(const char *name, uint32_t kind)
{
	for (uint32_t at = slot_of(name); slots[at]; at = (at + 1) % SLOTS)
		if (btf_kind(btf__type_by_id(kernel, slots[at])) == kind && !strcmp(name_of(slots[at]), name))
			return (int)slots[at];
	errno = ENOENT;
	return -ENOENT;
}

struct btf *__wrap_btf__load_vmlinux_btf(void) { return kernel ? kernel : __real_btf__load_vmlinux_btf(); }

void __wrap_btf__free(struct btf *btf)
{
	if (!btf || btf != kernel)
		__real_btf__free(btf);
}

int __wrap_btf__find_by_name_kind(const struct btf *btf, const char *name, uint32_t kind)
{
	bool ours = slots && btf == kernel && kind != BTF_KIND_UNKN && *name;
	return ours ? find(name, kind) : __real_btf__find_by_name_kind(btf, name, kind);
}

int __wrap_btf__find_by_name_kind_own(const struct btf *btf, const char *name, uint32_t kind)
{
	bool ours = slots && btf == kernel && kind != BTF_KIND_UNKN && *name;
	return ours ? find(name, kind) : __real_btf__find_by_name_kind_own(btf, name, kind);
}
