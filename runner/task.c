/* SPDX-License-Identifier: Apache-2.0 */
/* One task of an expansion: a process that executes its operations. Semaphores and locks are futexes in shared memory (futex(2));
 * the lock is the well-known three-state mutex of Drepper, "Futexes Are Tricky". */
#include "play.h"
#include <errno.h>
#include <linux/futex.h>
#include <linux/sched/types.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

struct self {
	struct play *play;
	uint32_t index;
	struct record *record;
	uint64_t overshoot; /* CPU time that earlier RUNs took too much */
	uint64_t clock;     /* its CPU time at the end of the last RUN; 0: another operation came after that */
	uint32_t *counters; /* of REPEATs, by operation; made when first needed */
};

static void futex_wait(_Atomic uint32_t *word, uint32_t value) { syscall(SYS_futex, word, FUTEX_WAIT, value, NULL, NULL, 0); }
static void futex_wake(_Atomic uint32_t *word, uint32_t n) { syscall(SYS_futex, word, FUTEX_WAKE, n, NULL, NULL, 0); }

static uint64_t cpu_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * SECOND + (uint64_t)t.tv_nsec;
}

enum { SPIN_SHIFT = 20, CHUNK_NS = 100000 };

/* Under the instruction clock an instruction takes the guest 2 ns whatever it does, and an emulator translates a nop to nothing: 64 in a
 * row let the guest's time pass several times faster than a bare loop does. */
static void spin(uint64_t turns)
{
	for (uint64_t i = 0; i < turns; i++)
		__asm__ volatile(".rept 64; nop; .endr" : "+r"(i));
}

/* Turns per 2^20 ns. */
uint64_t spin_calibrate(void)
{
	uint64_t turns = 20, taken = 0;
	while (taken < 50000 && turns < 1 << 28) {
		uint64_t start = cpu_ns();
		turns *= 2;
		spin(turns);
		taken = cpu_ns() - start;
	}
	return (turns << SPIN_SHIFT) / (taken ? taken : 1) + 1;
}

/* What one reading of the clock costs: a system call of microseconds under emulation, by another path for each sched class. */
static uint64_t reading_calibrate(void)
{
	uint64_t least = ~0ULL, before = cpu_ns();
	for (int i = 0; i < 4; i++) {
		uint64_t now = cpu_ns();
		least = now - before < least ? now - before : least;
		before = now;
	}
	return least;
}

/* Burns ns of own CPU time, less what earlier RUNs took too much, reading the clock every CHUNK_NS. A RUN right after a RUN goes on from
 * its last reading: nothing is lost between them, even when an emulator lets other CPUs go first there. Any other pays, as the task's own
 * time, for the way into its first reading and out of its last: together one reading. */
static void op_run(struct self *self, uint64_t ns)
{
	uint64_t now = self->clock;
	if (ns <= self->overshoot) {
		self->overshoot -= ns;
		return;
	}
	if (!now) {
		now = cpu_ns();
		self->overshoot += self->play->reading_ns;
	}
	uint64_t target = now + ns;
	while (now + self->overshoot < target) {
		uint64_t left = target - now - self->overshoot, chunk = left < CHUNK_NS ? left : CHUNK_NS, before = now;
		uint64_t turns = (chunk * self->play->spin_rate >> SPIN_SHIFT) + 1;
		spin(turns);
		now = cpu_ns();
		if (chunk == CHUNK_NS && now > before) /* follow the CPU's speed slowly */
			self->play->spin_rate = (self->play->spin_rate * 7 + (turns << SPIN_SHIFT) / (now - before)) / 8 + 1;
	}
	self->overshoot += now - target;
	self->clock = now;
}

static void sleep_until(uint64_t when)
{
	struct timespec t = {.tv_sec = (time_t)(when / SECOND), .tv_nsec = (long)(when % SECOND)};
	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) == EINTR)
		;
}

static void op_wait(struct semaphore *s)
{
	for (;;) {
		uint32_t value = atomic_load(&s->value);
		while (value)
			if (atomic_compare_exchange_weak(&s->value, &value, value - 1))
				return;
		atomic_fetch_add(&s->waiters, 1);
		futex_wait(&s->value, 0);
		atomic_fetch_sub(&s->waiters, 1);
	}
}

static void op_signal(struct semaphore *s, uint32_t n)
{
	atomic_store(&s->stamp, now_ns());
	atomic_fetch_add(&s->value, n);
	if (atomic_load(&s->waiters))
		futex_wake(&s->value, n);
}

static void op_lock(struct self *self, struct lock *l)
{
	uint32_t state = 0;
	if (!atomic_compare_exchange_strong(&l->state, &state, 1)) {
		while (atomic_exchange(&l->state, 2) != 0)
			futex_wait(&l->state, 2);
	}
	atomic_store(&l->owner, self->index + 1);
}

static enum task_error op_unlock(struct self *self, struct lock *l)
{
	uint32_t me = self->index + 1;
	if (!atomic_compare_exchange_strong(&l->owner, &me, 0))
		return TASK_NOT_OWNER;
	if (atomic_exchange(&l->state, 0) == 2)
		futex_wake(&l->state, 1);
	return TASK_OK;
}

static enum task_error op_pipe(struct self *self, const struct x_op *op)
{
	for (uint64_t done = 0; done < op->b;) {
		char *at = self->play->scratch + done;
		int *ends = self->play->pipes[op->a];
		ssize_t n = op->code == OP_WRITE ? write(ends[1], at, op->b - done) : read(ends[0], at, op->b - done);
		if (n == 0 || (n < 0 && errno != EINTR))
			return TASK_PIPE_FAILED;
		done += n > 0 ? (uint64_t)n : 0;
	}
	return TASK_OK;
}

static enum task_error op_fork(struct self *self, uint32_t t)
{
	struct play *play = self->play;
	if (atomic_exchange(&play->records[t].started, 1))
		return TASK_FORKED_TWICE;
	bool foreground = !(play->x.tasks[t].flags & TASK_BACKGROUND);
	if (foreground)
		atomic_fetch_add(play->remaining, 1);
	if (task_fork(play, t) > 0) {
		prctl(PR_SET_NAME, play->x.tasks[self->index].name);
		return TASK_OK;
	}
	if (foreground)
		atomic_fetch_sub(play->remaining, 1);
	return TASK_FORK_FAILED;
}

static void op_join(struct record *other)
{
	atomic_fetch_add(&other->joiners, 1);
	while (!atomic_load(&other->ended))
		futex_wait(&other->ended, 0);
	atomic_fetch_sub(&other->joiners, 1);
}

static void sample(struct self *self, uint32_t series, uint64_t value)
{
	struct play *play = self->play;
	if (play->x.tasks[self->index].round < play->x.header->warmup_rounds)
		return;
	uint64_t at = atomic_fetch_add(&play->recorders[series].count, 1);
	if (at < play->x.series[series].capacity)
		play->recorders[series].values[at] = value;
}

/* True: jump back. */
static bool op_repeat(struct self *self, uint32_t at, uint32_t times)
{
	if (!self->counters) {
		size_t size = self->play->x.tasks[self->index].ops * sizeof(uint32_t);
		self->counters = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (self->counters == MAP_FAILED)
			_exit(99);
	}
	if (self->counters[at]++ < times)
		return true;
	self->counters[at] = 0;
	return false;
}

/* The player sets our attributes right after the fork; do not run ahead of it. */
static void attributes_settle(struct self *self)
{
	while (!atomic_load(&self->record->attributes_set))
		sleep_ns(MS / 10);
}

static enum task_error op_cpus(uint64_t mask)
{
	return syscall(SYS_sched_setaffinity, 0, sizeof(mask), &mask) < 0 ? TASK_CPUS_FAILED : TASK_OK;
}

static uint64_t since(uint64_t then)
{
	uint64_t now = now_ns();
	return now > then ? now - then : 0;
}

/* One operation; REPEAT moves *at. */
static enum task_error step(struct self *self, const struct x_op *op, uint32_t *at)
{
	struct play *play = self->play;
	if (op->code != OP_RUN && op->code != OP_REPEAT)
		self->clock = 0;
	switch (op->code) {
	case OP_RUN: op_run(self, op->b); break;
	case OP_SLEEP: sleep_ns(op->b); break;
	case OP_UNTIL: sleep_until(*play->shared_start + op->b); break;
	case OP_WAIT: op_wait(&play->semaphores[op->a]); break;
	case OP_SIGNAL: op_signal(&play->semaphores[op->a], (uint32_t)op->b); break;
	case OP_LOCK: op_lock(self, &play->locks[op->a]); break;
	case OP_UNLOCK: return op_unlock(self, &play->locks[op->a]);
	case OP_WRITE: case OP_READ: return op_pipe(self, op);
	case OP_FORK: return op_fork(self, op->a);
	case OP_JOIN: op_join(&play->records[op->a]); break;
	case OP_YIELD: sched_yield(); break;
	case OP_LAP: sample(self, op->a, since(atomic_load(&play->semaphores[op->b].stamp))); break;
	case OP_SINCE: sample(self, op->a, since(*play->shared_start + op->b)); break;
	case OP_REPEAT:
		if (op_repeat(self, *at, op->a))
			*at -= (uint32_t)op->b + 1; /* the caller adds one */
		break;
	case OP_NICE:
		attributes_settle(self);
		return setpriority(PRIO_PROCESS, 0, (int)(int64_t)op->b) ? TASK_NICE_FAILED : TASK_OK;
	case OP_CPUS:
		attributes_settle(self);
		return op_cpus(op->b);
	}
	return TASK_OK;
}

/* A task that the player starts has been forked before its round: forking is slow and would smear simultaneous starts. */
static void start_line(struct self *self)
{
	struct play *play = self->play;
	play->reading_ns = reading_calibrate();
	if (atomic_fetch_sub(play->unready, 1) == 1)
		kill(play->player, SIGUSR1);
	while (!atomic_load(&self->record->go))
		futex_wait(&self->record->go, 0);
	self->record->cpu_before = cpu_ns();
}

void task_release(struct play *play, uint32_t t)
{
	struct record *record = &play->records[t];
	record->start = now_ns();
	atomic_store(&record->go, 1);
	futex_wake(&record->go, 1);
}

static noreturn void task_main(struct play *play, uint32_t index)
{
	const struct x_task *task = &play->x.tasks[index];
	struct self self = {.play = play, .index = index, .record = &play->records[index]};
	if (!(task->flags & TASK_FORKED)) {
		prctl(PR_SET_PDEATHSIG, SIGKILL); /* the player's death; a forked task outlives the task that forked it */
		start_line(&self);
	}
	for (uint32_t at = 0; at < task->ops; at++) {
		self.record->error = step(&self, &play->x.ops[task->first_op + at], &at);
		self.record->error_op = at;
		if (self.record->error)
			break;
	}
	self.record->end = now_ns();
	self.record->cpu = cpu_ns() - self.record->cpu_before;
	self.record->cpu_number = (uint32_t)sched_getcpu();
	atomic_store(&self.record->ended, 1);
	if (atomic_load(&self.record->joiners))
		futex_wake(&self.record->ended, 0x7fffffff);
	if (!(task->flags & TASK_BACKGROUND) && atomic_fetch_sub(play->remaining, 1) == 1)
		kill(play->player, SIGUSR1);
	_exit(0);
}

/* Sched class, nice and affinity, set from outside so that they hold while the new task still waits for its first turn. */
static int attributes_apply(const struct play *play, const struct x_task *task, pid_t pid)
{
	static const uint64_t every[4] = {~0ULL, ~0ULL, ~0ULL, ~0ULL};
	bool forked = task->flags & TASK_FORKED, any_cpu = !(task->cpus[0] | task->cpus[1] | task->cpus[2] | task->cpus[3]);
	int nice = task->nice + play->job_nice, result = 0;
	nice = nice < -20 ? -20 : nice > 19 ? 19 : nice;
	struct sched_attr attr = {.size = 48, .sched_policy = task->sched_class, .sched_nice = nice};
	if (task->sched_class == SCHED_FIFO)
		attr.sched_priority = 1;
	if (task->sched_class == SCHED_OTHER && play->job_sched >= 0)
		attr.sched_policy = (uint32_t)play->job_sched;
	if (forked || nice || attr.sched_policy)
		result |= (int)syscall(SYS_sched_setattr, pid, &attr, 0);
	if (!any_cpu || forked)
		result |= (int)syscall(SYS_sched_setaffinity, pid, sizeof(every), any_cpu ? every : task->cpus) < 0;
	return result;
}

pid_t task_fork(struct play *play, uint32_t t)
{
	const struct x_task *task = &play->x.tasks[t];
	struct record *record = &play->records[t];
	prctl(PR_SET_NAME, task->name); /* inherited: the policy sees the right comm from the first moment */
	record->start = now_ns();
	int cgroup = task->cgroup >= 0 ? play->cgroup_fds[task->cgroup] : play->base_cgroup_fd;
	pid_t pid = fork_into(cgroup);
	if (pid == 0)
		task_main(play, t);
	if (pid > 0) {
		atomic_store(&record->pid, pid);
		if (attributes_apply(play, task, pid) && !atomic_load(&record->ended))
			record->misplaced = true;
		atomic_store(&record->attributes_set, 1);
	}
	return pid;
}
