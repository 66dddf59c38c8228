/* SPDX-License-Identifier: Apache-2.0 */
/* Runs a program that can open no file but those it is given: a compiler reads what the text it compiles tells it to, in more ways than can be listed (#embed, .incbin, #line, …).
 * Sources: Documentation/userspace-api/landlock.rst and include/uapi/linux/landlock.h, v6.18 (restated here: older headers lack the newer rights); landlock_create_ruleset(2). */
#include "runner.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

enum { close_range_call = 436, create_ruleset = 444, add_rule = 445, restrict_self = 446, version_wish = 1, path_beneath = 1, when_executing = 1 << 2 };
enum {
	execute = 1 << 0, write_file = 1 << 1, read_file = 1 << 2, read_dir = 1 << 3, remove_file = 1 << 5,
	make_regular = 1 << 8, refer = 1 << 13, truncate_file = 1 << 14, ioctl_device = 1 << 15,
	first_rights = (1 << 13) - 1, /* of the first version, 5.13 */
};
enum { no_tcp = 3, no_abstract_sockets_no_signals = 3 };

struct ruleset {
	uint64_t files, network, scoped;
};

struct rule {
	uint64_t allowed;
	int32_t directory;
} __attribute__((packed));

enum { cannot = 125 }; /* as env(1) and timeout(1) say that it is they who failed */

static int gives_up(const char *what)
{
	fprintf(stderr, "confine: %s: %s\n", what, strerror(errno));
	return cannot;
}

static struct ruleset everything(long version)
{
	return (struct ruleset){
		.files = first_rights | (version >= 2 ? refer : 0) | (version >= 3 ? truncate_file : 0) | (version >= 5 ? ioctl_device : 0),
		.network = version >= 4 ? no_tcp : 0,
		.scoped = version >= 6 ? no_abstract_sockets_no_signals : 0,
	};
}

/* What is not there, or not to be had, needs no permission. */
static int allow(int rules, const char *path, uint64_t rights)
{
	struct stat about;
	int fd = open(path, O_PATH | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT || errno == ENOTDIR || errno == EACCES ? 0 : -1;
	if (fstat(fd, &about))
		return -1;
	struct rule rule = { .allowed = S_ISDIR(about.st_mode) ? rights : rights & (execute | write_file | read_file | truncate_file), .directory = fd };
	long status = syscall(add_rule, rules, path_beneath, &rule, 0);
	close(fd);
	return (int)status;
}

int confine_main(int argc, char **argv)
{
	long version = syscall(create_ruleset, NULL, 0, version_wish);
	if (version < 1)
		return gives_up("Landlock");
	struct ruleset all = everything(version);
	int rules = (int)syscall(create_ruleset, &all, sizeof(all), 0);
	if (rules < 0)
		return gives_up("Landlock");
	int i = 0;
	for (; i + 1 < argc && strcmp(argv[i], "--"); i += 2) {
		bool writes = !strcmp(argv[i], "--write");
		if (!writes && strcmp(argv[i], "--read"))
			break;
		uint64_t rights = read_file | read_dir | (writes ? write_file | make_regular | remove_file | truncate_file : execute);
		if (allow(rules, argv[i + 1], rights & all.files))
			return gives_up(argv[i + 1]);
	}
	if (i + 1 >= argc || strcmp(argv[i], "--")) {
		fprintf(stderr, "usage: schedcp-runner confine [--read PATH | --write DIRECTORY]… -- PROGRAM [ARGUMENT…]\n");
		return cannot;
	}
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || syscall(restrict_self, rules, 0))
		return gives_up("Landlock");
	/* Pipes and memory that somebody has left open are in no file system: no rule holds for /dev/fd/N. */
	if (syscall(close_range_call, 3U, ~0U, when_executing))
		return gives_up("close_range");
	execv(argv[i + 1], argv + i + 1);
	return gives_up(argv[i + 1]);
}
