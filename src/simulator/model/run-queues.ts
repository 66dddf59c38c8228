// Tasks come onto run queues and leave them: wake-ups, where a task goes, who is preempted, moves between CPUs. Source: kernel/sched/core.c, v6.18
// (activate_task, block_task, try_to_wake_up, wake_up_new_task, select_task_rq, wakeup_preempt, move_queued_task).

import type { Recorder } from './contracts.ts';
import { CpuTime } from './cpu-time.ts';
import { dequeueFlag, enqueueFlag, taskState, wakeFlag } from './flags.ts';
import type { SchedClass } from './sched-class.ts';

export abstract class RunQueues extends CpuTime {
  /** By classNumber; the last is sched_ext, when it is there. */
  readonly classes: SchedClass[] = [];
  recorder: Recorder | undefined;
  /** Called when something changes that programs can read of a task. */
  onAttributes: ((task: number) => void) | undefined;

  classOf(task: number): SchedClass {
    return this.classes[this.tasks.schedClass[task]!]!;
  }

  protected untilServed(cpu: number, task: number): number {
    return this.classOf(task).untilServed(cpu, task);
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
    if (this.cpus.curr[target] === task) {
      this.recorder?.stays?.(task);
      return true; // it was about to leave its CPU, and stays (ttwu_runnable)
    }
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
    this.recorder?.woke(task, target, this.now, this.execCpu);
    this.preemptCheck(target, task, flags | wakeFlag.ttwu);
    this.leaveKernel(this.execCpu);
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
    this.recorder?.woke(task, target, this.now, this.execCpu);
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
    const own = this.tasks.schedClass[task]!;
    const running = this.tasks.schedClass[curr]!;
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
}
