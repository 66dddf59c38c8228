/* SPDX-License-Identifier: Apache-2.0 */
/* What the recorder and the watch share: whom they observe, and a probe's way from object to attached programs. */
#pragma once
#include "runner.h"
#include <bpf/libbpf.h>

/* Finds whom the job wants observed, before anything is loaded: false after a fault. */
bool subject_find(const struct job *job);
/* Readable when the observed process has ended; -1 when there is no such process. */
int subject_fd(void);
bool subject_gone(void);
/* The number of the observed cgroup in the unified hierarchy (Documentation/admin-guide/cgroup-v2.rst); 0: none. */
uint64_t subject_cgroup(void);
/* When what the job itself started began and ended (CLOCK_MONOTONIC): the first start, the last end. */
struct span {
	uint64_t start, end;
};
struct span subject_span(void);

/* A BPF object that observes. */
struct probe {
	const char *name; /* for messages: "recorder" */
	struct bpf_object *object;
	struct bpf_link *links[32];
	size_t link_count;
	void *image;
	int stats_fd; /* the kernel counts the programs' time while it is open */
};
/* Opened: constants and sizes of maps may still be set. Loaded: its programs can be run. Attached: they are. False after a fault. */
bool probe_open(struct probe *probe, const char *name, struct bytes image);
bool probe_load(struct probe *probe);
bool probe_attach(struct probe *probe);
/* A global variable of the object where it lies (.rodata before loading, .bss and .data after it, then shared with the programs); NULL and a fault when
 * there is none of that name and size. */
void *probe_variable(struct probe *probe, const char *section, const char *name, size_t size);
/* Runs a program of the section "syscall" in this process: its answer, or a negative error. */
int probe_run(struct probe *probe, const char *program);
/* From one of the kernel's per-CPU variables to another, in bytes, the same on each CPU; 0: not known. */
int64_t percpu_distance(const char *from, const char *to);
/* The bits of __preempt_count that say hardirq or NMI: they moved when it grew to 64 bits (include/linux/preempt.h, 7.x). */
uint32_t interrupt_bits(void);
void probe_detach(struct probe *probe);
struct probe_cost {
	uint64_t runs, ns, missed; /* missed: not run, because the program was running on that CPU already */
};
struct probe_cost probe_cost(const struct probe *probe);
void probe_close(struct probe *probe);
/* Events of the probes: raw bytes as base64, one line of at most 64 KiB each. */
void emit_raw(const char *event, const void *bytes, size_t n);
