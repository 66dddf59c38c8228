/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the loader makes of a policy: CO-RE relocations, kconfig values, weak symbols, and fields read through them. The answers are the policy's last
 * words, in the order of test/conformance/cases/relocations.ts. Question 0: what there is; 1: numbers; 2: fields of the task "probe" when it wakes; 3: its states.
 */
#define sched_ext_entity sched_ext_entity_of_policies
#define task_struct task_struct_of_policies
#include "kernel.h"
#undef sched_ext_entity
#undef task_struct

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)
struct sched_ext_entity {
	u64 dsq_vtime;
	u64 slice;
	u32 weight;
	u32 flags;
	bool disallow;
	int no_such_field;
};
struct task_struct {
	struct sched_ext_entity scx;
	char comm[16];
	int prio;
	int static_prio;
	int nr_cpus_allowed;
	const struct cpumask *cpus_ptr;
	unsigned int policy;
	unsigned int flags;
	int tgid;
	int pid;
	struct css_set *cgroups;
	struct task_struct *group_leader;
	unsigned int __state;
	int on_rq;
	int on_cpu;
	unsigned long nvcsw;
	int moved_elsewhere;
};
struct task_struct___other { /* a flavour: the suffix does not count */
	int on_cpu;
	unsigned short migration_disabled;
};
struct scx_dispatch_q { u64 id; };
struct scx_rq { struct scx_dispatch_q local_dsq; u32 cpuperf_target; };
struct rq { struct scx_rq scx; int cpu; unsigned int nr_running; };
struct scx_no_such_struct { int x; };
struct scx_event_stats { s64 SCX_EV_BYPASS_ACTIVATE; };
#pragma clang attribute pop

enum scx_public_consts { SCX_SLICE_DFL = 1, SCX_OPS_NAME_LEN = 2 };
enum scx_enq_flags { SCX_ENQ_WAKEUP_OF_OURS = 1, SCX_ENQ_CPU_SELECTED = 3, SCX_ENQ_LAST = 4, SCX_ENQ_NOT_THERE = 5 };
enum scx_dsq_id_flags { SCX_DSQ_LOCAL_ON_OF_OURS = 1, SCX_DSQ_LOCAL_CPU_MASK = 7 };
enum scx_exit_code { SCX_ECODE_RSN_HOTPLUG = 1 };

#include "policy.h"

const volatile u32 question;

extern int LINUX_KERNEL_VERSION __kconfig;
extern unsigned int CONFIG_HZ __kconfig __weak;
extern unsigned int CONFIG_NR_CPUS __kconfig __weak;
extern unsigned int CONFIG_NO_SUCH_OPTION __kconfig __weak;

void scx_bpf_exit_bstr(s64 code, char *fmt, unsigned long long *data, u32 data_sz) __ksym;
void scx_bpf_no_such_kfunc(void) __ksym __weak;
struct task_struct *scx_bpf_dsq_peek(u64 dsq_id) __ksym __weak;
struct task_struct *scx_bpf_cpu_curr(s32 cpu) __ksym __weak;
struct rq *scx_bpf_cpu_rq(s32 cpu) __ksym;

static char numbers[] = "%llx %llx %llx %llx %llx %llx %llx %llx %llx %llx";
static char words[] = "%s %llx %llx %llx %llx %llx %llx %llx %llx %llx";

/* When the probe last went to sleep: state, on_rq, on_cpu; and its switches until then. */
static u64 asleep;
static u64 switches;

static __always_inline void what_there_is(unsigned long long *data)
{
	data[0] = bpf_core_type_exists(struct scx_event_stats) | bpf_core_type_exists(struct scx_no_such_struct) << 1;
	data[1] = bpf_core_field_exists(struct sched_ext_entity, disallow) |
		  bpf_core_field_exists(struct sched_ext_entity, no_such_field) << 1;
	data[2] = bpf_core_field_exists(struct task_struct___other, migration_disabled) |
		  bpf_core_field_exists(struct task_struct, moved_elsewhere) << 1;
	data[3] = bpf_core_enum_value_exists(enum scx_enq_flags, SCX_ENQ_CPU_SELECTED) |
		  bpf_core_enum_value_exists(enum scx_enq_flags, SCX_ENQ_NOT_THERE) << 1;
	data[4] = !!bpf_ksym_exists(scx_bpf_cpu_curr) | !!bpf_ksym_exists(scx_bpf_no_such_kfunc) << 1;
	data[5] = !!bpf_ksym_exists(scx_bpf_dsq_peek);
	data[6] = bpf_core_field_size(struct task_struct, comm);
	data[7] = bpf_core_field_size(struct sched_ext_entity, disallow);
	data[8] = CONFIG_NO_SUCH_OPTION;
	data[9] = bpf_core_field_size(struct task_struct___other, migration_disabled);
}

static __always_inline void numbers_of(unsigned long long *data)
{
	data[0] = LINUX_KERNEL_VERSION >> 8;
	data[1] = CONFIG_HZ;
	data[2] = CONFIG_NR_CPUS;
	data[3] = bpf_core_enum_value(enum scx_public_consts, SCX_SLICE_DFL);
	data[4] = bpf_core_enum_value(enum scx_public_consts, SCX_OPS_NAME_LEN);
	data[5] = bpf_core_enum_value(enum scx_enq_flags, SCX_ENQ_CPU_SELECTED);
	data[6] = bpf_core_enum_value(enum scx_enq_flags, SCX_ENQ_LAST);
	data[7] = bpf_core_enum_value(enum scx_dsq_id_flags, SCX_DSQ_LOCAL_CPU_MASK);
	data[8] = bpf_core_enum_value(enum scx_exit_code, SCX_ECODE_RSN_HOTPLUG);
	data[9] = SCX_DSQ_LOCAL;
}

static __always_inline void fields_of(struct task_struct *p, unsigned long long *data)
{
	struct rq *rq = scx_bpf_cpu_rq(1);

	data[0] = (unsigned long long)p->comm;
	data[1] = p->static_prio;
	data[2] = p->prio;
	data[3] = p->nr_cpus_allowed;
	data[4] = p->policy;
	data[5] = p->scx.weight;
	data[6] = p->scx.flags & 0x301; /* enabled and queued */
	data[7] = (p->pid == p->tgid) | (p->group_leader == p) << 1 | !!p->cgroups << 2 | (p->pid > 1) << 3 |
		  (p->scx.slice && p->scx.slice <= 7000000) << 4;
	data[8] = bpf_cpumask_test_cpu(0, p->cpus_ptr) | bpf_cpumask_test_cpu(1, p->cpus_ptr) << 1;
	data[9] = rq ? rq->cpu << 16 | rq->scx.cpuperf_target : 0;
}

/* Of the probe when it wakes, and when it last went to sleep. */
static __always_inline void states_of(struct task_struct *p, unsigned long long *data)
{
	data[0] = asleep;
	data[1] = p->__state;
	data[2] = p->on_rq;
	data[3] = p->on_cpu;
	data[4] = p->nvcsw - switches;
	data[5] = data[6] = data[7] = data[8] = data[9] = 0;
}

static __noinline int answer(void)
{
	unsigned long long data[10];

	if (question == 0)
		what_there_is(data);
	else
		numbers_of(data);
	scx_bpf_exit_bstr(0, numbers, data, sizeof(data));
	return 0;
}

static __always_inline bool is_probe(const struct task_struct *p)
{
	return p->comm[0] == 'p' && p->comm[1] == 'r' && p->comm[2] == 'o';
}

void OP(relocations_quiescent, struct task_struct *p, u64 deq_flags)
{
	if (!is_probe(p) || !(deq_flags & 1))
		return;
	asleep = (p->__state & 15) | p->on_rq << 4 | p->on_cpu << 8; /* without TASK_FREEZABLE, as some sleeps are */
	switches = p->nvcsw;
}

void OP(relocations_enqueue, struct task_struct *p, u64 enq_flags)
{
	unsigned long long data[10];

	if (question >= 2 && is_probe(p) && p->scx.weight != 100) {
		if (question == 2)
			fields_of(p, data);
		else
			states_of(p, data);
		scx_bpf_exit_bstr(0, question == 2 ? words : numbers, data, sizeof(data));
	}
	scx_bpf_dsq_insert(p, SCX_DSQ_LOCAL, 7000000, 0);
}

s32 OP(relocations_select_cpu, struct task_struct *p, s32 prev_cpu, u64 wake_flags)
{
	return prev_cpu;
}

s32 SLEEPABLE_OP(relocations_init)
{
	if (question < 2)
		answer();
	return 0;
}

POLICY(relocations,
       .select_cpu = (void *)relocations_select_cpu,
       .enqueue = (void *)relocations_enqueue,
       .quiescent = (void *)relocations_quiescent,
       .init = (void *)relocations_init);
