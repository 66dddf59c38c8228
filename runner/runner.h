/* SPDX-License-Identifier: Apache-2.0 */
/* Everything the runner's files share: time, JSON lines, small file access, the run in progress. docs/protocol.md is the contract. */
#pragma once
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdnoreturn.h>
#include <sys/types.h>

#define RUNNER_VERSION "0.2.0"
#define MS 1000000ULL
#define SECOND 1000000000ULL

/* ---- base.c: time, files, process-wide protection ---- */
uint64_t now_ns(void);
void sleep_ns(uint64_t ns);
/* Reads a small file as a string without its trailing newline; -1 and errno when it cannot. */
ssize_t read_text(const char *path, char *buf, size_t cap);
int write_text(const char *path, const char *text);
void *xalloc(void *old, size_t size);
/* Real-time class and locked memory, so that no sched_ext policy decides when the runner runs. -1 when not permitted. */
int protect_self(void);
/* The kernel kills others first when memory runs out. Inherited by forks: only for those that start nobody. */
void protect_from_oom(void);
/* Asks the kernel to leave sched_ext (SysRq-S) when the policy of now still schedules ms from now; disarm in time to prevent it. */
void guard_start(void);
void guard_arm(uint64_t ms);
void guard_disarm(void);
/* fork without libc's help, optionally straight into a cgroup (fd, -1: none); returns as fork does. */
pid_t fork_into(int cgroup_fd);

/* ---- json.c: one event a line, collected and written in one go ---- */
void json_output(int fd);
void json_open(const char *event);
void json_close(void);
void json_int(const char *key, int64_t value);
void json_uint(const char *key, uint64_t value);
void json_bool(const char *key, bool value);
void json_null(const char *key);
void json_string(const char *key, const char *text);
void json_bytes(const char *key, const void *bytes, size_t n);
/* Text that needs no escapes. */
void json_plain(const char *key, const char *ascii, size_t n);
void json_array(const char *key);
void json_array_end(void);
void json_object(const char *key);
void json_object_end(void);
/* Writes what was collected; gives up after 5 s when nobody reads. */
void json_flush(void);
/* The collected lines, for those who send them to several readers; forgets them. */
size_t json_take(char **text);
/* A "fault" event: what was tried and why it failed, and what to do about it. The run counts as failed. */
void fault(const char *next, const char *format, ...) __attribute__((format(printf, 2, 3)));
void limit_event(const char *what, const char *format, ...) __attribute__((format(printf, 2, 3)));
extern bool failed;
/* Set before fault(): which of the six codes of src/core/errors.ts it is, for those who must tell it from others. */
extern const char *fault_code;

/* ---- job.c: the job, parsed purely ---- */
struct bytes {
	const uint8_t *at;
	size_t n;
};
struct map_line {
	struct bytes name, key, value; /* key and value still in hex */
};
struct scope_line {
	int64_t pid; /* 0: the cgroup */
	struct bytes cgroup;
};
enum follow { FOLLOW_OWN, FOLLOW_PID, FOLLOW_CGROUP, FOLLOW_ALL }; /* own: what the job itself starts */
struct job {
	uint64_t wall_limit_ms, verify_budget_ms, timeout_ms, start_offset_ns, pid_offset, runs, output_limit;
	uint64_t base_slice_ns, cpu_weight; /* 0: leave alone */
	int64_t nice;
	int sched; /* kernel number of the class, -1: leave alone */
	struct bytes features[32];
	size_t feature_count;
	struct map_line *maps;
	size_t map_count;
	struct bytes object, workload, tracer, recorder, watcher, cwd; /* .at == NULL: absent */
	uint64_t record_events; /* room of a recording */
	uint64_t watch_tasks;	   /* that a watch keeps apart; 0: by memory */
	uint64_t watch_budget_ppm; /* of the used CPU time: what a watch may cost */
	uint64_t watch_windows;	   /* for tests: one of so many is open, whatever it costs; 0: by the budget */
	enum follow follow;     /* what is observed when there is no command and no workload */
	bool serve, serve_tests; /* the guest lives long; does what tests ask */
	int64_t follow_pid;
	struct bytes follow_cgroup;
	struct scope_line *scopes; /* none: the whole machine */
	size_t scope_count;
	struct bytes *args, *envs;
	size_t arg_count, env_count;
};
enum parsed { PARSED, NEEDS_MORE, MALFORMED };
struct parse_error {
	size_t offset;
	char text[160];
};
/* Any bytes give a job, a request for at least *need bytes in all, or an error with its offset. The job points into buf. */
enum parsed job_parse(const uint8_t *buf, size_t n, struct job *job, size_t *need, struct parse_error *error);
void job_free(struct job *job);
/* Hex text to bytes; false when it is not exactly n bytes. */
bool unhex(struct bytes hex, uint8_t *out, size_t n);

/* ---- presence.c: what the kernel says about sched_ext ---- */
struct presence {
	char state[24], ops[128];
	int64_t enable_seq, nr_rejected;
};
void presence_read(struct presence *presence);
void presence_settled(struct presence *presence);
bool presence_enabled(void);
void presence_emit(const char *when, const struct presence *presence);
/* Counts the policies that the kernel has enabled: tells ours from one that somebody else has loaded since. */
int64_t presence_seq(void);
/* Until the policy that was enabled as number seq is in charge no longer. */
bool wait_gone(int64_t seq, uint64_t ms);
void scx_events_emit(void);

/* ---- load.c: a policy from object to attached ---- */
struct policy;
/* Opens, loads, fills maps and attaches; emits the "load" event. NULL when the kernel or libbpf refused, or, without an event, when it is wanted no longer: that
 * is asked (NULL: nobody) right before it would be in charge, as loading may take as long as the verifier's budget. */
struct policy *policy_attach(const struct job *job, bool (*wanted)(void *), void *argument);
/* Detaches and reports how it ended ("events", "presence" after, "exit"); SysRq-S when that has no effect within patience_ms.
 * True when it had run until we ended it. */
bool policy_detach(struct policy *policy, uint64_t patience_ms);
const char *policy_name(const struct policy *policy);
/* The BPF program that serves an op: its fd and the name of its function; -1 when the policy does not have the op. */
int policy_op(struct policy *policy, const char *op, const char **function);

/* The object of a policy that runs: see knobs.c. */
struct bpf_object *policy_object(struct policy *policy);
/* enable_seq when it was attached. */
int64_t policy_seq(const struct policy *policy);

/* ---- knobs.c ---- */
struct bpf_object;
/* 0, -ENOENT: the object has no such knob in .data, -ERANGE: the value does not fit it. */
int knob_set(struct bpf_object *object, const char *name, const char *value);

/* ---- scope.c: whom a policy schedules that does not take the whole machine ---- */
/* All that the job's lines name exist; false after a fault. */
bool scope_found(const struct job *job);
/* Who is in SCHED_EXT already is not ours. Before anybody is taken; false after a fault. */
bool scope_remember(void);
/* Takes those in scope that are not in SCHED_EXT yet; returns how many threads of it are. */
uint64_t scope_take(const struct job *job);
void scope_give_back(void);
/* How many threads of this machine are in SCHED_EXT. */
uint64_t scope_threads(void);
/* Gives back what holders have left in SCHED_EXT that were killed. */
void scope_recover(void);

/* ---- enumerators.c ---- */
/* Gives weak constants __SCX_… of an object that is not loaded yet the kernel's values. */
void fill_enumerators(struct bpf_object *object);

/* ---- refusal.c: why a policy was refused ---- */
/* Forgets what was said; libbpf's warnings are heard from now on. remark() adds to them. */
void hear_libbpf(void);
void remark(const char *format, ...) __attribute__((format(printf, 1, 2)));
const char *heard(void);
/* How many instructions the verifier says that it has processed. */
uint64_t processed_insns(const char *log);
/* The "load" event that says no, with the end of the verifier's log or of what was said. */
void refusal_emit(const char *stage, int error, const char *log, bool budget_over, uint64_t processed);

/* ---- trace.c: what the kernel and the policy call ---- */
/* Between loading and attaching a policy, or without one (NULL). False after a fault. */
bool trace_start(const struct job *job, struct policy *policy);
/* Emits what was recorded, if anything was. */
void trace_end(void);

/* ---- record.c: what the scheduler does with some tasks, event by event; watch.c: what they do, as counters ---- */
/* Both: start before the workload, when the policy is attached; false after a fault. Children of this process are to be followed from
 * their fork on, between follow(true) and follow(false). The end stops, emits what was found, and frees; harmless without a start. */
bool record_start(const struct job *job);
void record_follow(bool on);
void record_end(void);
bool watch_start(const struct job *job);
void watch_follow(bool on);
/* While something runs, at every 100 ms, or earlier: when it says (CLOCK_MONOTONIC, ns). */
uint64_t watch_tick(void);
void watch_end(void);
/* What the job started ran from then until then. */
void subject_ran(uint64_t start, uint64_t end);

/* ---- kernel-btf.c: the kernel's types, read before they are needed; forgotten so that forks stay cheap ---- */
void kernel_btf_preload(void);
void kernel_btf_forget(void);

/* ---- exits.c: how a policy ended ---- */
void kmsg_start(void);
/* The kernel's messages since kmsg_start that contain `word`, one a line. */
size_t kmsg_since(const char *word, char *buf, size_t cap);
/* Emits "exit" from the object's record, or from the kernel log when there is none; returns the kind, -1 unknown. */
int exit_emit(const void *record, size_t size);
/* What it has emitted last; kind -1: nobody could tell. */
struct exit_seen {
	int kind;
	char reason[128], message[256];
};
extern struct exit_seen exit_seen;

/* ---- settings.c, cgroup.c ---- */
int settings_apply(const struct job *job);
void settings_restore(void);
/* What the cgroups of this job are for: 1 cpu, 2 memory, 4 pids. A machine where they are not enabled gets no others. */
void cgroup_needs(uint32_t bits);
/* A cgroup of the workload; one level of nesting, with '/'. Returns a directory fd for fork_into, -1 when there are none. */
int cgroup_create(const char *name);
int cgroup_set(const char *name, const char *file, const char *value);
int64_t cgroup_event(const char *name, const char *file, const char *key);
void cgroup_kill(const char *name);
void cgroup_remove_all(void);

/* ---- run.c: the stages of a job, and the watch kept while something runs ---- */
enum stop { GO_ON, STOP_WALL, STOP_EJECTED, STOP_SIGNAL, STOP_READER_GONE, STOP_MEMORY, STOP_PROCESSES };
struct watch {
	uint64_t deadline, next_tick;
	struct policy *policy;
	struct presence during;
	bool have_during;
};
/* Cheap check, called at least every 100 ms while the workload runs. */
enum stop watch_check(struct watch *watch);
void stop_report(enum stop stop, const struct job *job);
void run_job(const struct job *job);
/* keeper.c: as run_job, on a machine that must be as before afterwards, whoever is killed meanwhile. Returns the exit code. */
int run_kept(const struct job *job);
/* Kills and reaps every descendant, escaped ones too (the runner is their subreaper). */
void kill_descendants(void);
/* Everything that can be read, at most 256 MiB. */
uint8_t *read_all(int fd, size_t *n);
/* SIGCHLD and SIGUSR1 end a sleep; SIGTERM, SIGINT and SIGHUP ask for an orderly end. All are blocked outside wait_signals. */
void signals_setup(void);
bool signals_end_asked(void);
struct pollfd;
int wait_signals(struct pollfd *fds, size_t n, uint64_t until);
extern int output_fd;

/* ---- play.c, command.c ---- */
void play(const struct job *job, struct watch *watch);
/* When its first round started, 0 while none has; and which task had this process id, -1: none. Hold after it has ended, too. */
uint64_t play_started(void);
int32_t play_task(int32_t pid);
bool play_accepts(const struct job *job); /* validates; emits a fault when it does not */
void command(const struct job *job, struct watch *watch);

/* Starts the job's command in the cgroup `work`, its output into a file descriptor; its process, -1 and a fault: it could not be started. */
pid_t command_start(const struct job *job, int out);

/* ---- serve.c, init.c: a guest that lives long ---- */
void serve(const struct job *job);
/* A virtio-serial port by its name; -1: there is none. port_open waits for it for up to 2 s. */
int port_find(const char *name, int flags);
int port_open(const char *name, int flags);

/* ---- sub-commands ---- */
int init_main(void);
int run_main(int argc, char **argv);
int play_main(int argc, char **argv);
int hold_main(int argc, char **argv);
int keep_main(int argc, char **argv);
int probe_main(void);
int confine_main(int argc, char **argv);
int stop_main(int argc, char **argv);
void ready_emit(const char *event);
