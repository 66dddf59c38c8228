// The fair class: EEVDF as SCHED_NORMAL, SCHED_BATCH and SCHED_IDLE have it. Source: kernel/sched/fair.c (fair_sched_class), v6.18.

import type { Core } from '../core.ts';
import { classNumber, schedPolicy, taskState, wakeFlag } from '../flags.ts';
import type { SchedClass } from '../sched-class.ts';
import { Eevdf, leaveFlag } from './eevdf.ts';
import { Entities, Queues } from './entities.ts';
import { defaultSliceNs, type FairSettings, type Features, featuresOf } from './features.ts';
import { Hierarchy } from './hierarchy.ts';
import { Timeline } from './timeline.ts';
import { idleWeight, niceWeight, virtualFactor } from './weights.ts';

export class FairClass implements SchedClass {
  readonly features: Features;
  readonly entities: Entities;
  readonly queues: Queues;
  readonly timeline: Timeline;
  readonly eevdf: Eevdf;
  readonly #core: Core;
  readonly #hierarchy: Hierarchy;
  readonly #sliceNs: number;

  constructor(core: Core, settings: FairSettings) {
    const { cpus } = core.topology;
    const { capacity } = core.tasks;
    this.#core = core;
    this.features = featuresOf(settings);
    this.#sliceNs = settings.baseSliceNs ?? defaultSliceNs(cpus);
    this.entities = new Entities(capacity);
    this.queues = new Queues(cpus, 0);
    for (let cpu = 0; cpu < cpus; cpu++) this.queues.cpu[cpu] = cpu;
    this.timeline = new Timeline(this.entities, this.queues);
    this.eevdf = new Eevdf(core, this.entities, this.queues, this.timeline, this.features, this.#sliceNs);
    this.#hierarchy = new Hierarchy(this.entities, this.queues, this.eevdf, this.timeline, capacity);
  }

  enqueue(cpu: number, task: number, flags: number): void {
    this.#attach(task, cpu);
    this.#hierarchy.enqueue(task, flags);
  }

  dequeue(_cpu: number, task: number, flags: number): boolean {
    const e = this.entities;
    let all = flags;
    if (e.delayed[task] === 1 && this.#core.tasks.state[task] === taskState.dead) all |= leaveFlag.delayed;
    if (this.#core.tasks.state[task] === taskState.dead) all |= leaveFlag.special;
    return this.#hierarchy.dequeue(task, all);
  }

  pick(cpu: number, _prev: number): number {
    return this.#hierarchy.pick(cpu, this.#left);
  }

  readonly #left = (task: number): void => {
    this.#core.delayedLeft(this.#core.tasks.cpu[task]!, task);
  };

  putPrev(_cpu: number, task: number, next: number): void {
    const isFair = next >= 0 && next !== task && this.#core.tasks.schedClass[next] === classNumber.fair;
    this.#hierarchy.putPrev(task, isFair ? next : -1);
  }

  setNext(_cpu: number, task: number): void {
    this.#hierarchy.setNext(task);
  }

  tick(_cpu: number, task: number): void {
    const { queue, parent } = this.entities;
    for (let at = task; at >= 0; at = parent[at]!) this.eevdf.updateCurr(queue[at]!);
  }

  updateCurr(cpu: number): void {
    const task = this.#core.cpus.curr[cpu]!;
    if (task >= 0) this.eevdf.updateCurr(this.entities.queue[task]!);
  }

  wakeupPreempt(cpu: number, task: number, wakeFlags: number): void {
    const e = this.entities;
    const { cpus, tasks } = this.#core;
    const running = cpus.curr[cpu]!;
    if (running < 0 || running === task) return;
    if (this.features.NEXT_BUDDY && (wakeFlags & wakeFlag.fork) === 0 && e.delayed[task] === 0)
      this.#hierarchy.setNextBuddy(task);
    if (cpus.needResched[cpu] === 1 || !this.features.WAKEUP_PREEMPTION) return;
    let curr = running;
    let come = task;
    while (e.depth[curr]! > e.depth[come]!) curr = e.parent[curr]!;
    while (e.depth[come]! > e.depth[curr]!) come = e.parent[come]!;
    while (e.queue[curr] !== e.queue[come]) {
      curr = e.parent[curr]!;
      come = e.parent[come]!;
    }
    if (e.idle[curr] === 1 && e.idle[come] === 0) {
      this.eevdf.cancelProtection(curr);
      this.#core.resched(cpu);
      return;
    }
    if (e.idle[curr] !== e.idle[come] || tasks.policy[task] !== schedPolicy.normal) return;
    this.#preemptByDeadline(cpu, curr, come);
  }

  #preemptByDeadline(cpu: number, curr: number, come: number): void {
    const e = this.entities;
    const queue = e.queue[curr]!;
    this.eevdf.updateCurr(queue);
    const isShort = this.features.PREEMPT_SHORT && e.slice[come]! < e.slice[curr]!;
    if (this.eevdf.pick(queue, !isShort) !== come) {
      if (this.features.RUN_TO_PARITY) this.eevdf.shortenProtection(queue, curr);
      return;
    }
    if (isShort) this.eevdf.cancelProtection(curr);
    this.#core.resched(cpu);
  }

  select(_task: number, prevCpu: number, _wakeFlags: number): number {
    return prevCpu;
  }

  /** It gives away what is left of its request, and its claim with it. */
  yieldTask(cpu: number, task: number): void {
    const e = this.entities;
    const queue = e.queue[task]!;
    if (this.queues.hQueued[cpu] === 1) return;
    this.eevdf.clearBuddies(queue, task);
    this.eevdf.updateCurr(queue);
    if (!this.timeline.eligible(queue, e.vruntime[task]!)) return;
    e.vruntime[task] = e.deadline[task]!;
    e.deadline[task]! += Math.floor(e.slice[task]! * e.factor[task]!);
    this.timeline.advanceReference(queue);
  }

  fork(task: number): void {
    this.entities.clear(task);
    this.entities.slice[task] = this.#sliceNs;
    this.#attach(task, this.#core.tasks.cpu[task]!);
    this.#setWeight(task);
  }

  dead(_task: number): void {}

  enter(task: number): void {
    this.#attach(task, this.#core.tasks.cpu[task]!);
    this.#setWeight(task);
  }

  leave(_task: number): void {}

  reweighted(task: number): void {
    this.#attach(task, this.#core.tasks.cpu[task]!);
    const { policy, nice } = this.#core.tasks;
    const isIdle = policy[task] === schedPolicy.idle;
    this.entities.idle[task] = isIdle ? 1 : 0;
    this.eevdf.reweight(this.entities.queue[task]!, task, isIdle ? idleWeight : niceWeight(nice[task]!));
  }

  #setWeight(task: number): void {
    const { policy, nice } = this.#core.tasks;
    const isIdle = policy[task] === schedPolicy.idle;
    const weight = isIdle ? idleWeight : niceWeight(nice[task]!);
    this.entities.idle[task] = isIdle ? 1 : 0;
    this.entities.weight[task] = weight;
    this.entities.factor[task] = virtualFactor(weight);
  }

  affinityChanged(_task: number): void {}

  migrate(task: number, _from: number, to: number): void {
    this.#attach(task, to);
  }

  online(_cpu: number, _isOnline: boolean): void {}

  /** The queue and group of a task on a CPU (set_task_rq). */
  #attach(task: number, cpu: number): void {
    this.entities.queue[task] = cpu;
  }
}
