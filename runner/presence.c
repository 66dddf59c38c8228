/* SPDX-License-Identifier: Apache-2.0 */
/* What the kernel says about sched_ext: /sys/kernel/sched_ext (kernel/sched/ext.c, sysfs attributes, v6.16 to v7.3). */
#include "runner.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SCX "/sys/kernel/sched_ext/"

static int64_t number_of(const char *path)
{
	char text[32];
	return read_text(path, text, sizeof(text)) > 0 ? strtoll(text, NULL, 10) : -1;
}

void presence_read(struct presence *p)
{
	if (read_text(SCX "state", p->state, sizeof(p->state)) <= 0)
		strcpy(p->state, "absent");
	read_text(SCX "root/ops", p->ops, sizeof(p->ops));
	p->enable_seq = number_of(SCX "enable_seq");
	p->nr_rejected = number_of(SCX "nr_rejected");
}

bool presence_enabled(void)
{
	char state[24];
	return read_text(SCX "state", state, sizeof(state)) > 0 && !strcmp(state, "enabled");
}

void presence_emit(const char *when, const struct presence *p)
{
	json_open("presence");
	json_string("when", when);
	json_string("state", p->state);
	json_string("ops", p->ops);
	json_int("enableSeq", p->enable_seq);
	json_int("nrRejected", p->nr_rejected);
	json_close();
}

/* As presence_read, after a change under way (enabling, disabling) has had up to 2 s to end. */
void presence_settled(struct presence *p)
{
	uint64_t limit = now_ns() + 2 * SECOND;
	for (presence_read(p); !strcmp(p->state, "enabling") || !strcmp(p->state, "disabling"); presence_read(p)) {
		if (now_ns() >= limit)
			return;
		sleep_ns(5 * MS);
	}
}

int64_t presence_seq(void) { return number_of(SCX "enable_seq"); }

bool wait_gone(int64_t seq, uint64_t ms)
{
	char state[24];
	uint64_t limit = now_ns() + ms * MS;
	for (;;) {
		if (read_text(SCX "state", state, sizeof(state)) <= 0 || !strcmp(state, "disabled") || presence_seq() != seq)
			return true;
		if (now_ns() >= limit)
			return false;
		sleep_ns(5 * MS);
	}
}

void scx_events_emit(void)
{
	char text[4096], *save, *line;
	if (read_text(SCX "root/events", text, sizeof(text)) <= 0)
		return;
	json_open("events");
	json_object("values");
	for (line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		char *space = strchr(line, ' ');
		if (!space)
			continue;
		*space = 0;
		json_int(line, strtoll(space + 1, NULL, 10));
	}
	json_object_end();
	json_close();
}
