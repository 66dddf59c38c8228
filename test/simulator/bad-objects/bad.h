/* SPDX-License-Identifier: GPL-2.0 */
/* What the bad policies beside this file share: as little as a policy can do with. */
typedef unsigned int u32;
typedef unsigned long long u64;

#define SEC(name) __attribute__((section(name), used))

struct sched_ext_entity {
	u32 weight;
	u64 slice;
} __attribute__((preserve_access_index));

struct task_struct {
	int pid;
	struct sched_ext_entity scx;
} __attribute__((preserve_access_index));

struct sched_ext_ops {
	void (*enqueue)(struct task_struct *p, u64 enq_flags);
	char name[128];
} __attribute__((preserve_access_index));

extern void scx_bpf_dsq_insert(struct task_struct *p, u64 dsq_id, u64 slice, u64 enq_flags) SEC(".ksyms");

#define GLOBAL_DSQ 0x8000000000000001ull

/* A policy that only has bad_enqueue. */
#define BAD_POLICY                                                             \
	SEC(".struct_ops.link") struct sched_ext_ops bad = {                   \
		.enqueue = (void *)bad_enqueue,                                \
		.name = "bad",                                                 \
	};                                                                     \
	char _license[] SEC("license") = "GPL"
