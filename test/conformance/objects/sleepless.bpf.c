/* SPDX-License-Identifier: GPL-2.0 */
/* Creates a queue in an ops.init that may not sleep. */
#include "policy.h"

s32 OP(sleepless_init)
{
	return scx_bpf_create_dsq(0, -1);
}

POLICY(sleepless, .init = (void *)sleepless_init);
