/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Virtual time: CPU time used, divided by weight (100 is nice 0). A DSQ ordered by it shares the CPU in proportion to weights. Keys wrap, so
 * they are compared by signed difference, as the kernel's DSQs do.
 */
#ifndef SCHEDCP_VTIME_H
#define SCHEDCP_VTIME_H

static __always_inline bool before(u64 a, u64 b)
{
	return (s64)(a - b) < 0;
}

static __always_inline u64 later(u64 a, u64 b)
{
	return before(a, b) ? b : a;
}

static __always_inline u64 smaller(u64 a, u64 b)
{
	return a < b ? a : b;
}

static __always_inline u64 larger(u64 a, u64 b)
{
	return a < b ? b : a;
}

/* ns of CPU time in ns of virtual time */
static __always_inline u64 by_weight(u64 ns, u32 weight)
{
	return ns * 100 / (weight ? weight : 1);
}

/* Slice for a busy moment: one round of all that wait for `cpus` CPUs should take about `slice`, but never less than `least` each. */
static __always_inline u64 shared_slice(u64 slice, u64 least, u64 dsq, u32 cpus)
{
	s32 waiting = scx_bpf_dsq_nr_queued(dsq);

	if (waiting <= 0 || !cpus)
		return slice;
	return larger(slice * cpus / (cpus + (u32)waiting), least);
}

/* Slice for policies whose slices are fixed: cut only where one round of all that wait would take longer than a second. */
static __always_inline u64 crowded_slice(u64 slice, u64 dsq)
{
	s32 waiting = scx_bpf_dsq_nr_queued(dsq);

	return waiting > 0 ? smaller(slice, 1000000000ULL * scx_bpf_nr_cpu_ids() / (u32)waiting) : slice;
}

/* log2 with eight fraction bits (linear between powers of two): ratios of lengths become differences. */
static __always_inline u32 log2_256(u64 x)
{
	u32 bit = 0;

	if (x < 256)
		return 0;
	if (x >> 32) { bit += 32; }
	if (x >> (bit + 16)) { bit += 16; }
	if (x >> (bit + 8)) { bit += 8; }
	if (x >> (bit + 4)) { bit += 4; }
	if (x >> (bit + 2)) { bit += 2; }
	if (x >> (bit + 1)) { bit += 1; }
	return (bit << 8) | ((x >> (bit - 8)) & 0xff);
}

#endif
