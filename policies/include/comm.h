/* SPDX-License-Identifier: GPL-2.0 */
/* Task names as map keys. A name is read when it is used: a child has its parent's until it renames itself or execs. */
#ifndef SCHEDCP_COMM_H
#define SCHEDCP_COMM_H

struct comm {
	char name[16]; /* NUL-padded */
} __attribute__((aligned(8)));

/* The first `length` bytes of the name, so that worker-1 and worker-2 can be one. */
static __always_inline void read_comm(struct comm *comm, struct task_struct *p, u32 length)
{
	__builtin_memset(comm, 0, sizeof(*comm));
	bpf_probe_read_kernel_str(comm->name, smaller(length, 15) + 1, p->comm);
}

static __always_inline bool same_comm(const struct comm *a, const struct comm *b)
{
	const u64 *x = (const u64 *)a->name, *y = (const u64 *)b->name;

	return x[0] == y[0] && x[1] == y[1];
}

#endif
