/* SPDX-License-Identifier: Apache-2.0 */
/* Map values with all that the kernel may own in them. Never loaded: only its types are read. */
#define __kptr __attribute__((btf_type_tag("kptr")))
#define __percpu_kptr __attribute__((btf_type_tag("percpu_kptr")))
#define __uint(name, value) int(*name)[value]
#define __type(name, type) typeof(type) *name

struct bpf_spin_lock {
	unsigned int val;
};
struct bpf_timer {
	unsigned long long opaque[2];
};
struct bpf_wq {
	unsigned long long opaque[2];
};
struct task;

typedef struct bpf_timer alarm_t;

struct inner {
	char tag;
	struct task __kptr *task;
};
struct owned {
	int plain;			/* 0 */
	struct bpf_spin_lock lock;	/* 4 */
	const alarm_t alarms[2];	/* 8, 24 */
	char *text;			/* 40 */
	struct inner inner[2];		/* 48, 64: their tasks at 56, 72 */
	struct bpf_wq work;		/* 80 */
	struct task __percpu_kptr *each; /* 96 */
};

struct {
	__uint(type, 2);
	__uint(max_entries, 1);
	__type(key, int);
	__type(value, struct owned);
} owned __attribute__((section(".maps"), used));

struct {
	__uint(type, 2);
	__uint(max_entries, 1);
	__uint(key_size, 4);
	__uint(value_size, 8);
} untyped __attribute__((section(".maps"), used));

struct {
	__uint(type, 2);
	__uint(max_entries, 1);
	__type(key, int);
	__type(value, struct task __kptr *);
} pointers __attribute__((section(".maps"), used));

char _license[] __attribute__((section("license"), used)) = "GPL";
