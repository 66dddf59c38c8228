/* SPDX-License-Identifier: Apache-2.0 */
/* When the standing watch counts switches and wakeups, so that it costs no more than its budget. Switches are counted always as long as that costs less by the
 * kernel's own account, else in windows: one of every so many of the time, at a place in its block that nothing in what is watched can be in step with.
 * docs/protocol.md, section 6. */
#include "watch.h"

/* What an event costs with the way to the program and with what its memory traffic costs others: two to three times what the kernel accounts for the program
 * alone, as `perf bench sched messaging` shows it. */
enum { SWITCH_NS = 500, WAKING_NS = 1500, TIMES_ACCOUNTED = 2, CLOSED_NS = 20 /* of either program that sees that nothing is counted */ };
enum { TICK_NS = 100000000, MOST_OFF = 50, BLOCK_NS = 250000000, SPARE_NS = 25000000, FIRST_GUESS_NS = 300, MOST_ACCOUNTED_NS = 2000, FRESH_TICKS = 10, FEW_RUNS = 50 };

/* Who uses less than this share of a CPU is observed as if it did: a share of next to nothing would pay for nothing. */
static const double LEAST_USED = 0.05;
/* How much a tick weighs in the means by which windows are chosen. */
static const double NEWEST = 0.1;

static double within(double value, double low, double high) { return value < low ? low : value > high ? high : value; }

void budget_start(struct budget *b, double share, uint32_t windows, uint64_t now)
{
	*b = (struct budget){.share = share, .forced = windows, .switch_ns = FIRST_GUESS_NS, .spare = share * SPARE_NS, .waking = true, .random = 1, .block = now};
	b->one_of = windows ? windows : 1;
	b->in_windows = windows > 1;
}

/* Wakeups, while switches are counted always: in the next 100 ms if what all this has cost so far, as estimated, is below the budget, and now and then at any rate. */
static void choose_waking(struct budget *b, double earned, double cost)
{
	double room = b->share * TICK_NS * 2;
	b->credit = within(b->credit + earned - cost, -50 * room, room);
	b->waking = b->credit >= 0 || ++b->off_ticks >= MOST_OFF;
	if (b->waking)
		b->off_ticks = 0;
}

/* One window of how many fits the budget, with switches and wakeups counted in it. */
static uint32_t fitting(const struct budget *b)
{
	double left = b->earned - b->closed;
	return left > 0 ? (uint32_t)within(b->cost / left + 1, 2, WATCH_MOST_WINDOWS) : WATCH_MOST_WINDOWS;
}

void budget_settle(struct budget *b, const struct spent *s)
{
	double used = (double)s->busy_ns, least = (double)s->ns * LEAST_USED, room = b->share * SPARE_NS;
	double earned = b->share * (used > least ? used : least), switches = (double)s->switches;
	double accounted = within(b->switch_ns, 1, MOST_ACCOUNTED_NS), each = accounted * TIMES_ACCOUNTED > SWITCH_NS ? accounted * TIMES_ACCOUNTED : SWITCH_NS;
	double looked = s->ns ? (double)s->waking_ns / (double)s->ns : 0;
	if (looked > 0 && switches > 0)
		b->wakes += NEWEST * (within((double)s->wakes / (switches * within(looked, 0.01, 1)), 0, 2) - b->wakes);
	b->last_earned = earned;
	b->last_cost = switches * (each + b->wakes * WAKING_NS);
	b->last_closed = switches * (1 + b->wakes) * CLOSED_NS;
	b->closed += NEWEST * (b->last_closed - b->closed);
	b->earned += NEWEST * (b->last_earned - b->earned);
	b->cost += NEWEST * (b->last_cost - b->cost);
	b->fresh_ticks -= b->fresh_ticks > 0;
	b->spare = within(b->spare + earned - switches * accounted, -room, room);
	if (!b->in_windows)
		choose_waking(b, earned, switches * SWITCH_NS + (double)s->wakes * WAKING_NS);
}

void budget_measured(struct budget *b, uint64_t runs, uint64_t ns)
{
	b->fresh_ticks = FRESH_TICKS;
	b->doubts = false;
	if (runs >= FEW_RUNS)
		b->switch_ns = ns / runs;
}

/* Whether always counting switches would cost too much, or would not any more. */
static void choose_mode(struct budget *b, uint64_t now)
{
	double room = b->share * SPARE_NS;
	bool before = b->in_windows, now_windows = before ? b->spare < room : b->spare <= -room;
	if (b->forced)
		return;
	b->doubts = now_windows && !before && !b->fresh_ticks; /* what it costs depends on what runs: asked again first */
	if (before == now_windows || b->doubts)
		return;
	b->in_windows = now_windows;
	b->block = now;
	b->earned = b->last_earned;
	b->cost = b->last_cost;
	b->closed = b->last_closed;
	b->credit = 0;
	if (!b->in_windows)
		b->one_of = 1;
}

static void next_block(struct budget *b)
{
	uint64_t begin = b->block, length = BLOCK_NS;
	b->one_of = b->forced ? b->forced : fitting(b);
	b->random = b->random * 1664525u + 1013904223u;
	b->opens = begin + (length - length / b->one_of) * (b->random >> 16) / 65536;
	b->closes = b->opens + length / b->one_of;
	b->block = begin + length;
}

struct wish budget_wish(struct budget *b, uint64_t now)
{
	choose_mode(b, now);
	if (!b->in_windows)
		return (struct wish){.counting = true, .waking = b->waking, .one_of = b->one_of, .until = now + TICK_NS};
	while (b->block <= now) {
		if (b->block + BLOCK_NS < now)
			b->block = now;
		next_block(b);
	}
	bool open = now >= b->opens && now < b->closes;
	return (struct wish){.counting = open, .waking = true, .one_of = b->one_of, .until = open ? b->closes : now < b->opens ? b->opens : b->block};
}
