/*
 * What the code of a policy does when a task wakes up: clamps its virtual time, weighs, averages, classifies, looks for the best of 16 CPUs and
 * inserts the task there. One source for BPF, the native harness and wasm32; no pointers in memory, so the layout is the same everywhere. No kfuncs:
 * what the boundary costs is another measurement.
 */
#include "policy.h"

#define SLICE_NS 20000000ull

static inline u64 later(u64 a, u64 b)
{
	return (s64)(a - b) > 0 ? a : b;
}

static inline u32 log2_of(u64 value)
{
	u32 log = 0;

	if (value >> 32) {
		log = 32;
		value >>= 32;
	}
	if (value >> 16) {
		log += 16;
		value >>= 16;
	}
	if (value >> 8) {
		log += 8;
		value >>= 8;
	}
	if (value >> 4) {
		log += 4;
		value >>= 4;
	}
	if (value >> 2) {
		log += 2;
		value >>= 2;
	}
	return log + (u32)(value >> 1);
}

/* What CPU `c` costs task `t`: load above all, then distance, then how asleep it is. */
static inline u64 cost_of(struct world *w, struct task *t, struct cpu *c, u32 number)
{
	u64 cost = (u64)c->queued << 24;

	if (c->group != w->cpus[t->cpu & 15].group)
		cost += 3 << 20;
	if (number != t->cpu)
		cost += 1 << 20;
	if (c->idle_since != 0)
		cost += (w->now - c->idle_since) >> 10 & 0xfffff;
	else
		cost += 2 << 24;
	if (c->capacity < t->demand)
		cost += (u64)(t->demand - c->capacity) << 18;
	return cost;
}

static inline void wakeup(struct world *w)
{
	/* who wakes up is not predictable (a linear congruential generator, Knuth's constants) */
	u32 turn = w->turn = w->turn * 1664525 + 1013904223;
	struct task *t = &w->tasks[turn >> 26];
	u64 ran = w->now - t->last_run;
	u64 vtime, slice, best_cost = ~0ull;
	u32 i, best = t->cpu, bucket, weight = t->weight;
	struct cpu *c;

	w->now += 1000 + (t->runtime & 0xfff);
	if (ran > SLICE_NS)
		ran = SLICE_NS;
	t->runtime += ran;
	t->average = t->average - (t->average >> 3) + (ran >> 3);
	t->last_run = w->now;
	vtime = later(t->vtime + ran * 100 / (weight ? weight : 1), w->vtime_now - SLICE_NS);
	t->vtime = vtime;
	bucket = log2_of(t->average | 1);
	w->histogram[bucket & 63]++;
	t->demand = bucket * 32 + (t->wakeups & 31);
	t->wakeups++;

	for (i = 0; i < 16; i++) {
		u64 cost;

		if (!(t->allowed >> i & 1))
			continue;
		cost = cost_of(w, t, &w->cpus[i], i);
		if (cost < best_cost) {
			best_cost = cost;
			best = i;
		}
	}

	c = &w->cpus[best & 15];
	slice = SLICE_NS / (c->queued + 1);
	if (slice < 1000000)
		slice = 1000000;
	if (c->idle_since) {
		c->idle_since = 0;
		w->idle_hits++;
	} else if (++c->queued > 8) {
		c->queued = 0;
		c->idle_since = w->now;
	}
	t->cpu = best;
	w->vtime_now = later(w->vtime_now, vtime - slice);
	w->inserted += best + (u32)slice + (u32)(vtime >> 3);
}

int policy(struct world *w, u32 wakeups)
{
	u32 i;

	for (i = 0; i < wakeups; i++)
		wakeup(w);
	return w->inserted;
}
