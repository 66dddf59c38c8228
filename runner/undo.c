/* SPDX-License-Identifier: Apache-2.0 */
/* What a run changes of a machine. A host outlives its runs: what is changed there is kept in memory that the runner's keeper shares (keeper.c), and written
 * to /run/schedcp/settings before it happens, for the case that both are killed at once: the next start reads it. The directory lies in memory, as what it
 * tells of does: both are gone after a reboot. Its lock (flock(2)) lets one process at a time change settings: two would restore each other's values. */
#include "undo.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define AHEAD RUN_DIRECTORY "/settings"

static struct undo own;
struct undo *undo = &own;
static bool on_host;
static int lock_fd = -1;

void undo_share(void)
{
	void *shared = mmap(NULL, sizeof(*undo), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared != MAP_FAILED)
		undo = shared;
	on_host = true;
}

/* The lock of the directory that lies there now; -1 when somebody else has it. */
static int lock_directory(void)
{
	struct stat mine, there;
	for (int i = 0; i < 10; i++) {
		mkdir(RUN_DIRECTORY, 0700);
		int fd = open(RUN_DIRECTORY, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (fd < 0)
			return -1;
		bool locked = !flock(fd, LOCK_EX | LOCK_NB);
		if (locked && !fstat(fd, &mine) && !stat(RUN_DIRECTORY, &there) && mine.st_ino == there.st_ino)
			return fd;
		close(fd);
		if (!locked)
			return -1;
	}
	return -1;
}

static void read_ahead(void)
{
	char text[8192], *save, *line;
	if (read_text(AHEAD, text, sizeof(text)) <= 0)
		return;
	for (line = strtok_r(text, "\n", &save); line && undo->change_n < 33; line = strtok_r(NULL, "\n", &save)) {
		struct change *c = &undo->changes[undo->change_n];
		if (sscanf(line, "%u %71s %71s", &c->file, c->from, c->to) == 3)
			undo->change_n++;
	}
}

static bool lock_patiently(void)
{
	for (uint64_t limit = now_ns() + 2 * SECOND; lock_fd < 0 && (lock_fd = lock_directory()) < 0 && now_ns() < limit;)
		sleep_ns(20 * MS);
	return lock_fd >= 0;
}

bool undo_alone(void)
{
	if (!on_host || lock_fd >= 0)
		return true;
	if (!lock_patiently()) {
		fault_code = "unavailable";
		fault("wait for it: two runs would restore each other's settings", "another run is changing settings of this machine (lock of " RUN_DIRECTORY ")");
		return false;
	}
	if (!access(AHEAD, F_OK)) { /* who had the lock before was killed, and his keeper was slower than we */
		read_ahead();
		settings_restore();
		return undo_alone();
	}
	return true;
}

/* Whoever has the lock now has found what was written ahead, and undone it. */
void undo_for_ward(void)
{
	if (undo->change_n && lock_patiently())
		settings_restore();
	undo->change_n = 0;
}

void undo_write_ahead(void)
{
	char temporary[] = AHEAD ".new", line[240];
	if (!on_host)
		return;
	int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	for (uint32_t i = 0; fd >= 0 && i < undo->change_n; i++) {
		const struct change *c = &undo->changes[i];
		int n = snprintf(line, sizeof(line), "%u %s %s\n", c->file, c->from, c->to);
		if (write(fd, line, (size_t)n) != n)
			break; /* no room: the keeper still knows */
	}
	if (fd >= 0)
		close(fd);
	rename(temporary, AHEAD);
}

void undo_forget_ahead(void)
{
	if (!on_host || lock_fd < 0)
		return;
	unlink(AHEAD);
	unlink(AHEAD ".new");
	rmdir(RUN_DIRECTORY); /* stays where others keep something in it */
	close(lock_fd);
	lock_fd = -1;
}

/* A zombie has: its descriptor says so. */
static bool has_died(pid_t pid)
{
	struct pollfd end = {.fd = (int)syscall(SYS_pidfd_open, pid, 0), .events = POLLIN};
	bool died = end.fd < 0 ? errno == ESRCH : poll(&end, 1, 0) == 1;
	if (end.fd >= 0)
		close(end.fd);
	return died;
}

static void remove_with(const char *path)
{
	if (undo->cgroup_n < sizeof(undo->cgroups) / sizeof(*undo->cgroups))
		snprintf(undo->cgroups[undo->cgroup_n++], sizeof(*undo->cgroups), "%s", path);
}

/* Cgroups of runners that have died: cgroup.c names them after the process; they have one level below them. */
static void cgroups_recover(void)
{
	static const char root[] = "/sys/fs/cgroup";
	char path[160], below[160];
	DIR *directory = opendir(root);
	struct dirent *entry, *inner;
	int pid, named = 0;
	while (directory && (entry = readdir(directory))) {
		if (sscanf(entry->d_name, "schedcp-%d.%n", &pid, &named) != 1 || !named || pid <= 0 || !has_died(pid))
			continue;
		snprintf(path, sizeof(path), "%s/%.70s", root, entry->d_name);
		remove_with(path);
		DIR *inside = opendir(path);
		while (inside && (inner = readdir(inside)))
			if (inner->d_type == DT_DIR && inner->d_name[0] != '.' && snprintf(below, sizeof(below), "%.90s/%.60s", path, inner->d_name) > 0)
				remove_with(below);
		if (inside)
			closedir(inside);
	}
	if (directory)
		closedir(directory);
	cgroup_remove_all();
}

void undo_recover(void)
{
	on_host = true;
	cgroups_recover();
	if (access(AHEAD, F_OK) || (lock_fd = lock_directory()) < 0)
		return;
	read_ahead();
	settings_restore();
}
