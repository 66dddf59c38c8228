/* SPDX-License-Identifier: Apache-2.0 */
/* What this machine can do, as one JSON line. */
#include "runner.h"
#include <bpf/libbpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <unistd.h>

static void emit_machine(void)
{
	struct utsname name;
	struct sysinfo info;
	char version[16];
	uname(&name);
	sysinfo(&info);
	snprintf(version, sizeof(version), "%u.%u", libbpf_major_version(), libbpf_minor_version());
	json_string("release", name.release);
	json_string("version", name.version);
	json_int("cpus", sysconf(_SC_NPROCESSORS_ONLN));
	json_uint("memoryKiB", info.totalram * info.mem_unit >> 10);
	json_uint("freeKiB", info.freeram * info.mem_unit >> 10);
	json_string("runner", RUNNER_VERSION);
	json_string("libbpf", version);
	json_bool("schedExt", access("/sys/kernel/sched_ext/state", F_OK) == 0);
}

void ready_emit(const char *event)
{
	json_open(event);
	emit_machine();
	json_close();
}

static bool config_readable(void)
{
	struct utsname name;
	char path[160];
	uname(&name);
	snprintf(path, sizeof(path), "/boot/config-%s", name.release);
	return access(path, R_OK) == 0 || access("/proc/config.gz", R_OK) == 0;
}

int probe_main(void)
{
	struct presence presence;
	char status[4096];
	presence_read(&presence);
	read_text("/proc/self/status", status, sizeof(status));
	const char *caps = strstr(status, "CapEff:\t");
	json_open("probe");
	emit_machine();
	json_string("state", presence.state);
	json_string("ops", presence.ops);
	json_int("enableSeq", presence.enable_seq);
	json_int("nrRejected", presence.nr_rejected);
	json_bool("btf", access("/sys/kernel/btf/vmlinux", R_OK) == 0);
	json_bool("config", config_readable());
	json_bool("root", geteuid() == 0);
	json_bytes("caps", caps ? caps + 8 : "", caps ? strcspn(caps + 8, "\n") : 0);
	json_bool("baseSlice", access("/sys/kernel/debug/sched/base_slice_ns", W_OK) == 0);
	json_bool("features", access("/sys/kernel/debug/sched/features", W_OK) == 0);
	json_bool("cgroup2", access("/sys/fs/cgroup/cgroup.controllers", R_OK) == 0);
	json_bool("sysrq", access("/proc/sysrq-trigger", W_OK) == 0);
	json_bool("realtime", protect_self() == 0);
	json_close();
	json_flush();
	return 0;
}
