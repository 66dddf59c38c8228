// The eyes of the checkers: hears of switches, wakeups and changes, keeps for how long each task has waited and each CPU idled, and asks the checkers.

import type { Scenario } from '../../core/scenario.ts';
import type { Recorder } from '../model/contracts.ts';
import type { Core } from '../model/core.ts';
import type { Ext } from '../model/ext/ext.ts';
import { classNumber, taskState } from '../model/flags.ts';
import type { Checker, Watched } from './checker.ts';
import type { Changes } from './disturb.ts';

export class Watch implements Watched, Recorder, Changes {
  readonly scenario: Scenario;
  readonly core: Core;
  readonly ext: Ext;
  readonly startNs: number;
  readonly waitingSince: Float64Array;
  readonly wokeUp: Uint8Array;
  readonly changedAt: Float64Array;
  readonly renicedAt: Float64Array;
  readonly #nice: Int8Array;
  readonly runs: Int32Array;
  readonly idleSince: Float64Array;
  checkers: readonly Checker[] = [];
  /** Told of switches too; the timeline of a failure. */
  readonly #also: Recorder | undefined;
  /** By CPU: since when a real-time task has it (−1: none), and for how long others had it before. */
  readonly #rtSince: Float64Array;
  readonly #rtBefore: Float64Array;
  /** By task, then CPU: the sum of both when its wait began. */
  readonly #rtAtWait: Float64Array;

  constructor(scenario: Scenario, core: Core, ext: Ext, also?: Recorder) {
    const { capacity } = core.tasks;
    const { cpus } = core.topology;
    this.scenario = scenario;
    this.core = core;
    this.ext = ext;
    this.startNs = core.now;
    this.#also = also;
    this.waitingSince = new Float64Array(capacity).fill(-1);
    this.wokeUp = new Uint8Array(capacity);
    this.changedAt = new Float64Array(capacity).fill(core.now);
    this.renicedAt = new Float64Array(capacity).fill(core.now);
    this.#nice = Int8Array.from({ length: capacity }, (_, task) => scenario.tasks[task]?.nice ?? 0);
    this.runs = new Int32Array(cpus).fill(-1);
    this.idleSince = new Float64Array(cpus).fill(core.now);
    this.#rtSince = new Float64Array(cpus).fill(-1);
    this.#rtBefore = new Float64Array(cpus);
    this.#rtAtWait = new Float64Array(capacity * cpus);
  }

  woke(task: number, cpu: number, now: number, from: number): void {
    this.#also?.woke(task, cpu, now, from);
    this.#waits(task, 1);
  }

  switched(cpu: number, prev: number, next: number, now: number): void {
    this.#also?.switched(cpu, prev, next, now);
    this.#leaves(cpu);
    this.runs[cpu] = next;
    this.idleSince[cpu] = next < 0 && this.core.cpus.online[cpu] === 1 ? this.core.now : -1;
    if (next >= 0) this.#comes(cpu, next);
  }

  #leaves(cpu: number): void {
    const { tasks, now } = this.core;
    const before = this.runs[cpu]!;
    if (before < 0) return;
    if (this.#rtSince[cpu]! >= 0) {
      this.#rtBefore[cpu]! += now - this.#rtSince[cpu]!;
      this.#rtSince[cpu] = -1;
    }
    if (tasks.onRq[before] === 1 && tasks.state[before] === taskState.runnable) this.#waits(before, 0);
  }

  #comes(cpu: number, task: number): void {
    const since = this.waitingSince[task]!;
    const waited = since < 0 ? 0 : this.core.now - since;
    if (this.core.tasks.schedClass[task] === classNumber.rt) this.#rtSince[cpu] = this.core.now;
    for (const checker of this.checkers) checker.ran?.(task, cpu, waited);
    this.waitingSince[task] = -1;
  }

  #waits(task: number, wokeUp: 0 | 1): void {
    this.waitingSince[task] = this.core.now;
    this.wokeUp[task] = wokeUp;
    const cpus = this.runs.length;
    for (let cpu = 0; cpu < cpus; cpu++) this.#rtAtWait[task * cpus + cpu] = this.#rt(cpu);
  }

  #rt(cpu: number): number {
    const since = this.#rtSince[cpu]!;
    return this.#rtBefore[cpu]! + (since < 0 ? 0 : this.core.now - since);
  }

  rtWhileWaiting(task: number): number {
    const cpus = this.runs.length;
    let most = 0;
    for (let cpu = 0; cpu < cpus; cpu++)
      if (this.core.tasks.allows(task, cpu))
        most = Math.max(most, this.#rt(cpu) - this.#rtAtWait[task * cpus + cpu]!);
    return most;
  }

  affinityChanged(task: number): void {
    this.changedAt[task] = this.core.now;
  }

  cpuChanged(cpu: number): void {
    this.changedAt.fill(this.core.now);
    const isOn = this.core.cpus.online[cpu] === 1;
    this.idleSince[cpu] = isOn && this.runs[cpu]! < 0 ? this.core.now : -1;
  }

  sample(): void {
    const { state, nice, count } = this.core.tasks;
    for (let task = 0; task < count; task++) {
      if (this.waitingSince[task]! >= 0 && state[task] !== taskState.runnable) this.waitingSince[task] = -1;
      if (nice[task] === this.#nice[task]) continue;
      this.#nice[task] = nice[task]!;
      this.renicedAt[task] = this.core.now;
    }
    for (const checker of this.checkers) checker.sample?.();
  }

  end(): void {
    for (const checker of this.checkers) checker.end?.();
  }

  nameOf(task: number): string {
    return `${this.scenario.tasks[task]?.comm ?? '?'} (task ${task})`;
  }
}
