// Sums over the tasks of Counters, of which any may lack any number.

import type { Counters, TaskCounters } from '../core/counters.ts';

/** Sums over those tasks that have the number; undefined where none has. */
export function sumOf(
  tasks: readonly TaskCounters[],
  of: (task: TaskCounters) => number | undefined,
): number | undefined {
  let sum: number | undefined;
  for (const task of tasks) {
    const value = of(task);
    if (value !== undefined) sum = (sum ?? 0) + value;
  }
  return sum;
}

export function observedTasks(counters: Counters): readonly TaskCounters[] {
  const own = counters.tasks.filter((task) => !task.isKernel);
  return own.length > 0 ? own : counters.tasks;
}

/** Time that a task was there. */
export function livedNs(task: TaskCounters, observedNs: number): number {
  const lived = (task.endedNs ?? observedNs) - (task.bornNs ?? 0);
  return Math.max(lived, task.ranNs + (task.delayNs ?? 0), 0);
}

export function perTime(amount: number | undefined, time: number): number | undefined {
  return amount === undefined || !(time > 0) ? undefined : amount / time;
}
