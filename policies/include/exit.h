/* SPDX-License-Identifier: GPL-2.0 */
/* The exit record: how the policy ended, kept where the runner can read it (layout: docs/protocol.md). */
#ifndef SCHEDCP_EXIT_H
#define SCHEDCP_EXIT_H

#define EXIT_DUMP_BYTES 16384

struct exit_record {
	s32 kind;
	u32 zero;
	s64 code;
	char reason[128];
	char message[1024];
	char dump[EXIT_DUMP_BYTES];
};

struct exit_record exit_record;

static __always_inline void record_exit(const struct scx_exit_info *info)
{
	bpf_probe_read_kernel_str(exit_record.reason, sizeof(exit_record.reason), info->reason);
	bpf_probe_read_kernel_str(exit_record.message, sizeof(exit_record.message), info->msg);
	bpf_probe_read_kernel_str(exit_record.dump, sizeof(exit_record.dump), info->dump);
	exit_record.code = info->exit_code;
	exit_record.kind = info->kind; /* last: a reader that sees it sees the rest */
}

/*
 * Closes a policy file: the exit op and the ops table. The name is a BPF identifier; the watchdog is given five seconds, the dump what
 * the record can hold. Further members (the ops of this policy) follow as arguments.
 */
#define POLICY(policy, ...)                                         \
	SEC("struct_ops/" #policy "_exit")                          \
	void BPF_PROG(policy##_exit, struct scx_exit_info *info)    \
	{                                                           \
		record_exit(info);                                  \
	}                                                           \
	SEC(".struct_ops.link")                                     \
	struct sched_ext_ops policy##_ops = {                       \
		.exit = (void *)policy##_exit,                      \
		.timeout_ms = 5000,                                 \
		.exit_dump_len = EXIT_DUMP_BYTES,                   \
		.name = #policy,                                    \
		__VA_ARGS__                                         \
	};                                                          \
	char _license[] SEC("license") = "GPL"

#define OP(name, args...) SEC("struct_ops/" #name) BPF_PROG(name, ##args)
#define SLEEPABLE_OP(name, args...) SEC("struct_ops.s/" #name) BPF_PROG(name, ##args)

#endif
