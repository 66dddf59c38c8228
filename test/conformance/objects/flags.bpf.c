/* SPDX-License-Identifier: GPL-2.0 */
/* Asks for a flag of sched_ext_ops that no kernel has: it is refused when it is attached. */
#include "policy.h"

POLICY(flags, .flags = 1ULL << 50);
