/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The part of the kernel's types that a policy may touch. Offsets are relocated at load (CO-RE), so order and size do not
 * matter here and one object fits every kernel from 6.16 to 7.3. Truth: the BTF of those kernels.
 */
#ifndef SCHEDCP_KERNEL_H
#define SCHEDCP_KERNEL_H

typedef unsigned char __u8;
typedef signed char __s8;
typedef unsigned short __u16;
typedef short __s16;
typedef unsigned int __u32;
typedef int __s32;
typedef unsigned long long __u64;
typedef long long __s64;
typedef __u16 __be16;
typedef __u32 __be32;
typedef __u64 __be64;
typedef __u32 __wsum;

typedef __u8 u8;
typedef __u16 u16;
typedef __u32 u32;
typedef __u64 u64;
typedef __s32 s32;
typedef __s64 s64;
typedef _Bool bool;
#define true 1
#define false 0
#define NULL ((void *)0)

enum bpf_map_type {
	BPF_MAP_TYPE_HASH = 1,
	BPF_MAP_TYPE_ARRAY = 2,
	BPF_MAP_TYPE_PERCPU_ARRAY = 6,
	BPF_MAP_TYPE_LRU_HASH = 9,
	BPF_MAP_TYPE_TASK_STORAGE = 29,
};
enum { BPF_ANY = 0, BPF_F_NO_PREALLOC = 1, BPF_LOCAL_STORAGE_GET_F_CREATE = 1 };

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct cpumask { /* touched by kfuncs only; complete, because libbpf compares the types of kfuncs */
	unsigned long bits[1];
};

struct sched_ext_entity {
	u32 flags;
	u32 weight;	/* 1..10000, 100 is nice 0 */
	u64 slice;	/* what is left of it, ns */
	u64 dsq_vtime;	/* key in a vtime-ordered DSQ */
};

struct sched_entity {
	u64 sum_exec_runtime;	/* CPU time used so far, ns */
};

struct kernfs_node {
	const char *name;
	u64 id;
};

struct cgroup_subsys_state {
	struct cgroup *cgroup;
	struct cgroup_subsys_state *parent;
};

struct cgroup {
	struct cgroup_subsys_state self;
	struct kernfs_node *kn;
};

struct css_set {
	struct cgroup *dfl_cgrp;
};

struct task_struct {
	unsigned int flags;
	unsigned int policy;
	int pid;
	int static_prio;	/* 100 + 20 + nice */
	int nr_cpus_allowed;
	const struct cpumask *cpus_ptr;
	struct sched_entity se;
	struct sched_ext_entity scx;
	struct css_set *cgroups;
	char comm[16];
};

enum scx_exit_kind { SCX_EXIT_NONE = 0 };

struct scx_exit_info {
	enum scx_exit_kind kind;
	s64 exit_code;
	const char *reason;
	char *msg;
	char *dump;
};

struct scx_init_task_args {
	bool fork;
};

struct scx_exit_task_args {
	bool cancelled;
};

#pragma clang attribute pop

/* Only members that our policies set: libbpf matches them by name and leaves the kernel's others zero. */
struct sched_ext_ops {
	s32 (*select_cpu)(struct task_struct *p, s32 prev_cpu, u64 wake_flags);
	void (*enqueue)(struct task_struct *p, u64 enq_flags);
	void (*dequeue)(struct task_struct *p, u64 deq_flags);
	void (*dispatch)(s32 cpu, struct task_struct *prev);
	void (*tick)(struct task_struct *p);
	void (*runnable)(struct task_struct *p, u64 enq_flags);
	void (*running)(struct task_struct *p);
	void (*stopping)(struct task_struct *p, bool runnable);
	void (*quiescent)(struct task_struct *p, u64 deq_flags);
	bool (*yield)(struct task_struct *from, struct task_struct *to);
	void (*set_weight)(struct task_struct *p, u32 weight);
	void (*set_cpumask)(struct task_struct *p, const struct cpumask *cpumask);
	s32 (*init_task)(struct task_struct *p, struct scx_init_task_args *args);
	void (*exit_task)(struct task_struct *p, struct scx_exit_task_args *args);
	void (*enable)(struct task_struct *p);
	void (*disable)(struct task_struct *p);
	s32 (*init)(void);
	void (*exit)(struct scx_exit_info *info);
	u64 flags;
	u32 timeout_ms;
	u32 exit_dump_len;
	char name[128];
};

/* Values that no kernel from 6.16 to 7.3 has changed (SCX_ENQ_HEAD did change, so it is not here). */
#define SCX_DSQ_GLOBAL 0x8000000000000001ULL
#define SCX_DSQ_LOCAL 0x8000000000000002ULL
#define SCX_DSQ_LOCAL_ON 0xC000000000000000ULL
#define SCX_ENQ_WAKEUP 1ULL
#define SCX_ENQ_PREEMPT (1ULL << 32)
#define SCX_DEQ_SLEEP 1ULL
#define SCX_KICK_IDLE 1ULL
#define SCX_KICK_PREEMPT 2ULL
#define SCX_DSQ_ITER_REV (1ULL << 16)
#define SCX_TASK_QUEUED 1 /* in scx.flags: runnable */
#define PF_EXITING 0x00000004
#define PF_KTHREAD 0x00200000
/* Slots of a per-CPU table, a power of two; CPUs beyond it share them. The mask also shows the verifier that the index is in bounds. */
#define MAX_CPUS 512
#define CPU_SLOT(cpu) ((u32)(cpu) & (MAX_CPUS - 1))
#define SCHED_BATCH 3
#define SCHED_IDLE 5

#endif
