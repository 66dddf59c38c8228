// Latency: a task that wakes up and needs little gets a CPU soon, where the machine is not overloaded.

import { classNumber, schedPolicy, taskState } from '../../model/flags.ts';
import { type MakeChecker, timeText, type Watched } from '../checker.ts';

/** Far above what a good policy needs (milliseconds) and below the starvation bound: what a user calls "it hangs". */
const boundNs = 1_000_000_000;
/** A task needs little when it has used at most this share of the time since it was born. */
const littleShare = 0.1;
/** Not overloaded: at most so many runnable tasks for each CPU. A round of 20 ms slices is 160 ms then. */
const perCpu = 8;

export const latency: MakeChecker = (watched, report) => ({
  name: 'latency',
  ran(task, _cpu, waitedNs) {
    if (waitedNs <= boundNs || watched.wokeUp[task] === 0) return;
    const rt = watched.rtWhileWaiting(task);
    if (waitedNs <= boundNs + rt || !needsLittle(watched, task, waitedNs) || isOverloaded(watched)) return;
    const { sumExec } = watched.core.tasks;
    report(
      `${watched.nameOf(task)} woke up, having used ${timeText(sumExec[task]!)} of CPU time so far, and waited ${timeText(waitedNs)} for a CPU; ` +
        `${timeText(boundNs)} is the limit with at most ${perCpu} runnable tasks a CPU`,
      [task],
    );
  },
});

/** Who had another weight until lately may still pay for what it did then: policies that charge by weight do not forget it at once. */
function needsLittle({ core, startNs, renicedAt }: Watched, task: number, waitedNs: number): boolean {
  const { tasks, topology, now } = core;
  if (tasks.schedClass[task] !== classNumber.ext || tasks.policy[task] === schedPolicy.idle) return false;
  if (tasks.nice[task]! > 0 || tasks.allowed[task]! < topology.cpus) return false;
  if (now - renicedAt[task]! < waitedNs + boundNs && renicedAt[task]! > startNs) return false;
  return tasks.sumExec[task]! <= littleShare * (now - startNs);
}

function isOverloaded({ core }: Watched): boolean {
  let runnable = 0;
  for (let task = 0; task < core.tasks.count; task++)
    if (core.tasks.state[task] === taskState.runnable) runnable++;
  const online = core.cpus.online.reduce((sum, one) => sum + one, 0);
  return runnable > perCpu * online;
}
