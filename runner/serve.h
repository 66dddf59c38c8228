/* SPDX-License-Identifier: Apache-2.0 */
/* A guest that lives long (serve.c), and what tests ask of it (serve-tests.c). */
#pragma once
#include "runner.h"

struct served {
	int control, hold; /* hold: our end of its input and output, -1: nobody holds */
	pid_t work, holder; /* 0: none */
	uint64_t stopped; /* since when the holder is, 0: it is not */
	int held; /* status of the holder that has ended, until that is told */
	char line[256];
	size_t n;
	uint8_t *job; /* being received */
	size_t job_n, job_size;
	char heartbeat[24], timeout[24];
	bool over;
	uint64_t heard; /* when something came through the port from nobody, as it seemed */
	/* for tests */
	bool tests;
	const char *as; /* how the next holder is started: hold, socket, run */
	uint64_t marked, first_enabled, last_enabled, looked, longest_gap; /* gap: between two looks at the scheduler */
};

void serve_answer(struct served *s);
/* Ends the holder's input. */
void serve_end_input(struct served *s);

/* A line without its `test `; false: not known. */
bool tests_obey(struct served *s, const char *line);
/* While a mark is set, the scheduler is looked at each time. */
void tests_tick(struct served *s);
