/* SPDX-License-Identifier: GPL-2.0 */
/* The name of a process. */
#include "policy.h"
#include "comm.h"
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16);
	__type(key, struct comm);
	__type(value, u64);
} slice_by_comm SEC(".maps");
const volatile char favourite[16] = "nginx";
u64 seen;
#define PUT(slice) scx_bpf_dsq_insert(p, QUEUE, slice, enq_flags); kick_idle_cpu(p)
#if defined(CASE_letters)
#define ENQUEUE PUT(p->comm[0] == 'n' && p->comm[1] == 'g' ? 1000000 : slice_ns)
#elif defined(CASE_compared)
#define ENQUEUE char name[16]; bpf_probe_read_kernel_str(name, 16, p->comm); \
	PUT(!__builtin_memcmp(name, "nginx", 6) ? 1000000 : slice_ns)
#elif defined(CASE_strncmp)
#define ENQUEUE char name[16]; bpf_probe_read_kernel_str(name, 16, p->comm); \
	PUT(!bpf_strncmp(name, 16, "postgres") ? 1000000 : slice_ns)
#elif defined(CASE_by_parameter)
#define ENQUEUE u32 i; bool same = true; \
	bpf_for(i, 0, 15) if (p->comm[i & 15] != favourite[i & 15]) { same = false; break; } \
	PUT(same ? 1000000 : slice_ns)
#elif defined(CASE_as_key)
#define ENQUEUE struct comm comm; u64 *own; read_comm(&comm, p, 15); own = bpf_map_lookup_elem(&slice_by_comm, &comm); \
	PUT(own ? *own : slice_ns)
#elif defined(CASE_empty)
#define RUNNING if (!p->comm[0]) seen++
#elif defined(CASE_nice)
#define ENQUEUE PUT(p->static_prio < 110 ? 1000000 : slice_ns)
#endif
#include "base.h"
