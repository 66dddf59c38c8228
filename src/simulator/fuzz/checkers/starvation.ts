// Starvation: a runnable task gets a CPU within a bound. What "failed to run" in the kernel's watchdog says after its timeout, earlier and with more care
// for weights.

import { opsState } from '../../model/ext/dispatch.ts';
import { schedPolicy, taskState } from '../../model/flags.ts';
import { cgroupWeight } from '../../model/weights.ts';
import { type MakeChecker, timeText, type Watched } from '../checker.ts';

/** Any task, even the least: people notice one second and give up after a few; the guards of our own policies are at half a second to one. */
const boundNs = 2_000_000_000;
/** A fair policy gives a task of weight w one slice of 20 ms (the kernel's default) in each round of all weights W: one every 20 ms · W / w. */
const sliceNs = 20_000_000;
/** But no share is so small that nobody would be missed for longer: the two bounds together stay below the watchdog's usual 5 s. */
const mostSlackNs = 2_500_000_000;

export const starvation: MakeChecker = (watched, report) => ({
  name: 'starvation',
  ran(task, _cpu, waitedNs) {
    if (waitedNs > boundNs && waitedNs > boundFor(watched, task))
      report(
        `${watched.nameOf(task)} waited ${timeText(waitedNs)} for a CPU; at its weight ${timeText(boundFor(watched, task))} would be the most`,
        [task],
      );
  },
  sample() {
    for (const task of overdue(watched))
      if (!isHeldByPolicy(watched, task))
        report(
          `${watched.nameOf(task)} has waited ${timeText(waitOf(watched, task))} in a queue and still waits; at its weight it should have had a CPU by now`,
          [task],
        );
  },
});

/** Tasks that wait for longer than they must. */
export function overdue(watched: Watched): number[] {
  const found: number[] = [];
  for (let task = 0; task < watched.core.tasks.count; task++) {
    const waited = waitOf(watched, task);
    if (waited > boundNs && waited > boundFor(watched, task)) found.push(task);
  }
  return found;
}

export function waitOf(watched: Watched, task: number): number {
  const since = watched.waitingSince[task]!;
  return since < 0 ? 0 : watched.core.now - since;
}

/** The policy has it, in no queue of the kernel's: nobody but the policy can bring it back. */
export function isHeldByPolicy({ ext }: Watched, task: number): boolean {
  return ext.dispatch.state[task] === opsState.queued && ext.scx.dsqs.of[task]! < 0;
}

/** With the time that real-time tasks took meanwhile: it may wait in the local queue of their CPU, where the kernel keeps it. */
export function boundFor(watched: Watched, task: number): number {
  const { tasks } = watched.core;
  let all = 0;
  for (let one = 0; one < tasks.count; one++)
    if (tasks.state[one] === taskState.runnable && tasks.policy[one] !== schedPolicy.fifo)
      all += weight(watched, one);
  const slack = Math.min(mostSlackNs, (sliceNs * all) / weight(watched, task));
  return boundNs + slack + watched.rtWhileWaiting(task);
}

function weight({ core: { tasks } }: Watched, task: number): number {
  return cgroupWeight(tasks.nice[task]!, tasks.policy[task] === schedPolicy.idle);
}
