// The scheduler core: what runs where, what wakes, what switches; the classes decide who is next. Source: kernel/sched/core.c, v6.18 (try_to_wake_up,
// wake_up_new_task, __schedule, sched_tick). One event is one instant: what the kernel's own work costs moves the tasks' work, not the event.

import type { Costs } from './costs.ts';
import { dequeueFlag, enqueueFlag, taskState, wakeFlag } from './flags.ts';
import type { SchedClass } from './sched-class.ts';
import { Cpus, type Tasks } from './tables.ts';
import type { Topology } from './topology.ts';
import { Wheel } from './wheel.ts';

export const tickNs = 4_000_000; // CONFIG_HZ=250
/** As `next` in putPrev: a task of the stop class, above all others. */
export const stopper = -2;

/** What a task does when it has finished its work. */
export type Step = 'run' | 'block' | 'yield' | 'exit';

/** The tasks' side: what they do, and what their timers mean. */
export interface Player {
  /** The running task has no work left: perform its next operations. With 'run', tasks.left or core.cost say for how long. */
  advance(task: number): Step;
  timer(task: number): void;
  /** A wheel slot from core.firstFreeSlot on. */
  event(slot: number): void;
}

/** Told of idle CPUs: sched_ext's idle masks. */
export interface IdleListener {
  /** `again`: it was idle before and has looked for work in vain. */
  idleEntered(cpu: number, again: boolean): void;
  idleLeft(cpu: number): void;
}

/** Work that is put off to the end of the event: kicks and dispatches to other CPUs. */
export interface Afterwards {
  flush(): void;
}

/** Told of what happens; for traces. */
export interface Recorder {
  switched(cpu: number, prev: number, next: number, atNs: number): void;
  woke(task: number, cpu: number, atNs: number): void;
}

export class Core {
  readonly tasks: Tasks;
  readonly cpus: Cpus;
  readonly topology: Topology;
  readonly costs: Costs;
  readonly wheel: Wheel;
  /** By classNumber; the last is sched_ext, when it is there. */
  readonly classes: SchedClass[] = [];
  player!: Player;
  idleListener: IdleListener | undefined;
  recorder: Recorder | undefined;
  afterwards: Afterwards | undefined;
  /** Someone has put work off. */
  hasDeferred = false;
  /** Called for every change of sum_exec_runtime: the copy that BPF sees. */
  onAccount: ((task: number) => void) | undefined;
  /** Called when something changes that programs can read of a task. */
  onAttributes: ((task: number) => void) | undefined;
  /** Called after every event: tests look whether all is in order. */
  afterEvent: (() => void) | undefined;

  now = 0;
  /** CPU on which the code of this event runs. */
  execCpu = 0;
  /** What the kernel's work of this event has cost so far, ns. */
  cost = 0;
  /** CPUs that run a task. */
  busy = 0;
  events = 0;
  switches = 0;
  stopped = false;
  readonly tickSlot: number;
  readonly firstFreeSlot: number;
  /** Running tasks that must leave their CPU (affinity). */
  readonly mustMove: Uint8Array;

  /** `spareSlots`: wheel slots for others, from firstFreeSlot on. */
  constructor(tasks: Tasks, topology: Topology, costs: Costs, spareSlots: number) {
    this.tasks = tasks;
    this.topology = topology;
    this.costs = costs;
    this.cpus = new Cpus(topology.cpus);
    for (let cpu = 0; cpu < topology.cpus; cpu++) this.cpus.speed[cpu] = topology.capacity[cpu]! / 1024;
    this.tickSlot = topology.cpus + tasks.capacity;
    this.firstFreeSlot = this.tickSlot + 1;
    this.wheel = new Wheel(this.firstFreeSlot + spareSlots);
    this.mustMove = new Uint8Array(tasks.capacity);
  }

  /** Runs events until `untilNs`, until nothing is due, or until someone sets `stopped`. */
  run(untilNs: number): 'limit' | 'nothing left' | 'stopped' {
    const { wheel } = this;
    const cpus = this.topology.cpus;
    while (!this.stopped) {
      const slot = wheel.pop();
      if (slot < 0) return 'nothing left';
      if (wheel.poppedAt > untilNs) return 'limit';
      this.now = wheel.poppedAt;
      this.events++;
      this.cost = 0;
      if (slot < cpus) this.#cpuEvent(slot);
      else if (slot < this.tickSlot) this.#onCpu(this.tasks.cpu[slot - cpus]!, slot - cpus);
      else if (slot === this.tickSlot) this.#tick();
      else this.player.event(slot);
      if (this.hasDeferred) this.#flush();
      if (this.afterEvent !== undefined) this.afterEvent();
    }
    return 'stopped';
  }

  #flush(): void {
    this.hasDeferred = false;
    this.afterwards?.flush();
  }

  startTicks(firstNs: number): void {
    this.wheel.set(this.tickSlot, firstNs);
  }

  /** Sets or clears the timer of a task. */
  setTimer(task: number, atNs: number): void {
    this.wheel.set(this.topology.cpus + task, Math.max(atNs, this.now));
  }

  clearTimer(task: number): void {
    this.wheel.clear(this.topology.cpus + task);
  }

  /** The kernel has worked for so long on behalf of this event. */
  charge(ns: number): void {
    this.cost += this.costs.isSerial ? ns * Math.max(1, this.busy) : ns;
  }

  /** A task's timer rings on the CPU where it was set. */
  #onCpu(cpu: number, task: number): void {
    this.execCpu = cpu;
    this.player.timer(task);
    this.settle(cpu);
  }

  /** What this event cost delays the task that runs on the CPU. */
  settle(cpu: number): void {
    if (this.cost === 0 || this.cpus.curr[cpu]! < 0) return;
    this.#progress(cpu);
    const { segmentStart } = this.cpus;
    segmentStart[cpu] = Math.max(segmentStart[cpu]!, this.now) + Math.round(this.cost);
    this.#plan(cpu);
  }

  #cpuEvent(cpu: number): void {
    const { cpus } = this;
    this.execCpu = cpu;
    if (cpus.needResched[cpu] === 0) {
      this.#progress(cpu);
      this.#advance(cpu);
      return;
    }
    if (cpus.curr[cpu]! >= 0 && this.now < cpus.segmentStart[cpu]!)
      this.wheel.set(cpu, cpus.segmentStart[cpu]!);
    else this.schedule(cpu);
  }

  #tick(): void {
    const { curr } = this.cpus;
    const { schedClass } = this.tasks;
    this.wheel.set(this.tickSlot, this.now + tickNs);
    for (let cpu = 0; cpu < curr.length; cpu++) {
      const task = curr[cpu]!;
      if (task < 0) continue;
      this.execCpu = cpu;
      this.cost = 0;
      this.charge(this.costs.tickNs);
      this.classes[schedClass[task]!]!.tick(cpu, task);
      if (this.hasDeferred) this.#flush();
      this.settle(cpu);
    }
  }

  #advance(cpu: number): void {
    const task = this.cpus.curr[cpu]!;
    const step = this.player.advance(task);
    if (this.stopped) return;
    if (step === 'run') {
      this.cpus.segmentStart[cpu] = this.now + Math.round(this.cost);
      this.#plan(cpu);
      return;
    }
    if (step === 'yield') this.classOf(task).yieldTask(cpu, task);
    this.schedule(cpu);
  }

  /** The running task's work up to now is done. */
  #progress(cpu: number): void {
    const { segmentStart, speed, curr } = this.cpus;
    const task = curr[cpu]!;
    const start = segmentStart[cpu]!;
    if (task < 0 || this.now <= start) return;
    const left = this.tasks.left[task]! - (this.now - start) * speed[cpu]!;
    this.tasks.left[task] = left < 0 ? 0 : left;
    segmentStart[cpu] = this.now;
  }

  /** When the CPU's next event is. */
  #plan(cpu: number): void {
    const { segmentStart, speed, curr, needResched } = this.cpus;
    if (needResched[cpu] === 1) return;
    const task = curr[cpu]!;
    if (task < 0) this.wheel.clear(cpu);
    else
      this.wheel.set(
        cpu,
        Math.max(this.now, segmentStart[cpu]!) + Math.ceil(this.tasks.left[task]! / speed[cpu]!),
      );
  }

  /** Adds the time since the last account to the running task; returns it (update_curr_common). 0 for idle. */
  account(cpu: number): number {
    const { execStart, curr } = this.cpus;
    const task = curr[cpu]!;
    if (task < 0) return 0;
    const delta = this.now - execStart[cpu]!;
    if (delta <= 0) return 0;
    execStart[cpu] = this.now;
    this.tasks.sumExec[task]! += delta;
    if (this.onAccount !== undefined) this.onAccount(task);
    return delta;
  }

  /** resched_curr(): the CPU looks for its next task as soon as it hears of it. */
  resched(cpu: number): void {
    const { needResched, curr, segmentStart } = this.cpus;
    if (needResched[cpu] === 1) return;
    needResched[cpu] = 1;
    let at = this.now + Math.round(this.cost);
    const task = curr[cpu]!;
    if (cpu !== this.execCpu) at += this.costs.ipiNs + (task < 0 ? this.costs.idleExitNs : 0);
    if (task >= 0 && segmentStart[cpu]! > at) at = segmentStart[cpu]!;
    this.wheel.set(cpu, at);
  }

  /** __schedule(). */
  schedule(cpu: number): void {
    const { cpus, tasks } = this;
    cpus.needResched[cpu] = 0;
    let prev = cpus.curr[cpu]!;
    if (prev >= 0) {
      this.#progress(cpu);
      if (tasks.state[prev] !== taskState.runnable)
        this.deactivate(cpu, prev, dequeueFlag.sleep | dequeueFlag.noclock);
      else if (this.mustMove[prev] === 1) {
        this.#stopAndMove(cpu, prev);
        prev = -1;
      }
    }
    const next = this.#pick(cpu, prev);
    if (this.stopped) return;
    cpus.needResched[cpu] = 0; // accounting on the way may have asked for what happens here
    if (next === prev) this.#keep(cpu, prev);
    else this.#switch(cpu, prev, next);
    this.#plan(cpu);
  }

  #pick(cpu: number, prev: number): number {
    for (const schedClass of this.classes) {
      const next = schedClass.pick(cpu, prev);
      if (next >= 0) return next;
    }
    return -1;
  }

  #keep(cpu: number, prev: number): void {
    const { segmentStart } = this.cpus;
    if (prev < 0) this.idleListener?.idleEntered(cpu, true);
    else segmentStart[cpu] = Math.max(segmentStart[cpu]!, this.now + Math.round(this.cost));
  }

  #switch(cpu: number, prev: number, next: number): void {
    const { cpus, tasks, now } = this;
    this.switches++;
    if (prev >= 0) {
      this.classOf(prev).putPrev(cpu, prev, next);
      this.#stopped(cpu, prev);
    } else {
      cpus.idleNs[cpu]! += now - cpus.idleSince[cpu]!;
      this.busy++;
      this.idleListener?.idleLeft(cpu);
    }
    if (next >= 0) {
      this.charge(this.costs.switchNs + this.#migrationCost(next, cpu));
      this.classOf(next).setNext(cpu, next);
      tasks.delay[next]! += now - tasks.queuedAt[next]!;
      tasks.lastRan[next] = cpu;
    } else {
      this.busy--;
      cpus.idleSince[cpu] = now;
      this.idleListener?.idleEntered(cpu, false);
    }
    this.recorder?.switched(cpu, prev, next, now);
    cpus.curr[cpu] = next;
    cpus.execStart[cpu] = now;
    cpus.segmentStart[cpu] = now + Math.round(this.cost);
    if (this.topology.threads > 1 && prev < 0 !== next < 0) this.#shareCore(cpu);
  }

  /** `task` stops running on `cpu`. */
  #stopped(cpu: number, task: number): void {
    const { tasks, now } = this;
    tasks.lastRanAt[task] = now;
    if (tasks.onRq[task] === 1 && tasks.state[task] === taskState.runnable) {
      tasks.icsw[task]!++;
      tasks.queuedAt[task] = now;
    } else tasks.vcsw[task]!++;
    void cpu;
  }

  #migrationCost(task: number, cpu: number): number {
    const from = this.tasks.lastRan[task]!;
    if (from < 0 || from === cpu) return 0;
    const { coreOf, llcOf, nodeOf } = this.topology;
    const { migrateNs } = this.costs;
    if (coreOf[from] === coreOf[cpu]) return migrateNs[0];
    if (llcOf[from] === llcOf[cpu]) return migrateNs[1];
    return nodeOf[from] === nodeOf[cpu] ? migrateNs[2] : migrateNs[3];
  }

  /** The threads of a core slow one another down. */
  #shareCore(cpu: number): void {
    const { coreOf, capacity, cpus: count } = this.topology;
    const { curr, speed } = this.cpus;
    let running = 0;
    for (let other = 0; other < count; other++)
      if (coreOf[other] === coreOf[cpu] && curr[other]! >= 0) running++;
    for (let other = 0; other < count; other++) {
      if (coreOf[other] !== coreOf[cpu]) continue;
      this.#progress(other);
      speed[other] = (capacity[other]! / 1024) * (running > 1 ? this.costs.smtShare : 1);
      if (other !== cpu) this.#plan(other);
    }
  }

  classOf(task: number): SchedClass {
    return this.classes[this.tasks.schedClass[task]!]!;
  }

  /** The running task goes to sleep; a schedule() follows. */
  sleep(task: number): void {
    this.tasks.state[task] = taskState.sleeping;
  }

  /** activate_task(). */
  activate(cpu: number, task: number, flags: number): void {
    const { tasks } = this;
    tasks.onRq[task] = 1;
    tasks.queuedAt[task] = this.now;
    this.cpus.nrRunning[cpu]!++;
    this.classOf(task).enqueue(cpu, task, flags);
  }

  /** deactivate_task(), or block_task() with dequeueFlag.sleep. */
  deactivate(cpu: number, task: number, flags: number): void {
    if (this.classOf(task).dequeue(cpu, task, flags)) this.delayedLeft(cpu, task);
  }

  /** `task` is off the queue of `cpu` for good. */
  delayedLeft(cpu: number, task: number): void {
    this.tasks.onRq[task] = 0;
    this.cpus.nrRunning[cpu]!--;
  }

  /** try_to_wake_up(). False: it did not sleep. `flags`: wakeFlag.sync when the waker is about to sleep. */
  wake(task: number, flags = 0): boolean {
    const { tasks } = this;
    if (tasks.state[task] !== taskState.sleeping) return false;
    this.charge(this.costs.wakeNs);
    tasks.state[task] = taskState.runnable;
    let target = tasks.cpu[task]!;
    if (tasks.onRq[task] === 1) {
      tasks.queuedAt[task] = this.now;
      this.classOf(task).enqueue(
        target,
        task,
        enqueueFlag.wakeup | enqueueFlag.delayed | enqueueFlag.noclock,
      );
    } else {
      target = this.#place(task, flags | wakeFlag.ttwu);
      const selected = this.#canChoose(task) ? enqueueFlag.rqSelected : 0;
      const moved = target === tasks.cpu[task] ? 0 : enqueueFlag.migrated;
      if (moved !== 0) this.#setCpu(task, target);
      this.activate(target, task, enqueueFlag.wakeup | enqueueFlag.noclock | selected | moved);
    }
    this.recorder?.woke(task, target, this.now);
    this.preemptCheck(target, task, flags | wakeFlag.ttwu);
    return true;
  }

  /** wake_up_new_task(): its first time on a queue. Its class knows it already. */
  wakeNew(task: number): void {
    const { tasks } = this;
    tasks.state[task] = taskState.runnable;
    tasks.cpu[task] = this.execCpu;
    const target = this.#place(task, wakeFlag.fork);
    if (target !== tasks.cpu[task]) this.#setCpu(task, target);
    this.activate(target, task, enqueueFlag.noclock | enqueueFlag.initial);
    this.recorder?.woke(task, target, this.now);
    this.preemptCheck(target, task, wakeFlag.fork);
  }

  #canChoose(task: number): boolean {
    return this.tasks.allowed[task]! > 1 && this.tasks.migrationDisabled[task] === 0;
  }

  /** select_task_rq(). */
  #place(task: number, flags: number): number {
    const prev = this.tasks.cpu[task]!;
    const cpu = this.#canChoose(task) ? this.classOf(task).select(task, prev, flags) : prev;
    return this.mayUse(task, cpu) ? cpu : this.fallbackCpu(task);
  }

  mayUse(task: number, cpu: number): boolean {
    return this.cpus.online[cpu] === 1 && this.tasks.allows(task, cpu);
  }

  /** The first CPU that the task may use; any that is online when its mask allows none (select_fallback_rq). */
  fallbackCpu(task: number): number {
    const { count, online } = this.cpus;
    for (let cpu = 0; cpu < count; cpu++) if (this.mayUse(task, cpu)) return cpu;
    return online.indexOf(1);
  }

  #setCpu(task: number, cpu: number): void {
    this.classOf(task).migrate(task, this.tasks.cpu[task]!, cpu);
    this.tasks.cpu[task] = cpu;
  }

  /** wakeup_preempt(). */
  preemptCheck(cpu: number, task: number, flags: number): void {
    const curr = this.cpus.curr[cpu]!;
    if (curr < 0) {
      this.resched(cpu);
      return;
    }
    const [own, running] = [this.tasks.schedClass[task]!, this.tasks.schedClass[curr]!];
    if (own === running) this.classes[own]!.wakeupPreempt(cpu, task, flags);
    else if (own < running) this.resched(cpu);
  }

  /** Moves a queued task that does not run (move_queued_task). */
  moveQueued(task: number, to: number): void {
    const from = this.tasks.cpu[task]!;
    this.deactivate(from, task, dequeueFlag.noclock | dequeueFlag.migrating);
    const since = this.tasks.queuedAt[task]!;
    this.#setCpu(task, to);
    this.activate(to, task, enqueueFlag.migrating);
    this.tasks.queuedAt[task] = since;
    this.preemptCheck(to, task, 0);
  }

  /** The stopper runs on `cpu` and sends its running task elsewhere (migration_cpu_stop). */
  #stopAndMove(cpu: number, task: number): void {
    this.mustMove[task] = 0;
    this.classOf(task).putPrev(cpu, task, stopper);
    this.#stopped(cpu, task);
    this.cpus.curr[cpu] = -1;
    this.busy--;
    this.cpus.idleSince[cpu] = this.now;
    if (!this.mayUse(task, cpu)) this.moveQueued(task, this.fallbackCpu(task));
  }
}
