// What a deployment is to be, as its caller has it permitted, and what cannot become one.

import type { AttachScope, ForeignScheduler } from '../../core/attachment.ts';
import { Fault } from '../../core/errors.ts';
import type { KnobRanges } from '../../core/gauntlet.ts';
import type { KpiSpec } from '../../core/kpi.ts';
import type { Policy } from '../../core/records.ts';
import { planSwitchback, type SwitchbackPlan } from '../../judge/switchback.ts';
import { leastSamples } from './samples.ts';

export interface DeploymentStepPlan {
  readonly scope: AttachScope;
  /** `better` asks for a gain, `no-harm` for no loss of more than `limit`. */
  readonly question: 'no-harm' | 'better';
  readonly limit?: number;
  readonly blockMs: number;
  readonly washoutMs: number;
  /** Not left before. */
  readonly dwellMs: number;
}

export interface DeploymentPlan {
  readonly policy: Policy;
  /** Digests that the record names, the verdict first. */
  readonly from: readonly string[];
  readonly by: string;
  readonly startedMs: number;
  readonly level: number;
  readonly tokenId: string;
  readonly kernel: string;
  /** The first one is what steps are judged by; the breaker looks at all. */
  readonly kpis: readonly KpiSpec[];
  /** Under the default scheduler, before anything is attached; at least 10 s. */
  readonly referenceMs: number;
  readonly steps: readonly DeploymentStepPlan[];
  /** After the last step's go: so long, or until the signal. */
  readonly keepMs: number | null;
  readonly keepScope: AttachScope;
  readonly seed: number;
  readonly heartbeatMs: number;
  readonly timeoutMs: number;
  /** Somebody else's scheduler that is to make room, as it was seen when that was permitted; null: nobody's. */
  readonly replaces: Pick<ForeignScheduler, 'ops' | 'enableSeq'> | null;
  /** What may move, and how far: as the token says. */
  readonly knobs: KnobRanges;
}

/** Why this cannot become a deployment, whatever the machine: too many pairs for a step, or too few numbers for a reference. Throws Fault('malformed'). */
export function checkPlan(plan: Pick<DeploymentPlan, 'kpis' | 'referenceMs' | 'seed' | 'steps'>): void {
  for (const [place, step] of plan.steps.entries()) switchbackOf(plan, place, step);
  for (const { name, everyMs } of plan.kpis) {
    const neededMs = leastSamples * everyMs;
    if (plan.referenceMs < neededMs)
      throw new Fault(
        'malformed',
        `${name} gives a number every ${everyMs / 1000} s: ${plan.referenceMs / 1000} s under the default scheduler are too few for a reference`,
        { next: `use --reference ${Math.ceil(neededMs / 1000)}, or read it more often (everyMs)` },
      );
  }
}

export function switchbackOf(
  { kpis, seed, steps }: Pick<DeploymentPlan, 'kpis' | 'seed' | 'steps'>,
  place: number,
  step: DeploymentStepPlan,
): SwitchbackPlan {
  const { name, direction, unit } = kpis[0]!;
  return planSwitchback({
    ...{ seed, step: place, steps: steps.length, question: step.question },
    goal: { metric: name, direction, unit },
    ...(step.limit !== undefined && { limit: step.limit }),
    ...{ blockNs: step.blockMs * 1e6, washoutNs: step.washoutMs * 1e6, dwellNs: step.dwellMs * 1e6 },
  });
}
