/* SPDX-License-Identifier: GPL-2.0 */
/* Kernel functions in callbacks where the kernel does not allow them. */
#include "policy.h"
#if defined(CASE_timer_insert) || defined(CASE_timer_move)
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, u64[2]);
} timers SEC(".maps");
struct task_struct *bpf_task_from_pid(s32 pid) __ksym;
void bpf_task_release(struct task_struct *p) __ksym;
static int fired(void *map, u32 *key, void *value)
{
#ifdef CASE_timer_insert
	struct task_struct *p = bpf_task_from_pid(1);

	if (p) {
		scx_bpf_dsq_insert(p, SCX_DSQ_GLOBAL, 20000000, 0);
		bpf_task_release(p);
	}
#else
	struct bpf_iter_scx_dsq queue;
	struct task_struct *p;

	bpf_iter_scx_dsq_new(&queue, 0, 0);
	p = bpf_iter_scx_dsq_next(&queue);
	if (p)
		scx_bpf_dsq_move(&queue, p, SCX_DSQ_GLOBAL, 0);
	bpf_iter_scx_dsq_destroy(&queue);
#endif
	return 0;
}
static __always_inline s32 start(void)
{
	u32 key = 0;
	void *timer = bpf_map_lookup_elem(&timers, &key);

	if (timer) {
		bpf_timer_init(timer, &timers, 1);
		bpf_timer_set_callback(timer, fired);
		bpf_timer_start(timer, 1000000, 0);
	}
	return scx_bpf_create_dsq(0, -1);
}
#define INIT return start()
#elif defined(CASE_move_in_enqueue)
#define ENQUEUE scx_bpf_dsq_insert(p, QUEUE, slice_ns, enq_flags); scx_bpf_dsq_move_to_local(QUEUE)
#elif defined(CASE_insert_in_running)
#define RUNNING scx_bpf_dsq_insert(p, SCX_DSQ_GLOBAL, slice_ns, 0)
#elif defined(CASE_insert_in_called)
static __noinline void late(struct task_struct *p)
{
	scx_bpf_dsq_insert(p, SCX_DSQ_GLOBAL, 20000000, 0);
}
#define RUNNING late(p)
#elif defined(CASE_insert_in_dispatch)
#define DISPATCH if (!scx_bpf_dsq_move_to_local(QUEUE) && prev) scx_bpf_dsq_insert(prev, SCX_DSQ_GLOBAL, slice_ns, 0)
#elif defined(CASE_create_in_enqueue)
#define ENQUEUE scx_bpf_create_dsq(1, -1); scx_bpf_dsq_insert(p, QUEUE, slice_ns, enq_flags)
#elif defined(CASE_create_sleepless)
#define INIT_OP OP
#endif
#include "base.h"
