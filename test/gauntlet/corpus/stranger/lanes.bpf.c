/* SPDX-License-Identifier: GPL-2.0 */
/*
 * lanes: three lanes by program name. User space writes the lane of a comm into `lane_by_comm` (0 fast, 1 normal, 2 slow); the lanes are FIFO and
 * share the machine 4 : 2 : 1 by turns while all have work. For hosts whose programs are known by name.
 */
#include "policy.h"
#include "comm.h"

const volatile u64 slice_ns = 10000000;
const volatile u32 comm_bytes = 15;

#define LANES 3
#define NORMAL 1

struct lane {
	u32 number;
	u32 zero;
	u64 served;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, struct comm);
	__type(value, struct lane);
} lane_by_comm SEC(".maps");

static u32 turns[MAX_CPUS];

static __always_inline u64 lane_of(struct task_struct *p)
{
	struct comm comm;
	struct lane *lane;

	read_comm(&comm, p, comm_bytes);
	lane = bpf_map_lookup_elem(&lane_by_comm, &comm);
	__sync_fetch_and_add(&lane->served, 1);
	return lane->number < LANES ? lane->number : NORMAL;
}

s32 OP(lanes_select_cpu, struct task_struct *p, s32 prev_cpu, u64 wake_flags)
{
	return select_idle_cpu(p, prev_cpu, wake_flags, slice_ns);
}

void OP(lanes_enqueue, struct task_struct *p, u64 enq_flags)
{
	u64 lane;

	if (insert_percpu_kthread(p, slice_ns, enq_flags))
		return;
	lane = lane_of(p);
	scx_bpf_dsq_insert(p, lane, crowded_slice(slice_ns, lane), enq_flags);
	kick_idle_cpu(p);
}

/* Seven turns: four begin at the fast lane, two at the normal one, one at the slow one. */
static __always_inline u32 first_lane(u32 turn)
{
	turn %= 7;
	return turn < 4 ? 0 : turn < 6 ? 1 : 2;
}

void OP(lanes_dispatch, s32 cpu, struct task_struct *prev)
{
	u32 first = first_lane(turns[CPU_SLOT(cpu)]++);
	u32 i;

	bpf_for(i, 0, LANES) {
		if (scx_bpf_dsq_move_to_local((first + i) % LANES))
			return;
	}
}

s32 SLEEPABLE_OP(lanes_init)
{
	s32 error = 0;
	u32 i;

	bpf_for(i, 0, LANES) {
		error = scx_bpf_create_dsq(i, -1);
		if (error)
			break;
	}
	return error;
}

POLICY(lanes,
       .select_cpu = (void *)lanes_select_cpu,
       .enqueue = (void *)lanes_enqueue,
       .dispatch = (void *)lanes_dispatch,
       .init = (void *)lanes_init);
