/* harness WORLD CHECK WAKEUPS: the world after CHECK wakeups on standard output, nanoseconds per wakeup of WAKEUPS more on standard error. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include "policy.h"

int policy(struct world *w, u32 wakeups);

static struct world world;

static double now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1e9 + t.tv_nsec;
}

int main(int count, char **argument)
{
	FILE *file = count == 4 ? fopen(argument[1], "rb") : NULL;
	u32 check, wakeups;
	double start;

	if (!file || fread(&world, sizeof world, 1, file) != 1)
		return 1;
	check = atoi(argument[2]);
	wakeups = atoi(argument[3]);
	policy(&world, check);
	fwrite(&world, sizeof world, 1, stdout);
	policy(&world, wakeups);
	start = now_ns();
	policy(&world, wakeups);
	fprintf(stderr, "%f\n", (now_ns() - start) / wakeups);
	return 0;
}
