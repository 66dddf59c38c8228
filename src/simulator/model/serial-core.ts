// Emulated CPUs that share one host thread and one instruction clock, as QEMU 10 runs them with -accel tcg,thread=single -icount sleep=off. Source:
// accel/tcg/tcg-accel-ops-rr.c: rr_cpu_thread_fn(), tcg-accel-ops-icount.c: icount_percpu_budget(), v10.0. CPUs take turns: each gets the time to the next timer
// divided by the number of CPUs; while one executes the clock runs for all, and nothing else happens on the others.

import { type Step, tickNs } from './contracts.ts';
import { Core, type Pause } from './core.ts';
import type { Costs } from './costs.ts';
import { chunkNs, lazily } from './cpu-time.ts';
import { classNumber, taskState } from './flags.ts';
import type { KernelThreads } from './kernel-threads.ts';
import type { Tasks } from './tables.ts';
import type { Topology } from './topology.ts';

/** No turn is shorter: where QEMU halves and halves again, what is left is one turn. */
const leastTurnNs = 20;

/**
 * A timer of a device that nobody listens to any more and that still divides the time into turns: it rings once a tick, so long after it. Measured: it
 * is set when the guest boots, and so differs with the number of CPUs.
 */
const devicePhaseNs: Readonly<Record<number, number>> = { 2: 1_753_000, 4: 155_000 };

/** A RUN is counted in CPU time, which goes on while others have their turn; where it ended meanwhile, what it took too much counts for the next RUN. */
export class SerialCore extends Core {
  /** Kernel's work that a CPU has still to do, ns. */
  readonly #owed: Float64Array;
  readonly #ticked: Uint8Array;
  /** The CPU's run queue is locked while it owes more than this: it was choosing its next task when its turn ended. */
  readonly #lockedAbove: Float64Array;
  /** The running task is done with what it wanted, and leaves. */
  readonly #leaves: Uint8Array;
  /** Someone else has asked the CPU to reschedule. */
  readonly #interrupted: Uint8Array;
  /** Who has the turn has armed a timer that is due before all others, and must give it up; so many CPUs look at the timers before their turn. */
  #exits = false;
  #kicked = 0;
  #turnEnd = 0;
  /** Whether a task is in a RUN, 2 when it is about to begin it, and how long it works until it reads its clock, ns. */
  readonly #runs: Uint8Array;
  readonly #chunk: Float64Array;
  /** Timers that have rung on a CPU, in order. */
  readonly #rung: number[][];

  /** CPU on which a task first ran, −1 for none, −2 when it has used more than one; CPUs that will wait for others. */
  readonly #home: Int32Array;
  readonly #waits: Uint8Array;
  /** Whose turn is next. */
  #nextCpu = 0;
  readonly #devicePhaseNs: number;

  override readonly plansWork = false;
  threads: KernelThreads | undefined;

  constructor(tasks: Tasks, topology: Topology, costs: Costs, spareSlots: number) {
    super(tasks, topology, costs, spareSlots);
    const { cpus } = topology;
    this.#devicePhaseNs = devicePhaseNs[cpus] ?? 1_000_000;
    this.#owed = tasks.columns.times(cpus);
    this.#ticked = tasks.columns.bytes(cpus);
    this.#leaves = tasks.columns.bytes(cpus);
    this.#lockedAbove = tasks.columns.times(cpus, Number.POSITIVE_INFINITY);
    this.#interrupted = tasks.columns.bytes(cpus);
    this.#runs = tasks.columns.bytes(tasks.capacity);
    this.#chunk = tasks.columns.times(tasks.capacity);
    this.#waits = tasks.columns.bytes(cpus);
    this.#home = tasks.columns.ints(tasks.capacity, -1);
    this.#rung = Array.from({ length: cpus }, () => []);
  }

  override run(untilNs: number, mostTurns = Number.MAX_SAFE_INTEGER): Pause {
    for (let left = mostTurns; !this.stopped; left--) {
      if (left === 0) return 'more';
      const cpu = this.#nextCpu;
      this.#nextCpu = (cpu + 1) % this.cpus.count;
      if (cpu === 0 || this.#kicked > 0) this.#ring();
      if (this.#kicked > 0) this.#kicked--;
      if (this.now > untilNs) return 'limit';
      const at = this.#nextTimer();
      if (at <= this.now)
        this.#ring(); // who finds that the time is up has no time left itself
      else if (cpu === 0 && this.#onlyWork()) this.#workOn(at, untilNs);
      else if (this.#hasWork(cpu)) this.#turn(cpu, this.#share(at - this.now));
      else if (!this.#anyWork() && !this.#passIdle()) return 'nothing left';
    }
    return 'stopped';
  }

  /** All halt: the clock goes on to the next timer. False: there is none. */
  #passIdle(): boolean {
    const at = this.wheel.earliestAt();
    if (at === Number.POSITIVE_INFINITY) return false;
    this.now = at;
    this.#nextCpu = 0;
    return true;
  }

  /** When the next timer rings, the device's included. */
  #nextTimer(): number {
    const { now } = this;
    const device = Math.ceil((now + 1 - this.#devicePhaseNs) / tickNs) * tickNs + this.#devicePhaseNs;
    return Math.min(this.wheel.earliestAt(), device);
  }

  /** Of the time that is left until the next timer: one turn. */
  #share(left: number): number {
    return left <= leastTurnNs ? left : Math.ceil(left / this.cpus.count);
  }

  #anyWork(): boolean {
    for (let cpu = 0; cpu < this.cpus.count; cpu++) if (this.#hasWork(cpu)) return true;
    return false;
  }

  #hasWork(cpu: number): boolean {
    return (
      this.cpus.curr[cpu]! >= 0 ||
      this.cpus.needResched[cpu] === 1 ||
      this.#owed[cpu]! > 0 ||
      this.#ticked[cpu] === 1 ||
      this.#rung[cpu]!.length > 0
    );
  }

  /** Tasks are in the middle of a RUN, and on no CPU is there anything else to do. */
  #onlyWork(): boolean {
    if (this.busy === 0 || this.#kicked > 0 || this.spins.busy > 0) return false;
    const { curr, needResched, count } = this.cpus;
    for (let cpu = 0; cpu < count; cpu++) {
      const task = curr[cpu]!;
      if (task >= 0 && this.#runs[task] !== 1) return false;
      if (this.#owed[cpu]! > 0 || this.#leaves[cpu] === 1 || needResched[cpu] === 1) return false;
      if (this.#ticked[cpu] === 1 || this.#rung[cpu]!.length > 0) return false;
    }
    return true;
  }

  /**
   * Turns while #onlyWork() holds, from that of CPU 0 on: nine of ten turns of a batch. Most are over before their task reads its clock, and nothing is done in them but that
   * time passes: progress() finds later what the task has done. Comes back when the time is over, or more has happened.
   */
  #workOn(at: number, untilNs: number): void {
    const { curr, count } = this.cpus;
    const chunks = this.#chunk;
    const { events } = this;
    let { now } = this;
    let next = 0;
    while (now < at && now <= untilNs) {
      const cpu = next;
      next = cpu + 1 < count ? cpu + 1 : 0;
      const task = curr[cpu]!;
      if (task < 0) continue;
      const budget = this.#share(at - now);
      if (budget < chunks[task]!) {
        chunks[task]! -= budget;
        now += budget;
        continue;
      }
      this.now = now;
      this.#nextCpu = next;
      this.#turn(cpu, budget);
      if (this.events !== events) return;
      now = this.now;
    }
    this.now = now;
    this.#nextCpu = next;
  }

  /** Timers that are due: their CPUs will hear of it when they have their turn. */
  #ring(): void {
    const { wheel, cpus, tasks } = this;
    const { count } = cpus;
    while (!this.stopped && wheel.earliestAt() <= this.now) {
      const slot = wheel.pop();
      if (slot === this.tickSlot) {
        for (let cpu = 0; cpu < count; cpu++)
          if (cpus.curr[cpu]! >= 0 || this.threads?.needsTick(cpu) === true) this.#ticked[cpu] = 1;
        wheel.set(slot, wheel.poppedAt + tickNs);
      } else {
        const isTask = slot >= count && slot < this.tickSlot;
        this.#rung[isTask ? tasks.cpu[slot - count]! : 0]!.push(slot); // the player is at home on CPU 0
      }
    }
  }

  /** Something happens on the CPU; what it costs is owed. */
  #begin(cpu: number): void {
    this.execCpu = cpu;
    this.cost = 0;
    this.events++;
  }

  #end(cpu: number): void {
    if (this.hasDeferred) {
      this.hasDeferred = false;
      this.afterwards?.flush();
    }
    this.#owed[cpu]! += Math.round(this.cost);
    this.cost = 0;
    if (this.afterEvent !== undefined) this.afterEvent();
  }

  #turn(cpu: number, budget: number): void {
    const end = this.now + budget;
    this.#turnEnd = end;
    this.#exits = false;
    while (!this.stopped && !this.#exits) {
      const owed = this.#owed[cpu]!;
      if (owed > 0) {
        const done = Math.min(owed, end - this.now);
        this.#owed[cpu] = owed - done;
        this.now += done;
        if (done === owed) this.#lockedAbove[cpu] = Number.POSITIVE_INFINITY;
        if (done === owed && this.#waits[cpu] === 1) {
          this.#waits[cpu] = 0;
          return;
        }
      }
      if (this.now >= end) return;
      if (this.spins.busy > 0 && this.spins.waits(cpu)) return; // cpu_relax(): `pause` ends the turn
      if (!this.#step(cpu, end)) return;
    }
  }

  /** The next thing on the CPU, whose kernel is done with all before. False: it halts, or its turn is over. */
  #step(cpu: number, end: number): boolean {
    const { curr, needResched } = this.cpus;
    const rung = this.#rung[cpu]!;
    if (rung.length > 0 && this.#leaves[cpu] === 0) {
      this.#begin(cpu);
      const slot = rung.shift()!;
      this.charge(this.costs.timerNs);
      if (slot < this.tickSlot) this.player.timer(slot - this.cpus.count);
      else this.player.event(slot);
      this.#end(cpu);
      return true;
    }
    if (this.#ticked[cpu] === 1 && this.#leaves[cpu] === 0) {
      this.#ticked[cpu] = 0;
      this.#tick(cpu);
      return true;
    }
    if (needResched[cpu] === 1 || this.#leaves[cpu] === 1) {
      this.#begin(cpu);
      this.#leaves[cpu] = 0;
      if (this.#interrupted[cpu] === 1) this.charge(this.costs.ipiNs);
      this.#interrupted[cpu] = 0;
      if (curr[cpu]! < 0) this.charge(this.costs.idleExitNs);
      this.schedule(cpu);
      // half of it is the way there and back; a policy's callbacks run under the lock
      this.#lockedAbove[cpu] = this.classes.length > classNumber.ext ? 0 : this.cost / 2;
      this.#end(cpu);
      return true;
    }
    const task = curr[cpu]!;
    if (task < 0) return false;
    if (this.#runs[task] === 0 && this.tasks.left[task]! > 0) this.#beginRun(cpu, task);
    if (this.#runs[task] !== 0) return this.#work(cpu, task, end);
    this.#operate(cpu, task);
    return true;
  }

  #tick(cpu: number): void {
    const task = this.cpus.curr[cpu]!;
    this.#begin(cpu);
    this.charge(this.costs.tickNs);
    if (task >= 0) this.classOf(task).tick(cpu, task);
    this.threads?.ticked(cpu);
    this.#end(cpu);
  }

  #operate(cpu: number, task: number): void {
    this.#begin(cpu);
    const step: Step = this.player.advance(task);
    if (this.stopped) return;
    if (step === 'run') {
      this.#beginRun(cpu, task);
    } else {
      if (step === 'yield') this.classOf(task).yieldTask(cpu, task);
      // page tables go only when every CPU that has used them has answered (flush_tlb_multi); who waits gives up its turn
      if (step === 'exit' && this.#home[task] === -2) this.#waits[cpu] = 1;
      this.#leaves[cpu] = 1;
    }
    this.#end(cpu);
  }

  #beginRun(cpu: number, task: number): void {
    this.#runs[task] = 2;
    this.#chunk[task] = Math.max(0, Math.min(chunkNs, this.#timeLeft(cpu, task)));
  }

  /** What is left of the task's RUN takes so long on this CPU, ns. */
  #timeLeft(cpu: number, task: number): number {
    return Math.ceil(this.tasks.left[task]! / this.cpus.speed[cpu]!);
  }

  /** The task's own work, as far as this turn goes. False: the turn is over. */
  #work(cpu: number, task: number, end: number): boolean {
    if (this.#runs[task] === 2) {
      this.#runs[task] = 1;
      this.cpus.segmentStart[cpu] = this.now;
    }
    this.progress(cpu);
    const [toEnd, chunk] = [this.#timeLeft(cpu, task), this.#chunk[task]!];
    const whole = Math.max(0, toEnd, chunk);
    const served = this.untilServed(cpu, task);
    const needed = Math.min(whole, this.#untilRead(cpu, served, chunk));
    const done = Math.min(needed, end - this.now);
    this.now += done;
    this.progress(cpu);
    if (done === needed) {
      this.#begin(cpu);
      if (served <= done) this.classOf(task).updateCurr(cpu);
      this.#end(cpu);
      if (needed === whole) this.#runs[task] = 0;
      else this.#chunk[task] = Math.min(chunkNs, this.#timeLeft(cpu, task));
      this.leaveKernel(cpu);
      return true;
    }
    if (done < chunk) this.#chunk[task] = chunk - done;
    else {
      const into = (done - chunk) % chunkNs;
      this.#chunk[task] = Math.min(chunkNs, this.#timeLeft(cpu, task) + into) - into;
    }
    return false;
  }

  /** Own work until the reading of its clock after which the task may have to go. `chunk`: until the next reading. */
  #untilRead(cpu: number, served: number, chunk: number): number {
    if (this.cpus.needResched[cpu] === lazily || served <= chunk) return chunk;
    if (served === Number.POSITIVE_INFINITY) return served;
    return chunk + Math.ceil((served - chunk) / chunkNs) * chunkNs;
  }

  /** Who waits for another's lock gives up its turn (`pause` of cpu_relax(); target/i386: do_pause()). */
  override activate(cpu: number, task: number, flags: number): void {
    if (cpu !== this.execCpu && this.#owed[cpu]! > this.#lockedAbove[cpu]!) this.#exits = true;
    super.activate(cpu, task, flags);
  }

  override wakeNew(task: number): void {
    this.threads?.forked(this.execCpu);
    super.wakeNew(task);
  }

  override setTimer(task: number, atNs: number): void {
    if (atNs < this.#nextTimer()) this.#loseTurn();
    super.setTimer(task, atNs);
  }

  /**
   * The least that the timer can be set to passes in turns of a few instructions. Measured: among four CPUs one whole turn of
   * another follows (CPU 1), or two (CPU 0); among two the task leaves first.
   */
  override ringsAtOnce(): boolean {
    const { count } = this.cpus;
    if (count <= 2 || this.busy === 1) return false;
    this.#loseTurn();
    this.#nextCpu = (this.execCpu + count - 2 + (this.execCpu % 2)) % count;
    return true;
  }

  #loseTurn(): void {
    this.#exits = true;
    this.#kicked = this.cpus.count;
  }

  /** When the turn does not last for it, the others have theirs first. */
  override elapsed(ns: number): number {
    const own = this.#owed[this.execCpu]! + this.cost + ns;
    if (this.now + own <= this.#turnEnd) return ns;
    let others = 0;
    for (let cpu = 0; cpu < this.cpus.count; cpu++) if (cpu !== this.execCpu && this.#hasWork(cpu)) others++;
    return ns + others * this.#share(this.#nextTimer() - this.now);
  }

  /** It does nothing but lose its turns. */
  protected override hold(): void {}

  protected override release(): void {}

  override settle(cpu: number): void {
    this.#owed[cpu]! += Math.round(this.cost);
    this.cost = 0;
  }

  override resched(cpu: number): void {
    this.cpus.needResched[cpu] = 1;
    if (cpu !== this.execCpu) this.#interrupted[cpu] = 1;
  }

  override reschedLazy(cpu: number): void {
    const { needResched, curr } = this.cpus;
    if (cpu === this.execCpu || curr[cpu]! < 0) this.resched(cpu);
    else if (needResched[cpu] === 0) needResched[cpu] = lazily;
  }

  protected override plan(): void {}

  protected override progress(cpu: number): void {
    const { segmentStart, speed, curr } = this.cpus;
    const task = curr[cpu]!;
    const start = segmentStart[cpu]!;
    if (task < 0 || this.#runs[task] !== 1 || this.now <= start) return;
    this.tasks.left[task]! -= (this.now - start) * speed[cpu]!;
    segmentStart[cpu] = this.now;
  }

  override leave(): void {
    const cpu = this.visitor;
    super.leave();
    this.#noteHome(cpu, this.cpus.curr[cpu]!);
  }

  #noteHome(cpu: number, task: number): void {
    if (task >= 0 && this.#home[task] !== cpu) this.#home[task] = this.#home[task] === -1 ? cpu : -2;
  }

  override schedule(cpu: number): void {
    const { curr } = this.cpus;
    const prev = curr[cpu]!;
    const wasIdle = prev < 0;
    const { threads } = this;
    if (threads !== undefined) {
      threads.switched(cpu);
      if (!wasIdle && this.tasks.state[prev] === taskState.dead) threads.exited(cpu);
    }
    super.schedule(cpu);
    const next = curr[cpu]!;
    this.#noteHome(cpu, next);
    if (!wasIdle && next < 0) this.charge(this.costs.switchNs); // idle comes, and nobody else may run meanwhile
    this.cpus.segmentStart[cpu] = this.now; // a RUN that is under way goes on at once: its clock counts the switch
  }
}
