// Executes the operations of a workload's tasks on the model kernel, as runner/task.c executes them on a real one (docs/protocol.md section 1).
// What blocks there blocks here, with the same futex and pipe protocol, so that who barges in and who is woken is the same too.

import { type Expansion, endless, opCodes } from '../../core/workload.ts';
import { assert } from '../../lib/assert.ts';
import { killTask, leaveAutogroup, setAffinity, setNice } from '../model/changes.ts';
import type { Step } from '../model/contracts.ts';
import type { Core } from '../model/core.ts';
import { classNumber, taskState, wakeFlag } from '../model/flags.ts';
import { maskOf } from '../model/topology.ts';
import { Pipes } from './pipes.ts';
import { type Programs, programsOf, type RoundTasks } from './programs.ts';
import { WaitQueues } from './waiting.ts';

/** What the rest of the player (rounds.ts) is told. */
export interface Rounds {
  /** A FORK operation: create and start this task. False: it cannot be. */
  fork(task: number, parent: number): boolean;
  ended(task: number): void;
  /** A task did what it cannot do; the run is no data. */
  failed(task: number, op: number, what: string): void;
  readonly startNs: number;
}

const free = 0;
const held = 1;
const contended = 2;

export class Player {
  readonly expansion: Expansion;
  readonly #core: Core;
  readonly #rounds: Rounds;
  readonly #programs: Programs;
  /** Operation at which each task is, from its first. */
  readonly #at: Int32Array;
  /** Whether a task waits at its start line, 2 when it has been let go. */
  readonly #line: Uint8Array;
  /** 1 while the SLEEP or UNTIL at hand has been begun. */
  readonly #sleeping: Uint8Array;
  readonly #pipes: Pipes;
  /** 1 while the FORK at hand is under way. */
  readonly #forking: Uint8Array;
  /** 1 from when a task has had to wait for a lock until it has it. */
  readonly #hasWaited: Uint8Array;
  /** Queue in which a task waits, −1 for none. */
  readonly #queue: Int32Array;
  readonly #repeats: Int32Array;
  readonly #waiting: WaitQueues;
  readonly #units: Float64Array;
  readonly #stamps: Float64Array;
  readonly #locks: Uint8Array;
  readonly #owners: Int32Array;
  /** First queue of: locks, readers, writers, joins. Semaphores come first. */
  readonly #queues: { locks: number; readers: number; writers: number; joins: number };
  readonly samples: number[][];
  /** By round. */
  readonly rounds: readonly RoundTasks[];
  readonly isPlain: Uint8Array;
  readonly ended: Uint8Array;

  constructor(core: Core, expansion: Expansion, rounds: Rounds) {
    const { semaphores, locks, pipes, tasks, series } = expansion;
    const { columns } = core.tasks;
    const count = tasks.length;
    this.expansion = expansion;
    this.#core = core;
    this.#rounds = rounds;
    this.#programs = programsOf(expansion);
    this.rounds = this.#programs.rounds;
    this.isPlain = this.#programs.isPlain;
    this.#at = columns.ints(count);
    this.#line = columns.bytes(count);
    this.#sleeping = columns.bytes(count);
    this.#pipes = new Pipes(pipes, count, columns);
    this.#forking = columns.bytes(count);
    this.#hasWaited = columns.bytes(count);
    this.#queue = columns.ints(count, -1);
    this.#repeats = columns.ints(this.#programs.code.length);
    this.#queues = {
      locks: semaphores,
      readers: semaphores + locks,
      writers: semaphores + locks + pipes,
      joins: semaphores + locks + 2 * pipes,
    };
    this.#waiting = new WaitQueues(this.#queues.joins + count, count, columns);
    this.#units = columns.times(semaphores);
    this.#stamps = columns.times(semaphores);
    this.#locks = columns.bytes(locks);
    this.#owners = columns.ints(locks, -1);
    this.samples = series.map(() => []);
    this.ended = columns.bytes(count);
  }

  /** The task will wait at its start line until release(). */
  lineUp(task: number): void {
    this.#line[task] = 1;
  }

  release(task: number): void {
    this.#line[task] = 0;
    this.#core.wake(task);
  }

  timer(task: number): void {
    if (this.#sleeping[task] === 1 && this.#core.plansWork) this.#lookAhead(task);
    this.#core.wake(task);
  }

  /** The sleep is over: what follows and nobody can notice is done now, so that the task begins with its work when it gets a CPU. */
  #lookAhead(task: number): void {
    this.#sleeping[task] = 0;
    this.#at[task]!++;
    this.#toWork(task);
  }

  /** True: the task is at work. False: it is before an operation that is not its own affair, or at its end. */
  #toWork(task: number): boolean {
    const { first, length, code, a, b } = this.#programs;
    const { left } = this.#core.tasks;
    const end = length[task]!;
    for (let at = this.#at[task]!; at < end; ) {
      const op = first[task]! + at;
      if (code[op] === opCodes.RUN) {
        this.#at[task] = ++at;
        left[task]! += b[op]!; // an earlier RUN may have taken too much
        if (left[task]! > 0) return true;
      } else if (code[op] === opCodes.REPEAT) {
        const goesOn = a[op] === endless || this.#repeats[op]! < a[op]!;
        this.#repeats[op] = goesOn ? this.#repeats[op]! + 1 : 0;
        at += goesOn ? -b[op]! : 1;
        this.#at[task] = at;
      } else return false;
    }
    return false;
  }

  /**
   * A signal that is deadly: whatever it does or waits for, the task goes on to its end, by way of `exitNs` of work. It must get a CPU for that. (complete_signal(),
   * get_signal(), do_exit().)
   */
  signalled(task: number, exitNs: number): void {
    const { tasks, cpus } = this.#core;
    const cpu = tasks.cpu[task]!;
    const isRunning = cpus.curr[cpu] === task;
    if (isRunning) this.#core.replan(cpu); // what it has done is done
    this.#leaveQueue(task);
    this.#line[task] = 0;
    this.#at[task] = this.#programs.length[task]!;
    tasks.left[task] = exitNs;
    if (isRunning) this.#core.replan(cpu);
    this.#core.clearTimer(task);
    this.#core.wake(task);
  }

  #leaveQueue(task: number): void {
    const queue = this.#queue[task]!;
    if (queue >= 0) this.#waiting.drop(queue, task);
    this.#queue[task] = -1;
  }

  /** Ends a task from outside, at once and wherever it is: the round is over. */
  kill(task: number): void {
    this.#leaveQueue(task);
    if (this.ended[task] === 0) this.#core.recorder?.exits?.(task, this.#core.now);
    this.ended[task] = 1;
    killTask(this.#core, task);
  }

  advance(task: number): Step {
    if (this.#line[task] === 1) return this.#sleep(task, 0, 0);
    const { first, length, code, a } = this.#programs;
    for (;;) {
      if (this.#toWork(task)) return 'run';
      const at = this.#at[task]!;
      if (at >= length[task]!) return this.#end(task);
      const op = first[task]! + at;
      switch (code[op]) {
        case opCodes.YIELD:
          this.#at[task] = at + 1;
          this.#enterKernel();
          return 'yield';
        case opCodes.FORK:
          if (this.#core.costs.forkNs > 0 && this.#forking[task] === 0) {
            this.#forking[task] = 1;
            this.#core.charge(this.#core.costs.forkNs + this.#extPart(task)); // the new task is there at the end of it
            return 'run';
          }
          this.#forking[task] = 0;
          if (!this.#rounds.fork(a[op]!, task)) this.#rounds.failed(task, at, 'cannot fork');
          this.#at[task] = at + 1;
          continue;
        default:
          if ((code[op] === opCodes.WRITE || code[op] === opCodes.READ) && this.#copies(task, op))
            return 'run';
          if (!this.#perform(task, op)) return this.#sleep(task, code[op]!, a[op]!);
          this.#at[task] = at + 1;
          if (this.#isInterrupted()) return 'run';
      }
    }
  }

  /** On the way out of the system call another may go first, or the CPU waits for another one. */
  #isInterrupted(): boolean {
    return this.#core.cpus.needResched[this.#core.execCpu] === 1 || this.#core.willSpin;
  }

  #sleep(task: number, operation: number, object: number): Step {
    this.#core.recorder?.blocks?.(task, operation, object);
    this.#core.sleep(task);
    return 'block';
  }

  #end(task: number): Step {
    this.#core.recorder?.exits?.(task, this.#core.now);
    this.#core.charge(this.#core.costs.exitNs + this.#extPart(task));
    this.#core.tasks.exiting[task] = 1;
    this.#core.onAttributes?.(task);
    this.#core.tasks.state[task] = taskState.dead;
    this.ended[task] = 1;
    for (
      let one = this.#take(this.#queues.joins + task);
      one >= 0;
      one = this.#take(this.#queues.joins + task)
    )
      this.#core.wake(one);
    leaveAutogroup(this.#core, task);
    this.#rounds.ended(task);
    return 'exit';
  }

  /** What sched_ext adds to a fork and to an exit. */
  #extPart(task: number): number {
    const { tasks, costs } = this.#core;
    return tasks.schedClass[task] === classNumber.ext ? costs.extTaskNs : 0;
  }

  #enterKernel(): void {
    this.#core.charge(this.#core.costs.syscallNs);
  }

  /** Futexes cost two: the hash bucket and its lock beside the way in and out. */
  #futex(): void {
    this.#core.charge(2 * this.#core.costs.syscallNs);
  }

  #wait(task: number, queue: number): false {
    if (queue < this.#queues.readers || queue >= this.#queues.joins) this.#futex();
    else this.#enterKernel();
    this.#waiting.add(queue, task);
    this.#queue[task] = queue;
    return false;
  }

  #take(queue: number): number {
    const task = this.#waiting.take(queue);
    if (task >= 0) this.#queue[task] = -1;
    return task;
  }

  /** False: the task must sleep and will try the same operation again. */
  #perform(task: number, op: number): boolean {
    const { code, a, b } = this.#programs;
    const x = a[op]!;
    const y = b[op]!;
    switch (code[op]) {
      case opCodes.SLEEP:
        return this.#sleepUntil(task, this.#core.now + y);
      case opCodes.UNTIL:
        return this.#sleepUntil(task, this.#rounds.startNs + y);
      case opCodes.WAIT:
        if (this.#units[x] === 0) return this.#wait(task, x);
        this.#units[x]!--;
        return true;
      case opCodes.SIGNAL:
        this.#signal(x, y);
        return true;
      case opCodes.LOCK:
        return this.#lock(task, x);
      case opCodes.UNLOCK:
        this.#unlock(task, x, op);
        return true;
      case opCodes.WRITE:
      case opCodes.READ:
        return this.#transfer(task, op);
      case opCodes.JOIN:
        return this.ended[x] === 1 || this.#wait(task, this.#queues.joins + x);
      case opCodes.LAP:
        this.#sample(task, x, this.#core.now - this.#stamps[y]!);
        return true;
      case opCodes.SINCE:
        this.#sample(task, x, this.#core.now - (this.#rounds.startNs + y));
        return true;
      case opCodes.NICE:
        this.#enterKernel();
        setNice(this.#core, task, y);
        return true;
      case opCodes.CPUS:
        this.#enterKernel();
        this.#setCpus(task, op);
        return true;
    }
    assert(false, `operation ${code[op]} is none`);
  }

  /** do_nanosleep() arms a timer for the past too, which rings a microsecond later: mostly the task has left its CPU by then. */
  #sleepUntil(task: number, at: number): boolean {
    if (this.#sleeping[task] === 1) {
      this.#sleeping[task] = 0;
      return true;
    }
    this.#enterKernel();
    const { now, cost, costs } = this.#core;
    if (at <= now && this.#core.ringsAtOnce()) {
      this.#core.charge(costs.timerNs + costs.wakeNs);
      return true;
    }
    this.#sleeping[task] = 1;
    this.#core.setTimer(task, Math.max(at, now + Math.max(1, Math.round(cost))));
    return false;
  }

  #signal(semaphore: number, units: number): void {
    this.#stamps[semaphore] = this.#core.now;
    this.#units[semaphore]! += units;
    if (this.#waiting.isEmpty(semaphore)) return;
    this.#futex();
    for (let i = 0; i < units; i++) {
      const task = this.#take(semaphore);
      if (task < 0) return;
      this.#core.wake(task);
    }
  }

  #lock(task: number, lock: number): boolean {
    if (this.#locks[lock] !== free) {
      this.#locks[lock] = contended;
      this.#hasWaited[task] = 1;
      return this.#wait(task, this.#queues.locks + lock);
    }
    // who has waited cannot know whether others still do; who barges in does not care
    this.#locks[lock] = this.#hasWaited[task] === 1 ? contended : held;
    this.#hasWaited[task] = 0;
    this.#owners[lock] = task;
    return true;
  }

  #unlock(task: number, lock: number, op: number): void {
    if (this.#owners[lock] !== task) {
      this.#rounds.failed(task, op - this.#programs.first[task]!, 'unlocks a lock that it does not hold');
      return;
    }
    this.#owners[lock] = -1;
    const wasContended = this.#locks[lock] === contended;
    this.#locks[lock] = free;
    if (!wasContended) return;
    this.#futex();
    const next = this.#take(this.#queues.locks + lock);
    if (next >= 0) this.#core.wake(next);
  }

  /** True: the bytes that can be moved are being copied; the other side hears of them afterwards. */
  #copies(task: number, op: number): boolean {
    const { code, a, b } = this.#programs;
    const { byteNs } = this.#core.costs;
    const bytes = this.#pipes.possible(task, a[op]!, b[op]!, code[op] === opCodes.READ);
    if (byteNs === 0 || bytes === 0 || !this.#pipes.copies(task)) return false;
    this.#core.charge(bytes * byteNs);
    return true;
  }

  #transfer(task: number, op: number): boolean {
    const { code, a, b } = this.#programs;
    const [pipe, bytes, isRead] = [a[op]!, b[op]!, code[op] === opCodes.READ];
    const { readers, writers } = this.#queues;
    const now = this.#pipes.possible(task, pipe, bytes, isRead);
    this.#enterKernel();
    if (now > 0 && this.#pipes.move(task, pipe, now, isRead))
      this.#wakeOne((isRead ? writers : readers) + pipe);
    return this.#pipes.isDone(task, bytes) || this.#wait(task, (isRead ? readers : writers) + pipe);
  }

  /** Pipes tell the scheduler that the waker is about to sleep (WF_SYNC). */
  #wakeOne(queue: number): void {
    const task = this.#take(queue);
    if (task >= 0) this.#core.wake(task, wakeFlag.sync);
  }

  #sample(task: number, series: number, value: number): void {
    if (this.expansion.tasks[task]!.round >= this.expansion.warmupRounds)
      this.samples[series]!.push(Math.max(0, value));
  }

  #setCpus(task: number, op: number): void {
    const wanted = maskOf(this.#programs.masks.get(op)!);
    const usable = wanted.some((word, i) => (word & this.#core.topology.allMask[i]!) !== 0);
    if (usable) setAffinity(this.#core, task, wanted);
    else this.#rounds.failed(task, op - this.#programs.first[task]!, 'cannot set its affinity');
  }
}
