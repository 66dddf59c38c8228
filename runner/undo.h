/* SPDX-License-Identifier: Apache-2.0 */
/* What a run changes of a machine, where another process can see it and undo it. */
#pragma once
#include "runner.h"

struct change {
	uint32_t file;
	char from[72], to[72];
};
struct undo {
	uint32_t change_n, cgroup_n, controllers; /* controllers: bits of those that were enabled at the root for us */
	int64_t attached;	/* enable_seq of the policy that is in charge for us, 0: none */
	uint64_t alive_until;	/* of a holder: frozen when the clock has passed it; 0: nobody asks */
	bool over;		/* of a holder: it has undone everything itself */
	bool listening;		/* of a holder: the socket is its own */
	int survivor;		/* process id, 0: none yet */
	bool freeze_noticed;	/* of a survivor: a cgroup that is frozen with the holder in it does not hold the survivor */
	struct change changes[33];
	char cgroups[80][160]; /* in order of creation: parents first */
};
/* Never NULL; in memory that is shared with the children after undo_share(). */
extern struct undo *undo;

/* In memory, for root only; made when needed, gone when nothing is in it. */
#define RUN_DIRECTORY "/run/schedcp"

/* Before the fork of who changes things: his keeper sees them, and they are written down in /run/schedcp before they happen. */
void undo_share(void);
/* Only one process at a time changes settings: false after a fault when another one does. */
bool undo_alone(void);
void undo_write_ahead(void);
void undo_forget_ahead(void);
/* A survivor's, to be told from its holder by. */
#define SURVIVOR_NAME "schedcp-survive"
/* survivor.c: before a holder does anything else. start_ms: how long it may give no sign of life at first, 0: for ever. False after a fault. */
bool survivor_start(const char *socket_path, uint64_t start_ms);
/* When everything is undone: ends the survivor, at once and even if somebody has stopped it. */
void survivor_release(void);
/* Of a keeper whose ward has died: undoes his changes. */
void undo_for_ward(void);
/* Undoes what a runner wrote down that died with its keeper. */
void undo_recover(void);
