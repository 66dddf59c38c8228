/* SPDX-License-Identifier: Apache-2.0 */
/* Keeps a policy attached for a deployment, and undoes it: on end of input, a missed heartbeat, a signal, an ejection, at own death
 * (the kernel drops the link, survivor.c does the rest), and by SysRq-S when detaching has no effect within 1 s. With --socket a restarted control plane may
 * adopt it: it connects and beats before the heartbeat runs out. docs/protocol.md section 7: any line is a beat; "detach" ends it, "set" moves a knob. */
#include "undo.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { MAX_CLIENTS = 4, STATE_EVERY_MS = 1000 };
/* Without a sign of life: frozen. Besides the verifier's budget, what loading takes; detaching, with 1 s until SysRq-S. */
enum { FROZEN_MS = 3000, LOAD_MS = 5000, DETACH_MS = 5000 };

struct client {
	int fd; /* -1: none */
	char line[512];
	size_t n;
};
struct hold {
	const char *object, *job_path, *socket_path;
	uint64_t heartbeat_ms, timeout_ms;
	int listener;
	struct client clients[1 + MAX_CLIENTS]; /* the first is standard input */
	uint64_t started, last_beat, next_state;
	bool beaten; /* somebody has said something */
	struct policy *policy;
	struct job job;
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
	for (int i = 1; i <= MAX_CLIENTS; i++)
		if (n && h->clients[i].fd >= 0)
			send(h->clients[i].fd, text, n, MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* Who holds what: the first thing that everyone hears. */
static void introduce(struct hold *h)
{
	json_open("hold");
	json_int("pid", getpid());
	json_string("ops", policy_name(h->policy));
	json_int("enableSeq", policy_seq(h->policy));
	json_uint("heartbeatMs", h->heartbeat_ms);
	json_string("scope", h->job.scope_count ? "partial" : "whole");
	json_bool("freezeNoticed", undo->freeze_noticed);
	json_close();
}

static void state_emit(struct hold *h)
{
	struct presence p;
	presence_read(&p);
	if (strcmp(p.state, "enabled") || p.enable_seq != policy_seq(h->policy))
		h->why = "the kernel ejected the policy";
	presence_emit("during", &p);
	if (h->job.scope_count && !h->why) {
		json_open("covered");
		json_uint("threads", scope_take(&h->job));
		json_close();
	}
	scx_events_emit();
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
	if (!strncmp(path, RUN_DIRECTORY "/", sizeof(RUN_DIRECTORY)))
		mkdir(RUN_DIRECTORY, 0700);
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
	for (int i = 1; allowed && i <= MAX_CLIENTS; i++) {
		if (h->clients[i].fd >= 0)
			continue;
		h->clients[i] = (struct client){.fd = fd};
		if (h->policy)
			introduce(h);
		h->next_state = 0;
		return;
	}
	close(fd);
}

/* set NAME VALUE; everyone hears what came of it. */
static void set_knob(struct hold *h, char *rest)
{
	char *value = strchr(rest, ' ');
	if (value)
		*value++ = 0;
	int error = !value ? -EINVAL : h->policy ? knob_set(policy_object(h->policy), rest, value) : -EAGAIN;
	json_open("set");
	json_string("name", rest);
	json_string("value", value ? value : "");
	json_bool("ok", !error);
	json_string("error", error == 0 ? "" : error == -ENOENT ? "not-found" : error == -ERANGE || error == -EINVAL ? "malformed" : "unavailable");
	json_close();
	tell(h);
}

static void obey(struct hold *h, char *line)
{
	h->last_beat = now_ns();
	h->beaten = true;
	if (!strcmp(line, "detach"))
		h->why = "asked to detach";
	else if (!strncmp(line, "set ", 4))
		set_knob(h, line + 4);
}

/* Reads what one controller says; a line longer than our room is nothing that we know, and a beat. */
static void hear(struct hold *h, struct client *c)
{
	char text[4096];
	ssize_t n = read(c->fd, text, sizeof(text));
	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
		close(c->fd);
		c->fd = -1;
	}
	for (ssize_t i = 0; i < n; i++) {
		if (text[i] != '\n') {
			c->n += c->n < sizeof(c->line) - 1 ? 1 : 0;
			c->line[c->n - 1] = text[i];
			continue;
		}
		c->line[c->n] = 0;
		c->n = 0;
		obey(h, c->line);
	}
}

/* False: nothing came. */
static bool listen_once(struct hold *h, uint64_t until)
{
	struct pollfd fds[2 + MAX_CLIENTS] = {{.fd = h->listener, .events = POLLIN}};
	for (int i = 0; i <= MAX_CLIENTS; i++)
		fds[1 + i] = (struct pollfd){.fd = h->clients[i].fd, .events = POLLIN};
	if (wait_signals(fds, 2 + MAX_CLIENTS, until) <= 0)
		return false;
	for (int i = 0; i <= MAX_CLIENTS; i++)
		if (fds[1 + i].revents)
			hear(h, &h->clients[i]);
	if (fds[0].revents)
		welcome(h);
	return true;
}

static bool alone(const struct hold *h)
{
	for (int i = 0; i <= MAX_CLIENTS; i++)
		if (h->clients[i].fd >= 0)
			return false;
	return true;
}

/* Everything that was said and done while the policy was loaded. */
static void catch_up(struct hold *h)
{
	for (int i = 0; i < 100 && !h->why && listen_once(h, 0); i++)
		;
	if (signals_end_asked())
		h->why = "a signal";
	else if (!h->why && alone(h))
		h->why = "end of input";
}

/* Who has been loading for longer than a heartbeat cannot know when those beats came that were not read: who beats owes one more. Who does not beat before the policy
 * is attached owes none. */
static bool wanted(void *argument)
{
	struct hold *h = argument;
	catch_up(h);
	uint64_t now = now_ns(), limit = now + h->heartbeat_ms * MS;
	if (!h->beaten || now < h->started + h->heartbeat_ms * MS)
		return !h->why;
	undo->alive_until = limit + FROZEN_MS * MS;
	while (!h->why && h->last_beat < now) {
		listen_once(h, limit);
		catch_up(h);
		if (!h->why && h->last_beat < now && now_ns() >= limit)
			h->why = "missed heartbeat";
	}
	return !h->why;
}

static void hold_loop(struct hold *h)
{
	h->last_beat = now_ns();
	while (!h->why) {
		uint64_t now = now_ns(), missed = h->last_beat + h->heartbeat_ms * MS, until = h->next_state;
		undo->alive_until = now + FROZEN_MS * MS;
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
		else if (h->clients[0].fd < 0 && h->listener < 0)
			h->why = "end of input";
		if (h->why)
			return;
		until = missed < h->next_state ? missed : h->next_state;
		listen_once(h, until < now + 100 * MS ? until : now + 100 * MS);
	}
}

/* The job of --job, or one that is made of --object. */
static bool job_find(struct hold *h)
{
	struct parse_error error = {0};
	const char *path = h->job_path ? h->job_path : h->object;
	size_t n = 0, need;
	int fd = !strncmp(path, "fd:", 3) ? atoi(path + 3) : open(path, O_RDONLY | O_CLOEXEC); /* a socket has no name that could be opened */
	uint8_t *bytes = fd < 0 ? NULL : read_all(fd, &n);
	if (fd >= 0)
		close(fd);
	if (n < 1 || n > 64 << 20) {
		fault("name a policy object below 64 MiB", "cannot read %s: %s", path, fd < 0 ? strerror(errno) : "its size is wrong");
		return false;
	}
	if (!h->job_path) {
		h->job = (struct job){.timeout_ms = h->timeout_ms, .verify_budget_ms = 30000, .object = {bytes, n}};
		return true;
	}
	bool parsed = job_parse(bytes, n, &h->job, &need, &error) == PARSED;
	if (!parsed || !h->job.object.at)
		fault("send a job as docs/protocol.md section 7 describes it", "%s", parsed ? "the job has no object" : error.text[0] ? error.text : "the job ends before its line `end`");
	return parsed && h->job.object.at;
}

static void hold_policy(struct hold *h)
{
	undo_recover();
	scope_recover();
	if (!job_find(h) || !scope_found(&h->job))
		return;
	if (h->socket_path && (h->listener = listen_at(h->socket_path)) < 0) {
		fault("choose another path, or end the runner that holds it", "cannot listen at %s: %s", h->socket_path, strerror(errno));
		return;
	}
	undo->listening = h->socket_path != NULL;
	bool written = !h->job.scope_count || scope_remember();
	kmsg_start();
	undo->alive_until = now_ns() + h->job.verify_budget_ms * MS + LOAD_MS * MS;
	h->policy = written ? policy_attach(&h->job, wanted, h) : NULL;
	if (h->policy) {
		protect_from_oom();
		json_flush();
		introduce(h);
		fcntl(0, F_SETFL, fcntl(0, F_GETFL) | O_NONBLOCK);
		fcntl(1, F_SETFL, fcntl(1, F_GETFL) | O_NONBLOCK); /* a frozen reader must not hold us up */
		hold_loop(h);
		undo->alive_until = now_ns() + DETACH_MS * MS;
		policy_detach(h->policy, 1000);
		if (h->job.scope_count)
			scope_give_back();
	}
	if (h->why) {
		json_open("detached");
		json_string("why", h->why);
		json_close();
	}
	if (h->socket_path)
		unlink(h->socket_path);
	if (h->job.scope_count && written && !h->policy)
		scope_give_back();
	rmdir(RUN_DIRECTORY);
}

static int options(struct hold *h, int argc, char **argv)
{
	for (int i = 0; i + 1 < argc; i += 2) {
		char *end = "", *value = argv[i + 1];
		if (!strcmp(argv[i], "--object"))
			h->object = value;
		else if (!strcmp(argv[i], "--job"))
			h->job_path = value;
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
	return argc % 2 || !h->object == !h->job_path || !sane ? -1 : 0;
}

int hold_main(int argc, char **argv)
{
	struct hold h = {.heartbeat_ms = 3000, .timeout_ms = 5000, .listener = -1, .started = now_ns()};
	for (int i = 1; i <= MAX_CLIENTS; i++)
		h.clients[i].fd = -1;
	if (options(&h, argc, argv)) {
		fprintf(stderr, "usage: schedcp-runner hold --object FILE | --job FILE [--heartbeat-ms 100..60000] [--timeout-ms 1..5000] [--socket PATH]\n");
		return 2;
	}
	signals_setup();
	if (survivor_start(h.socket_path, LOAD_MS))
		hold_policy(&h);
	undo->over = true;
	survivor_release();
	json_open("done");
	json_string("status", failed ? "failed" : "ok");
	json_close();
	tell(&h);
	return failed ? 1 : 0;
}
