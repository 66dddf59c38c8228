/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Keys of real time, for policies that let some tasks overtake others: a task is due at its arrival plus a handicap of bounded size. Whatever
 * arrives later than that bound sorts behind it, so nothing waits longer than the bound and the queue ahead: the order itself is the guard
 * against starvation. Who is interrupted before the slice is used up keeps the old time, and so cannot be robbed of its turn.
 */
#ifndef SCHEDCP_TURN_H
#define SCHEDCP_TURN_H

struct turn {
	u64 due;
	u64 used; /* CPU time since the turn began */
	u64 slice;
};

/* In enqueue (and select_cpu): the key of `p`, which wakes or comes back. */
static __always_inline u64 turn_due(struct turn *turn, u64 handicap, u64 slice, bool wakeup)
{
	if (wakeup || !turn->due || turn->used >= turn->slice) {
		turn->due = scx_bpf_now() + handicap;
		turn->used = 0;
		turn->slice = slice;
	}
	return turn->due;
}

/* In dispatch: the key that the running task, charged just now, would have if it were queued. */
static __always_inline u64 turn_due_if_queued(const struct turn *turn, u64 handicap)
{
	return turn->used >= turn->slice ? scx_bpf_now() + handicap : turn->due;
}

#endif
