/* SPDX-License-Identifier: Apache-2.0 */
/* The pure parts of `keep` on this machine, under sanitizers: SHA-256 by the vectors of the standard, what a manifest may be, and what an attempt means for the next one.
 * usage: keep-unit [MANIFEST]: with a file, what is read of it; exits 1 when a case failed. */
#include "../../runner/keep.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

static int bad;
#define CHECK(what) check(what, #what, __LINE__)

static void check(bool ok, const char *what, int line)
{
	if (!ok)
		printf("line %d: %s\n", line, what);
	bad |= !ok;
}

/* FIPS 180-4's examples (NIST, "SHA256.pdf"), the empty message, a million letters, and the length at which padding takes a second block. */
static void digests(void)
{
	char hex[65], *million = malloc(1000000);
	sha256_hex("", 0, hex);
	CHECK(!strcmp(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"));
	sha256_hex("abc", 3, hex);
	CHECK(!strcmp(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"));
	sha256_hex("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 56, hex);
	CHECK(!strcmp(hex, "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"));
	memset(million, 'a', 1000000);
	sha256_hex(million, 1000000, hex);
	CHECK(!strcmp(hex, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"));
	free(million);
}

#define A64 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define B64 "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
static const char good[] = "{\"covers\":\"release\",\"exportedAtMs\":1,\"files\":{\"policy.job\":\"" A64 "\",\"schedcp-runner\":\"" B64 "\"},\"loads\":\"" A64
			   "\",\"policy\":{\"identity\":\"" B64 "\",\"name\":\"v\",\"object\":\"" A64
			   "\",\"parameters\":{\"slice_ns\":5,\"big\":\"9007199254740993\",\"on\":true}},\"releases\":[\"6.18.2-a\",\"6.16.1\"],\"verdict\":\"" A64
			   "\",\"version\":1}\n";

static bool parses(const char *text, struct manifest *m)
{
	size_t n = strlen(text);
	char why[256] = "", *copy = malloc(n ? n : 1); /* exactly as long, so that a sanitizer sees a read behind it */
	memcpy(copy, text, n);
	bool ok = manifest_parse(copy, n, m, why, sizeof(why));
	free(copy);
	CHECK(ok || *why);
	return ok;
}

static bool parses_with(const char *from, const char *to)
{
	char text[4096];
	struct manifest m;
	const char *at = strstr(good, from);
	if (!at)
		exit(2);
	snprintf(text, sizeof(text), "%.*s%s%s", (int)(at - good), good, to, at + strlen(from));
	return parses(text, &m);
}

static void manifests(void)
{
	struct manifest m;
	CHECK(parses(good, &m));
	CHECK(!strcmp(m.job, A64) && !strcmp(m.runner, B64) && !strcmp(m.identity, B64) && !strcmp(m.name, "v") && m.release_count == 2 && !m.series);
	CHECK(manifest_covers(&m, "6.18.2-a") && manifest_covers(&m, "6.16.1"));
	CHECK(!manifest_covers(&m, "6.18.2") && !manifest_covers(&m, "6.18.2-ab") && !manifest_covers(&m, "6.17.0") && !manifest_covers(&m, ""));
	m.series = true;
	CHECK(manifest_covers(&m, "6.18.9") && manifest_covers(&m, "6.18-rc1") && manifest_covers(&m, "6.16"));
	CHECK(!manifest_covers(&m, "6.1") && !manifest_covers(&m, "6.180.2") && !manifest_covers(&m, "16.18.2") && !manifest_covers(&m, "6.") && !manifest_covers(&m, "six"));
	CHECK(parses_with("\"v\"", " \"a\\u00e4\\\"\\\\b\"\n"));
	CHECK(!parses_with("\"version\":1", "\"version\":2"));
	CHECK(!parses_with("\"version\":1", "\"version\":1,\"more\":1"));
	CHECK(!parses_with("\"covers\":\"release\"", "\"covers\":\"all\""));
	CHECK(!parses_with("\"loads\":\"" A64, "\"loads\":\"" "A" A64));
	CHECK(!parses_with("\"loads\":\"a", "\"loads\":\"g"));
	CHECK(!parses_with("\"loads\":\"" A64 "\",", ""));
	CHECK(!parses_with("\"version\":1", "\"version\":1,\"verdict\":\"" A64 "\""));
	CHECK(!parses_with("[\"6.18.2-a\",\"6.16.1\"]", "[]"));
	CHECK(!parses_with("[\"6.18.2-a\",", "[[[[[\"6.18.2-a\",\"b\"]]]],"));
	CHECK(!parses_with("\n", "x"));
	CHECK(!parses_with("\"v\"", "\"\\u00"));
	CHECK(!parses_with("\"v\"", "\"\\x\""));
	CHECK(!parses_with("true", "[1,2"));
	char cut[sizeof(good)];
	for (size_t n = 0; n + 2 < sizeof(good); n++) { /* only its line end may be missing */
		snprintf(cut, sizeof(cut), "%.*s", (int)n, good);
		CHECK(!parses(cut, &m));
	}
	srand(1);
	for (int i = 0; i < 200000; i++) {
		char text[sizeof(good)], why[256];
		memcpy(text, good, sizeof(good));
		for (int j = rand() % 4; j >= 0; j--)
			text[(size_t)rand() % (sizeof(good) - 1)] = (char)(rand() % 3 ? "{}[]\",:\\u0"[rand() % 10] : rand());
		manifest_parse(text, (size_t)rand() % sizeof(good), &m, why, sizeof(why));
	}
}

#define BOOT1 "11111111-1111-1111-1111-111111111111"
#define BOOT2 "22222222-2222-2222-2222-222222222222"

static struct attempt made(enum attempt_state state, uint64_t failures, uint64_t alive_s)
{
	struct attempt a = {.state = state, .number = 4, .failures = failures, .alive_s = alive_s, .failed_s = 1000, .why = "a\nreason"};
	strcpy(a.policy, A64);
	strcpy(a.boot, BOOT1);
	return a;
}

static void texts(void)
{
	char text[ATTEMPT_SIZE + 1];
	struct attempt a = made(FAILED, 2, 7), read;
	a.number = a.failures = a.alive_s = a.failed_s = UINT64_MAX;
	memset(a.why, '\1', sizeof(a.why) - 1);
	CHECK(attempt_print(&a, text) == ATTEMPT_SIZE && attempt_parse(text, ATTEMPT_SIZE, &read)); /* the longest */
	CHECK(read.failed_s == UINT64_MAX && read.state == FAILED && !strcmp(read.policy, A64) && !strcmp(read.boot, BOOT1) && read.why[0] == ' ');
	a = made(GOOD, 0, 61);
	a.why[0] = 0;
	CHECK(attempt_print(&a, text) == ATTEMPT_SIZE && attempt_parse(text, ATTEMPT_SIZE, &read) && read.alive_s == 61 && !*read.why);
	CHECK(!attempt_parse(text, ATTEMPT_SIZE - 1, &read));
	for (size_t i = 0; i < ATTEMPT_SIZE; i++) { /* no byte of it may be another */
		text[i] ^= 1;
		CHECK(!attempt_parse(text, ATTEMPT_SIZE, &read));
		text[i] ^= 1;
	}
	for (size_t n = 0; n < ATTEMPT_SIZE; n += 7) { /* a write that was cut off */
		char torn[ATTEMPT_SIZE] = {0};
		memcpy(torn, text, n);
		CHECK(!attempt_parse(torn, ATTEMPT_SIZE, &read));
	}
	srand(2);
	for (int i = 0; i < 100000; i++) {
		char any[ATTEMPT_SIZE];
		memcpy(any, text, ATTEMPT_SIZE);
		for (int j = rand() % 4; j >= 0; j--)
			any[rand() % 300] = (char)rand();
		if (attempt_parse(any, ATTEMPT_SIZE, &read))
			CHECK(!memcmp(any, text, ATTEMPT_SIZE));
	}
}

static void judgements(void)
{
	struct attempt next, a;
	uint64_t wait;
#define JUDGE(state, failures, alive, boot, now) (a = made(state, failures, alive), attempt_judge(&a, A64, boot, now, &next, &wait))
	CHECK(attempt_judge(NULL, A64, BOOT1, 5, &next, &wait) == MAY_START);
	CHECK(next.state == ATTACHING && next.number == 1 && next.failures == 0 && !strcmp(next.boot, BOOT1) && !strcmp(next.policy, A64) && wait == 0);
	/* the machine went down with it, or after it had been good, or after an orderly end */
	CHECK(JUDGE(ATTACHING, 0, 12, BOOT2, 5) == MACHINE_WENT_DOWN);
	CHECK(JUDGE(GOOD, 1, 61, BOOT2, 5) == MAY_START && next.failures == 1 && next.number == 5 && next.alive_s == 0 && !strcmp(next.boot, BOOT2));
	CHECK(JUDGE(CLEAN, 0, 3, BOOT2, 5) == MAY_START && next.state == ATTACHING && wait == 0);
	/* another policy has nothing to do with it */
	a = made(ATTACHING, 2, 12);
	CHECK(attempt_judge(&a, B64, BOOT2, 5, &next, &wait) == MAY_START && next.failures == 0 && next.number == 1);
	a = made(QUARANTINED, 3, 12);
	CHECK(attempt_judge(&a, B64, BOOT1, 5, &next, &wait) == MAY_START);
	/* its process was killed and the machine lives: a failure, and the third is the last */
	CHECK(JUDGE(ATTACHING, 0, 1, BOOT1, 2000) == MAY_START && next.failures == 1 && wait == 10);
	CHECK(JUDGE(GOOD, 1, 100, BOOT1, 2000) == MAY_START && next.failures == 2 && wait == 40);
	CHECK(JUDGE(GOOD, 2, 100, BOOT1, 2000) == IN_QUARANTINE && next.state == QUARANTINED && next.failures == 3);
	/* ... unless it came after an hour */
	CHECK(JUDGE(GOOD, 2, 3600, BOOT1, 2000) == MAY_START && next.failures == 1 && wait == 10);
	CHECK(JUDGE(CLEAN, 2, 3599, BOOT1, 2000) == MAY_START && next.failures == 2);
	CHECK(JUDGE(CLEAN, 2, 3600, BOOT1, 2000) == MAY_START && next.failures == 0);
	/* failures wait, in the boot that they happened in */
	CHECK(JUDGE(FAILED, 1, 5, BOOT1, 1003) == MAY_START && wait == 7 && next.failures == 1);
	CHECK(JUDGE(FAILED, 2, 5, BOOT1, 1003) == MAY_START && wait == 37);
	CHECK(JUDGE(FAILED, 2, 5, BOOT1, 1040) == MAY_START && wait == 0);
	CHECK(JUDGE(FAILED, 2, 5, BOOT2, 3) == MAY_START && wait == 0 && next.failures == 2);
	CHECK(JUDGE(FAILED, 1, 3600, BOOT1, 1001) == MAY_START && wait == 9 && next.failures == 1);
	CHECK(JUDGE(QUARANTINED, 3, 5, BOOT2, 5) == IN_QUARANTINE && next.failures == 3);
	a = made(GOOD, 2, 10);
	attempt_failed(&a, 77, "why");
	CHECK(a.state == QUARANTINED && a.failures == 3 && a.failed_s == 77 && !strcmp(a.why, "why"));
	a = made(GOOD, 2, 4000);
	attempt_failed(&a, 77, "why");
	CHECK(a.state == FAILED && a.failures == 1);
}

/* On disk: what is written is read, a lock keeps others out, a cut-off file is told from none. */
static void files(void)
{
	char directory[] = "/tmp/keep-unit-XXXXXX", path[64], text[ATTEMPT_SIZE];
	struct attempt a = made(ATTACHING, 0, 0), read;
	bool unreadable;
	if (!mkdtemp(directory))
		exit(2);
	snprintf(path, sizeof(path), "%s/last", directory);
	int other = open(path, O_RDWR | O_CREAT, 0600);
	flock(other, LOCK_EX);
	CHECK(attempt_open(path) == IN_USE);
	flock(other, LOCK_UN);
	CHECK(attempt_open(path) == OPENED);
	CHECK(!attempt_read(&read, &unreadable) && !unreadable);
	CHECK(attempt_write(&a) == 0 && attempt_read(&read, &unreadable) && read.state == ATTACHING);
	attempt_writer_start();
	a.state = GOOD;
	attempt_write_soon(&a);
	CHECK(attempt_written(2000) && attempt_writer_well());
	CHECK(attempt_read(&read, &unreadable) && read.state == GOOD);
	CHECK(pread(other, text, sizeof(text), 0) == ATTEMPT_SIZE && ftruncate(other, 100) == 0);
	CHECK(!attempt_read(&read, &unreadable) && unreadable);
	CHECK(attempt_open("/nowhere/at/all") == UNOPENED);
	unlink(path);
	rmdir(directory);
}

int main(int argc, char **argv)
{
	static char text[65536];
	struct manifest m;
	char why[256];
	if (argc == 2) {
		int fd = open(argv[1], O_RDONLY);
		ssize_t n = read(fd, text, sizeof(text));
		bool ok = n > 0 && manifest_parse(text, (size_t)n, &m, why, sizeof(why));
		puts(ok ? "read" : why);
		if (ok)
			printf("%s %s %s %s %s %s\n%s%s\n", m.verdict, m.identity, m.name, m.job, m.object, m.runner, m.releases[0], m.series ? " series" : "");
		return !ok;
	}
	digests();
	manifests();
	texts();
	judgements();
	files();
	puts(bad ? "failed" : "all good");
	return bad;
}
