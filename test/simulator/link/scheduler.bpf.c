// SPDX-License-Identifier: GPL-2.0
/* A scheduler that asks for all that a linker can be asked for, and writes what it was told to `told`: link.test.ts reads that. */
typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef int s32;
typedef long long s64;
typedef _Bool bool;

#define SEC(name) __attribute__((section(name), used))
#define KSYM __attribute__((section(".ksyms")))
#define KCONFIG __attribute__((section(".kconfig")))
#define WEAK __attribute__((weak))
#define NOINLINE __attribute__((noinline))
#define CORE __attribute__((preserve_access_index))
#define UINT(name, value) int (*name)[value]
#define FIELD_EXISTS(field) __builtin_preserve_field_info(field, 2)
#define TYPE_EXISTS(type) __builtin_preserve_type_info(*(type *)0, 0)
#define ENUMERATOR(type, value, info) __builtin_preserve_enum_value(*(type *)value, info)

struct cpumask;
struct sched_ext_entity {
	u32 weight;
	u64 slice;
	u64 tid; /* 7.2 and later */
} CORE;
struct sched_entity {
	u64 sum_exec_runtime;
	u64 deadline;
} CORE;
struct task_struct {
	int pid;
	u64 utime;
	struct sched_entity se;
	struct sched_ext_entity scx;
	const struct cpumask *cpus_ptr;
	char comm[16];
} CORE;
struct task_struct___never {
	int no_such_member;
} CORE;
struct rq {
	struct task_struct *curr;
	int cpu;
} CORE;
struct cgroup {
	int level;
	struct cgroup *ancestors[];
} CORE;
struct nobody_knows {
	int x;
} CORE;
struct scx_of_the_future {
	int x;
} CORE;
struct scx_event_stats {
	s64 SCX_EV_DISPATCH_KEEP_LAST;
	s64 SCX_EV_SUB_RESCUE; /* 7.3 */
} CORE;
enum scx_enq_flags { SCX_ENQ_HEAD = 1, SCX_ENQ_IMMED = 2 };
enum scx_dsq_id_flags : unsigned long long { SCX_DSQ_LOCAL_ON = 1ULL << 40 };
struct sched_ext_ops___mine {
	void (*enqueue)(struct task_struct *p, u64 enq_flags);
	void (*dispatch)(s32 cpu, struct task_struct *prev);
	void (*sub_detach)(void *args); /* 7.1: zero here */
	s32 (*init)(void);
	void (*exit)(void *info);
	u64 flags;
	u32 timeout_ms;
	char name[128];
};

static long (*const bpf_loop)(u32 n, void *callback, void *context, u64 flags) = (void *)181;
static long (*const bpf_timer_set_callback)(void *timer, void *callback) = (void *)170;

extern u64 scx_bpf_now(void) KSYM;
extern void scx_bpf_kick_cpu(s32 cpu, u64 flags) KSYM;
extern bool scx_bpf_dsq_move_to_local___v1(u64 dsq) KSYM WEAK;
extern bool scx_bpf_dsq_move_to_local___v2___compat(u64 dsq, u64 flags) KSYM WEAK;
extern bool scx_bpf_task_set_slice(struct task_struct *p, u64 slice) KSYM WEAK;
extern bool scx_bpf_kick_cpu___other(s32 cpu, struct task_struct *p) KSYM WEAK;
extern const struct rq runqueues KSYM;
extern const int sd_llc_id KSYM WEAK;
extern const int no_such_variable KSYM WEAK;
enum libbpf_tristate { TRI_NO, TRI_YES, TRI_MODULE };
extern u32 LINUX_KERNEL_VERSION KCONFIG;
extern u64 CONFIG_HZ KCONFIG;
extern bool CONFIG_PREEMPT_RCU KCONFIG WEAK;
extern bool CONFIG_NO_SUCH_OPTION KCONFIG WEAK;
extern enum libbpf_tristate CONFIG_CPU_FREQ_GOV_ONDEMAND KCONFIG;
extern char CONFIG_HIGH_RES_TIMERS KCONFIG;

const volatile u64 __SCX_SLICE_DFL WEAK;
const volatile u64 __SCX_DSQ_LOCAL_ON WEAK;
const volatile u64 __SCX_OPS_NAME_LEN WEAK;
const volatile u64 __SCX_NO_SUCH_ENUMERATOR WEAK;
const volatile u64 __SCX_SLICE_INF WEAK = 5; /* set already: stays */

struct {
	UINT(type, 2);
	UINT(max_entries, 1);
	u32 *key;
	u64 *value;
} table SEC(".maps");

u64 told[64];
u64 counted = 7;
static u64 hidden[2] = { 1, 2 };

static NOINLINE u64 twice(u64 x)
{
	return x * 2 + hidden[1];
}

/* Only a callback calls it. */
static NOINLINE u64 thrice(u64 x)
{
	return x * 3 + hidden[0];
}

static long each(u32 i, void *context)
{
	told[60] += twice(i);
	return 0;
}

static int tick(void *map, int *key, void *timer)
{
	counted += thrice(3);
	return 0;
}

SEC("struct_ops.s/init") s32 all_init(u64 *ctx)
{
	told[0] = LINUX_KERNEL_VERSION;
	told[1] = CONFIG_HZ;
	told[2] = CONFIG_PREEMPT_RCU;
	told[3] = CONFIG_NO_SUCH_OPTION;
	told[4] = CONFIG_CPU_FREQ_GOV_ONDEMAND;
	told[5] = CONFIG_HIGH_RES_TIMERS;
	told[6] = __SCX_SLICE_DFL;
	told[7] = __SCX_DSQ_LOCAL_ON;
	told[8] = __SCX_OPS_NAME_LEN;
	told[9] = __SCX_NO_SUCH_ENUMERATOR;
	told[10] = __SCX_SLICE_INF;
	told[11] = !!scx_bpf_dsq_move_to_local___v1;
	told[12] = !!scx_bpf_dsq_move_to_local___v2___compat;
	told[13] = !!scx_bpf_task_set_slice;
	told[14] = !!scx_bpf_kick_cpu___other;
	told[15] = (u64)&runqueues;
	told[16] = (u64)&sd_llc_id;
	told[17] = (u64)&no_such_variable;
	told[18] = (u64)&table;
	told[19] = (u64)&hidden[1] - (u64)&counted;
	told[20] = twice(20);
	told[21] = scx_bpf_now();
	bpf_loop(3, each, (void *)0, 0);
	bpf_timer_set_callback((void *)told, tick);
	return 0;
}

SEC("struct_ops/enqueue") void all_enqueue(u64 *ctx)
{
	struct task_struct *p = (void *)ctx[0];
	struct rq *rq = (void *)ctx[1];
	struct cgroup *cgroup = (void *)ctx[2];

	told[30] = p->pid;
	told[31] = p->scx.weight;
	told[32] = p->se.sum_exec_runtime;
	told[33] = p->comm[1];
	told[34] = rq->cpu;
	told[35] = FIELD_EXISTS(p->scx.tid);
	told[36] = FIELD_EXISTS(p->utime);
	told[37] = FIELD_EXISTS(((struct task_struct___never *)p)->no_such_member);
	told[38] = TYPE_EXISTS(struct scx_of_the_future);
	told[39] = ENUMERATOR(enum scx_enq_flags, SCX_ENQ_HEAD, 1);
	told[40] = ENUMERATOR(enum scx_enq_flags, SCX_ENQ_IMMED, 0);
	told[41] = ENUMERATOR(enum scx_dsq_id_flags, SCX_DSQ_LOCAL_ON, 1);
	told[42] = FIELD_EXISTS(((struct scx_event_stats *)p)->SCX_EV_SUB_RESCUE);
	told[43] = FIELD_EXISTS(((struct scx_event_stats *)p)->SCX_EV_DISPATCH_KEEP_LAST);
	told[44] = (u64)cgroup->ancestors[2];
	told[45] = cgroup->level;
	p->scx.slice = 1000;
	if (scx_bpf_task_set_slice)
		scx_bpf_task_set_slice(p, 2000);
	if (scx_bpf_dsq_move_to_local___v2___compat)
		scx_bpf_dsq_move_to_local___v2___compat(1, 2);
	else
		scx_bpf_dsq_move_to_local___v1(1);
	if (FIELD_EXISTS(((struct task_struct___never *)p)->no_such_member))
		told[46] = ((struct task_struct___never *)p)->no_such_member;
}

/* Each branch holds one thing that must not be executed. */
SEC("struct_ops/dispatch") void all_dispatch(u64 *ctx)
{
	struct task_struct *p = (void *)ctx[1];

	switch (ctx[0]) {
	case 0: told[50] = p->utime; break;
	case 1: told[50] = p->scx.tid; break;
	case 2: scx_bpf_task_set_slice(p, 1); break;
	case 3: scx_bpf_kick_cpu___other(0, p); break;
	case 4: told[50] = TYPE_EXISTS(struct nobody_knows); break;
	case 5: told[50] = p->se.deadline; break;
	default: scx_bpf_kick_cpu(ctx[0], 1);
	}
}

SEC("fentry/bpf_scx_reg") int not_sched_ext(u64 *ctx)
{
	return twice(1);
}
SEC("syscall") int from_userspace(void *ctx)
{
	return 0;
}

SEC(".struct_ops.link") struct sched_ext_ops___mine all_ops = {
	.enqueue = (void *)all_enqueue,
	.dispatch = (void *)all_dispatch,
	.init = (void *)all_init,
	.flags = 3,
	.timeout_ms = 4000,
	.name = "all",
};
char _license[] SEC("license") = "GPL";
