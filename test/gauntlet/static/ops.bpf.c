/* SPDX-License-Identifier: GPL-2.0 */
/* The table sched_ext_ops itself. */
#if defined(CASE_sound)
#elif defined(CASE_name_empty)
#define NAME ""
#elif defined(CASE_name_blank)
#define NAME "my policy"
#elif defined(CASE_name_dot)
#define NAME "my_policy.v2"
#elif defined(CASE_name_long)
#define TEN "0123456789"
#define NAME TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN "01234567"
#elif defined(CASE_flags_unknown)
#define MORE .flags = 1ULL << 40,
#elif defined(CASE_flags_exiting)
#define MORE .flags = 1ULL << 2,
#elif defined(CASE_flags_immed)
#define MORE .flags = 1ULL << 7,
#elif defined(CASE_timeout_long)
#define MORE .timeout_ms = 31000,
#elif defined(CASE_timeout_most)
#define MORE .timeout_ms = 30000,
#elif defined(CASE_timeout_short)
#define MORE .timeout_ms = 500,
#elif defined(CASE_timeout_tiny)
#define MORE .timeout_ms = 20,
#elif defined(CASE_batch)
#define MORE .dispatch_max_batch = 0x80000000,
#elif defined(CASE_licence_none)
#define LICENCE "Proprietary"
#elif defined(CASE_licence_dual)
#define LICENCE "Dual BSD/GPL"
#elif defined(CASE_sleepable)
#define ENQUEUE_OP SLEEPABLE_OP
#elif defined(CASE_none)
#define NO_OPS
#elif defined(CASE_of_cids)
#define NO_OPS
#elif defined(CASE_several)
#define SECOND
#elif defined(CASE_forgotten)
#include "policy.h"
void OP(small_enable, struct task_struct *p) {}
#elif defined(CASE_bandwidth)
#include "policy.h"
void OP(small_bandwidth, struct cgroup *cgrp) {}
#define MORE .cgroup_set_bandwidth = (void *)small_bandwidth,
#endif
#include "base.h"
#ifdef CASE_of_cids
struct sched_ext_ops_cid {
	char name[128];
};
SEC(".struct_ops.link")
struct sched_ext_ops_cid small_ops = { .name = "small" };
#endif
