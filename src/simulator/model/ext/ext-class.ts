// The sched_ext class: what the kernel does between a policy's callbacks. Source: kernel/sched/ext.c, v6.18 (enqueue_task_scx, do_enqueue_task,
// dequeue_task_scx, balance_one, pick_task_scx, put_prev_task_scx, set_next_task_scx, task_tick_scx, update_curr_scx, select_task_rq_scx).

import { taskStruct } from '../../kernel/structs.ts';
import type { Core } from '../core.ts';
import { classNumber, dequeueFlag, enqueueFlag, wakeFlag } from '../flags.ts';
import type { SchedClass } from '../sched-class.ts';
import { type Dispatch, opsState } from './dispatch.ts';
import type { Dsqs } from './dsqs.ts';
import { exitKind, hotplugCode } from './exit.ts';
import type { Ext } from './ext.ts';
import { kfMask, type Ops } from './ops.ts';
import type { Scx } from './scx.ts';
import { scxFlag } from './scx-flags.ts';
import { defaultSliceNs, type TaskMemory } from './task-memory.ts';

const at = taskStruct.offsets;
const maxLoops = 32;
/** TASK_* in p->__state; 0: it is runnable. */
const stateBits = { interruptible: 0x1, dead: 0x80, waking: 0x200 } as const;

export class ExtClass implements SchedClass {
  readonly #core: Core;
  readonly #ext: Ext;
  readonly #scx: Scx;
  readonly #dsqs: Dsqs;
  readonly #memory: TaskMemory;
  readonly #dispatch: Dispatch;
  readonly #ops: Ops;
  /** SCX_RQ_BAL_KEEP: the last balance said that the previous task goes on. */
  #keepsPrev = false;

  constructor(ext: Ext) {
    const { scx } = ext;
    this.#core = ext.core;
    this.#ext = ext;
    this.#scx = scx;
    this.#dsqs = scx.dsqs;
    this.#memory = scx.memory;
    this.#dispatch = ext.dispatch;
    this.#ops = scx.ops;
    ext.enqueueAgain = (cpu, task) => this.#reenqueue(cpu, task);
  }

  select(task: number, prevCpu: number, wakeFlags: number): number {
    if ((wakeFlags & wakeFlag.exec) !== 0) return prevCpu;
    const selectCpu = this.#ops.selectCpu;
    if (selectCpu !== undefined && !this.#scx.bypassing) {
      this.#dispatch.directTask = task;
      const cpu = this.#ops.call(
        selectCpu,
        kfMask.enqueue | kfMask.selectCpu,
        this.#memory.addressOf(task),
        prevCpu,
        wakeFlags,
        prevCpu >> 31,
        0,
      );
      this.#dispatch.directTask = -1;
      this.#memory.put(task, at.scxSelectedCpu, cpu);
      return this.#scx.cpuIsValid(cpu, 'from ops.select_cpu()') ? cpu : prevCpu;
    }
    const cpu = this.#scx.idle.selectDefault(task, prevCpu, (wakeFlags & wakeFlag.sync) !== 0, undefined, 0);
    const chosen = cpu >= 0 ? cpu : prevCpu;
    if (cpu >= 0) {
      this.#refill(task);
      this.#dispatch.mark(task, 2, 0x80000000 | 0, 0, 0, false);
    }
    this.#memory.put(task, at.scxSelectedCpu, chosen);
    if (this.#scx.bypassing) this.#scx.events.bypassDispatch++;
    return chosen;
  }

  #refill(task: number): void {
    this.#memory.setSlice(task, defaultSliceNs);
    this.#scx.events.refillSliceDfl++;
  }

  enqueue(cpu: number, task: number, flags: number): void {
    let sticky = this.#ext.sticky[task]!;
    this.#ext.sticky[task] = -1;
    if ((flags & enqueueFlag.restore) !== 0 && this.#core.cpus.curr[cpu] === task) sticky = cpu;
    this.#ext.setRunnable(task);
    this.#memory.activates(task, (flags & enqueueFlag.wakeup) !== 0 ? stateBits.waking : 0);
    this.#memory.queued(task);
    this.#memory.cpuChanged(task);
    const isMigrating = (flags & enqueueFlag.migrating) !== 0;
    // activate_task() says where the task comes from; that it is in between is no flag
    const seen = isMigrating ? enqueueFlag.migrated : flags;
    if (this.#ops.runnable !== undefined && !isMigrating) {
      this.#ops.call(this.#ops.runnable, kfMask.rest, this.#memory.addressOf(task), seen, 0, 0, 0);
    }
    this.#enqueueTask(cpu, task, seen, 0, sticky);
    this.#memory.activated(task);
    this.#dispatch.countFallback(task, cpu, flags);
  }

  /** do_enqueue_task(). `flagsHigh`: high half of enq_flags. */
  #enqueueTask(cpu: number, task: number, flags: number, flagsHigh: number, sticky: number): void {
    if (sticky === cpu) {
      this.#dispatch.enqueue(cpu, task, flags, flagsHigh, false, false);
      return;
    }
    const dsq = this.#queueWithoutPolicy(cpu, task);
    if (dsq >= 0) this.#fill(dsq, task, flags, flagsHigh);
    else if (this.#dispatch.isMarked(task)) this.#dispatch.direct(task, flags, flagsHigh);
    else this.#askPolicy(task, flags, flagsHigh);
  }

  /** Where the task goes without ops.enqueue; −1 when that is to be asked, or has been by way of select_cpu. */
  #queueWithoutPolicy(cpu: number, task: number): number {
    const { events, flags, bypassing } = this.#scx;
    const { tasks, cpus } = this.#core;
    if (cpus.online[cpu] === 0) return cpu;
    if (bypassing) {
      events.bypassDispatch++;
      return this.#scx.globalOf(task);
    }
    if (this.#dispatch.isMarked(task)) return -1;
    if ((flags & scxFlag.ops.enqExiting) === 0 && tasks.exiting[task] === 1) {
      events.enqSkipExiting++;
      return cpu;
    }
    if ((flags & scxFlag.ops.enqMigrationDisabled) === 0 && tasks.migrationDisabled[task] === 1) {
      events.enqSkipMigrationDisabled++;
      return cpu;
    }
    return this.#ops.enqueue === undefined ? this.#scx.globalOf(task) : -1;
  }

  #askPolicy(task: number, flags: number, flagsHigh: number): void {
    const dispatch = this.#dispatch;
    dispatch.state[task] = opsState.queueing;
    dispatch.qseq[task] = ++dispatch.lastQseq;
    dispatch.directTask = task;
    this.#ops.call(this.#ops.enqueue!, kfMask.enqueue, this.#memory.addressOf(task), flags, 0, flagsHigh, 0);
    dispatch.directTask = -1;
    if (dispatch.isMarked(task)) dispatch.direct(task, flags, flagsHigh);
    else dispatch.state[task] = opsState.queued;
  }

  #fill(dsq: number, task: number, flags: number, flagsHigh: number): void {
    this.#refill(task);
    this.#dispatch.enqueue(dsq, task, flags, flagsHigh, false, false);
  }

  /** A task that the policy gave back (scx_bpf_reenqueue_local): it is enqueued again with SCX_ENQ_REENQ. */
  #reenqueue(cpu: number, task: number): void {
    this.#enqueueTask(cpu, task, 0, scxFlag.enqHigh.reenq, -1);
  }

  dequeue(cpu: number, task: number, flags: number): boolean {
    const seen = flags & ~dequeueFlag.migrating;
    if ((flags & dequeueFlag.sleep) !== 0)
      this.#memory.blocks(
        task,
        (flags & dequeueFlag.special) !== 0 ? stateBits.dead : stateBits.interruptible,
      );
    this.#leaveCustody(task, seen);
    const isCurrent = this.#core.cpus.curr[cpu] === task;
    if (isCurrent && this.#ops.stopping !== undefined) {
      this.updateCurr(cpu);
      this.#ops.call(this.#ops.stopping, kfMask.rest, this.#memory.addressOf(task), 0, 0, 0, 0);
    }
    if (this.#ops.quiescent !== undefined && (flags & dequeueFlag.migrating) === 0) {
      this.#ops.call(this.#ops.quiescent, kfMask.rest, this.#memory.addressOf(task), seen, 0, 0, 0);
    }
    this.#memory.dequeued(task, (flags & dequeueFlag.sleep) !== 0);
    if (this.#dsqs.of[task]! >= 0) this.#dsqs.remove(task);
    else this.#dispatch.forgetDeferred(task);
    return true;
  }

  /** ops_dequeue(): a task that the policy holds leaves it. */
  #leaveCustody(task: number, flags: number): void {
    const { state } = this.#dispatch;
    this.#ext.clearRunnable(task, false);
    if (state[task] !== opsState.queued) return;
    if (this.#ops.dequeue !== undefined) {
      this.#ops.call(this.#ops.dequeue, kfMask.rest, this.#memory.addressOf(task), flags, 0, 0, 0);
    }
    state[task] = opsState.none;
  }

  /** balance_scx(). */
  balance(cpu: number, prev: number): void {
    this.#scx.balancing = cpu;
    this.#keepsPrev = this.#balance(cpu, prev);
    this.#scx.balancing = -1;
  }

  /** pick_task_scx(). */
  pick(cpu: number, prev: number): number {
    if (this.#core.spins.busy > 0) this.#core.rescheduled(cpu);
    if (this.#keepsPrev) {
      if (this.#memory.slice(prev) === 0) this.#refill(prev);
      return prev;
    }
    const task = this.#dsqs.head[cpu]!;
    if (task >= 0 && this.#memory.slice(task) === 0) this.#refill(task);
    return task;
  }

  /** True: the previous task goes on. Otherwise what is in the local queue, if anything, is next. */
  #balance(cpu: number, prev: number): boolean {
    const { tasks } = this.#core;
    const prevIsExt = prev >= 0 && tasks.schedClass[prev] === classNumber.ext;
    const prevQueued = prevIsExt && tasks.onRq[prev] === 1;
    if (this.#ext.released[cpu] === 1) this.#ext.acquire(cpu);
    if (prevIsExt) {
      this.updateCurr(cpu);
      if (prevQueued && !this.#scx.bypassing && this.#memory.slice(prev) > 0) return true;
    }
    if (this.#hasWork(cpu)) return false;
    if (this.#ops.dispatch !== undefined && !this.#scx.bypassing && this.#core.cpus.online[cpu] === 1) {
      if (this.#dispatchLoop(cpu, prevIsExt ? prev : -1, prevQueued)) return true;
      if (!this.#dsqs.isEmpty(cpu)) return false;
    }
    if (prevQueued && ((this.#scx.flags & scxFlag.ops.enqLast) === 0 || this.#scx.bypassing)) {
      this.#scx.events.dispatchKeepLast++;
      return true;
    }
    return false;
  }

  #hasWork(cpu: number): boolean {
    if (!this.#dsqs.isEmpty(cpu)) return true;
    // one that goes would take from the global queue in the kernel, too, and send it away again
    return this.#core.cpus.online[cpu] === 1 && this.#dispatch.consume(this.#scx.globalOfCpu(cpu), cpu);
  }

  /** Calls ops.dispatch until there is something to run. True: the previous task has got a new slice and goes on. */
  #dispatchLoop(cpu: number, prev: number, prevQueued: boolean): boolean {
    const { dispatch } = this.#ops;
    const address = prev < 0 ? 0 : this.#memory.addressOf(prev);
    for (let loops = maxLoops; ; ) {
      this.#dispatch.begin(cpu);
      this.#ops.call(dispatch!, kfMask.dispatch, cpu, address, 0, 0, 0);
      const count = this.#dispatch.flush(cpu);
      if (prevQueued && this.#memory.slice(prev) > 0) return true;
      if (this.#hasWork(cpu) || this.#core.stopped) return false;
      if (--loops === 0) {
        this.#ext.kicks.kick(cpu, 0);
        return false;
      }
      if (count === 0) return false;
    }
  }

  putPrev(cpu: number, task: number, next: number): void {
    const { tasks, spins } = this.#core;
    if (spins.busy > 0) this.#core.rescheduled(cpu);
    this.updateCurr(cpu);
    const queued = tasks.onRq[task] === 1;
    this.#memory.put(task, at.onCpu, 0);
    if (queued && this.#ops.stopping !== undefined) {
      this.#ops.call(this.#ops.stopping, kfMask.rest, this.#memory.addressOf(task), 1, 0, 0, 0);
    }
    if (queued) {
      this.#ext.setRunnable(task);
      this.#memory.queued(task);
      if (this.#memory.slice(task) > 0 && !this.#scx.bypassing)
        this.#dispatch.enqueue(cpu, task, enqueueFlag.head, 0, false, false);
      else if (next === -1) this.#enqueueTask(cpu, task, 0, scxFlag.enqHigh.last, -1);
      else this.#enqueueTask(cpu, task, 0, 0, -1);
    }
    if (next < -1 || (next >= 0 && tasks.schedClass[next] !== classNumber.ext))
      this.#ext.switchClass(cpu, next);
  }

  expire(cpu: number, task: number): void {
    this.updateCurr(cpu);
    this.#memory.setSlice(task, 0);
    this.putPrev(cpu, task, task);
  }

  /** migrate_disable_switch(), v6.18: the first time it leaves its CPU, its mask becomes that CPU, for which it is taken out of its queue and put back if it waits. */
  pinnedLeft(cpu: number, task: number): void {
    const { onRq, pinned } = this.#core.tasks;
    if (pinned[task] === 1) return;
    const waits = onRq[task] === 1;
    if (waits) this.dequeue(cpu, task, dequeueFlag.save | dequeueFlag.noclock);
    pinned[task] = 1;
    this.affinityChanged(task);
    if (waits) this.enqueue(cpu, task, enqueueFlag.restore | enqueueFlag.noclock);
  }

  setNext(_cpu: number, task: number): void {
    const queued = this.#core.tasks.onRq[task] === 1;
    if (queued) {
      this.#leaveCustody(task, 0);
      if (this.#dsqs.of[task]! >= 0) this.#dsqs.remove(task);
    }
    this.#memory.starts(task);
    if (queued && this.#ops.running !== undefined) {
      this.#ops.call(this.#ops.running, kfMask.rest, this.#memory.addressOf(task), 0, 0, 0, 0);
    }
    this.#ext.clearRunnable(task, true);
    this.#memory.started(task);
  }

  /** update_curr_scx(): what ran comes off the slice. */
  updateCurr(cpu: number): void {
    const delta = this.#core.account(cpu);
    if (delta <= 0) return;
    const task = this.#core.cpus.curr[cpu]!;
    const slice = this.#memory.slice(task);
    if (slice !== Number.POSITIVE_INFINITY) this.#memory.setSlice(task, slice > delta ? slice - delta : 0);
  }

  tick(cpu: number, task: number): void {
    this.updateCurr(cpu);
    if (this.#scx.bypassing) this.#memory.setSlice(task, 0);
    else if (this.#ops.tick !== undefined) {
      this.#ops.call(this.#ops.tick, kfMask.rest, this.#memory.addressOf(task), 0, 0, 0, 0);
    }
    if (this.#memory.slice(task) === 0) this.#core.resched(cpu);
  }

  wakeupPreempt(): void {}

  visited(): void {}

  untilServed(): number {
    return Number.POSITIVE_INFINITY;
  }

  yieldTask(_cpu: number, task: number): void {
    if (this.#ops.yieldTo === undefined) {
      this.#memory.setSlice(task, 0);
      return;
    }
    this.#ops.call(this.#ops.yieldTo, kfMask.rest, this.#memory.addressOf(task), 0, 0, 0, 0);
  }

  fork(task: number): void {
    this.#ext.enableTask(task, true);
  }

  dead(task: number): void {
    this.#ext.disableTask(task);
  }

  /** switching_to_scx(): while it belonged to another class nobody told the policy of its mask. */
  enter(task: number): void {
    this.#ext.enableTask(task);
    this.#tellMask(task);
  }

  leave(task: number): void {
    this.#ext.disableTask(task);
  }

  reweighted(task: number): void {
    this.#memory.attributesChanged(task);
    this.#ext.weightChanged(task);
  }

  affinityChanged(task: number): void {
    this.#memory.affinityChanged(task);
    this.#tellMask(task);
  }

  #tellMask(task: number): void {
    if (this.#ops.setCpumask === undefined) return;
    this.#ops.call(
      this.#ops.setCpumask,
      kfMask.rest,
      this.#memory.addressOf(task),
      this.#memory.get(task, at.cpusPtr),
      0,
      0,
      0,
    );
  }

  migrate(): void {}

  /** scx_handle_hotplug(). */
  online(cpu: number, isOnline: boolean): void {
    const { cpuOnline, cpuOffline } = this.#ops;
    const callback = isOnline ? cpuOnline : cpuOffline;
    if (callback !== undefined) {
      this.#ops.call(callback, kfMask.unlocked, cpu, 0, 0, 0, 0);
    } else
      this.#scx.exitWith(
        exitKind.unregKern,
        hotplugCode,
        `cpu ${cpu} going ${isOnline ? 'online' : 'offline'}, exiting scheduler`,
      );
    if (this.#scx.hasBuiltinIdle && !isOnline) this.#scx.idle.update(cpu, false);
  }
}
