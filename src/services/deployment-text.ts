// Deployments and lessons, for people.

import type { AttachScope } from '../core/attachment.ts';
import type { Deployment, DeploymentStep, Lesson } from '../core/deployment.ts';
import { table, visible } from './text.ts';

export function deploymentText(record: Deployment): string {
  const { policy, machine, by, steps, end, restored, kpis, moved } = record;
  const rows = steps.map((step, i) => [`step ${i + 1}`, scopeWords(step.scope), step.decision, step.words]);
  const back = restored.verified ? 'the kernel says so' : 'NOT VERIFIED: look at schedcp status';
  return [
    `${policy.name} on ${machine.name} (${machine.kernel}), by ${by}, judged by ${kpis.map(({ name }) => name).join(', ')}`,
    ...(rows.length === 0 ? [] : [table(['', 'scope', '', ''], rows).trimEnd()]),
    ...moved.map(
      ({ atNs, by, values }) =>
        `after ${seconds(atNs)} ${visible(by)} set ${Object.entries(values)
          .map(([name, value]) => `${name} = ${value}`)
          .join(', ')}`,
    ),
    `${end.how} after ${seconds(end.atNs)}: ${end.words}`,
    ...end.evidence.map(({ words }) => `  ${words}`),
    `given back in ${seconds(restored.tookNs)}: ${restored.state}${restored.ops === '' ? '' : `, ${restored.ops}`} (${back})`,
    ...(restored.replaced === null ? [] : [restored.replaced.words]),
    '',
  ].join('\n');
}

export function stepLine({ scope, decision, words }: DeploymentStep, place: number, of: number): string {
  return `step ${place} of ${of}, ${scopeWords(scope)}: ${decision}; ${words}`;
}

export function lessonText({ advice, policy, where, words }: Lesson): string {
  return `${advice} ${policy.name} (kernel ${where.kernel}, by ${where.kpi}): ${words}\n`;
}

export function scopeWords(scope: AttachScope): string {
  if (scope.part === 'whole') return 'the whole machine';
  if (scope.part === 'cgroups')
    return `${scope.paths.length === 1 ? 'cgroup' : 'cgroups'} ${scope.paths.join(', ')}`;
  return `${scope.pids.length === 1 ? 'process' : 'processes'} ${scope.pids.join(', ')}`;
}

const seconds = (ns: number): string => `${(ns / 1e9).toFixed(ns < 10e9 ? 2 : 0)} s`;
