/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the recorder reads of the kernel, and the kfuncs that it calls: only the fields in question, found by CO-RE. include/linux/sched.h, fs.h, fdtable.h,
 * kernel/bpf/helpers.c and task_iter.c, v6.18.
 */
#pragma once
#include "../include/types.h"

enum { BPF_MAP_TYPE_ARRAY = 2, BPF_F_MMAPABLE = 1024 };

#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct thread_info {
	u32 cpu;
	u32 status;
};

struct super_block {
	unsigned long s_magic;
};

struct inode {
	u16 i_mode;
	struct super_block *i_sb;
	unsigned long i_ino;
};

struct file {
	struct inode *f_inode;
};

struct fdtable {
	u32 max_fds;
	struct file **fd;
};

struct files_struct {
	struct fdtable *fdt;
};

struct mm_struct {
	int nothing;
};

struct rq {
	int nothing;
};

struct cfs_rq {
	struct rq *rq;
};

struct sched_entity {
	struct cfs_rq *cfs_rq;
};

struct task_struct {
	struct sched_entity se;
	struct thread_info thread_info;
	u32 flags;
	int static_prio;
	u32 policy;
	struct mm_struct *mm;
	unsigned in_iowait : 1;
	int pid;
	int tgid;
	struct task_struct *real_parent;
	char comm[16];
	struct files_struct *files;
};

struct pt_regs {
	unsigned long r15;
	unsigned long si;
	unsigned long di;
	unsigned long orig_ax;
};

struct cgroup {
	int level;
};

#pragma clang attribute pop

struct bpf_iter_task {
	u64 opaque[3];
} __attribute__((aligned(8)));

extern void *bpf_rdonly_cast(const void *, u32) __ksym;
extern int bpf_iter_task_new(struct bpf_iter_task *it, struct task_struct *task, u32 flags) __ksym;
extern struct task_struct *bpf_iter_task_next(struct bpf_iter_task *it) __ksym;
extern void bpf_iter_task_destroy(struct bpf_iter_task *it) __ksym;
extern void bpf_rcu_read_lock(void) __ksym;
extern void bpf_rcu_read_unlock(void) __ksym;
extern struct task_struct *bpf_task_from_vpid(s32 vpid) __ksym;
extern void bpf_task_release(struct task_struct *p) __ksym;
extern struct cgroup *bpf_cgroup_from_id(u64 id) __ksym;
extern void bpf_cgroup_release(struct cgroup *cgroup) __ksym;
extern long bpf_task_under_cgroup(struct task_struct *task, struct cgroup *ancestor) __ksym;
