// The fair class: EEVDF as SCHED_NORMAL, SCHED_BATCH and SCHED_IDLE have it. Source: kernel/sched/fair.c (fair_sched_class), v6.18.

import { createRandom } from '../../../lib/random.ts';
import type { Core } from '../core.ts';
import { classNumber, dequeueFlag, enqueueFlag, schedPolicy, taskState, wakeFlag } from '../flags.ts';
import type { SchedClass } from '../sched-class.ts';
import { idleWeight, niceWeight, virtualFactor } from '../weights.ts';
import { Balance } from './balance.ts';
import { Bandwidth } from './bandwidth.ts';
import { Eevdf, leaveFlag } from './eevdf.ts';
import { Entities, Queues } from './entities.ts';
import { defaultSliceNs, type FairSettings, type Features, featuresOf } from './features.ts';
import { FindIdlest } from './find-idlest.ts';
import { Hierarchy } from './hierarchy.ts';
import { IdleSibling } from './idle-sibling.ts';
import { Loads } from './loads.ts';
import { Machine } from './machine.ts';
import { NewIdle } from './newidle.ts';
import { RunList } from './run-list.ts';
import { Timeline } from './timeline.ts';
import { Triggers } from './triggers.ts';
import { WakeAffine } from './wake-affine.ts';

/** A cgroup, before the run. */
export interface GroupSpec {
  /** Index of its parent, −1 for the root; parents come first. */
  readonly parent: number;
  /** cpu.weight. */
  readonly weight: number;
  /** cpu.max: CPU time each 100 ms, 0 for no limit. */
  readonly quotaNs: number;
}

/** What one look for tasks costs a CPU that goes idle, ns: a guess at the kernel's few microseconds. */
const newidleNs = 3000;

export class FairClass implements SchedClass {
  readonly features: Features;
  entities!: Entities;
  queues!: Queues;
  timeline!: Timeline;
  loads!: Loads;
  machine!: Machine;
  /** Groups with quotas need a wheel slot: bandwidth.useSlot(slot), and bandwidth.timer() when it rings. */
  bandwidth!: Bandwidth;
  eevdf!: Eevdf;
  readonly #core: Core;
  readonly #sliceNs: number;
  readonly #seed: number;
  #hierarchy!: Hierarchy;
  #list!: RunList;
  #affine!: WakeAffine;
  #sibling!: IdleSibling;
  #idlest!: FindIdlest;
  #triggers!: Triggers;

  constructor(core: Core, settings: FairSettings) {
    this.#core = core;
    this.features = featuresOf(settings);
    this.#sliceNs = settings.baseSliceNs ?? defaultSliceNs(core.topology.cpus);
    this.#seed = settings.seed ?? 0;
    this.createGroups([]);
  }

  /** The cgroups, whose indexes tasks.cgroup has. Only before there are tasks. */
  createGroups(groups: readonly GroupSpec[]): void {
    const core = this.#core;
    const { cpus } = core.topology;
    const { capacity } = core.tasks;
    this.entities = new Entities(capacity + groups.length * cpus);
    this.queues = new Queues(cpus, groups.length);
    linkGroups(this.entities, this.queues, capacity, groups);
    this.loads = new Loads(core, this.entities, this.queues);
    this.#list = new RunList(cpus, capacity);
    this.timeline = new Timeline(this.entities, this.queues);
    const shares = Float64Array.from(groups, ({ weight }) => Math.round((weight * 1024) / 100));
    const quotas = Float64Array.from(groups, ({ quotaNs }) => quotaNs);
    this.bandwidth = new Bandwidth(core, this.entities, this.queues, quotas);
    this.eevdf = new Eevdf(
      core,
      this.entities,
      this.queues,
      this.timeline,
      this.loads,
      this.bandwidth,
      shares,
      this.features,
      this.#sliceNs,
    );
    this.#hierarchy = new Hierarchy(
      this.entities,
      this.queues,
      this.eevdf,
      this.timeline,
      this.bandwidth,
      capacity,
    );
    this.machine = new Machine(
      core,
      this.entities,
      this.queues,
      this.loads,
      this.#list,
      this.bandwidth,
      this.features,
    );
    this.#affine = new WakeAffine(this.machine);
    this.#sibling = new IdleSibling(this.machine);
    this.#idlest = new FindIdlest(this.machine);
    const lookNs = core.costs.switchNs === 0 ? 0 : newidleNs;
    const balance = new Balance(this.machine);
    const newidle = new NewIdle(this.machine, balance, createRandom(this.#seed), lookNs);
    this.#triggers = new Triggers(this.machine, balance, newidle);
  }

  enqueue(cpu: number, task: number, flags: number): void {
    if (this.features.UTIL_EST && (this.entities.delayed[task] === 0 || (flags & enqueueFlag.delayed) !== 0))
      this.loads.estimates.enqueue(cpu, task);
    if ((flags & enqueueFlag.delayed) === 0) {
      this.#attach(task, cpu);
      if ((flags & enqueueFlag.initial) !== 0) this.loads.begin(task, this.entities.queue[task]!);
      if ((flags & enqueueFlag.wakeup) !== 0) this.#triggers.woken(cpu);
      if ((flags & (enqueueFlag.migrated | enqueueFlag.migrating)) !== 0) this.entities.execStart[task] = 0;
      this.#list.add(cpu, task);
    }
    this.#hierarchy.enqueue(task, flags);
    this.machine.noteQueued(cpu);
  }

  dequeue(cpu: number, task: number, flags: number): boolean {
    const e = this.entities;
    if (this.features.UTIL_EST && e.delayed[task] === 0) {
      const { pelt, estimates } = this.loads;
      estimates.dequeue(cpu, task);
      if ((flags & dequeueFlag.sleep) !== 0)
        estimates.slept(task, pelt.utilAvg[task]!, pelt.runnableAvg[task]!);
    }
    const { state, exiting } = this.#core.tasks;
    const ends = (flags & dequeueFlag.sleep) !== 0 && exiting[task] === 1;
    let all = flags;
    if ((flags & dequeueFlag.sleep) !== 0 && !ends) this.#core.charge(this.#core.costs.fairSleepNs);
    if (ends) all |= leaveFlag.special;
    if (e.delayed[task] === 1 && state[task] === taskState.dead) all |= leaveFlag.delayed;
    if (!this.#hierarchy.dequeue(task, all)) return false;
    if (ends) this.loads.remove(e.queue[task]!, task);
    if ((flags & dequeueFlag.migrating) !== 0) this.loads.detach(e.queue[task]!, task);
    this.#list.remove(cpu, task);
    return true;
  }

  pick(cpu: number, _prev: number): number {
    const task = this.#hierarchy.pick(cpu, this.#left);
    if (task >= 0) return task;
    if (this.#triggers.newlyIdle(cpu)) return this.#hierarchy.pick(cpu, this.#left);
    this.#sibling.enterIdle(cpu);
    return -1;
  }

  readonly #left = (task: number): void => {
    const cpu = this.#core.tasks.cpu[task]!;
    this.#list.remove(cpu, task);
    this.#core.delayedLeft(cpu, task);
  };

  putPrev(_cpu: number, task: number, next: number): void {
    const isFair = next >= 0 && next !== task && this.#core.tasks.schedClass[next] === classNumber.fair;
    this.#hierarchy.putPrev(task, isFair ? next : -1);
  }

  setNext(cpu: number, task: number): void {
    if (this.entities.onRq[task] === 1) this.#list.toFront(cpu, task);
    this.#hierarchy.setNext(task);
  }

  visited(cpu: number): void {
    this.#triggers.visited();
    const task = this.#core.cpus.curr[cpu]!;
    if (task < 0 || this.#core.tasks.schedClass[task] !== classNumber.fair) return;
    this.#hierarchy.putPrev(task, -1);
    const next = this.#hierarchy.pick(cpu, this.#left);
    this.#hierarchy.setNext(task);
    if (next === task) return;
    const { parent } = this.entities;
    for (let at = task; at >= 0; at = parent[at]!) this.eevdf.cancelProtection(at);
    this.#core.resched(cpu);
  }

  tick(cpu: number, task: number): void {
    this.#core.leaveKernel(cpu);
    const { queue, parent } = this.entities;
    for (let at = task; at >= 0; at = parent[at]!) {
      this.eevdf.updateCurr(queue[at]!);
      this.eevdf.upkeep(queue[at]!, at);
    }
    this.#triggers.tick(cpu);
  }

  updateCurr(cpu: number): void {
    const task = this.#core.cpus.curr[cpu]!;
    if (task >= 0) this.eevdf.updateCurr(this.entities.queue[task]!);
  }

  untilServed(_cpu: number, task: number): number {
    const e = this.entities;
    const queue = e.queue[task]!;
    if (this.queues.queued[queue]! <= 1) return Number.POSITIVE_INFINITY;
    const end = Math.min(e.vprot[task]!, e.deadline[task]!);
    const left = Math.ceil((end - e.vruntime[task]!) / e.factor[task]!);
    return left - (this.#core.now - e.execStart[task]!);
  }

  wakeupPreempt(cpu: number, task: number, wakeFlags: number): void {
    this.#wakeupPreempt(cpu, task, wakeFlags);
    this.#core.replan(cpu);
  }

  #wakeupPreempt(cpu: number, task: number, wakeFlags: number): void {
    const e = this.entities;
    const { cpus, tasks } = this.#core;
    const running = cpus.curr[cpu]!;
    if (running < 0 || running === task) return;
    if (!this.bandwidth.isOff && this.bandwidth.isThrottled(task)) return;
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
      this.#core.reschedLazy(cpu);
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
      if (isShort && this.features.RUN_TO_PARITY) this.eevdf.shortenProtection(queue, curr);
      return;
    }
    if (isShort) this.eevdf.cancelProtection(curr);
    this.#core.reschedLazy(cpu);
  }

  select(task: number, prevCpu: number, wakeFlags: number): number {
    const { execCpu, tasks, cpus } = this.#core;
    if ((wakeFlags & wakeFlag.ttwu) === 0) return this.#idlest.select(task, execCpu);
    this.#affine.record(execCpu, task);
    let target = prevCpu;
    if (execCpu !== prevCpu && !this.#affine.isWide(execCpu, task) && tasks.allows(task, execCpu)) {
      const domain = this.machine.sharedDomain(execCpu, prevCpu);
      const waker = cpus.curr[execCpu]!;
      const sync = (wakeFlags & wakeFlag.sync) !== 0 && !(waker >= 0 && tasks.exiting[waker] === 1);
      if (domain !== undefined)
        target = this.#affine.choose(task, execCpu, prevCpu, domain.imbalancePct, sync);
    }
    return this.#sibling.select(task, prevCpu, target);
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
    this.loads.pelt.updated[task] = -1;
    this.#affine.clear(task);
    this.#sibling.clear(task, this.#core.tasks.cpu[task]!);
  }

  dead(task: number): void {
    this.loads.remove(this.entities.queue[task]!, task);
  }

  enter(task: number): void {
    this.#attach(task, this.#core.tasks.cpu[task]!);
    this.#setWeight(task);
    this.loads.pelt.updated[task] = -1;
    this.loads.pelt.loadAvg[task] = this.entities.weight[task]!;
  }

  leave(task: number): void {
    this.loads.detach(this.entities.queue[task]!, task);
  }

  reweighted(task: number): void {
    const queue = this.#queueOf(task, this.#core.tasks.cpu[task]!);
    if (queue !== this.entities.queue[task]) this.loads.detach(this.entities.queue[task]!, task);
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
    this.loads.remove(this.entities.queue[task]!, task);
    this.#attach(task, to);
  }

  online(_cpu: number, _isOnline: boolean): void {}

  #queueOf(task: number, cpu: number): number {
    return cpu + (this.#core.tasks.cgroup[task]! + 1) * this.queues.cpus;
  }

  /** The queue and group of a task on a CPU (set_task_rq). */
  #attach(task: number, cpu: number): void {
    const { queue, parent, depth } = this.entities;
    const own = this.#queueOf(task, cpu);
    queue[task] = own;
    parent[task] = this.queues.owner[own]!;
    depth[task] = parent[task]! < 0 ? 0 : depth[parent[task]!]! + 1;
  }
}

function linkGroups(entities: Entities, queues: Queues, tasks: number, groups: readonly GroupSpec[]): void {
  const { cpus } = queues;
  for (let queue = 0; queue < queues.count; queue++) queues.cpu[queue] = queue % cpus;
  groups.forEach(({ parent }, group) => {
    for (let cpu = 0; cpu < cpus; cpu++) {
      const entity = tasks + group * cpus + cpu;
      queues.owner[cpu + (group + 1) * cpus] = entity;
      entities.queue[entity] = cpu + (parent + 1) * cpus;
      entities.parent[entity] = queues.owner[cpu + (parent + 1) * cpus]!;
      entities.depth[entity] = parent < 0 ? 0 : entities.depth[entities.parent[entity]!]! + 1;
    }
  });
}
