/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Leaves when it is attached, and says which CPUs share the last-level cache of the first: the answer is the exit code, a bit for each of the first 32 CPUs.
 */
#include "policy.h"
#include "llc.h"

void scx_bpf_exit_bstr(s64 code, char *fmt, unsigned long long *data, u32 data_sz) __ksym;

static char text[] = "%lld CPUs share a cache with the first";

s32 SLEEPABLE_OP(caches_init)
{
	u32 cpus = scx_bpf_nr_cpu_ids(), cpu;
	unsigned long long args[1] = { 0 };
	u64 mask = 0;

	bpf_for(cpu, 0, cpus) {
		if (cpu >= 32 || llc_raw_id(cpu) != llc_raw_id(0))
			continue;
		mask |= 1ULL << cpu;
		args[0]++;
	}
	scx_bpf_exit_bstr(mask, text, args, sizeof(args));
	return 0;
}

POLICY(caches, .init = (void *)caches_init);
