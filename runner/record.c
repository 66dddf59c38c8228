/* SPDX-License-Identifier: Apache-2.0 */
#include "observe.h"
bool record_start(const struct job *job) { (void)job; return true; }
void record_follow(bool on) { (void)on; }
void record_end(void) {}
