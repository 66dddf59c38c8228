/* SPDX-License-Identifier: Apache-2.0 */
/* Runs inside a VM and plays systemd for `runner keep`: starts it as a service, hears what it tells, kills it, restarts it, gives it other boots, takes CPUs away. One line a case:
 * "name: ok" or "name: " and what went wrong. usage: keep-test DIRECTORY OBJECT, with exports in fifo, error, other-kernel, other-job, other-object, other-runner. */
#include "../../runner/runner.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define RECORD "/tmp/keep/last-attempt"
static const char *directory, *object;
static char said[65536]; /* what the service has told us and printed since it was started */
static size_t said_n;
static char wrong[2000];

struct service {
	pid_t pid;
	int notify, err;
};

static void complain(const char *format, ...)
{
	va_list a;
	size_t n = strlen(wrong);
	va_start(a, format);
	if (n < sizeof(wrong) - 100)
		vsnprintf(wrong + n, sizeof(wrong) - n, format, a);
	va_end(a);
}
#define EXPECT(what)                                                    \
	do {                                                            \
		if (!(what))                                            \
			complain(" [line %d: not %s]", __LINE__, #what); \
	} while (0)

static void report(const char *name)
{
	for (char *c = said; *c; c++)
		if (*c == '\n')
			*c = '|';
	printf("%s: %s%s%s\n", name, *wrong ? "WRONG" : "ok", wrong, *wrong ? said : "");
	fflush(stdout);
	wrong[0] = 0;
}

static void hear(struct service *s, uint64_t ms)
{
	struct pollfd fds[2] = {{.fd = s->notify, .events = POLLIN}, {.fd = s->err, .events = POLLIN}};
	if (poll(fds, 2, (int)ms) <= 0)
		return;
	for (int i = 0; i < 2; i++) {
		ssize_t n = fds[i].revents ? read(fds[i].fd, said + said_n, sizeof(said) - said_n - 2) : 0;
		if (n <= 0)
			continue;
		said_n += (size_t)n;
		said[said_n++] = '\n';
		said[said_n] = 0;
	}
}

static int count(const char *what)
{
	int n = 0;
	for (char *at = said; (at = strstr(at, what)); at++)
		n++;
	return n;
}

static bool heard_of(struct service *s, const char *what, uint64_t ms)
{
	for (uint64_t end = now_ns() + ms * MS; now_ns() < end; hear(s, 20))
		if (strstr(said, what))
			return true;
	return false;
}

/* What the unit's CapabilityBoundingSet, NoNewPrivileges, MemoryDenyWriteExecute and ProtectControlGroups leave. */
static void harden(void)
{
	static const char cgroups[] = "/sys/fs/cgroup";
	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) || mount(cgroups, cgroups, NULL, MS_BIND, NULL) ||
	    mount(NULL, cgroups, NULL, MS_BIND | MS_REMOUNT | MS_RDONLY, NULL))
		_exit(126);
	static const int kept[] = {39 /* BPF */, 38 /* PERFMON */, CAP_SYS_NICE, CAP_IPC_LOCK, 34 /* SYSLOG */};
	for (int cap = 0; cap < 64; cap++) {
		bool keep = false;
		for (size_t i = 0; i < sizeof(kept) / sizeof(*kept); i++)
			keep |= kept[i] == cap;
		if (!keep)
			prctl(PR_CAPBSET_DROP, cap, 0, 0, 0);
	}
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	prctl(65 /* PR_SET_MDWE */, 1, 0, 0, 0);
}

enum how { PLAIN, HARDENED };

/* As a service of this export; arguments up to NULL. */
static struct service start_as(enum how how, const char *export, ...)
{
	char runner[256], manifest[256], *argv[16] = {runner, "keep", "--manifest", manifest, "--dwell-ms", "2000", "--record", RECORD};
	struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "/tmp/keep/notify"};
	struct service s;
	int err[2], n = 8;
	va_list a;
	va_start(a, export);
	while (n < 15 && (argv[n] = va_arg(a, char *)))
		n++;
	va_end(a);
	snprintf(runner, sizeof(runner), "%s/fifo/schedcp-runner", directory);
	snprintf(manifest, sizeof(manifest), "%s/%s/manifest.json", directory, export);
	said[said_n = 0] = 0;
	unlink(address.sun_path);
	s.notify = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (bind(s.notify, (struct sockaddr *)&address, sizeof(address)) || pipe2(err, O_CLOEXEC | O_NONBLOCK))
		exit(2);
	s.err = err[0];
	s.pid = fork();
	if (s.pid == 0) {
		struct sched_param normal = {0};
		sched_setscheduler(0, SCHED_OTHER, &normal);
		dup2(open("/dev/null", O_RDWR), 0);
		dup2(err[1], 2);
		dup2(err[1], 1);
		setenv("NOTIFY_SOCKET", address.sun_path, 1);
		setenv("WATCHDOG_USEC", "2000000", 1);
		if (how == HARDENED)
			harden();
		execv(runner, argv);
		_exit(127);
	}
	close(err[1]);
	return s;
}
#define start(...) start_as(PLAIN, __VA_ARGS__, NULL)

/* Its exit code; 128 and the signal; -1: it goes on. */
static int ended(struct service *s, uint64_t ms)
{
	int status = 0;
	for (uint64_t end = now_ns() + ms * MS; now_ns() < end; hear(s, 20)) {
		if (waitpid(s->pid, &status, WNOHANG) != s->pid)
			continue;
		for (int i = 0; i < 5; i++)
			hear(s, 20);
		close(s->notify);
		close(s->err);
		return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	}
	return -1;
}

static int stop(struct service *s)
{
	kill(s->pid, SIGTERM);
	int code = ended(s, 8000);
	if (code < 0) {
		kill(s->pid, SIGKILL);
		ended(s, 3000);
	}
	return code;
}

static int64_t seq(void)
{
	char text[32];
	return read_text("/sys/kernel/sched_ext/enable_seq", text, sizeof(text)) > 0 ? atoll(text) : -1;
}

static bool state_is(const char *want, uint64_t ms)
{
	char state[32];
	for (uint64_t end = now_ns() + ms * MS; now_ns() < end; sleep_ns(5 * MS))
		if (read_text("/sys/kernel/sched_ext/state", state, sizeof(state)) > 0 && !strcmp(state, want))
			return true;
	return false;
}

static bool record_says(const char *what)
{
	char text[600];
	return read_text(RECORD, text, sizeof(text)) > 0 && strstr(text, what);
}

/* The one that lives; those that have ended may wait for somebody to reap them. */
static pid_t survivor(void)
{
	char path[64], stat[64], name[32];
	for (pid_t pid = 2; pid < 32768; pid++) {
		snprintf(path, sizeof(path), "/proc/%d/stat", pid);
		snprintf(name, sizeof(name), "%d (schedcp-survive) ", pid);
		if (read_text(path, stat, sizeof(stat)) > 0 && !strncmp(stat, name, strlen(name)) && stat[strlen(name)] != 'Z')
			return pid;
	}
	return -1;
}

static bool nobody_survives(void)
{
	for (uint64_t end = now_ns() + 2 * SECOND; now_ns() < end; sleep_ns(20 * MS))
		if (survivor() == -1)
			return true;
	return false;
}

static void fresh(void)
{
	EXPECT(nobody_survives());
	unlink(RECORD);
	EXPECT(state_is("disabled", 5000));
}

static void kept_and_let_go(enum how how, const char *name)
{
	fresh();
	int64_t before = seq();
	struct service s = start_as(how, "fifo", NULL);
	EXPECT(heard_of(&s, "READY=1", 20000));
	EXPECT(state_is("enabled", 1));
	EXPECT(!strstr(said, "the survivor cannot leave this cgroup") == (how == PLAIN));
	EXPECT(seq() == before + 1);
	EXPECT(record_says("state attaching\n") && record_says("attempt 1\n"));
	EXPECT(heard_of(&s, "STATUS=fifo is kept", 5000));
	for (int i = 0; i < 100 && !record_says("state good\n"); i++)
		hear(&s, 20);
	EXPECT(record_says("state good\n"));
	int pings = count("WATCHDOG=1");
	for (uint64_t end = now_ns() + 3 * SECOND; now_ns() < end;)
		hear(&s, 50);
	EXPECT(count("WATCHDOG=1") - pings >= 2 && count("WATCHDOG=1") - pings <= 5); /* each second, half of what was asked for */
	EXPECT(state_is("enabled", 1)); /* nobody beats */
	EXPECT(stop(&s) == 0);
	EXPECT(state_is("disabled", 1));
	EXPECT(strstr(said, "STOPPING=1"));
	EXPECT(record_says("state clean\n"));
	report(name);
}

static void refused(const char *name, int code, const char *why, const char *export, const char *option, const char *value)
{
	int64_t before = seq();
	struct service s = start_as(PLAIN, export, option, value, NULL);
	EXPECT(ended(&s, 15000) == code);
	EXPECT(strstr(said, why));
	EXPECT(!strstr(said, "READY=1"));
	EXPECT(seq() == before); /* nothing was loaded */
	report(name);
}

static void foreign(void)
{
	int in[2];
	fresh();
	if (pipe2(in, O_CLOEXEC))
		exit(2);
	pid_t other = fork();
	if (other == 0) {
		char runner[256];
		snprintf(runner, sizeof(runner), "%s/fifo/schedcp-runner", directory);
		dup2(in[0], 0);
		dup2(open("/dev/null", O_RDWR), 1);
		execl(runner, runner, "hold", "--object", object, "--heartbeat-ms", "60000", NULL);
		_exit(127);
	}
	EXPECT(state_is("enabled", 20000));
	sleep_ns(300 * MS); /* its number comes a moment later */
	refused("somebody else's scheduler", 12, "another scheduler is loaded", "fifo", NULL, NULL);
	EXPECT(state_is("enabled", 1));
	kill(other, SIGTERM);
	waitpid(other, NULL, 0);
	EXPECT(state_is("disabled", 5000));
	report("and it goes on");
}

static void killed(void)
{
	fresh();
	struct service s = start("fifo");
	EXPECT(heard_of(&s, "is kept", 20000));
	kill(s.pid, SIGKILL);
	EXPECT(state_is("disabled", 5000));
	EXPECT(ended(&s, 3000) == 128 + SIGKILL);
	s = start("fifo");
	EXPECT(heard_of(&s, "READY=1", 25000));
	EXPECT(strstr(said, "a moment ago: waiting") && strstr(said, "EXTEND_TIMEOUT_USEC="));
	EXPECT(record_says("failures 1\n"));
	EXPECT(stop(&s) == 0);
	report("kill -9, the kernel is back, and it is started again");
}

static void boots(void)
{
	static const char *const ids[] = {"/tmp/keep/boot1", "/tmp/keep/boot2"};
	for (int i = 0; i < 2; i++) {
		FILE *f = fopen(ids[i], "w");
		fprintf(f, "%d1111111-1111-1111-1111-111111111111\n", i);
		fclose(f);
	}
	fresh();
	struct service s = start("fifo", "--boot-id", ids[0], "--dwell-ms", "60000");
	EXPECT(heard_of(&s, "READY=1", 20000));
	for (int i = 0; i < 250 && !record_says("alive-s 2\n"); i++)
		hear(&s, 20);
	kill(s.pid, SIGKILL); /* the power goes */
	ended(&s, 3000);
	EXPECT(state_is("disabled", 5000));
	refused("the next boot does not load it again", 13, "the machine went down at least", "fifo", "--boot-id", ids[1]);
	refused("nor the one after", 13, "keep --again", "fifo", "--boot-id", ids[1]);
	char command[600];
	snprintf(command, sizeof(command), "%s/fifo/schedcp-runner", directory);
	pid_t again = fork();
	if (again == 0) {
		execl(command, command, "keep", "--again", "--record", RECORD, NULL);
		_exit(127);
	}
	int status;
	waitpid(again, &status, 0);
	EXPECT(status == 0 && access(RECORD, F_OK));
	s = start("fifo", "--boot-id", ids[1]);
	EXPECT(heard_of(&s, "is kept", 25000));
	for (int i = 0; i < 100 && !record_says("state good\n"); i++)
		hear(&s, 20);
	kill(s.pid, SIGKILL);
	ended(&s, 3000);
	EXPECT(state_is("disabled", 5000));
	report("until a person says so");
	s = start("fifo", "--boot-id", ids[0]);
	EXPECT(heard_of(&s, "READY=1", 20000));
	EXPECT(stop(&s) == 0);
	report("a machine that goes down later, with what was good, loads it again");
	int fd = open(RECORD, O_WRONLY);
	EXPECT(ftruncate(fd, 100) == 0);
	close(fd);
	refused("a record that was cut off asks a person", 13, "was cut off or changed", "fifo", NULL, NULL);
}

/* More of them than CPUs: who finds an idle one is not asked for. */
static void trigger(void)
{
	pid_t pids[4];
	for (int i = 0; i < 4; i++) {
		if ((pids[i] = fork()))
			continue;
		prctl(PR_SET_NAME, "trigger");
		for (uint64_t end = now_ns() + 500 * MS; now_ns() < end;)
			sched_yield();
		_exit(0);
	}
	for (int i = 0; i < 4; i++)
		waitpid(pids[i], NULL, 0);
}

static void ejections(void)
{
	static const uint64_t waits_s[] = {0, 8, 38}; /* its clock has whole seconds */
	fresh();
	for (int i = 0; i < 3; i++) {
		uint64_t since = now_ns();
		struct service s = start("error");
		EXPECT(heard_of(&s, "READY=1", 60000));
		EXPECT(now_ns() - since >= waits_s[i] * SECOND);
		EXPECT(!strstr(said, "a moment ago: waiting") == !i);
		trigger();
		EXPECT(ended(&s, 10000) == (i < 2 ? 1 : 14));
		EXPECT(strstr(said, "task called trigger")); /* why, in one line and in the event */
		EXPECT(strstr(said, "\"event\":\"exit\""));
		EXPECT(state_is("disabled", 1));
	}
	EXPECT(record_says("state quarantined\n") && record_says("failures 3\n"));
	report("ejected, tried again after 10 s and 40 s, then in quarantine");
	refused("a quarantine lasts", 14, "is in quarantine after 3 failures (", "error", NULL, NULL);
	struct service s = start("fifo");
	EXPECT(heard_of(&s, "READY=1", 20000));
	EXPECT(stop(&s) == 0);
	report("and is that policy's alone");
}

static void by_hand(void)
{
	fresh();
	struct service s = start("fifo");
	EXPECT(heard_of(&s, "READY=1", 20000));
	EXPECT(write_text("/proc/sysrq-trigger", "S") == 0);
	EXPECT(ended(&s, 10000) == 14);
	EXPECT(record_says("state quarantined\n"));
	report("SysRq-S, out until a person says otherwise");
}

static void disk_full(void)
{
	char page[4096] = {0};
	mkdir("/tmp/keep/small", 0700);
	EXPECT(mount("tmpfs", "/tmp/keep/small", "tmpfs", 0, "size=4k") == 0);
	int fd = open("/tmp/keep/small/full", O_WRONLY | O_CREAT, 0600);
	EXPECT(write(fd, page, sizeof(page)) == sizeof(page));
	refused("disk full at the record, nothing is loaded", 15, "No space left on device", "fifo", "--record", "/tmp/keep/small/last");
	close(fd);
	EXPECT(umount("/tmp/keep/small") == 0);
	refused("no directory for the record, nothing is loaded", 15, "cannot open the record", "fifo", "--record", "/nowhere/last");
}

static void hotplug(void)
{
	static const char cpu[] = "/sys/devices/system/cpu/cpu1/online";
	fresh();
	int64_t before = seq();
	struct service s = start("fifo");
	EXPECT(heard_of(&s, "is kept", 20000));
	EXPECT(write_text(cpu, "0") == 0);
	EXPECT(heard_of(&s, "it is loaded again", 8000));
	for (int i = 0; i < 400 && seq() < before + 2; i++)
		hear(&s, 20);
	EXPECT(state_is("enabled", 5000) && seq() == before + 2);
	EXPECT(write_text(cpu, "1") == 0);
	for (int i = 0; i < 400 && seq() < before + 3; i++)
		hear(&s, 20);
	EXPECT(state_is("enabled", 5000) && seq() == before + 3);
	EXPECT(record_says("failures 0\n") && record_says("attempt 3\n"));
	EXPECT(waitpid(s.pid, NULL, WNOHANG) == 0); /* the same process */
	EXPECT(stop(&s) == 0);
	EXPECT(state_is("disabled", 1) && record_says("state clean\n"));
	report("a CPU goes and comes, loaded again each time, no failure");
}

/* What a suspend does to processes: all are frozen while the clock goes on, and the survivor wakes first. */
static void frozen(void)
{
	fresh();
	struct service s = start("fifo");
	EXPECT(heard_of(&s, "is kept", 20000));
	pid_t other = survivor();
	EXPECT(other > 0 && kill(other, SIGSTOP) == 0 && kill(s.pid, SIGSTOP) == 0);
	sleep_ns(31 * SECOND);
	EXPECT(kill(other, SIGCONT) == 0);
	sleep_ns(100 * MS);
	EXPECT(kill(s.pid, SIGCONT) == 0);
	sleep_ns(1500 * MS);
	EXPECT(waitpid(s.pid, NULL, WNOHANG) == 0);
	EXPECT(state_is("enabled", 1));
	EXPECT(stop(&s) == 0);
	EXPECT(nobody_survives());
	report("frozen with everybody for 31 s, it is kept");
}

int main(int argc, char **argv)
{
	struct sched_param p = {.sched_priority = 60};
	if (argc != 3)
		return 2;
	directory = argv[1];
	object = argv[2];
	mkdir("/tmp", 0755);
	mkdir("/tmp/keep", 0700);
	signal(SIGPIPE, SIG_IGN);
	sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &p);
	kept_and_let_go(PLAIN, "kept without a beat, and let go in order");
	kept_and_let_go(HARDENED, "with the unit's capabilities alone");
	refused("another kernel", 10, "a new kernel asks for a new verdict", "other-kernel", NULL, NULL);
	refused("another job", 11, "policy.job is not what was exported", "other-job", NULL, NULL);
	refused("another object", 11, "the object in policy.job is not what was exported", "other-object", NULL, NULL);
	refused("another runner", 11, "schedcp-runner is not what was exported", "other-runner", NULL, NULL);
	refused("no manifest", 11, "cannot be read", "nothing", NULL, NULL);
	foreign();
	killed();
	boots();
	disk_full();
	by_hand();
	hotplug();
	frozen();
	ejections();
	return 0;
}
