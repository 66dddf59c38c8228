// What a checker is: a pure observer of switches, wakeups and the model's columns, apart from the code that schedules. It changes nothing.

import { type CheckerName, checkerNames, type Scenario } from '../../core/scenario.ts';
import type { Core } from '../model/core.ts';
import type { Ext } from '../model/ext/ext.ts';

export function isAsGrave(one: CheckerName, other: CheckerName): boolean {
  return checkerNames.indexOf(one) <= checkerNames.indexOf(other);
}

export interface Violation {
  readonly checker: CheckerName;
  /** A sentence with the numbers in it. */
  readonly message: string;
  /** From the start of the simulation. */
  readonly atNs: number;
  readonly tasks: readonly number[];
}

/** What checkers may look at. The columns are kept by watch.ts. */
export interface Watched {
  readonly scenario: Scenario;
  readonly core: Core;
  readonly ext: Ext;
  readonly startNs: number;
  /** By task: since when it waits for a CPU (model time); −1 when it does not. */
  readonly waitingSince: Float64Array;
  /** By task: 1 when the wait at hand began with a wakeup, 0 when with a preemption. */
  readonly wokeUp: Uint8Array;
  /** By task: when what it may use was last changed (affinity, migration, its class). */
  readonly changedAt: Float64Array;
  /** By task: when its nice value was last seen to change (or the start). */
  readonly renicedAt: Float64Array;
  /** By CPU: the task that runs, −1 for none; since when it has been idle (−1: it runs something, or is off). */
  readonly runs: Int32Array;
  readonly idleSince: Float64Array;
  /** For how long of a task's wait real-time tasks had a CPU that it may use: the CPU where that was longest. */
  rtWhileWaiting(task: number): number;
  /** "hog3 (task 2)". */
  nameOf(task: number): string;
}

export type Report = (message: string, tasks: readonly number[]) => void;

export interface Checker {
  readonly name: CheckerName;
  /** `task` has got `cpu` after waiting for `waitedNs`. */
  ran?(task: number, cpu: number, waitedNs: number): void;
  /** Every two milliseconds. */
  sample?(): void;
  /** The scenario is over. */
  end?(): void;
}

export type MakeChecker = (watched: Watched, report: Report) => Checker;

/** "1.25 s", "300 ms". */
export function timeText(ns: number): string {
  return ns >= 1e9 ? `${(ns / 1e9).toFixed(2)} s` : `${Math.round(ns / 1e5) / 10} ms`;
}
