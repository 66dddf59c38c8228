// What tune answers.

import type { z } from 'zod';
import type { Arm } from '../../core/records.ts';
import { judgementText } from '../../judge/text.ts';
import type { Judgement } from '../../judge/types.ts';
import type { Comparison } from '../../stages/compare.ts';
import type { Contestant, Trial } from '../../stages/trials.ts';
import type { FirstLook } from '../first-look.ts';
import type { tuneOutput } from '../schemas.ts';
import type { Screened } from '../screening.ts';
import type { Reply } from '../service.ts';
import { table } from '../text.ts';
import type { Named } from '../trials.ts';
import { findingLines } from '../verify.ts';

type Output = z.infer<typeof tuneOutput>;

export function reply(done: {
  comparison: Comparison;
  contestants: readonly Contestant[];
  trial: Trial;
  named: Named;
  screened: Screened | undefined;
  instead: string | undefined;
  look: FirstLook;
  profileText: string;
}): Reply<Output> {
  const { comparison, contestants, trial, named, screened } = done;
  const { judgement, verdict, digest, failures } = comparison;
  const armOf = (id: string): Arm | undefined => contestants.find((item) => item.arm.id === id)?.arm;
  const nameOf = (id: string): string => armOf(id)?.name ?? id;
  const best = judgement.chosen ?? judgement.candidate;
  const output: Output = {
    verdict: {
      decision: judgement.decision,
      policy: best === null ? null : nameOf(best),
      metric: judgement.metric,
      direction: judgement.direction,
      effect: judgement.effect,
      why: judgement.why,
      claims: judgement.claims.map((claim) => ({
        kind: claim.kind,
        arm: nameOf(claim.armId),
        against: nameOf(claim.against),
        holds: claim.holds,
        n: claim.n,
        bound: claim.bound,
        limit: claim.limit,
        ...(claim.why === undefined ? {} : { why: claim.why }),
      })),
    },
    arms: judgement.arms.map((report) => ({
      policy: report.name,
      kind: report.kind,
      status: report.status,
      n: report.n,
      median: report.median,
      effect: report.effect,
      ...(report.why === undefined ? {} : { why: report.why }),
      ...(failures.has(report.id) ? { finding: failures.get(report.id) } : {}),
      ...identity(armOf(report.id)),
    })),
    machine: {
      name: trial.reference.name,
      mode: trial.reference.mode,
      kernel: trial.reference.kernel.release,
      cpus: trial.topology.cpus,
      memoryMiB: trial.topology.memoryMiB,
    },
    workload: { name: named.name, kind: named.kind },
    ...profileOutput(done.look),
    ...(screened === undefined ? {} : { screening: screeningOf(screened) }),
    ...(done.instead === undefined ? {} : { instead: done.instead }),
    records: [
      { kind: 'verdict', digest },
      ...verdict.outcomes.map((outcome) => ({ kind: 'outcome', digest: outcome })),
    ],
  };
  return { output, exit: exitOf(judgement), text: textOf(output, judgement, done.profileText) };
}

function profileOutput({ kept, why }: FirstLook): Pick<Output, 'profile' | 'notReplayed'> {
  const lacking = why === undefined ? {} : { notReplayed: why };
  if (kept === undefined) return lacking;
  const { class: own, goal, fingerprint } = kept.profile;
  return { profile: { record: kept.digest, class: own, goal, fingerprint }, ...lacking };
}

function screeningOf({ candidates, seeds, runs, predicted, digest }: Screened): Output['screening'] {
  return { candidates, seeds, runs, predicted, record: digest };
}

function identity(arm: Arm | undefined): Pick<Output['arms'][number], 'parameters' | 'settings'> {
  return {
    ...(arm?.policy === undefined ? {} : { parameters: arm.policy.parameters }),
    ...(arm?.settings === undefined ? {} : { settings: arm.settings }),
  };
}

function exitOf(judgement: Judgement): 0 | 1 | 3 {
  if (judgement.decision === 'accepted') return 0;
  return judgement.decision === 'invalid' ? 3 : 1;
}

function textOf(output: Output, judgement: Judgement, profile: string): string {
  const { machine, workload, records } = output;
  const where = `${workload.name} on kernel ${machine.kernel}, ${machine.cpus} CPUs, ${machine.name} (${machine.mode})`;
  const instead = output.instead === undefined ? '' : `${output.instead}.\nWhat follows is a model's word.\n`;
  return `${instead}${profile}${where}\n\n${judgementText(judgement)}${failuresText(output)}${screeningText(output)}\nrecord ${records[0]?.digest.slice(0, 12)}   schedcp show ${records[0]?.digest.slice(0, 12)}\n`;
}

function screeningText({ screening, arms, machine }: Output): string {
  if (screening === undefined) return '';
  const percent = (value: number): string => `${value < 0 ? '−' : '+'}${Math.abs(100 * value).toFixed(1)} %`;
  const here = machine.name === 'simulator' ? 'then' : 'measured';
  const rows = Object.entries(screening.predicted).map(([name, predicted]) => {
    const effect = arms.find(({ policy }) => policy === name)?.effect;
    return [
      name,
      percent(predicted),
      effect === null || effect === undefined ? '-' : percent(effect.relative),
    ];
  });
  const { candidates, runs, seeds, record } = screening;
  return (
    `\nBefore, the simulator tried ${candidates} candidates (${runs} runs, up to ${seeds} seeds) and sent these on; schedcp show ${record.slice(0, 12)}\n` +
    table(['arm', 'simulated', here], rows)
  );
}

/** The first failed run of each arm, shortly; the same failure of several arms once. */
function failuresText(output: Output): string {
  const seen = new Set<string>();
  const lines: string[] = [];
  for (const { policy, finding } of output.arms) {
    if (finding === undefined || seen.has(finding.message)) continue;
    seen.add(finding.message);
    lines.push('', `${policy}:`, ...findingLines(finding, 8));
  }
  return lines.length === 0 ? '' : `${lines.join('\n')}\n`;
}
