/* SPDX-License-Identifier: Apache-2.0 */
/* A command that misbehaves on request, for the tests of `run`: each mode is one kind of bad input of issue 2. Static, no libraries. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

static void forks(void)
{
	for (;;)
		if (fork() < 0)
			usleep(1000);
}

static void memory(void)
{
	for (;;) {
		char *p = malloc(1 << 20);
		memset(p, 1, 1 << 20);
	}
}

static void disk(const char *path)
{
	static char block[65536];
	int fd = open(path, O_CREAT | O_WRONLY, 0600);
	memset(block, 'x', sizeof(block));
	while (write(fd, block, sizeof(block)) > 0)
		;
	perror(path);
	exit(1);
}

static void hang(void)
{
	for (int i = 1; i < 32; i++)
		signal(i, SIG_IGN);
	for (;;)
		pause();
}

/* Leaves its session and its parent and goes on for ever. */
static void escape(void)
{
	if (fork())
		exit(0);
	setsid();
	if (fork())
		_exit(0);
	hang();
}

static void spin(double seconds)
{
	struct timespec t;
	do
		clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	while ((double)t.tv_sec + (double)t.tv_nsec / 1e9 < seconds);
}

static void talk(void)
{
	for (int i = 0; i < 200000; i++)
		printf("line %d\n", i);
	fprintf(stderr, "\xff\x01 \"quoted\" \\ done\n");
	exit(3);
}

int main(int argc, char **argv)
{
	const char *mode = argc > 1 ? argv[1] : "";
	if (!strcmp(mode, "forks"))
		forks();
	if (!strcmp(mode, "memory"))
		memory();
	if (!strcmp(mode, "disk"))
		disk(argc > 2 ? argv[2] : "/tmp/full");
	if (!strcmp(mode, "hang"))
		hang();
	if (!strcmp(mode, "escape"))
		escape();
	if (!strcmp(mode, "talk"))
		talk();
	if (!strcmp(mode, "crash"))
		abort();
	if (!strcmp(mode, "spin"))
		spin(argc > 2 ? atof(argv[2]) : 0.2);
	if (!strcmp(mode, "trigger")) { /* the test policy `error` reacts to this comm */
		spin(0.1);
		prctl(PR_SET_NAME, "trigger");
		usleep(1000);
		spin(5);
	}
	if (!strcmp(mode, "environment"))
		printf("%s %s\n", getenv("NAME") ? getenv("NAME") : "unset", getcwd(NULL, 0));
	return 0;
}
