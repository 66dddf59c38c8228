/* SPDX-License-Identifier: GPL-2.0 */
/*
 * layers: up to four layers of tasks, told apart by comm, cgroup and nice, each with a slice, a share and a priority. A smaller priority number goes
 * first and preempts at wakeup; layers of equal priority share the CPUs by their shares; within a layer tasks take turns. A layer that a CPU
 * has passed over for guard_ns gets one slice there, so a low priority is slow but alive. As shipped: favoured (nice below 0, share 400),
 * normal (100), background (nice above 0, share 25), all of one priority. Good for hosts whose parts are known: a database, its
 * backup, a build beside it.
 *
 * Bad: without fitting patterns it adds nothing over vtime; ignores weights within a layer; the first matching layer wins, so order
 * matters; a layer's share is of the machine, not of a CPU, so pinned tasks distort it; a new thread is sorted by its parent's name until it renames
 * itself and is queued again; ignores cpu.weight.
 */
#include "policy.h"
#include "comm.h"
#include "preempt.h"

#define LAYERS 4
#define LAYER(i) ((i) & (LAYERS - 1))
#define MAX_DEPTH 8 /* cgroup levels looked at, from the task's own upwards */

/* A task belongs to the first layer of which every condition holds; whoever fits none, to the last. Empty: any. */
const volatile char layer_comm[LAYERS][16];     /* how the comm begins */
const volatile char layer_cgroup[LAYERS][32];   /* how the name of its cgroup, or of one above, begins */
const volatile s32 layer_nice_min[LAYERS] = { -20, -20, 1, -20 };
const volatile s32 layer_nice_max[LAYERS] = { -1, 0, 19, 19 };
const volatile u32 layer_priority[LAYERS] = { 1, 1, 1, 1 };
const volatile u32 layer_share[LAYERS] = { 400, 100, 25, 100 };
const volatile u64 layer_slice_ns[LAYERS] = { 10000000, 20000000, 20000000, 20000000 };
const volatile u64 guard_ns = 300000000;        /* a CPU passes over no layer for longer */
const volatile bool preempt = true;             /* a waking task preempts layers of a larger priority number */

#define SHARE_CREDIT_NS 50000000 /* virtual time that an idle layer may catch up */
#define PREEMPT_TRIES 8

struct task_state {
	u64 mark;
	u64 cgroup;       /* id of the cgroup that `in_cgroup` was found for */
	u32 in_cgroup;    /* layers whose cgroup condition holds, a bit each */
	u32 layer;
};

#include "task.h"
#include "queue.h"

u64 layer_vtime[LAYERS];            /* CPU time used, by share */
u64 vtime_now;                      /* of the layer served last */
u64 last_served[LAYERS][MAX_CPUS];  /* or found empty */
bool guarded[MAX_CPUS];             /* what runs there was picked by the guard: not to be preempted */

static __always_inline bool begins_with(const char *name, const volatile char *pattern, u32 bytes)
{
	u32 i;

	bpf_for(i, 0, bytes) {
		char c = pattern[i & (bytes - 1)];

		if (!c)
			return true;
		if (c != name[i & (bytes - 1)])
			return false;
	}
	return true;
}

/* Which layers' cgroup conditions hold: walks up from the task's cgroup. Done when the task is first seen and when it has moved. */
static __always_inline u32 match_cgroups(struct task_struct *p)
{
	struct cgroup *cgroup = BPF_CORE_READ(p, cgroups, dfl_cgrp);
	u32 found = 0, depth, i;

	bpf_for(i, 0, LAYERS) {
		if (!layer_cgroup[LAYER(i)][0])
			found |= 1 << i;
	}
	bpf_for(depth, 0, MAX_DEPTH) {
		char name[32] = {};

		if (!cgroup || found == (1 << LAYERS) - 1)
			break;
		bpf_probe_read_kernel_str(name, sizeof(name), BPF_CORE_READ(cgroup, kn, name));
		bpf_for(i, 0, LAYERS) {
			if (begins_with(name, layer_cgroup[LAYER(i)], 32))
				found |= 1 << i;
		}
		cgroup = BPF_CORE_READ(cgroup, self.parent, cgroup);
	}
	return found;
}

static __always_inline u32 find_layer(struct task_struct *p, struct task_state *s)
{
	u64 cgroup = BPF_CORE_READ(p, cgroups, dfl_cgrp, kn, id);
	s32 nice = p->static_prio - 120;
	struct comm comm;
	u32 i, layer = LAYERS - 1;

	if (cgroup != s->cgroup) {
		s->in_cgroup = match_cgroups(p);
		s->cgroup = cgroup;
	}
	read_comm(&comm, p, 15);
	bpf_for(i, 0, LAYERS - 1) {
		u32 l = LAYER(i);

		if (nice >= layer_nice_min[l] && nice <= layer_nice_max[l] && s->in_cgroup & (1 << l) &&
		    begins_with(comm.name, layer_comm[l], 16)) {
			layer = l;
			break;
		}
	}
	return layer;
}

static __always_inline u32 layer_of(struct task_struct *p)
{
	struct task_state *s = task_state(p);

	return s ? LAYER(s->layer) : LAYERS - 1;
}

s32 OP(layers_select_cpu, struct task_struct *p, s32 prev_cpu, u64 wake_flags)
{
	return select_idle_cpu(p, prev_cpu, wake_flags, layer_slice_ns[layer_of(p)]);
}

void OP(layers_enqueue, struct task_struct *p, u64 enq_flags)
{
	struct task_state *s = task_state(p);
	u32 layer = LAYERS - 1;

	if (s)
		layer = s->layer = find_layer(p, s);
	layer = LAYER(layer);
	if (insert_percpu_kthread(p, layer_slice_ns[layer], enq_flags))
		return;
	layer_vtime[layer] = later(layer_vtime[layer], vtime_now - SHARE_CREDIT_NS);
	scx_bpf_dsq_insert(p, layer, layer_slice_ns[layer], enq_flags);
	if (!kick_idle_cpu(p) && preempt && enq_flags & SCX_ENQ_WAKEUP)
		preempt_for(p, layer_priority[layer] + 1, PREEMPT_TRIES);
}

/* Whether layer a goes before layer b. */
static __always_inline bool goes_first(u32 a, u32 b)
{
	if (layer_priority[LAYER(a)] != layer_priority[LAYER(b)])
		return layer_priority[LAYER(a)] < layer_priority[LAYER(b)];
	return before(layer_vtime[LAYER(a)], layer_vtime[LAYER(b)]);
}

/* Serves a layer that this CPU has passed over for too long. */
static __always_inline bool serve_overdue(s32 cpu, u64 now)
{
	u32 i;

	bpf_for(i, 0, LAYERS) {
		u32 l = LAYER(i);
		bool empty = !scx_bpf_dsq_nr_queued(l);

		if (!empty && before(now, last_served[l][CPU_SLOT(cpu)] + guard_ns))
			continue;
		last_served[l][CPU_SLOT(cpu)] = now;
		if (!empty && scx_bpf_dsq_move_to_local(l)) {
			guarded[CPU_SLOT(cpu)] = true;
			return true;
		}
	}
	return false;
}

/* Tries the layers in their order. When the running task's layer is next and has nobody else, the task goes on. */
void OP(layers_dispatch, s32 cpu, struct task_struct *prev)
{
	u32 running = is_runnable(prev) ? layer_of(prev) : LAYERS;
	u32 tried = 0, round, i;

	if (serve_overdue(cpu, scx_bpf_now()))
		return;
	bpf_for(round, 0, LAYERS) {
		u32 best = LAYERS;

		bpf_for(i, 0, LAYERS) {
			if (!(tried & (1 << i)) && (best >= LAYERS || goes_first(i, best)))
				best = i;
		}
		tried |= 1 << LAYER(best);
		if (scx_bpf_dsq_move_to_local(LAYER(best))) {
			last_served[LAYER(best)][CPU_SLOT(cpu)] = scx_bpf_now();
			return;
		}
		if (prev && best == running) {
			task_set_slice(prev, layer_slice_ns[LAYER(best)]);
			return;
		}
	}
}

void OP(layers_running, struct task_struct *p)
{
	struct task_state *s = task_state(p);
	s32 cpu = scx_bpf_task_cpu(p);
	u32 layer = layer_of(p);

	if (s)
		charge(p, &s->mark);
	vtime_now = later(vtime_now, layer_vtime[layer]);
	set_cpu_rank(cpu, guarded[CPU_SLOT(cpu)] ? 0 : layer_priority[layer] + 1);
	guarded[CPU_SLOT(cpu)] = false;
}

void OP(layers_stopping, struct task_struct *p, bool runnable)
{
	struct task_state *s = task_state(p);
	u32 layer = layer_of(p);

	set_cpu_rank(scx_bpf_task_cpu(p), 0);
	if (s)
		__sync_fetch_and_add(&layer_vtime[layer], by_weight(charge(p, &s->mark), layer_share[layer]));
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
       .running = (void *)layers_running,
       .stopping = (void *)layers_stopping,
       .init_task = (void *)layers_init_task,
       .init = (void *)layers_init);
