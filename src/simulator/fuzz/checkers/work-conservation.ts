// Work conservation: no CPU idles while a task that may use it waits. Short gaps are normal (a kick takes its time), long ones are lost capacity.

import { classNumber } from '../../model/flags.ts';
import { type MakeChecker, timeText, type Watched } from '../checker.ts';

/** More than two ticks (HZ=250): a policy that looks for work in its tick has had the chance. */
const boundNs = 10_000_000;

export const workConservation: MakeChecker = (watched, report) => ({
  name: 'work-conservation',
  sample() {
    const { core, idleSince, waitingSince, changedAt } = watched;
    for (const [cpu, idle] of idleSince.entries()) {
      if (idle < 0 || core.now - idle <= boundNs) continue;
      for (let task = 0; task < core.tasks.count; task++) {
        const since = waitingSince[task]!;
        if (since < 0) continue;
        const both = core.now - Math.max(idle, since, changedAt[task]!);
        if (both > boundNs && couldRun(watched, task, cpu)) {
          report(
            `CPU ${cpu} has idled for ${timeText(both)} while ${watched.nameOf(task)}, which may use it, waits; ${timeText(boundNs)} is the limit`,
            [task],
          );
          return;
        }
      }
    }
  },
});

/**
 * Not counted: what the kernel holds in the local queue of a CPU: tasks on their way out (unless a policy asks for them), and those on a CPU that a real-time task
 * has taken (only a policy with ops.cpu_release can do better).
 */
function couldRun({ core, ext, runs }: Watched, task: number, cpu: number): boolean {
  const { tasks } = core;
  if (tasks.schedClass[task] !== classNumber.ext || !core.mayUse(task, cpu)) return false;
  if (tasks.exiting[task] === 1) return false;
  const own = tasks.cpu[task]!;
  if (tasks.migrationDisabled[task] === 1 && own !== cpu) return false;
  const curr = runs[own]!;
  const takenByRt = curr >= 0 && tasks.schedClass[curr] === classNumber.rt;
  return !(takenByRt && ext.scx.dsqs.of[task] === own && ext.scx.ops.cpuRelease === undefined);
}
