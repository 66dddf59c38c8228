/* SPDX-License-Identifier: GPL-2.0 */
/* The few sched_ext types and kfuncs the runner's test objects need, written by hand and relocated by CO-RE. Source of truth:
 * the BTF of kernels 6.16 to 7.3. Real policies use policies/include instead; these objects stay independent of it. */
#pragma once

typedef unsigned char u8;
typedef unsigned int u32;
typedef int s32;
typedef unsigned long long u64;
typedef long long s64;
typedef _Bool bool;
typedef u32 __u32;
typedef u64 __u64;
typedef unsigned short __u16;
typedef u8 __u8;
typedef s32 __s32;
typedef s64 __s64;
typedef u32 __wsum;
typedef __u16 __be16;
typedef u32 __be32;
#include <bpf/bpf_helpers.h>

enum { BPF_MAP_TYPE_HASH = 1, BPF_MAP_TYPE_ARRAY = 2 };

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)
struct task_struct {
	int pid;
	unsigned int flags;
	char comm[16];
};
enum scx_exit_kind { SCX_EXIT_NONE };
struct scx_exit_info {
	enum scx_exit_kind kind;
	s64 exit_code;
	const char *reason;
	char *msg;
	char *dump;
};
#pragma clang attribute pop

struct sched_ext_ops {
	s32 (*select_cpu)(struct task_struct *p, s32 prev_cpu, u64 wake_flags);
	void (*enqueue)(struct task_struct *p, u64 enq_flags);
	void (*dispatch)(s32 cpu, struct task_struct *prev);
	s32 (*init)(void);
	void (*exit)(struct scx_exit_info *info);
	u64 flags;
	u32 timeout_ms;
	char name[128];
	void (*member_no_kernel_has)(void);
};

s32 scx_bpf_create_dsq(u64 dsq_id, s32 node) __attribute__((section(".ksyms")));
s32 scx_bpf_select_cpu_dfl(struct task_struct *p, s32 prev_cpu, u64 wake_flags, bool *is_idle) __attribute__((section(".ksyms")));
void scx_bpf_dsq_insert(struct task_struct *p, u64 dsq_id, u64 slice, u64 enq_flags) __attribute__((section(".ksyms")));
bool scx_bpf_dsq_move_to_local(u64 dsq_id) __attribute__((section(".ksyms")));
void scx_bpf_error_bstr(char *fmt, unsigned long long *data, u32 data_sz) __attribute__((section(".ksyms")));

#define SHARED_DSQ 1
#define SLICE_DFL 20000000ULL
#define OPS(name_) SEC("struct_ops/" #name_)
#define SLEEPABLE_OPS(name_) SEC("struct_ops.s/" #name_)

struct exit_record {
	s32 kind;
	u32 zero;
	s64 code;
	char reason[128];
	char message[1024];
	char dump[16384];
};

#define EXIT_RECORD                                                                                                      \
	struct exit_record exit_record;                                                                                  \
	OPS(exit) void test_exit(u64 *ctx)                                                                               \
	{                                                                                                                \
		struct scx_exit_info *info = (void *)ctx[0];                                                             \
		bpf_probe_read_kernel_str(exit_record.reason, sizeof(exit_record.reason), info->reason);                 \
		bpf_probe_read_kernel_str(exit_record.message, sizeof(exit_record.message), info->msg);                  \
		bpf_probe_read_kernel_str(exit_record.dump, sizeof(exit_record.dump), info->dump);                       \
		exit_record.code = info->exit_code;                                                                      \
		exit_record.kind = info->kind;                                                                           \
	}
#define LICENSE char _license[] SEC("license") = "GPL";
#define TASK(i) ((struct task_struct *)ctx[i])
