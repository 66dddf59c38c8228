// Tasks come into the model kernel and leave it: process ids, the right sched class, what the policy is told. Source: sched_fork(), scx_fork(),
// sched_ext_free(), v6.18.

import { mapType, type SimMap } from './maps/map.ts';
import { StorageMap } from './maps/storage.ts';
import { setScheduler } from './model/changes.ts';
import type { Core } from './model/core.ts';
import type { CgroupMemory } from './model/ext/cgroup-memory.ts';
import type { Ext } from './model/ext/ext.ts';
import { scxFlag } from './model/ext/scx-flags.ts';
import { classNumber, schedPolicy } from './model/flags.ts';
import type { Births } from './player/rounds.ts';

const firstPid = 1000;
/** Of kernel threads. */
const firstThread = 10;

export class TaskBirths implements Births {
  readonly #core: Core;
  readonly #ext: Ext | undefined;
  /** For tasks that programs see. */
  readonly #cgroups: CgroupMemory;
  readonly #storages: readonly StorageMap[];
  #nextPid: number;
  #adopted = 0;
  /** A task has been waited for. */
  onBuried: (() => void) | undefined;

  /** `maps`: of the policy; what tasks have in them goes with the tasks. */
  constructor(
    core: Core,
    ext: Ext | undefined,
    cgroups: CgroupMemory,
    maps: readonly SimMap[],
    pidOffset: number,
  ) {
    this.#core = core;
    this.#ext = ext;
    this.#cgroups = cgroups;
    this.#storages = maps
      .filter((map) => map instanceof StorageMap)
      .filter((map) => map.shape.type === mapType.taskStorage);
    this.#nextPid = firstPid + pidOffset;
  }

  born(task: number, comm: string): number {
    const { tasks } = this.#core;
    const pid = this.#nextPid++;
    tasks.schedClass[task] = this.#classOf(tasks.policy[task]!);
    if (this.#ext !== undefined) {
      const { scx } = this.#ext;
      const parent = this.#core.cpus.curr[this.#core.execCpu]!;
      scx.memory.born(task, comm, pid, parent, this.#cgroups.cssSetOf(tasks.cgroup[task]!));
      if (!this.#ext.initTask(task, true)) {
        scx.memory.gone(task);
        return -this.#ext.forkError;
      }
    }
    this.#core.classes[tasks.schedClass[task]!]!.fork(task);
    this.#core.wakeNew(task);
    return 0;
  }

  /** A kernel thread, which is there before the policy comes. */
  adopted(task: number, comm: string): void {
    const { tasks } = this.#core;
    tasks.schedClass[task] = this.#classOf(0);
    if (this.#ext !== undefined) {
      this.#ext.scx.memory.born(task, comm, firstThread + this.#adopted++, -1, this.#cgroups.cssSetOf(-1));
      if (!this.#ext.initTask(task, false)) return;
    }
    this.#core.classes[tasks.schedClass[task]!]!.fork(task);
  }

  reschedule(task: number, policy: number, nice: number): void {
    setScheduler(this.#core, task, this.#classOf(policy), policy, nice);
  }

  /** __setscheduler_class(): SCX_OPS_SWITCH_PARTIAL leaves to the default scheduler what does not ask for sched_ext. */
  #classOf(policy: number): number {
    if (policy === schedPolicy.fifo) return classNumber.rt;
    if (this.#ext === undefined) return classNumber.fair;
    const isPartial = (this.#ext.scx.flags & scxFlag.ops.switchPartial) !== 0;
    return isPartial && policy !== schedPolicy.ext ? classNumber.fair : classNumber.ext;
  }

  buried(task: number): void {
    this.onBuried?.();
    this.left(task);
  }

  /** The policy goes, or the task. */
  left(task: number): void {
    this.#core.classes[this.#core.tasks.schedClass[task]!]!.dead(task);
    if (this.#ext === undefined) return;
    this.#ext.exitTask(task, false);
    for (const storage of this.#storages) storage.dropOwner(task);
    this.#ext.scx.memory.gone(task);
  }
}
