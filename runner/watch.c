/* SPDX-License-Identifier: Apache-2.0 */
/* The watch: a BPF object that the job brings along (probes/watch.bpf.c). */
#include "runner.h"

bool watch_start(const struct job *job)
{
	(void)job;
	return true;
}

void watch_follow(bool on) { (void)on; }

void watch_tick(void) {}

void watch_end(void) {}
