/* SPDX-License-Identifier: Apache-2.0 */
/* What the recorder and the watch share: whom they observe, and a probe's way from object to attached programs. */
#pragma once
#include "runner.h"

/* Finds whom the job wants observed, before anything is loaded: false after a fault. */
bool subject_find(const struct job *job);
/* Readable when the observed process has ended; -1 when there is no such process. */
int subject_fd(void);
bool subject_gone(void);
/* The number of the observed cgroup in the unified hierarchy (Documentation/admin-guide/cgroup-v2.rst); 0: none. */
uint64_t subject_cgroup(void);
