// The scheduler core: what happens when. Source: kernel/sched/core.c, v6.18 (sched_tick). One event is one instant: what the kernel's own work costs moves the tasks' work, not the event.

import { type Afterwards, type Player, thePlayer, tickNs } from './contracts.ts';
import type { Costs } from './costs.ts';
import { classNumber, taskState } from './flags.ts';
import { circleText, Spins } from './spins.ts';
import { Switching } from './switching.ts';
import type { Tasks } from './tables.ts';
import type { Topology } from './topology.ts';

/** Why a run paused; `more`: it can go on; `livelock`: events without end, and the clock does not move. */
export type Pause = 'limit' | 'nothing left' | 'stopped' | 'more' | 'livelock';

/** Later than anything that happens: the wheel takes 2^47. */
const farNs = 2 ** 45;

/** More events than this at one instant: CPUs that ask one another, or themselves, to reschedule for ever. */
export const mostAtOnce = 1_000_000;

export class Core extends Switching {
  player!: Player;
  afterwards: Afterwards | undefined;
  /** Someone has put work off. */
  hasDeferred = false;
  /** Called after every event: tests look whether all is in order. */
  afterEvent: (() => void) | undefined;
  events = 0;
  /** Why no CPU goes on, ever; set with `stopped`. */
  hung: string | undefined;
  readonly spins: Spins;
  /** When this event is over its CPU will wait for another one. */
  willSpin = false;
  readonly tickSlot: number;
  readonly firstFreeSlot: number;
  /** What made way for the player, −1 for nothing. */
  #madeWay = -1;
  /** Events since the clock last moved. */
  #atOnce = 0;

  /** `spareSlots`: wheel slots for others, from firstFreeSlot on. */
  constructor(tasks: Tasks, topology: Topology, costs: Costs, spareSlots: number) {
    const slots = topology.cpus + tasks.capacity + 1;
    super(tasks, topology, costs, slots + spareSlots);
    this.tickSlot = slots - 1;
    this.firstFreeSlot = slots;
    this.spins = new Spins(topology.cpus);
  }

  /** Runs events until `untilNs`, until nothing is due, until someone sets `stopped`, or until there were `mostEvents`. It can go on after the limit and after the last. */
  run(untilNs: number, mostEvents = Number.MAX_SAFE_INTEGER): Pause {
    const { wheel } = this;
    const cpus = this.topology.cpus;
    for (let left = mostEvents; !this.stopped; left--) {
      if (left === 0) return 'more';
      const slot = wheel.pop();
      if (slot < 0) return 'nothing left';
      if (wheel.poppedAt > untilNs) {
        wheel.set(slot, wheel.poppedAt);
        return 'limit';
      }
      if (wheel.poppedAt > this.now) this.#atOnce = 0;
      else if (++this.#atOnce > mostAtOnce) return 'livelock';
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

  /** `isWithin`: the event is not over yet. */
  #flush(isWithin = false): void {
    this.hasDeferred = false;
    this.afterwards?.flush(isWithin);
  }

  /** `cpu` does nothing until each of these has been through the scheduler. */
  spin(cpu: number, targets: readonly number[]): void {
    const { spins } = this;
    const isFirst = spins.busy === 0 || !spins.waits(cpu);
    spins.begin(cpu, targets);
    const circle = spins.circle(cpu);
    if (circle !== undefined) {
      this.hung = `${circleText(circle)}, all with interrupts off (SCX_KICK_WAIT): the machine hangs`;
      this.stopped = true;
    } else if (isFirst) this.hold(cpu);
  }

  /** put_prev_task_scx(), pick_task_scx(): who waits for `cpu` goes on. Called when spins.busy is not 0. */
  rescheduled(cpu: number): void {
    for (const waiter of this.spins.reached(cpu)) this.release(waiter);
  }

  protected hold(cpu: number): void {
    this.progress(cpu);
    const start = Math.max(this.now, this.cpus.segmentStart[cpu]!);
    this.spins.since[cpu] = start;
    this.cpus.segmentStart[cpu] = start + farNs;
  }

  protected release(cpu: number): void {
    const { cpus, spins, wheel } = this;
    const over = this.now + Math.round(this.cost);
    const since = spins.since[cpu]!;
    // with what has been charged meanwhile
    cpus.segmentStart[cpu] = Math.max(since, over) + (cpus.segmentStart[cpu]! - since - farNs);
    for (const slot of spins.takeTimers(cpu)) wheel.set(slot, over);
    if (cpus.needResched[cpu] === 0) this.plan(cpu);
    else wheel.set(cpu, cpus.curr[cpu]! < 0 ? over : cpus.segmentStart[cpu]!);
    if (spins.hasTick(cpu)) wheel.set(cpu, over);
  }

  /** The CPU waits, and hears nothing; when it has, there may be a tick to catch up with. */
  #isHeld(cpu: number): boolean {
    if (this.spins.waits(cpu)) return true;
    if (this.spins.takeTick(cpu)) this.#tickOn(cpu);
    return false;
  }

  /** What a wakeup has put off is done when its locks are free again, not when the event ends. */
  override wake(task: number, flags = 0): boolean {
    const woke = super.wake(task, flags);
    if (this.hasDeferred) this.#flush(true);
    return woke;
  }

  override wakeNew(task: number): void {
    super.wakeNew(task);
    if (this.hasDeferred) this.#flush(true);
  }

  startTicks(firstNs: number): void {
    this.wheel.set(this.tickSlot, firstNs);
  }

  /** A task's timer rings on the CPU where it was set. */
  #onCpu(cpu: number, task: number): void {
    if (this.spins.busy > 0 && this.spins.putOffTimer(cpu, this.cpus.count + task)) return;
    this.execCpu = cpu;
    this.charge(this.costs.timerNs);
    this.player.timer(task);
    this.settle(cpu);
  }

  #cpuEvent(cpu: number): void {
    const { cpus } = this;
    if (this.spins.busy > 0 && this.#isHeld(cpu)) return;
    this.execCpu = cpu;
    if (cpus.needResched[cpu] === 0) {
      this.progress(cpu);
      this.#readClock(cpu);
      return;
    }
    if (cpus.curr[cpu]! >= 0 && this.now < cpus.segmentStart[cpu]!)
      this.wheel.set(cpu, cpus.segmentStart[cpu]!);
    else this.schedule(cpu);
  }

  #tick(): void {
    this.wheel.set(this.tickSlot, this.now + tickNs);
    for (let cpu = 0; cpu < this.cpus.count; cpu++) this.#tickOn(cpu);
  }

  #tickOn(cpu: number): void {
    const task = this.cpus.curr[cpu]!;
    if (task < 0 || (this.spins.busy > 0 && this.spins.putOffTick(cpu))) return;
    this.execCpu = cpu;
    this.cost = 0;
    this.charge(this.costs.tickNs);
    this.classOf(task).tick(cpu, task);
    if (this.hasDeferred) this.#flush();
    this.settle(cpu);
  }

  /** A RUN has read its clock: it goes on, its task must go, or it is at its end. */
  #readClock(cpu: number): void {
    const task = this.cpus.curr[cpu]!;
    const schedClass = this.classOf(task);
    if (schedClass.untilServed(cpu, task) <= 0) schedClass.updateCurr(cpu);
    if (this.cpus.needResched[cpu] !== 0) return;
    if (this.tasks.left[task]! > 0) this.plan(cpu);
    else this.#advance(cpu);
  }

  #advance(cpu: number): void {
    const task = this.cpus.curr[cpu]!;
    const step = this.player.advance(task);
    if (this.stopped) return;
    if (step === 'run') {
      this.cpus.segmentStart[cpu] = this.now + Math.round(this.cost);
      this.plan(cpu);
      return;
    }
    if (step === 'yield') this.classOf(task).yieldTask(cpu, task);
    this.schedule(cpu);
  }

  /**
   * The player works on this CPU until leave(): it is not idle, and a task of sched_ext that runs there makes way, as for any task of a higher class
   * (__schedule(), put_prev_task_scx()). That costs nothing here: the player's own work holds the switches.
   */
  visit(cpu: number): void {
    const { tasks, cpus } = this;
    this.execCpu = cpu;
    this.visitor = cpu;
    const curr = cpus.curr[cpu]!;
    if (curr < 0) this.idleListener?.idleLeft(cpu);
    const leaves = curr < 0 || tasks.state[curr] !== taskState.runnable || this.mustMove[curr] === 1;
    if (leaves || tasks.schedClass[curr] !== classNumber.ext) return;
    this.progress(cpu);
    this.classOf(curr).balance?.(cpu, curr);
    this.classOf(curr).putPrev(cpu, curr, thePlayer);
    this.stops(curr);
    this.recorder?.switched(cpu, curr, thePlayer, this.now);
    cpus.curr[cpu] = -1;
    this.#madeWay = curr;
    if (tasks.migrationDisabled[curr] === 1) this.classOf(curr).pinnedLeft?.(cpu, curr);
  }

  leave(): void {
    const { cpus, tasks } = this;
    const cpu = this.visitor;
    this.visitor = -1;
    for (const schedClass of this.classes) schedClass.visited(cpu);
    const curr = cpus.curr[cpu]!;
    if (this.#madeWay >= 0) this.#goOn(cpu);
    else if (curr >= 0) {
      if (cpus.needResched[cpu] !== 1) {
        tasks.icsw[curr]!++; // else the switch is still to come
        this.recorder?.switched(cpu, curr, thePlayer, this.now);
        this.recorder?.switched(cpu, thePlayer, curr, this.now);
      }
    } else if (this.idleListener !== undefined) this.resched(cpu); // looks for work before it idles again
  }

  /** Who comes after the player: what made way for it, unless others are before that now. */
  #goOn(cpu: number): void {
    const { cpus, now } = this;
    const before = this.#madeWay;
    this.#madeWay = -1;
    const next = this.pick(cpu, -1, false);
    cpus.needResched[cpu] = 0;
    if (next >= 0 && next !== before) this.charge(this.migrationCost(next, cpu));
    this.begins(cpu, next);
    this.recorder?.switched(cpu, thePlayer, next, now);
    cpus.curr[cpu] = next;
    cpus.execStart[cpu] = now;
    if (next !== before)
      cpus.segmentStart[cpu] = Math.max(cpus.segmentStart[cpu]!, now + Math.round(this.cost));
    this.plan(cpu);
  }
}
