// A policy whose ops.enqueue has a given number of instructions: a fifo that first mixes what it knows of the task, over and over, with constants of its
// own each time, so that the compiler can shorten nothing.

/** C source. Some 20 instructions a segment. */
export function hugePolicy(instructions: number): string {
  const segments = Array.from(
    { length: Math.round(instructions / 17) },
    (_, i) => `	x = mix[${i % 64}] ^ (x * ${2 * i + 12345}ull);
	y += x >> ${(i % 13) + 3};
	if (y > x + ${i}ull)
		mix[${(i * 7) % 64}] = y;
	else
		x ^= ${i + 1}ull << ${i % 7};
	mix[${(i * 3) % 64}] += x & ${0xffff + i};`,
  );
  return `typedef unsigned long long u64;

struct task_struct {
	int pid;
} __attribute__((preserve_access_index));

struct sched_ext_ops {
	void (*enqueue)(struct task_struct *p, u64 enq_flags);
	char name[128];
} __attribute__((preserve_access_index));

extern void scx_bpf_dsq_insert(struct task_struct *p, u64 dsq_id, u64 slice, u64 enq_flags)
	__attribute__((section(".ksyms")));

static u64 mix[64];

__attribute__((section("struct_ops/huge_enqueue"))) void huge_enqueue(u64 *ctx)
{
	struct task_struct *p = (void *)ctx[0];
	u64 x = p->pid, y = ctx[1], enq_flags = y;
	volatile u64 *m = mix;

${segments.join('\n').replaceAll('mix[', 'm[')}
	scx_bpf_dsq_insert(p, 0x8000000000000001ull, 20000000, enq_flags + (x + y == 0x123456789));
}

__attribute__((section(".struct_ops.link"))) struct sched_ext_ops huge = {
	.enqueue = (void *)huge_enqueue,
	.name = "huge",
};

char _license[] __attribute__((section("license"))) = "GPL";
`;
}
