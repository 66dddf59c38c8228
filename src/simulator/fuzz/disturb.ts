// Does what a scenario's disturbances say to the running model, at their times. Source of what each one means in the kernel: model/changes.ts.

import type { Disturbance, Scenario } from '../../core/scenario.ts';
import { taskStruct } from '../kernel/structs.ts';
import { killTask, setAffinity, setMigrationDisabled, setNice, setOnline } from '../model/changes.ts';
import { taskState } from '../model/flags.ts';
import { maskOf } from '../player/player.ts';
import type { Model } from '../simulate.ts';
import { bits } from './expansion.ts';
import { taskOf } from './scenario.ts';

/** How often is looked whether a task that is to pin or unpin itself runs. */
const pollNs = 250_000;

/** Told of what has been changed, for checkers that allow for it. */
export interface Changes {
  affinityChanged(task: number): void;
  weightChanged(task: number): void;
  cpuChanged(cpu: number): void;
}

export class Disturber {
  readonly #model: Model;
  readonly #slot: number;
  readonly #startNs: number;
  readonly #changes: Changes;
  readonly #cpus: number;
  /** In order of time. */
  readonly #list: readonly Disturbance[];
  #next = 0;
  /** Pins whose time has come, and unpins: done when the task runs. */
  #pending: { task: number; disable: boolean; fromNs: number; forNs: number }[] = [];

  constructor(model: Model, slot: number, scenario: Scenario, changes: Changes) {
    this.#model = model;
    this.#slot = slot;
    this.#startNs = model.core.now;
    this.#changes = changes;
    this.#cpus = scenario.cpus;
    this.#list = [...scenario.disturbances].sort((a, b) => a.atNs - b.atNs);
    this.#plan();
  }

  #plan(): void {
    const { core } = this.#model;
    const one = this.#list[this.#next];
    const due = one === undefined ? Number.POSITIVE_INFINITY : this.#startNs + one.atNs;
    const poll = this.#pending.length === 0 ? Number.POSITIVE_INFINITY : core.now + pollNs;
    const at = Math.min(due, poll);
    if (at !== Number.POSITIVE_INFINITY) core.wheel.set(this.#slot, Math.max(at, core.now));
  }

  /** The slot's time has come. */
  event(): void {
    const { core } = this.#model;
    core.execCpu = core.cpus.online.indexOf(1);
    for (let one = this.#list[this.#next]; one !== undefined; one = this.#list[this.#next]) {
      if (this.#startNs + one.atNs > core.now) break;
      this.#next++;
      if (!core.stopped) this.#apply(one);
    }
    this.#pending = this.#pending.filter((one) => !core.stopped && !this.#pinned(one));
    this.#plan();
  }

  #apply(one: Disturbance): void {
    const { core } = this.#model;
    const task = taskOf(one);
    if (task !== undefined && !this.#exists(task)) return;
    if ('affinity' in one) this.#setAffinity(one.affinity, one.cpus);
    else if ('renice' in one) {
      setNice(core, one.renice, one.nice);
      this.#changes.weightChanged(one.renice);
    } else if ('pin' in one)
      this.#pending.push({ task: one.pin, disable: true, fromNs: core.now, forNs: one.forNs });
    else if ('exec' in one) this.#exec(one.exec, one.comm);
    else if ('kill' in one) killTask(core, one.kill);
    else {
      const isOn = 'online' in one;
      const cpu = isOn ? one.online : one.offline;
      if (setOnline(core, cpu, isOn)) this.#changes.cpuChanged(cpu);
    }
  }

  #exists(task: number): boolean {
    const { state } = this.#model.core.tasks;
    return state[task] !== taskState.none && state[task] !== taskState.dead;
  }

  /** A mask without a CPU that is on is refused (EINVAL), as by the kernel. */
  #setAffinity(task: number, cpus: readonly number[]): void {
    const { core } = this.#model;
    const chosen = cpus.length === 0 ? Array.from({ length: this.#cpus }, (_, cpu) => cpu) : cpus;
    if (!chosen.some((cpu) => core.cpus.online[cpu] === 1)) return;
    setAffinity(core, task, maskOf(bits(chosen)));
    this.#changes.affinityChanged(task);
  }

  #exec(task: number, comm: string): void {
    const { ext } = this.#model;
    if (ext === undefined) return;
    const { memory } = ext.scx;
    const at = memory.addressOf(task) + taskStruct.offsets.comm;
    for (let i = 0; i < 16; i++) memory.memory.u8[at + i] = i < comm.length ? comm.charCodeAt(i) : 0;
  }

  /** True when it is done, or its task is gone. Only a task that runs can disable its migration, or enable it again. */
  #pinned(one: { task: number; disable: boolean; fromNs: number; forNs: number }): boolean {
    const { core } = this.#model;
    if (!this.#exists(one.task)) return true;
    if (core.now < one.fromNs || core.cpus.curr[core.tasks.cpu[one.task]!] !== one.task) return false;
    if (one.disable === (core.tasks.migrationDisabled[one.task] === 1)) return true;
    setMigrationDisabled(core, one.task, one.disable);
    this.#changes.affinityChanged(one.task);
    if (!one.disable) return true;
    one.disable = false;
    one.fromNs = core.now + one.forNs;
    return false;
  }
}
