// Real programs that we did not write, in fast mode: at least one accepted, at least one not distinguishable. The last is one thread that computes:
// there is nothing to schedule, so an accepted policy there would be a false one.

import { availableParallelism } from 'node:os';
import { effectText, row, schedcp, type Tuned } from './lib.ts';

const node = process.execPath;
/** Name, arguments. */
const programs: readonly (readonly [string, readonly string[]])[] = [
  ['hackbench', ['--workload', 'hackbench', '--policies', 'fifo', '--policies', 'vtime']],
  ['perf-messaging', ['--workload', 'perf-messaging', '--policies', 'fifo', '--policies', 'vtime']],
  ['perf-pipe', ['--workload', 'perf-pipe', '--policies', 'fifo', '--policies', 'deadline']],
  ['build-bzip2', ['--workload', 'build-bzip2', '--policies', 'vtime', '--blocks', '12']],
  ['sha256sum', ['--policies', 'vtime', '--blocks', '18', '--with', node, '--', 'sha256sum', node]],
];

export async function benchPrograms(): Promise<void> {
  const decisions: string[] = [];
  const cpus = String(Math.min(2, availableParallelism()));
  for (const [name, arms] of programs) {
    const { value, seconds } = await schedcp<Tuned>([
      'tune',
      '--settings',
      'none',
      '--no-harm',
      '--cpus',
      cpus,
      ...arms,
    ]);
    const { decision, policy, why } = value.verdict;
    decisions.push(decision);
    row(
      `${name} (fast mode, ${cpus} CPUs)`,
      '',
      `${decision} ${policy ?? ''} ${effectText(value)}, ${seconds.toFixed(0)} s`,
      undefined,
    );
    if (decision !== 'accepted') row('', '', why, undefined);
  }
  row(
    'a real program ends accepted',
    '≥ 1',
    String(count(decisions, 'accepted')),
    count(decisions, 'accepted') >= 1,
  );
  const open = count(decisions, 'inconclusive') + count(decisions, 'rejected');
  row('a real program ends in "not distinguishable" or rejected', '≥ 1', String(open), open >= 1);
}

function count(decisions: readonly string[], wanted: string): number {
  return decisions.filter((decision) => decision === wanted).length;
}
