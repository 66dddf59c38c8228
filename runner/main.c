/* SPDX-License-Identifier: Apache-2.0 */
/* The runner: everything of SchedCP that must happen beside the kernel. One program for the micro-VM and the host. */
#include "runner.h"
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	const char *command = argc > 1 ? argv[1] : "";
	const char *name = strrchr(argv[0], '/');
	if (getpid() == 1 && (!strcmp(command, "init") || (name && !strcmp(name, "/init")))) /* the kernel adds arguments of its own */
		return init_main();
	if (!strcmp(command, "run"))
		return run_main(argc - 2, argv + 2);
	if (!strcmp(command, "play"))
		return play_main(argc - 2, argv + 2);
	if (!strcmp(command, "hold"))
		return hold_main(argc - 2, argv + 2);
	if (!strcmp(command, "stop"))
		return stop_main(argc - 2, argv + 2);
	if (!strcmp(command, "keep"))
		return keep_main(argc - 2, argv + 2);
	if (!strcmp(command, "probe"))
		return probe_main();
	if (!strcmp(command, "confine"))
		return confine_main(argc - 2, argv + 2);
	fprintf(stderr, "usage: schedcp-runner run [--job FILE] | play FILE | hold --object FILE … | stop [--force] | keep --manifest FILE | probe | confine … -- PROGRAM\n"
			"       (started as PID 1 of a micro-VM it is `init`; formats: docs/protocol.md)\n");
	return 2;
}
