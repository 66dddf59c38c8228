/* SPDX-License-Identifier: GPL-2.0 */
/* What of the kernel's types the watch reads; libbpf puts in where they lie (CO-RE). Names: include/linux/sched.h, kernel/sched/sched.h, v6.18. */
#pragma once
#include "../include/types.h"

enum { BPF_MAP_TYPE_HASH = 1, BPF_MAP_TYPE_ARRAY = 2, BPF_NOEXIST = 1, BPF_F_MMAPABLE = 1024 };

#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct sched_info {
	u64 run_delay, last_arrival;
};
struct task_struct;
struct rq {
	u32 nr_running;
	struct task_struct *curr;
	u64 clock;
};
struct cfs_rq {
	struct rq *rq;
};
struct sched_entity {
	u8 sched_delayed;
	u64 sum_exec_runtime, nr_migrations;
	struct cfs_rq *cfs_rq;
};
struct task_io_accounting {
	u64 read_bytes, write_bytes;
};
struct inode {
	u16 i_mode;
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
struct kernfs_node {
	u64 id;
};
struct cgroup_subsys_state {
	struct cgroup_subsys_state *parent;
};
struct cgroup {
	struct cgroup_subsys_state self;
	struct kernfs_node *kn;
};
struct css_set {
	struct cgroup *dfl_cgrp;
};
struct thread_info {
	u32 cpu;
};
struct task_struct {
	struct thread_info thread_info;
	u32 __state;
	void *stack;
	u32 flags;
	int on_rq, nr_cpus_allowed;
	struct sched_entity se;
	struct sched_info sched_info;
	u32 in_iowait : 1;
	int pid, tgid;
	struct task_struct *real_parent;
	u64 utime, stime, nvcsw, nivcsw, min_flt, maj_flt;
	char comm[16];
	struct files_struct *files;
	struct css_set *cgroups;
	struct task_io_accounting ioac;
};
struct pt_regs {
	u64 di, orig_ax;
};
struct gendisk;
struct request {
	u32 cmd_flags, __data_len;
};
struct seq_file;
struct bpf_iter_meta {
	struct seq_file *seq;
};
struct bpf_iter__task {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
};

#pragma clang attribute pop

struct bpf_iter_num {
	u64 opaque;
} __attribute__((aligned(8)));

