/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What every policy includes first. Further headers by need: task.h (per-task state), rescue.h (starvation guard for vtime queues), llc.h
 * (cache domains), comm.h (names). libbpf's bpf_helpers.h, bpf_tracing.h and bpf_core_read.h must be in the include path; no vmlinux.h.
 */
#ifndef SCHEDCP_POLICY_H
#define SCHEDCP_POLICY_H

#include "kernel.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>
#include "kfuncs.h"
#include "exit.h"
#include "idle.h"
#include "vtime.h"

#endif
