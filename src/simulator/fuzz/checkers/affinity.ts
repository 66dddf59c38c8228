// Affinity: a task runs only where it may. The kernel sees to this itself, so a violation is as likely a bug of the model as of the policy.

import { classNumber } from '../../model/flags.ts';
import { type MakeChecker, timeText, type Watched } from '../checker.ts';

/** A running task whose affinity changes leaves its CPU through the stopper: at once, but give it two ticks. */
const leaveNs = 8_000_000;

export const affinity: MakeChecker = (watched, report) => ({
  name: 'affinity',
  ran(task, cpu) {
    if (isForbidden(watched, task, cpu))
      report(`${watched.nameOf(task)} was put on CPU ${cpu}, which it may not use`, [task]);
  },
  sample() {
    const { core, runs, changedAt } = watched;
    for (const [cpu, task] of runs.entries()) {
      if (task < 0 || !isForbidden(watched, task, cpu)) continue;
      const since = core.now - changedAt[task]!;
      if (since > leaveNs)
        report(
          `${watched.nameOf(task)} still runs on CPU ${cpu} ${timeText(since)} after it may not any more`,
          [task],
        );
    }
  },
});

/** Tasks whose CPUs are all off may run anywhere; those that cannot migrate stay where they are. */
function isForbidden({ core }: Watched, task: number, cpu: number): boolean {
  const { tasks, cpus, topology } = core;
  if (tasks.schedClass[task] !== classNumber.ext || tasks.migrationDisabled[task] === 1) return false;
  if (tasks.allows(task, cpu) && cpus.online[cpu] === 1) return false;
  for (let one = 0; one < topology.cpus; one++) if (core.mayUse(task, one)) return true;
  return false;
}
