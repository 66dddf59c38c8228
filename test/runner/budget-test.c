/* SPDX-License-Identifier: Apache-2.0 */
/* Plays loads to runner/watch-budget.c, without a kernel: budget-test SHARE WINDOWS then phases of a load, SECONDS USED SWITCHES_PER_S ACCOUNTED_NS WAKES each
 * (USED: CPUs; WAKES: for each switch). Says of each phase how many ns switches and wakeups were counted, how often that began, the longest time between, and how
 * many switches were seen, each as many times as its window stands for. */
#include "../../runner/watch.h"
#include <stdio.h>
#include <stdlib.h>

struct phase {
	double seconds, used, rate, cost, wakes;
};
struct sums {
	uint64_t switching, waking, openings, longest;
	double weighted;
};

static struct budget budget;
static uint64_t now = 1000000000, settled, closed_at;
static double busy, switches, wakes, waking_ns;
static struct wish wish;

static void settle(const struct phase *p)
{
	struct spent spent = {now - settled, (uint64_t)busy, (uint64_t)switches, (uint64_t)wakes, (uint64_t)waking_ns};
	static uint64_t ticks;
	if (budget.doubts || ticks++ % 64 == 0)
		budget_measured(&budget, 1000, (uint64_t)(1000 * p->cost));
	budget_settle(&budget, &spent);
	settled = now;
	busy = switches = wakes = waking_ns = 0;
}

static void decide(struct sums *s)
{
	bool before = wish.counting;
	wish = budget_wish(&budget, now);
	if (before && !wish.counting)
		closed_at = now;
	if (!before && wish.counting) {
		s->openings++;
		s->longest = now - closed_at > s->longest ? now - closed_at : s->longest;
	}
}

static void pass(const struct phase *p, struct sums *s, uint64_t ns)
{
	double seen = p->rate * (double)ns / 1e9;
	busy += p->used * (double)ns;
	switches += seen;
	if (wish.counting && wish.waking)
		wakes += seen * p->wakes;
	if (wish.counting && wish.waking)
		waking_ns += (double)ns;
	s->waking += wish.counting && wish.waking ? ns : 0;
	s->switching += wish.counting ? ns : 0;
	s->weighted += wish.counting ? seen * wish.one_of : 0;
	now += ns;
}

static struct sums play_phase(const struct phase *p)
{
	struct sums s = {0};
	uint64_t end = now + (uint64_t)(p->seconds * 1e9);
	while (now < end) {
		uint64_t until = wish.until < settled + 100000000 ? wish.until : settled + 100000000;
		until = until < end ? until : end;
		pass(p, &s, until > now ? until - now : 1);
		if (now - settled >= 50000000)
			settle(p);
		decide(&s);
	}
	return s;
}

int main(int argc, char **argv)
{
	settled = closed_at = now;
	budget_start(&budget, argc > 1 ? atof(argv[1]) : 0.01, argc > 2 ? (uint32_t)atoi(argv[2]) : 0, now);
	decide(&(struct sums){0});
	for (int i = 3; i + 4 < argc; i += 5) {
		struct phase p = {atof(argv[i]), atof(argv[i + 1]), atof(argv[i + 2]), atof(argv[i + 3]), atof(argv[i + 4])};
		struct sums s = play_phase(&p);
		printf("%llu %llu %llu %llu %.0f\n", (unsigned long long)s.switching, (unsigned long long)s.waking, (unsigned long long)s.openings,
		       (unsigned long long)s.longest, s.weighted);
	}
	return 0;
}
