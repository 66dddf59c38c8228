/* SPDX-License-Identifier: GPL-2.0 */
/*
 * layers: four layers of tasks (favoured, normal, background, extra), each with a slice, a share and a priority. A smaller priority number goes
 * first and preempts at wakeup; layers of equal priority share the CPUs by their shares; within a layer tasks share by weight. Who has waited
 * for guard_ns gets a slice whatever the layer, so a low priority is slow but alive. A task's layer is the one that the map layer_by_comm
 * has for its name, else the one that layer_by_cgroup has for the nearest of its cgroups, else it follows nice; without maps nothing is in the
 * layer extra. Good for hosts whose parts are known: a database, its backup, a build beside it.
 *
 * Bad: without entries in the maps it adds little to vtime; a share is of the machine, not of a CPU, so pinned tasks distort it; two
 * priorities make the lower layer live from the guard alone when the higher one is busy; a new thread counts by its parent's name until
 * it renames itself and is queued again; ignores cpu.weight; four queues are still four locks.
 */
#include "policy.h"
#include "comm.h"
#include "preempt.h"

const volatile s32 favoured_nice = -1;          /* up to this nice: favoured */
const volatile s32 background_nice = 1;         /* from this nice on: background */
const volatile u32 favoured_share = 400;
const volatile u32 normal_share = 100;
const volatile u32 background_share = 25;
const volatile u32 extra_share = 100;
const volatile u32 favoured_priority = 1;       /* smaller goes first */
const volatile u32 normal_priority = 1;
const volatile u32 background_priority = 1;
const volatile u32 extra_priority = 1;
const volatile u64 favoured_slice_ns = 10000000;
const volatile u64 normal_slice_ns = 20000000;
const volatile u64 background_slice_ns = 20000000;
const volatile u64 extra_slice_ns = 20000000;
const volatile u64 slice_min_ns = 4000000;      /* slices shrink down to this while many wait */
const volatile u64 sleep_credit_ns = 20000000;  /* how much a layer, or a task in it, may catch up after being idle */
const volatile u64 guard_ns = 500000000;        /* nobody waits much longer than this */
const volatile bool preempt = true;             /* a waking task preempts layers of a larger priority number */

enum { FAVOURED, NORMAL, BACKGROUND, EXTRA, LAYERS };
#define LAYER(i) ((i) & (LAYERS - 1))
#define MAX_DEPTH 8 /* cgroup levels looked at, from the task's own upwards */

/* Filled before attach. The exact comm, or the comm without the digits at its end: "worker-" for worker-12. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, struct comm);
	__type(value, u32);
} layer_by_comm SEC(".maps");

struct cgroup_name {
	char name[64]; /* of one directory, NUL-padded, at most 63 bytes of it */
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, struct cgroup_name);
	__type(value, u32);
} layer_by_cgroup SEC(".maps");

#define QUEUE(layer) LAYER(layer)
#define PREEMPT_TRIES 8

struct task_state {
	u64 mark;
	u64 queued_at;
	u64 cgroup;       /* id; this and the name are what `mapped` was found for */
	struct comm comm;
	struct comm stem; /* without the digits at its end */
	u32 mapped;       /* layer by the maps, LAYERS when they say nothing */
	u32 layer;
	bool counted;     /* in runnable[layer] */
};

#include "task.h"
#include "rescue.h"
#include "queue.h"

u64 share_used[LAYERS];  /* by each layer: CPU time by share */
u64 share_now;           /* the same of the layer served last */
u64 vtime_now[LAYERS];   /* within each layer: the furthest that any running task has come */
s64 runnable[LAYERS];

#define OF_LAYER(l, what)                                              \
	((l) == FAVOURED ? favoured_##what : (l) == NORMAL ? normal_##what : \
	 (l) == BACKGROUND ? background_##what : extra_##what)

static __always_inline u64 slice_of(u32 layer)
{
	return OF_LAYER(layer, slice_ns);
}

static __always_inline u32 share_of(u32 layer)
{
	return OF_LAYER(layer, share);
}

static __always_inline u32 priority_of(u32 layer)
{
	return OF_LAYER(layer, priority);
}

static __always_inline u32 find_by_comm(struct task_state *s)
{
	u32 *layer = bpf_map_lookup_elem(&layer_by_comm, &s->comm);
	u32 i;

	if (layer)
		return *layer;
	s->stem = s->comm;
	bpf_for(i, 0, 15) {
		char *last = &s->stem.name[(14 - i) & 15];

		if (*last && (*last < '0' || *last > '9'))
			break;
		*last = 0;
	}
	layer = bpf_map_lookup_elem(&layer_by_comm, &s->stem);
	return layer ? *layer : LAYERS;
}

static __always_inline u32 find_by_cgroup(struct task_struct *p)
{
	struct cgroup *cgroup = BPF_CORE_READ(p, cgroups, dfl_cgrp);
	u32 depth;

	bpf_for(depth, 0, MAX_DEPTH) {
		struct cgroup_name key = {};
		u32 *layer;

		if (!cgroup)
			break;
		bpf_probe_read_kernel_str(key.name, sizeof(key.name), BPF_CORE_READ(cgroup, kn, name));
		layer = bpf_map_lookup_elem(&layer_by_cgroup, &key);
		if (layer)
			return *layer;
		cgroup = BPF_CORE_READ(cgroup, self.parent, cgroup);
	}
	return LAYERS;
}

/* The maps are asked when a task is new, has another name or has moved to another cgroup. */
static __always_inline u32 find_layer(struct task_struct *p, struct task_state *s)
{
	u64 cgroup = BPF_CORE_READ(p, cgroups, dfl_cgrp, kn, id);
	s32 nice = p->static_prio - 120;
	struct comm comm;

	read_comm(&comm, p, 15);
	if (cgroup != s->cgroup || !same_comm(&comm, &s->comm)) {
		s->comm = comm;
		s->cgroup = cgroup;
		s->mapped = find_by_comm(s);
		if (s->mapped >= LAYERS)
			s->mapped = find_by_cgroup(p);
	}
	if (s->mapped < LAYERS)
		return s->mapped;
	return nice <= favoured_nice ? FAVOURED : nice >= background_nice ? BACKGROUND : NORMAL;
}

static __always_inline u32 layer_of(struct task_struct *p)
{
	struct task_state *s = task_state(p);

	return s ? LAYER(s->layer) : NORMAL;
}

s32 OP(layers_select_cpu, struct task_struct *p, s32 prev_cpu, u64 wake_flags)
{
	return select_idle_cpu(p, prev_cpu, wake_flags, slice_of(layer_of(p)));
}

/* Moves `p` to the layer it belongs to now; what it is ahead or behind in virtual time goes along. */
static __always_inline u32 enter_layer(struct task_struct *p, struct task_state *s)
{
	u32 from = LAYER(s->layer), to = LAYER(find_layer(p, s));

	if (from != to) {
		task_set_vtime(p, p->scx.dsq_vtime - vtime_now[from] + vtime_now[to]);
		if (s->counted) {
			__sync_fetch_and_add(&runnable[from], -1);
			__sync_fetch_and_add(&runnable[to], 1);
		}
		s->layer = to;
	}
	return to;
}

void OP(layers_enqueue, struct task_struct *p, u64 enq_flags)
{
	struct task_state *s = task_state(p);
	u32 layer = NORMAL;

	if (s) {
		layer = enter_layer(p, s);
		begin_wait(s);
	}
	if (insert_percpu_kthread(p, slice_of(layer), enq_flags))
		return;
	scx_bpf_dsq_insert_vtime(p, QUEUE(layer), shared_slice(slice_of(layer), slice_min_ns, QUEUE(layer), scx_bpf_nr_cpu_ids()),
				 later(p->scx.dsq_vtime, vtime_now[layer] - sleep_credit_ns), enq_flags);
	if (!kick_idle_cpu(p) && preempt && enq_flags & SCX_ENQ_WAKEUP)
		preempt_for(p, priority_of(layer) + 1, PREEMPT_TRIES);
}

/* A layer that comes back from idleness may catch up for no more than the credit. */
void OP(layers_runnable, struct task_struct *p, u64 enq_flags)
{
	struct task_state *s = task_state(p);
	u32 layer;

	if (!s || s->counted)
		return;
	layer = enter_layer(p, s);
	s->counted = true;
	if (__sync_fetch_and_add(&runnable[layer], 1) == 0)
		share_used[layer] = later(share_used[layer], share_now - sleep_credit_ns);
}

void OP(layers_quiescent, struct task_struct *p, u64 deq_flags)
{
	struct task_state *s = task_state(p);

	if (!s || !s->counted)
		return;
	s->counted = false;
	__sync_fetch_and_add(&runnable[LAYER(s->layer)], -1);
}

/* Charges what `p` has run to itself, by weight (it may be no further behind than the credit), and to its layer, by share. */
static __always_inline void charge_running(struct task_struct *p)
{
	struct task_state *s = task_state(p);
	u64 ran;

	if (!s)
		return;
	ran = charge(p, &s->mark);
	task_set_vtime(p, later(p->scx.dsq_vtime + by_weight(ran, p->scx.weight), vtime_now[LAYER(s->layer)] - sleep_credit_ns));
	__sync_fetch_and_add(&share_used[LAYER(s->layer)], by_weight(ran, share_of(s->layer)));
}

/* Whether layer a goes before layer b. */
static __always_inline bool goes_first(u32 a, u32 b)
{
	if (priority_of(a) != priority_of(b))
		return priority_of(a) < priority_of(b);
	return before(share_used[LAYER(a)], share_used[LAYER(b)]);
}

static __always_inline bool rescue_any(s32 cpu)
{
	u32 i;

	if (!rescue_is_due(cpu, guard_ns))
		return false;
	bpf_for(i, 0, LAYERS) {
		if (rescue_from(QUEUE(i), cpu, guard_ns, slice_min_ns))
			return true;
	}
	return false;
}

/* The clocks of a layer and of the layers among each other follow who runs. */
static __always_inline void advance_clocks(u32 layer, u64 vtime)
{
	barrier_var(layer); /* or the compiler, which knows the bound, leaves it out, and the verifier has lost it by now */
	layer = LAYER(layer);
	share_now = later(share_now, share_used[layer]);
	vtime_now[layer] = later(vtime_now[layer], vtime);
}

/* Tries the layers in their order; the running task goes on when its layer is next and has nobody more deserving. */
void OP(layers_dispatch, s32 cpu, struct task_struct *prev)
{
	u32 running = LAYERS, tried = 0, round, i;

	if (is_runnable(prev)) {
		running = layer_of(prev);
		charge_running(prev);
	}
	if (rescue_any(cpu))
		return;
	bpf_for(round, 0, LAYERS) {
		u32 best = LAYERS;

		bpf_for(i, 0, LAYERS) {
			if (!(tried & (1 << i)) && (best >= LAYERS || goes_first(i, best)))
				best = i;
		}
		best = LAYER(best);
		tried |= 1 << best;
		if (prev && best == running &&
		    keep_running(QUEUE(best), cpu, prev, prev->scx.dsq_vtime, slice_min_ns)) {
			advance_clocks(best, prev->scx.dsq_vtime);
			set_cpu_rank(cpu, priority_of(best) + 1);
			return;
		}
		if (scx_bpf_dsq_move_to_local(QUEUE(best)))
			return;
	}
}

void OP(layers_running, struct task_struct *p)
{
	struct task_state *s = task_state(p);
	u32 layer = layer_of(p);
	bool rescued = s && is_overdue(s, guard_ns);

	if (s) {
		charge(p, &s->mark);
		end_wait(s);
	}
	advance_clocks(layer, p->scx.dsq_vtime);
	set_cpu_rank(scx_bpf_task_cpu(p), rescued ? 0 : priority_of(layer) + 1);
}

void OP(layers_stopping, struct task_struct *p, bool runnable)
{
	set_cpu_rank(scx_bpf_task_cpu(p), 0);
	charge_running(p);
}

void OP(layers_enable, struct task_struct *p)
{
	struct task_state *s = task_state(p);

	if (s)
		end_wait(s);
	task_set_vtime(p, vtime_now[layer_of(p)]);
}

s32 SLEEPABLE_OP(layers_init_task, struct task_struct *p, struct scx_init_task_args *args)
{
	struct task_state *s = new_task_state(p);

	if (!s)
		return -ENOMEM;
	s->layer = find_layer(p, s);
	return 0;
}

s32 SLEEPABLE_OP(layers_init)
{
	s32 error = 0;
	u32 i;

	bpf_for(i, 0, LAYERS) {
		error = scx_bpf_create_dsq(i, -1);
		if (error)
			break;
	}
	return error;
}

POLICY(layers,
       .select_cpu = (void *)layers_select_cpu,
       .enqueue = (void *)layers_enqueue,
       .dispatch = (void *)layers_dispatch,
       .runnable = (void *)layers_runnable,
       .running = (void *)layers_running,
       .stopping = (void *)layers_stopping,
       .quiescent = (void *)layers_quiescent,
       .enable = (void *)layers_enable,
       .init_task = (void *)layers_init_task,
       .init = (void *)layers_init);
