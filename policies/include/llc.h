/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Domains of CPUs that share a last-level cache, numbered from 0. Found without userspace from the kernel's own per-CPU sd_llc_id; a loader
 * that knows better (or a machine that lacks it) sets the parameter llc_cpus: CPUs per domain, in CPU order. One domain when nothing is known.
 */
#ifndef SCHEDCP_LLC_H
#define SCHEDCP_LLC_H

#define MAX_LLCS 64 /* a power of two */
#define LLC_SLOT(llc) ((u32)(llc) & (MAX_LLCS - 1))

const volatile u32 llc_cpus = 0;

extern const int sd_llc_id __ksym __weak;

u32 llc_of[MAX_CPUS];
u32 llc_size[MAX_LLCS];
u32 llcs; /* at least 1 after find_llcs() */
static int llc_name[MAX_LLCS]; /* the kernel's id of each domain */

static __always_inline int llc_raw_id(u32 cpu)
{
	const int *id;

	if (llc_cpus)
		return cpu / llc_cpus;
	if (!bpf_ksym_exists(&sd_llc_id))
		return 0;
	id = bpf_per_cpu_ptr(&sd_llc_id, cpu);
	return id ? *id : 0;
}

static __always_inline u32 llc_named(int name)
{
	u32 i;

	bpf_for(i, 0, llcs) {
		if (llc_name[LLC_SLOT(i)] == name)
			return i;
	}
	if (llcs < MAX_LLCS)
		llc_name[LLC_SLOT(llcs++)] = name;
	return llcs - 1;
}

/* ops.init. Where every CPU is its own domain (no cache topology: many VMs), domains would only stop work from being shared: one is used. */
static __always_inline void find_llcs(void)
{
	u32 cpus = smaller(scx_bpf_nr_cpu_ids(), MAX_CPUS), cpu;

	llcs = 0;
	bpf_for(cpu, 0, cpus) {
		u32 llc = LLC_SLOT(llc_named(llc_raw_id(cpu)));

		llc_of[CPU_SLOT(cpu)] = llc;
		llc_size[llc]++;
	}
	if (llcs == cpus && !llc_cpus) {
		bpf_for(cpu, 0, MAX_CPUS)
			llc_of[CPU_SLOT(cpu)] = 0;
		llc_size[0] = cpus;
		llcs = 1;
	}
}

static __always_inline u32 llc_of_cpu(s32 cpu)
{
	return LLC_SLOT(llc_of[CPU_SLOT(cpu)]);
}

#endif
