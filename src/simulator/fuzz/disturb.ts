// Does what a scenario's disturbances say to the running model, at their times. Source of what each one means in the kernel: model/changes.ts.

import type { Disturbance, Scenario } from '../../core/scenario.ts';
import { taskStruct } from '../kernel/structs.ts';
import { setAffinity, setMigrationDisabled, setNice, setOnline } from '../model/changes.ts';
import { taskState } from '../model/flags.ts';
import { maskOf } from '../model/topology.ts';
import type { Model } from '../simulate.ts';
import { bits } from './expansion.ts';
import { taskOf } from './scenario.ts';

/** How often is looked whether a task runs that has something to do with itself: to pin itself, to exit. */
const pollNs = 250_000;
/** What a task does on its way out. It can be preempted there. */
const exitNs = 600_000;

/** Told of what has been changed, for checkers that allow for it. */
export interface Changes {
  affinityChanged(task: number): void;
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
  /** What tasks do themselves, when they next run after a time: true when it is done. */
  #pending: { readonly task: number; fromNs: number; act(): boolean }[] = [];

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
    this.#pending = this.#pending.filter((one) => !core.stopped && !this.#isDone(one));
    this.#plan();
  }

  #apply(one: Disturbance): void {
    const { core } = this.#model;
    const task = taskOf(one);
    if (task !== undefined && !this.#exists(task)) return;
    if ('affinity' in one) this.#setAffinity(one.affinity, one.cpus);
    else if ('renice' in one) setNice(core, one.renice, one.nice);
    else if ('pin' in one) this.#pin(one.pin, one.forNs);
    else if ('exec' in one) this.#exec(one.exec, one.comm);
    else if ('kill' in one) this.#kill(one.kill);
    else {
      const isOn = 'online' in one;
      const cpu = isOn ? one.online : one.offline;
      if (setOnline(core, cpu, isOn)) this.#changes.cpuChanged(cpu);
    }
  }

  #exists(task: number): boolean {
    const { core, player } = this.#model;
    const state = core.tasks.state[task];
    return state !== taskState.none && state !== taskState.dead && player.ended[task] === 0;
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

  /** Disables its migration, and enables it again after a while. */
  #pin(task: number, forNs: number): void {
    const { core } = this.#model;
    let disable = true;
    const pending = {
      task,
      fromNs: core.now,
      act: (): boolean => {
        if (disable === (core.tasks.migrationDisabled[task] === 1)) return true;
        setMigrationDisabled(core, task, disable);
        this.#changes.affinityChanged(task);
        if (!disable) return true;
        disable = false;
        pending.fromNs = core.now + forNs;
        return false;
      },
    };
    this.#pending.push(pending);
  }

  /** It has a while to go, and is PF_EXITING from when it next runs: preempted then, it is queued as one. */
  #kill(task: number): void {
    const { core, player } = this.#model;
    if (core.tasks.exiting[task] === 1) return;
    player.signalled(task, exitNs);
    const act = (): boolean => {
      core.tasks.exiting[task] = 1;
      core.onAttributes?.(task);
      return true;
    };
    this.#pending.push({ task, fromNs: core.now, act });
  }

  /** True when it is done, or its task is gone. */
  #isDone(one: { readonly task: number; fromNs: number; act(): boolean }): boolean {
    const { core } = this.#model;
    if (!this.#exists(one.task)) return true;
    if (core.now < one.fromNs || core.cpus.curr[core.tasks.cpu[one.task]!] !== one.task) return false;
    return one.act();
  }
}
