// What happens to tasks and CPUs from outside: affinity, nice, class, migration disabled, death, hotplug. Source: kernel/sched/core.c and syscalls.c,
// v6.18 (__do_set_cpus_allowed, __set_cpus_allowed_ptr, affine_move_task, set_user_nice, migrate_disable, sched_move_task, sched_cpu_deactivate).

import type { Core } from './core.ts';
import { classNumber, dequeueFlag, enqueueFlag, schedPolicy, taskState } from './flags.ts';
import { maskWords } from './topology.ts';

/**
 * Changes a task that may be queued or running: it is taken out, changed and put back, as every change of attributes does. Flags: save and
 * restore. `isMove`: its priority or its class; `atHead`: it goes before others of its kind.
 */
export function changeTask(
  core: Core,
  task: number,
  apply: () => void,
  isMove = false,
  atHead = false,
): void {
  const { tasks, cpus } = core;
  const cpu = tasks.cpu[task]!;
  const queued = tasks.onRq[task] === 1;
  const running = cpus.curr[cpu] === task;
  if (queued) {
    const move = isMove ? dequeueFlag.move : 0;
    core.classOf(task).dequeue(cpu, task, dequeueFlag.save | dequeueFlag.noclock | move);
    core.delayedLeft(cpu, task);
  }
  if (running) core.classOf(task).putPrev(cpu, task, task);
  apply();
  if (queued) {
    const since = tasks.queuedAt[task]!;
    const extra = (isMove ? enqueueFlag.move : 0) | (atHead ? enqueueFlag.head : 0);
    core.activate(cpu, task, enqueueFlag.restore | enqueueFlag.noclock | extra);
    tasks.queuedAt[task] = since;
  }
  if (running) core.classOf(task).setNext(cpu, task);
}

/** sched_setaffinity(): `mask` is `maskWords` words. A task on a CPU that it may not use any more leaves it; nothing happens when it may use the same as before. */
export function setAffinity(core: Core, task: number, mask: Int32Array): void {
  const { tasks } = core;
  if (mask.every((word, i) => word === tasks.mask[task * maskWords + i])) return;
  changeTask(core, task, () => {
    tasks.mask.set(mask, task * maskWords);
    tasks.allowed[task] = allowedCpus(core, task);
    core.classOf(task).affinityChanged(task);
  });
  leaveForbidden(core, task);
}

export function allowedCpus(core: Core, task: number): number {
  let count = 0;
  for (let cpu = 0; cpu < core.cpus.count; cpu++) if (core.tasks.allows(task, cpu)) count++;
  return count;
}

/** affine_move_task(): queued tasks are moved at once, running ones by the stopper, sleeping ones when they wake. */
function leaveForbidden(core: Core, task: number): void {
  const { tasks, cpus } = core;
  const cpu = tasks.cpu[task]!;
  if (tasks.onRq[task] === 0 || tasks.migrationDisabled[task] === 1 || core.mayUse(task, cpu)) return;
  if (cpus.curr[cpu] === task) {
    core.mustMove[task] = 1;
    core.resched(cpu);
  } else core.moveQueued(task, core.fallbackCpu(task));
}

/** migrate_disable() and migrate_enable(): a task that runs stays on its CPU until it is enabled again. If it has left it meanwhile, its mask comes back. */
export function setMigrationDisabled(core: Core, task: number, disabled: boolean): void {
  const { migrationDisabled, pinned } = core.tasks;
  if (!disabled && pinned[task] === 1)
    changeTask(core, task, () => {
      pinned[task] = 0;
      core.classOf(task).affinityChanged(task);
    });
  migrationDisabled[task] = disabled ? 1 : 0;
  core.onAttributes?.(task);
  if (!disabled) leaveForbidden(core, task);
}

/** Changes the class of a task (sched_setscheduler, or sched_ext coming and going). */
export function setClass(core: Core, task: number, schedClass: number): void {
  const { tasks } = core;
  if (tasks.schedClass[task] === schedClass) return;
  const change = (): void => {
    core.classOf(task).leave(task);
    tasks.schedClass[task] = schedClass;
    core.classOf(task).enter(task);
  };
  changeTask(core, task, change, true);
  if (tasks.onRq[task] === 1) core.resched(tasks.cpu[task]!);
}

/**
 * sched_setattr() of a task of another process: policy (SCHED_*), nice value and, following from the policy, class. It changes the task even to what it is
 * already, since a slice is part of it (__sched_setscheduler(): sched_runtime).
 */
export function setScheduler(
  core: Core,
  task: number,
  schedClass: number,
  policy: number,
  nice: number,
): void {
  const { tasks } = core;
  const [before, after] = [priority(tasks.policy[task]!, tasks.nice[task]!), priority(policy, nice)];
  const isOther = tasks.schedClass[task] !== schedClass;
  const apply = (): void => {
    tasks.policy[task] = policy;
    tasks.nice[task] = nice;
    core.classOf(task).reweighted(task); // set_load_weight(): the old class hears of it
    if (!isOther) return;
    core.classOf(task).leave(task);
    tasks.schedClass[task] = schedClass;
    core.classOf(task).enter(task);
  };
  changeTask(core, task, apply, before !== after, before < after);
  if (isOther && tasks.onRq[task] === 1) core.resched(tasks.cpu[task]!);
}

/** task_struct.prio; of SCHED_FIFO the workloads know priority 1 only. */
function priority(policy: number, nice: number): number {
  return policy === schedPolicy.fifo ? 98 : 120 + nice;
}

/** set_user_nice(): nothing happens when the task has that value; a real-time task only keeps it for later. */
export function setNice(core: Core, task: number, nice: number): void {
  const { tasks, cpus } = core;
  const old = tasks.nice[task]!;
  if (nice === old) return;
  if (tasks.schedClass[task] === classNumber.rt) {
    tasks.nice[task] = nice;
    core.onAttributes?.(task);
    return;
  }
  changeTask(core, task, () => {
    tasks.nice[task] = nice;
    core.classOf(task).reweighted(task);
  });
  const cpu = tasks.cpu[task]!;
  if (tasks.schedClass[task] !== classNumber.fair || tasks.onRq[task] === 0 || cpus.nrRunning[cpu] === 1)
    return;
  // prio_changed_fair()
  if (cpus.curr[cpu] !== task) core.preemptCheck(cpu, task, 0);
  else if (nice > old) core.resched(cpu);
}

const nothing = (): void => {};

/** sched_autogroup_exit_task(): a task that ends is taken out of its queue and put back once more. Policies see it; to EEVDF it makes no difference. */
export function leaveAutogroup(core: Core, task: number): void {
  if (core.tasks.schedClass[task] === classNumber.ext) changeTask(core, task, nothing, true);
}

/** Ends a task wherever it is: killed. It leaves its queue; a CPU that ran it looks for another. */
export function killTask(core: Core, task: number): void {
  const { tasks, cpus } = core;
  if (tasks.state[task] === taskState.dead) return;
  const cpu = tasks.cpu[task]!;
  core.clearTimer(task);
  tasks.exiting[task] = 1;
  core.onAttributes?.(task);
  tasks.state[task] = taskState.dead;
  if (cpus.curr[cpu] === task) core.resched(cpu);
  else if (tasks.onRq[task] === 1) core.deactivate(cpu, task, dequeueFlag.sleep | dequeueFlag.noclock);
}

/**
 * A CPU comes or goes. The last one cannot go: false. Tasks of sched_ext leave a CPU that goes only when they come to run there: those in its local queue do, at once;
 * what waits in a queue of the policy's, or with the policy, stays until someone dispatches it.
 */
export function setOnline(core: Core, cpu: number, online: boolean): boolean {
  const { tasks, cpus } = core;
  if ((cpus.online[cpu] === 1) === online) return true;
  const others = cpus.online.reduce((sum, one) => sum + one, 0);
  if (!online && others === 1) return false;
  const { execCpu } = core;
  core.execCpu = cpu; // cpuhp/N does it there
  if (!online) core.vacate(cpu);
  cpus.online[cpu] = online ? 1 : 0;
  for (const schedClass of core.classes) schedClass.online(cpu, online);
  if (online) core.resched(cpu);
  core.execCpu = execCpu;
  if (online) return true;
  for (let task = 0; task < tasks.count; task++) {
    const waits = tasks.cpu[task] === cpu && tasks.onRq[task] === 1 && cpus.curr[cpu] !== task;
    if (waits && tasks.schedClass[task] !== classNumber.ext) core.moveQueued(task, core.fallbackCpu(task));
  }
  return true;
}
