// What runs where, and what switches; the classes decide who is next. Source: kernel/sched/core.c, v6.18 (__schedule, migration_cpu_stop).

import { stopper } from './contracts.ts';
import type { Costs } from './costs.ts';
import { classNumber, dequeueFlag, taskState } from './flags.ts';
import { RunQueues } from './run-queues.ts';
import type { Tasks } from './tables.ts';
import type { Topology } from './topology.ts';

const leaves = dequeueFlag.sleep | dequeueFlag.noclock;

export class Switching extends RunQueues {
  switches = 0;
  stopped = false;
  /** scx_switched_all(): sched_ext has every task that would be in the fair class. */
  switchedAll = false;
  /** Running tasks that must leave their CPU (affinity). */
  readonly mustMove: Uint8Array;
  /** Where balancing wants a running task, plus one; 0: nowhere. */
  readonly #pushTo: Int16Array;

  constructor(tasks: Tasks, topology: Topology, costs: Costs, slots: number) {
    super(tasks, topology, costs, slots);
    this.mustMove = tasks.columns.bytes(tasks.capacity);
    this.#pushTo = tasks.columns.shorts(tasks.capacity);
  }

  /** __schedule(). */
  schedule(cpu: number): void {
    const { cpus, tasks } = this;
    cpus.needResched[cpu] = 0;
    let prev = cpus.curr[cpu]!;
    if (prev >= 0) {
      this.progress(cpu);
      if (tasks.state[prev] !== taskState.runnable) {
        this.mustMove[prev] = 0; // it wakes where it may
        this.#pushTo[prev] = 0;
        this.deactivate(cpu, prev, leaves | (tasks.state[prev] === taskState.dead ? dequeueFlag.special : 0));
      } else if (this.mustMove[prev] === 1) {
        this.#stopAndMove(cpu, prev);
        prev = stopper;
      }
    }
    const next = this.pick(cpu, Math.max(prev, -1));
    if (this.stopped) return;
    cpus.needResched[cpu] = 0; // accounting on the way may have asked for what happens here
    if (next === prev) this.#keep(cpu, prev);
    else this.#switch(cpu, prev, next);
    this.plan(cpu);
    if (cpus.online[cpu] === 0) this.#pushAway(cpu);
  }

  /** balance_push(): what comes to run on a CPU that goes, the stopper sends elsewhere. */
  #pushAway(cpu: number): void {
    const curr = this.cpus.curr[cpu]!;
    if (curr < 0 || this.tasks.migrationDisabled[curr] === 1) return;
    this.mustMove[curr] = 1;
    this.resched(cpu);
  }

  /** sched_cpu_deactivate(): cpuhp/N comes when the slice of what runs is over; then everyone who comes to run is sent away. In the kernel that takes some milliseconds. */
  vacate(cpu: number): void {
    const { cpus, tasks } = this;
    const curr = cpus.curr[cpu]!;
    if (curr >= 0 && tasks.state[curr] === taskState.runnable && tasks.migrationDisabled[curr] === 0)
      if (this.classOf(curr).expire !== undefined) this.#expire(cpu, curr);
    cpus.online[cpu] = 0;
    this.#pushAway(cpu);
    if (cpus.curr[cpu]! < 0) this.schedule(cpu);
    while (cpus.needResched[cpu] === 1 && !this.stopped) this.schedule(cpu);
  }

  #expire(cpu: number, task: number): void {
    this.progress(cpu);
    this.classOf(task).expire!(cpu, task);
    this.stops(task);
    this.recorder?.switched(cpu, task, -1, this.now);
    this.cpus.curr[cpu] = -1;
    this.busy--;
    this.cpus.idleSince[cpu] = this.now;
  }

  /**
   * __pick_next_task(). sched_ext balances before anybody picks, unless what ran is of a higher class (prev_balance): a policy is asked for tasks even
   * where a real-time task is about to run.
   */
  protected pick(
    cpu: number,
    prev: number,
    isEarly = prev < 0 || this.tasks.schedClass[prev] === classNumber.ext,
  ): number {
    const { classes } = this;
    const ext = classes[classNumber.ext];
    if (isEarly) ext?.balance?.(cpu, prev);
    for (let i = 0; i < classes.length; i++) {
      if (i === classNumber.ext && !isEarly) ext?.balance?.(cpu, prev);
      if (i === classNumber.fair && this.switchedAll) continue;
      const next = classes[i]!.pick(cpu, prev);
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
      this.stops(prev);
    } else {
      cpus.idleNs[cpu]! += now - cpus.idleSince[cpu]!;
      this.busy++;
      if (prev !== stopper) this.idleListener?.idleLeft(cpu);
    }
    if (next >= 0) this.charge(this.costs.switchNs + this.migrationCost(next, cpu));
    this.begins(cpu, next);
    this.recorder?.switched(cpu, Math.max(prev, -1), next, now);
    cpus.curr[cpu] = next;
    cpus.execStart[cpu] = now;
    cpus.segmentStart[cpu] = now + Math.round(this.cost);
    if (prev >= 0 && tasks.migrationDisabled[prev] === 1) this.classOf(prev).pinnedLeft?.(cpu, prev);
    if (this.topology.threads > 1 && (prev < 0 !== next < 0 || prev === stopper)) this.shareCore(cpu);
  }

  /** `next` runs on `cpu` from now on, or nobody. */
  protected begins(cpu: number, next: number): void {
    const { cpus, tasks, now } = this;
    if (next >= 0) {
      this.classOf(next).setNext(cpu, next);
      tasks.delay[next]! += now - tasks.queuedAt[next]!;
      tasks.lastRan[next] = cpu;
    } else {
      this.busy--;
      cpus.idleSince[cpu] = now;
      this.idleListener?.idleEntered(cpu, false);
    }
  }

  /** `task` stops running. */
  protected stops(task: number): void {
    const { tasks, now } = this;
    tasks.lastRanAt[task] = now;
    if (tasks.onRq[task] === 1 && tasks.state[task] === taskState.runnable) {
      tasks.icsw[task]!++;
      tasks.queuedAt[task] = now;
    } else tasks.vcsw[task]!++;
  }

  protected migrationCost(task: number, cpu: number): number {
    const from = this.tasks.lastRan[task]!;
    if (from < 0 || from === cpu) return 0;
    const { coreOf, llcOf, nodeOf } = this.topology;
    const { migrateNs } = this.costs;
    if (coreOf[from] === coreOf[cpu]) return migrateNs[0];
    if (llcOf[from] === llcOf[cpu]) return migrateNs[1];
    return nodeOf[from] === nodeOf[cpu] ? migrateNs[2] : migrateNs[3];
  }

  /** The stopper runs on `cpu` and sends its running task elsewhere (migration_cpu_stop). */
  #stopAndMove(cpu: number, task: number): void {
    this.classOf(task).putPrev(cpu, task, stopper);
    this.mustMove[task] = 0;
    this.stops(task);
    this.recorder?.switched(cpu, task, -1, this.now);
    this.cpus.curr[cpu] = -1;
    this.busy--;
    this.cpus.idleSince[cpu] = this.now;
    const to = this.#pushTo[task]! - 1;
    this.#pushTo[task] = 0;
    if (!this.mayUse(task, cpu)) this.moveQueued(task, this.fallbackCpu(task));
    else if (to >= 0 && this.mayUse(task, to)) this.moveQueued(task, to);
  }

  /** p->migration_pending: its CPU has been taken from its mask, and it is there still. */
  awaitsMove(task: number): boolean {
    const { cpu, migrationDisabled } = this.tasks;
    if (this.tasks.allows(task, cpu[task]!)) return false;
    return this.mustMove[task] === 1 || migrationDisabled[task] === 1;
  }

  /** A running task is to go to another CPU (active_load_balance_cpu_stop). */
  push(task: number, to: number): void {
    this.mustMove[task] = 1;
    this.#pushTo[task] = to + 1;
    this.resched(this.tasks.cpu[task]!);
  }
}
