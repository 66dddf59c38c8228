/* SPDX-License-Identifier: GPL-2.0 */
/* Says that its ops.enqueue may sleep, which no kernel allows. */
#include "policy.h"

SEC("struct_ops.s/sleeper_enqueue")
void BPF_PROG(sleeper_enqueue, struct task_struct *p, u64 enq_flags) {}

POLICY(sleeper, .enqueue = (void *)sleeper_enqueue);
