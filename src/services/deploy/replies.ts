// What deploy says: what is to happen, what does, and what came of it.

import type { z } from 'zod';
import type { Deployment } from '../../core/deployment.ts';
import type { KpiSpec } from '../../core/kpi.ts';
import type { Refusal } from '../../deployment/refusal.ts';
import type { DeploymentNews } from '../../stages/deploy.ts';
import type { deployInput, deployOutput } from '../deploy-schemas.ts';
import { deploymentText, stepLine } from '../deployment-text.ts';
import type { Reply } from '../service.ts';
import type { Granted } from './permission.ts';
import type { DeploymentSite } from './site.ts';

type Input = z.infer<typeof deployInput>;
type Output = z.infer<typeof deployOutput>;

export function planWords(
  { on, question, limit, reference, block, dwell, keep, heartbeat }: Input,
  { policy, verdict, level }: Granted,
  site: DeploymentSite,
  kpis: readonly KpiSpec[],
  scopes: readonly string[],
): string[] {
  const parameters = Object.entries(policy.parameters).map(([name, value]) => `${name} ${value}`);
  const with_ = parameters.length === 0 ? '' : ` with ${parameters.join(', ')}`;
  const asks =
    question === 'better' ? `a gain of ${percent(limit ?? 0.02)}` : `no loss of ${percent(limit ?? 0.05)}`;
  return [
    `${policy.name}${with_} (verdict ${verdict.slice(0, 12)}, trust level ${level}) on ${on === 'host' ? 'this machine' : 'a guest'}, kernel ${site.release}`,
    `${kpis.map(({ name }) => name).join(', ')} for ${reference} s under the default scheduler`,
    ...scopes.map(
      (scope, i) =>
        `step ${i + 1}: default and ${policy.name} by turns of ${block} s on ${scope}, ${dwell} s at least; goes on when ${kpis[0]!.name} shows ${asks}`,
    ),
    `then ${policy.name} stays on ${scopes.at(-1)} ${keep === undefined ? 'until it is stopped' : `for ${keep} s`}; undone ${heartbeat} s after this process has died`,
  ];
}

const percent = (share: number): string => `${Number((100 * share).toFixed(1))} %`;

export function newsText(news: DeploymentNews, steps: number): string | undefined {
  switch (news.what) {
    case 'block':
      return undefined;
    case 'step':
      return stepLine(news.step, news.place, steps);
    case 'moved':
      return `${news.who.name} set ${news.words}`;
    default:
      return news.words;
  }
}

export function reply(
  record: Deployment,
  digest: string,
  lesson: string | undefined,
  plan: string[],
  said: string,
): Reply<Output> {
  const { policy, end, restored, steps } = record;
  const output: Output = {
    ...{ decision: end.how, policy: policy.name, plan, findings: [], approval: null },
    why: said === '' ? end.words : `${end.words}; ${said}`,
    steps: steps.map(({ blocks: _, ...step }) => step),
    restored: { verified: restored.verified, state: restored.state, seconds: restored.tookNs / 1e9 },
    records: [
      { kind: 'deployment', digest },
      ...(lesson === undefined ? [] : [{ kind: 'lesson', digest: lesson }]),
    ],
  };
  return {
    output,
    exit: end.how === 'kept' && restored.verified ? 0 : 1,
    text: `${deploymentText(record)}${said === '' ? '' : `${said}\n`}record ${digest.slice(0, 12)}\n`,
  };
}

export function dryReply(policy: string, plan: string[]): Reply<Output> {
  const output: Output = {
    ...{
      decision: 'would-deploy',
      policy,
      plan,
      findings: [],
      approval: null,
      steps: [],
      restored: null,
      records: [],
    },
    why: 'nothing was changed',
  };
  return {
    output,
    exit: 0,
    text: `It would be done, and nothing was changed:\n${plan.map((line) => `  ${line}\n`).join('')}`,
  };
}

export const notPermitted = (
  { policy }: Granted,
  findings: readonly Refusal[],
  plan: string[],
): Reply<Output> => refusedReply(policy.name, { decision: 'not-permitted', findings, plan, approval: null });

export function refusedReply(
  policy: string,
  refused: Pick<Output, 'decision' | 'findings' | 'plan' | 'approval'>,
): Reply<Output> {
  const { findings, approval } = refused;
  const why = findings.map(({ message }) => message).join('; ');
  const lines = findings.map(({ code, message, next }) => `  ${code}: ${message}\n  → ${next}\n`);
  const waits = approval === null ? '' : `  it waits for a person: schedcp approve ${approval}\n`;
  return {
    output: { ...refused, policy, steps: [], why, restored: null, records: [] },
    exit: 1,
    text: `${policy} is not deployed; nothing was changed\n${lines.join('')}${waits}`,
  };
}
