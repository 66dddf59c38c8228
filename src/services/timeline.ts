// The timeline of an outcome: one line a task, one column a slice of time. Which CPU a task was on is not known from a micro-VM's
// outcome, so a line shows when each task was alive and how much of that it ran.

import type { Experiment, Outcome } from '../core/records.ts';

const columns = 60;

/**
 * '#' where a task is alive and runs more than it waits, '-' where it mostly waits or sleeps. The last measured round only.
 */
export function timelineText(outcome: Outcome, experiment: Experiment): string {
  const last = Math.max(0, ...outcome.timeline.map((row) => row.round));
  const rows = outcome.timeline.filter((row) => row.round === last).sort((a, b) => a.endNs - b.endNs);
  const end = Math.max(1, ...rows.map((row) => row.endNs));
  const perColumn = end / columns;
  const head = `policy ${experiment.arm.name}   workload ${experiment.workload?.name ?? '-'}   cpus ${experiment.topology.cpus}   seed ${experiment.seed}   round ${last}`;
  const lines = rows.map((row) => {
    const [from, to] = [Math.floor(row.startNs / perColumn), Math.max(Math.ceil(row.endNs / perColumn), 1)];
    const busy = row.cpuNs / Math.max(1, row.endNs - row.startNs);
    const mark = busy > 0.5 ? '#' : '-';
    const share = `${Math.round(100 * busy)} %`.padStart(5);
    return `${row.task.padEnd(16)} ${share} ${' '.repeat(from)}${mark.repeat(Math.max(1, to - from))}`;
  });
  return `${[head, ...lines, `1 column = ${(perColumn / 1e6).toFixed(1)} ms; the share of its life that a task ran stands beside its name`].join('\n')}\n`;
}
