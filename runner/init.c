/* SPDX-License-Identifier: Apache-2.0 */
/* PID 1 of the micro-VM: mounts, says it is ready, takes the job from fw_cfg by port I/O (QEMU docs/specs/fw_cfg.rst), lets a child run
 * it (so that a crash there is reported, not a kernel panic), and ends the VM through isa-debug-exit. */
#include "runner.h"
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/io.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <dirent.h>
#include <unistd.h>

enum { SELECTOR = 0x510, DATA = 0x511, DIRECTORY_KEY = 0x19, EXIT_PORT = 0x501, JOB_LIMIT = 256 << 20 };

/* A payload below /tmp must not be hidden by an empty file system: the root lies in memory as well. */
static bool has_payload(const char *at)
{
	DIR *directory = opendir(at);
	struct dirent *entry;
	bool found = false;
	while (directory && !found && (entry = readdir(directory)))
		found = strcmp(entry->d_name, ".") && strcmp(entry->d_name, "..");
	if (directory)
		closedir(directory);
	return found;
}

static void mount_all(void)
{
	static const struct {
		const char *type, *at, *options;
	} mounts[] = {
		{"proc", "/proc", ""}, {"sysfs", "/sys", ""}, {"devtmpfs", "/dev", ""}, {"debugfs", "/sys/kernel/debug", ""},
		{"tracefs", "/sys/kernel/tracing", ""}, {"cgroup2", "/sys/fs/cgroup", ""}, {"tmpfs", "/tmp", "size=50%,mode=1777"},
		{"tmpfs", "/run", "size=10%,mode=755"}, {"devpts", "/dev/pts", "mode=620,ptmxmode=666"}, {"tmpfs", "/dev/shm", "size=25%,mode=1777"},
	};
	for (size_t i = 0; i < sizeof(mounts) / sizeof(*mounts); i++) {
		mkdir(mounts[i].at, 0755);
		if (!strcmp(mounts[i].type, "tmpfs") && has_payload(mounts[i].at))
			continue;
		if (mount(mounts[i].type, mounts[i].at, mounts[i].type, 0, mounts[i].options) && errno != EBUSY)
			fault("use a kernel that has it", "cannot mount %s on %s: %s", mounts[i].type, mounts[i].at, strerror(errno));
	}
	symlink("/proc/self/fd", "/dev/fd");
	symlink("/proc/self/fd/0", "/dev/stdin");
	symlink("/proc/self/fd/1", "/dev/stdout");
	symlink("/proc/self/fd/2", "/dev/stderr");
	write_text("/sys/fs/cgroup/cgroup.subtree_control", "+cpu");
	write_text("/sys/fs/cgroup/cgroup.subtree_control", "+memory");
	write_text("/sys/fs/cgroup/cgroup.subtree_control", "+pids");
}

static void loopback_up(void)
{
	struct ifreq request = {.ifr_name = "lo"};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && !ioctl(fd, SIOCGIFFLAGS, &request)) {
		request.ifr_flags |= IFF_UP;
		ioctl(fd, SIOCSIFFLAGS, &request);
	}
	if (fd >= 0)
		close(fd);
}

static void console_open(void)
{
	int fd = open("/dev/console", O_RDWR);
	if (fd < 0)
		fd = open("/dev/null", O_RDWR);
	for (int i = 0; i < 3; i++)
		dup2(fd, i);
	if (fd > 2)
		close(fd);
}

int port_find(const char *wanted, int flags)
{
	DIR *directory = opendir("/sys/class/virtio-ports");
	struct dirent *entry;
	int fd = -1;
	while (directory && fd < 0 && (entry = readdir(directory))) {
		char path[320], name[64];
		snprintf(path, sizeof(path), "/sys/class/virtio-ports/%s/name", entry->d_name);
		if (entry->d_name[0] == '.' || read_text(path, name, sizeof(name)) <= 0 || strcmp(name, wanted))
			continue;
		snprintf(path, sizeof(path), "/dev/%s", entry->d_name);
		fd = open(path, flags | O_CLOEXEC);
	}
	if (directory)
		closedir(directory);
	return fd;
}

/* The kernel finds them a little after it has started. */
int port_open(const char *wanted, int flags)
{
	int fd = port_find(wanted, flags);
	for (uint64_t limit = now_ns() + 2 * SECOND; fd < 0 && now_ns() < limit; fd = port_find(wanted, flags))
		sleep_ns(2 * MS);
	return fd;
}

/* The console when there is no such port. */
static int output_open(void)
{
	int fd = port_open("org.schedcp.out", O_WRONLY);
	return fd < 0 ? 1 : fd;
}

static void fw_select(uint16_t key) { outw(key, SELECTOR); }
/* libc's insb does not tell the compiler that memory changes. */
static void fw_read(void *at, uint32_t n)
{
	size_t count = n;
	__asm__ volatile("cld; rep insb" : "+D"(at), "+c"(count) : "d"((uint16_t)DATA) : "memory");
}
static uint32_t big32(const uint8_t *b) { return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3]; }

/* The key and size of a fw_cfg file; 0 when there is none. */
static uint16_t fw_find(const char *name, uint32_t *size)
{
	uint8_t entry[64];
	fw_select(DIRECTORY_KEY);
	fw_read(entry, 4);
	for (uint32_t n = big32(entry), i = 0; i < n && i < 4096; i++) {
		fw_read(entry, sizeof(entry));
		entry[63] = 0;
		if (strcmp((char *)entry + 8, name))
			continue;
		*size = big32(entry);
		return (uint16_t)(entry[4] << 8 | entry[5]);
	}
	return 0;
}

/* Waits for the job and reads no more of the file than the job is long. */
static bool job_wait(struct job *job)
{
	struct parse_error error = {0};
	enum parsed result = NEEDS_MORE;
	uint32_t size = 0;
	uint16_t key = fw_find("opt/schedcp/job", &size);
	uint8_t first = 0;
	size_t need = 4096, n = 1;
	if (!key || size > JOB_LIMIT) {
		fault("start QEMU with -fw_cfg name=opt/schedcp/job,file=…", "there is no fw_cfg file opt/schedcp/job below 256 MiB");
		return false;
	}
	for (uint64_t limit = now_ns() + 600 * SECOND; !first && now_ns() < limit; first ? 0 : sleep_ns(2 * MS)) {
		fw_select(key);
		fw_read(&first, 1);
	}
	uint8_t *buf = xalloc(NULL, size);
	buf[0] = first;
	while (first && result == NEEDS_MORE && n < size) {
		size_t upto = need < n + 4096 ? n + 4096 : need;
		upto = upto < size ? upto : size;
		fw_read(buf + n, (uint32_t)(upto - n));
		n = upto;
		result = job_parse(buf, n, job, &need, &error);
	}
	if (result != PARSED)
		fault("send a job as docs/protocol.md section 2 describes it", "%s",
		      result == MALFORMED ? error.text : first ? "the job ends before its line `end`" : "no job came within 10 minutes");
	return result == PARSED;
}

static noreturn void end_vm(bool child_said_done)
{
	if (!child_said_done) {
		json_open("done");
		json_string("status", "failed");
		json_close();
	}
	json_flush();
	if (!ioperm(EXIT_PORT, 1, 1))
		outb(failed ? 1 : 0, EXIT_PORT);
	reboot(RB_POWER_OFF);
	for (;;)
		pause();
}

static bool child_reaped(pid_t child, int *status, uint64_t limit)
{
	while (now_ns() < limit) {
		int got = 0;
		pid_t pid = waitpid(-1, &got, WNOHANG);
		if (pid == child) {
			*status = got;
			return true;
		}
		if (pid > 0)
			continue;
		wait_signals(NULL, 0, now_ns() + SECOND);
	}
	return false;
}

/* The child says everything itself, `done` included, unless it dies: true when it did not. */
static bool run_in_child(const struct job *job)
{
	int status = 0;
	pid_t child = fork();
	if (child == 0) {
		run_job(job);
		_exit(0);
	}
	if (child < 0) {
		fault("give the VM more memory", "cannot fork: %s", strerror(errno));
		return false;
	}
	uint64_t limit = now_ns() + (job->verify_budget_ms + job->wall_limit_ms + 60000) * MS;
	bool reaped = child_reaped(child, &status, limit);
	if (!reaped) {
		kill(child, SIGKILL);
		fault("report this", "the runner did not end within its own limits and was killed");
	} else if (WIFSIGNALED(status)) {
		fault("the object or the job may be hostile: report it", "the runner crashed with signal %d (%s)", WTERMSIG(status), strsignal(WTERMSIG(status)));
	}
	return reaped && WIFEXITED(status);
}

int init_main(void)
{
	struct job job;
	mount_all();
	console_open();
	loopback_up();
	signals_setup();
	if (sethostname("schedcp", 7) || setenv("PATH", "/usr/sbin:/usr/bin:/sbin:/bin", 1))
		fault("report this", "cannot set the host name");
	json_output(output_open());
	protect_self();
	if (ioperm(SELECTOR, 2, 1)) {
		fault("use a kernel with CONFIG_X86_IOPL_IOPERM", "no access to the fw_cfg ports: %s", strerror(errno));
		end_vm(false);
	}
	kernel_btf_preload(); /* becomes part of a snapshot */
	ready_emit("ready");
	json_flush();
	bool have_job = job_wait(&job);
	ioperm(SELECTOR, 2, 0); /* a task would inherit it */
	end_vm(have_job && run_in_child(&job));
}
