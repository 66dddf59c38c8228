/* SPDX-License-Identifier: Apache-2.0 */
/* A policy's way into the kernel: open, adjust, verify under a time budget, fill maps, attach; and out again. Uses libbpf's public
 * interface (libbpf.h, 1.4) only. What the verifier's log and return codes mean: kernel/bpf/verifier.c, log.c, v6.16. */
#include "undo.h"
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

enum { LOG_SIZE = 4 << 20, MAX_LINKS = 16, OPS_SWITCH_PARTIAL = 1 << 3 };

struct policy {
	struct bpf_object *object;
	struct bpf_map *ops;
	struct bpf_link *link, *others[MAX_LINKS];
	size_t other_count;
	char name[128];
	int64_t seq;	     /* enable_seq when it was attached */
	struct bpf_map *bss; /* holds the exit record; NULL: the object has none */
	uint32_t record_offset, record_size;
};

/* ops that newer kernels have and older ones lack, and whose absence changes nothing a policy relies on */
static const char *const optional_ops[] = {
	"cgroup_set_bandwidth", "cgroup_set_idle", "cpu_acquire", "cpu_release", "dump", "dump_cpu", "dump_task", "sub_attach",
	"sub_detach", "sub_caps_updated", "sub_ecaps_updated", "init_cids",
};

static char *log_buf;
static volatile sig_atomic_t budget_over;
static volatile uint64_t processed_at_end;
static const char *dropped[8]; /* ops nulled because the kernel lacks them */
static size_t dropped_n;

/* Runs when the verifier has just returned EAGAIN, before libbpf tries again and overwrites the log. */
static void on_alarm(int signal)
{
	(void)signal;
	if (budget_over)
		return;
	budget_over = 1;
	processed_at_end = log_buf ? processed_insns(log_buf) : 0;
}

/* The timer repeats because libbpf tries again up to five times when a signal interrupts the verifier. */
static void budget_start(uint64_t ms)
{
	struct sigaction action = {.sa_handler = on_alarm};
	struct itimerval timer = {{0, 10000}, {(time_t)(ms / 1000), (suseconds_t)(ms % 1000 * 1000)}};
	budget_over = 0;
	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &timer, NULL);
}

static void budget_stop(void)
{
	struct itimerval off = {0};
	setitimer(ITIMER_REAL, &off, NULL);
	signal(SIGALRM, SIG_IGN);
}

static void refuse(const char *stage, int error)
{
	refusal_emit(stage, error, log_buf, budget_over, budget_over ? processed_at_end : processed_insns(log_buf));
}

static const struct btf_type *ops_type(const struct btf *btf, struct bpf_map *ops)
{
	uint32_t id = bpf_map__btf_value_type_id(ops);
	const struct btf_type *type = id ? btf__type_by_id(btf, id) : NULL;
	return type && btf_is_struct(type) ? type : NULL;
}

/* Where a member of the policy's sched_ext_ops lies, in the value libbpf will load; NULL when it has none. */
static void *member(struct policy *p, const char *name, size_t size)
{
	size_t value_size;
	const struct btf *btf = bpf_object__btf(p->object);
	char *value = bpf_map__initial_value(p->ops, &value_size);
	const struct btf_type *type = ops_type(btf, p->ops);
	for (uint32_t i = 0; value && type && i < btf_vlen(type); i++) {
		const struct btf_member *m = btf_members(type) + i;
		size_t offset = btf_member_bit_offset(type, i) / 8;
		const char *found = btf__name_by_offset(btf, m->name_off);
		if (found && !strcmp(found, name) && offset + size <= value_size)
			return value + offset;
	}
	return NULL;
}

static void find_record(struct policy *p)
{
	struct bpf_map *bss = bpf_object__find_map_by_name(p->object, ".bss");
	const struct btf *btf = bpf_object__btf(p->object);
	int id = bss ? btf__find_by_name_kind(btf, ".bss", BTF_KIND_DATASEC) : -1;
	const struct btf_type *section = id < 0 ? NULL : btf__type_by_id(btf, (uint32_t)id);
	for (uint32_t i = 0; section && i < btf_vlen(section); i++) {
		const struct btf_var_secinfo *v = btf_var_secinfos(section) + i;
		const struct btf_type *variable = btf__type_by_id(btf, v->type);
		if (strcmp(btf__name_by_offset(btf, variable->name_off), "exit_record") || v->offset + v->size > bpf_map__value_size(bss))
			continue;
		p->bss = bss;
		p->record_offset = v->offset;
		p->record_size = v->size;
	}
}

static int emit_exit(struct policy *p)
{
	uint32_t key = 0;
	if (!p->bss)
		return exit_emit(NULL, 0);
	char *value = xalloc(NULL, bpf_map__value_size(p->bss));
	bool read = !bpf_map__lookup_elem(p->bss, &key, sizeof(key), value, bpf_map__value_size(p->bss), 0);
	int kind = exit_emit(read ? value + p->record_offset : NULL, read ? p->record_size : 0);
	free(value);
	return kind;
}

static void close_policy(struct policy *p)
{
	for (size_t i = 0; i < p->other_count; i++)
		bpf_link__destroy(p->others[i]);
	bpf_link__destroy(p->link);
	bpf_object__close(p->object);
	free(p);
}

/* Changes that must come before loading: link flag (so that our death detaches), timeout, absent ops, log buffers. */
static int adjust(struct policy *p, const struct job *job, uint32_t level)
{
	struct bpf_map *map;
	struct bpf_program *program;
	bpf_object__for_each_map(map, p->object)
		if (bpf_map__type(map) == BPF_MAP_TYPE_STRUCT_OPS)
			p->ops = map;
	if (!p->ops) {
		remark("the object has no struct_ops map: it is not a sched_ext policy\n");
		return -ENOENT;
	}
	bpf_map__set_map_flags(p->ops, bpf_map__map_flags(p->ops) | BPF_F_LINK);
	fill_enumerators(p->object);
	uint32_t *timeout = member(p, "timeout_ms", sizeof(*timeout));
	uint32_t limit = job->timeout_ms < 5000 ? (uint32_t)job->timeout_ms : 5000;
	if (timeout && (*timeout == 0 || (*timeout > limit && *timeout <= 30000)))
		*timeout = limit;
	uint64_t *flags = member(p, "flags", sizeof(*flags));
	if (flags && job->scope_count)
		*flags |= OPS_SWITCH_PARTIAL;
	const char *name = member(p, "name", 128);
	snprintf(p->name, sizeof(p->name), "%.127s", name ? name : "");
	for (size_t i = 0; i < dropped_n; i++) {
		struct bpf_program **slot = member(p, dropped[i], sizeof(*slot));
		if (slot && *slot)
			bpf_program__set_autoload(*slot, false);
		if (slot)
			*slot = NULL;
	}
	bpf_object__for_each_program(program, p->object) {
		bpf_program__set_log_buf(program, log_buf, LOG_SIZE);
		bpf_program__set_log_level(program, level);
	}
	return 0;
}

/* `Cannot find member cgroup_set_idle in kernel BTF`: drop it when that is harmless. True: worth another try. */
static bool drop_missing_op(void)
{
	for (size_t i = 0; i < sizeof(optional_ops) / sizeof(*optional_ops); i++) {
		char words[96];
		snprintf(words, sizeof(words), "Cannot find member %s in kernel BTF", optional_ops[i]);
		if (dropped_n < 8 && strstr(heard(), words)) {
			dropped[dropped_n++] = optional_ops[i];
			return true;
		}
	}
	return false;
}

/* One attempt; *error is set and NULL returned when it fails. */
static struct policy *open_and_load(const struct job *job, const void *image, uint32_t level, const char **stage, int *error)
{
	LIBBPF_OPTS(bpf_object_open_opts, options, .object_name = "policy");
	struct policy *p = xalloc(NULL, sizeof(*p));
	*p = (struct policy){0};
	hear_libbpf();
	log_buf[0] = 0;
	*stage = "open";
	p->object = bpf_object__open_mem(image, job->object.n, &options);
	*error = p->object ? 0 : -errno;
	if (!*error)
		*error = adjust(p, job, level);
	if (!*error) {
		*stage = "load";
		*error = bpf_object__load(p->object);
	}
	if (!*error)
		return p;
	close_policy(p);
	return NULL;
}

/* A log that does not fit makes the kernel answer ENOSPC, even for a good program: ask again for statistics only. */
static struct policy *load_within_budget(const struct job *job, const void *image)
{
	const char *stage = "open";
	struct policy *p = NULL;
	int error = 0;
	uint32_t level = 1 | 4;
	budget_start(job->verify_budget_ms);
	for (int i = 0; i < 10 && !p; i++) {
		p = open_and_load(job, image, level, &stage, &error);
		if (p || budget_over)
			break;
		if (error == -ENOSPC && level != 4)
			level = 4;
		else if (!drop_missing_op())
			break;
	}
	budget_stop();
	if (!p)
		refuse(stage, -error);
	return p;
}

static int fill_maps(struct policy *p, const struct job *job)
{
	for (size_t i = 0; i < job->map_count; i++) {
		const struct map_line *line = &job->maps[i];
		char name[128];
		snprintf(name, sizeof(name), "%.*s", (int)line->name.n, line->name.at);
		struct bpf_map *map = bpf_object__find_map_by_name(p->object, name);
		size_t key_size = map ? bpf_map__key_size(map) : 0, value_size = map ? bpf_map__value_size(map) : 0;
		uint8_t *key = xalloc(NULL, key_size + value_size + 1), *value = key + key_size;
		int error = -EINVAL;
		if (!map)
			remark("the object has no map called %s\n", name);
		else if (!unhex(line->key, key, key_size) || !unhex(line->value, value, value_size))
			remark("map %s has keys of %zu and values of %zu bytes; the job's line %zu does not\n", name, key_size, value_size, i + 1);
		else if ((error = bpf_map__update_elem(map, key, key_size, value, value_size, BPF_ANY)))
			remark("map %s, the job's line %zu: the kernel refuses the update\n", name, i + 1);
		free(key);
		if (error)
			return error;
	}
	return 0;
}

static int attach(struct policy *p, bool (*wanted)(void *), void *argument)
{
	struct bpf_program *program;
	bpf_object__for_each_program(program, p->object) {
		enum bpf_prog_type type = bpf_program__type(program);
		if (type == BPF_PROG_TYPE_STRUCT_OPS || type == BPF_PROG_TYPE_SYSCALL || !bpf_program__autoattach(program) || p->other_count == MAX_LINKS)
			continue;
		struct bpf_link *link = bpf_program__attach(program);
		if (!link)
			return -errno;
		p->others[p->other_count++] = link;
	}
	if (wanted && !wanted(argument))
		return -ECANCELED;
	guard_arm(10000);
	undo->alive_until = now_ns() + 10 * SECOND;
	p->link = bpf_map__attach_struct_ops(p->ops);
	int error = p->link ? 0 : -errno;
	guard_disarm();
	undo->alive_until = now_ns() + 3 * SECOND;
	p->seq = undo->attached = error ? 0 : presence_seq();
	return error;
}

static void emit_loaded(struct policy *p, uint64_t ns)
{
	struct bpf_program *program;
	uint64_t count = 0;
	bpf_object__for_each_program(program, p->object)
		count += bpf_program__fd(program) >= 0;
	json_open("load");
	json_bool("ok", true);
	json_uint("ns", ns);
	json_uint("programs", count);
	json_array("insns");
	bpf_object__for_each_program(program, p->object) {
		struct bpf_prog_info info = {0};
		uint32_t size = sizeof(info);
		if (bpf_program__fd(program) < 0 || bpf_prog_get_info_by_fd(bpf_program__fd(program), &info, &size))
			continue;
		json_array(NULL);
		json_string(NULL, bpf_program__name(program));
		json_uint(NULL, info.verified_insns);
		json_array_end();
	}
	json_array_end();
	json_close();
}

struct policy *policy_attach(const struct job *job, bool (*wanted)(void *), void *argument)
{
	uint64_t start = now_ns();
	void *image = xalloc(NULL, job->object.n); /* libelf wants alignment */
	memcpy(image, job->object.at, job->object.n);
	log_buf = xalloc(NULL, LOG_SIZE);
	struct policy *p = load_within_budget(job, image);
	if (p && job->tracer.at && !trace_start(job, p)) {
		close_policy(p);
		p = NULL;
	}
	if (!job->recorder.at && !job->watcher.at) /* these need it once more */
		kernel_btf_forget();
	if (p) {
		hear_libbpf();
		log_buf[0] = 0;
		find_record(p);
		int error = fill_maps(p, job);
		const char *stage = error ? "map" : "attach";
		bool safe = protect_self() == 0;
		guard_start();
		if (!safe && !error) {
			remark("not attached: without a real-time class and locked memory (root, CAP_SYS_NICE, CAP_IPC_LOCK) nobody could undo it\n");
			error = -EPERM;
		}
		if (!error)
			error = attach(p, wanted, argument);
		if (error) {
			if (error != -ECANCELED) /* wanted no longer */
				refuse(stage, -error);
			close_policy(p);
			p = NULL;
		} else {
			emit_loaded(p, now_ns() - start);
		}
	}
	free(log_buf);
	log_buf = NULL;
	free(image);
	return p;
}

bool policy_detach(struct policy *p, uint64_t patience_ms)
{
	struct presence after;
	presence_read(&after);
	scx_events_emit();
	if (after.enable_seq == p->seq)
		guard_arm(patience_ms);
	if (bpf_link__detach(p->link)) /* even if somebody else holds the link; old kernels cannot */
		errno = 0;
	bpf_link__destroy(p->link);
	p->link = NULL;
	bool gone = wait_gone(p->seq, 5000);
	guard_disarm();
	undo->attached = 0;
	presence_emit("after", &after);
	int kind = emit_exit(p);
	if (!gone)
		fault("reboot the machine: the kernel does not leave the policy", "sched_ext is still not disabled 5 s after detaching and SysRq-S");
	close_policy(p);
	return kind == 64 && gone;
}

const char *policy_name(const struct policy *p) { return p->name; }
struct bpf_object *policy_object(struct policy *p) { return p->object; }
int64_t policy_seq(const struct policy *p) { return p->seq; }

int policy_op(struct policy *p, const char *op, const char **function)
{
	struct bpf_program **slot = member(p, op, sizeof(*slot));
	if (!slot || !*slot)
		return -1;
	*function = bpf_program__name(*slot);
	return bpf_program__fd(*slot);
}
