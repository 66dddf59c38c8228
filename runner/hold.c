/* SPDX-License-Identifier: Apache-2.0 */
/* Keeps a policy attached for a deployment, and undoes it: on end of input, a missed heartbeat, a signal, an ejection, at own death
 * (the kernel drops the link), and by SysRq-S when detaching has no effect within 1 s. With --socket a restarted control plane may
 * adopt it: it connects and beats before the heartbeat runs out. Any line is a beat; the line "detach" ends it. */
#include "runner.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { MAX_CLIENTS = 4, STATE_EVERY_MS = 1000 };

struct hold {
	const char *object, *socket_path;
	uint64_t heartbeat_ms, timeout_ms;
	int listener, input, clients[MAX_CLIENTS];
	uint64_t last_beat, next_state;
	const char *why; /* set: detach */
};

/* Sends the collected lines to everyone; a reader that is full or gone never holds us up. */
static void tell(struct hold *h)
{
	char *text;
	size_t n = json_take(&text);
	struct pollfd ready = {.fd = output_fd, .events = POLLOUT};
	if (n && poll(&ready, 1, 0) == 1 && write(output_fd, text, n) < 0 && errno != EAGAIN)
		output_fd = -1;
	for (int i = 0; i < MAX_CLIENTS; i++)
		if (n && h->clients[i] >= 0)
			send(h->clients[i], text, n, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void state_emit(struct hold *h)
{
	struct presence p;
	presence_read(&p);
	presence_emit("during", &p);
	scx_events_emit();
	if (strcmp(p.state, "enabled"))
		h->why = "the kernel ejected the policy";
	tell(h);
}

static int listen_at(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct stat s;
	if (strlen(path) >= sizeof(address.sun_path))
		return -1;
	strcpy(address.sun_path, path);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (!lstat(path, &s) && S_ISSOCK(s.st_mode) && connect(fd, (struct sockaddr *)&address, sizeof(address)) && errno == ECONNREFUSED)
		unlink(path); /* left behind by a runner that died */
	mode_t old = umask(0177);
	int result = bind(fd, (struct sockaddr *)&address, sizeof(address)) || listen(fd, MAX_CLIENTS);
	umask(old);
	if (!result)
		return fd;
	close(fd);
	return -1;
}

static void welcome(struct hold *h)
{
	struct ucred peer;
	socklen_t size = sizeof(peer);
	int fd = accept4(h->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd < 0)
		return;
	bool allowed = !getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) && (peer.uid == 0 || peer.uid == geteuid());
	for (int i = 0; allowed && i < MAX_CLIENTS; i++) {
		if (h->clients[i] < 0) {
			h->clients[i] = fd;
			h->next_state = 0; /* greet with the state */
			return;
		}
	}
	close(fd);
}

/* Reads what one controller says; -1 when it has closed. */
static int hear(struct hold *h, int fd)
{
	char text[4096];
	ssize_t n = read(fd, text, sizeof(text) - 1);
	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
		close(fd);
		return -1;
	}
	if (n <= 0)
		return fd;
	text[n] = 0;
	if (strchr(text, '\n'))
		h->last_beat = now_ns();
	if (!strncmp(text, "detach\n", 7) || strstr(text, "\ndetach\n"))
		h->why = "asked to detach";
	return fd;
}

static void listen_once(struct hold *h, uint64_t until)
{
	struct pollfd fds[2 + MAX_CLIENTS] = {{.fd = h->input, .events = POLLIN}, {.fd = h->listener, .events = POLLIN}};
	for (int i = 0; i < MAX_CLIENTS; i++)
		fds[2 + i] = (struct pollfd){.fd = h->clients[i], .events = POLLIN};
	if (wait_signals(fds, 2 + MAX_CLIENTS, until) <= 0)
		return;
	if (fds[0].revents)
		h->input = hear(h, h->input);
	for (int i = 0; i < MAX_CLIENTS; i++)
		if (fds[2 + i].revents)
			h->clients[i] = hear(h, h->clients[i]);
	if (fds[1].revents)
		welcome(h);
}

static void hold_loop(struct hold *h)
{
	h->last_beat = now_ns();
	while (!h->why) {
		uint64_t now = now_ns(), missed = h->last_beat + h->heartbeat_ms * MS, until = h->next_state;
		if (now >= h->next_state) {
			state_emit(h);
			h->next_state = now + STATE_EVERY_MS * MS;
		} else if (!presence_enabled()) {
			h->why = "the kernel ejected the policy";
		}
		if (signals_end_asked())
			h->why = "a signal";
		else if (now >= missed)
			h->why = "missed heartbeat";
		else if (h->input < 0 && h->listener < 0)
			h->why = "end of input";
		if (h->why)
			return;
		until = missed < h->next_state ? missed : h->next_state;
		listen_once(h, until < now + 100 * MS ? until : now + 100 * MS);
	}
}

static bool object_map(const char *path, struct job *job)
{
	struct stat s;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &s) || s.st_size < 1 || s.st_size > 64 << 20) {
		fault("name a policy object below 64 MiB", "cannot open %s: %s", path, fd < 0 ? strerror(errno) : "its size is wrong");
		return false;
	}
	void *bytes = mmap(NULL, (size_t)s.st_size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0);
	close(fd);
	job->object = (struct bytes){bytes, (size_t)s.st_size};
	return bytes != MAP_FAILED;
}

static void hold_policy(struct hold *h)
{
	struct job job = {.timeout_ms = h->timeout_ms, .verify_budget_ms = 30000};
	if (!object_map(h->object, &job))
		return;
	if (h->socket_path && (h->listener = listen_at(h->socket_path)) < 0) {
		fault("choose another path, or end the runner that holds it", "cannot listen at %s: %s", h->socket_path, strerror(errno));
		return;
	}
	kmsg_start();
	struct policy *policy = policy_attach(&job);
	if (policy) {
		json_flush();
		fcntl(0, F_SETFL, fcntl(0, F_GETFL) | O_NONBLOCK);
		fcntl(1, F_SETFL, fcntl(1, F_GETFL) | O_NONBLOCK); /* a frozen reader must not hold us up */
		hold_loop(h);
		policy_detach(policy, 1000);
		json_open("detached");
		json_string("why", h->why);
		json_close();
	}
	if (h->socket_path)
		unlink(h->socket_path);
}

static int options(struct hold *h, int argc, char **argv)
{
	for (int i = 0; i + 1 < argc; i += 2) {
		char *end = "", *value = argv[i + 1];
		if (!strcmp(argv[i], "--object"))
			h->object = value;
		else if (!strcmp(argv[i], "--socket"))
			h->socket_path = value;
		else if (!strcmp(argv[i], "--heartbeat-ms"))
			h->heartbeat_ms = strtoull(value, &end, 10);
		else if (!strcmp(argv[i], "--timeout-ms"))
			h->timeout_ms = strtoull(value, &end, 10);
		else
			return -1;
		if (*end)
			return -1;
	}
	bool sane = h->heartbeat_ms >= 100 && h->heartbeat_ms <= 60000 && h->timeout_ms >= 1 && h->timeout_ms <= 5000;
	return argc % 2 || !h->object || !sane ? -1 : 0;
}

int hold_main(int argc, char **argv)
{
	struct hold h = {.heartbeat_ms = 3000, .timeout_ms = 5000, .listener = -1, .clients = {-1, -1, -1, -1}};
	if (options(&h, argc, argv)) {
		fprintf(stderr, "usage: schedcp-runner hold --object FILE [--heartbeat-ms 100..60000] [--timeout-ms 1..5000] [--socket PATH]\n");
		return 2;
	}
	signals_setup();
	hold_policy(&h);
	json_open("done");
	json_string("status", failed ? "failed" : "ok");
	json_close();
	tell(&h);
	return failed ? 1 : 0;
}
