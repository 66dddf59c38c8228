// How a deployment has ended, and the record that is made of it.

import type { Deployment } from '../../core/deployment.ts';
import type { Trip } from '../../judge/breaker.ts';
import type { DeploymentPlan } from './plan.ts';

export interface RunEnd {
  readonly how: Deployment['end']['how'];
  readonly words: string;
  readonly trip?: Trip;
  readonly exit?: Deployment['end']['exit'];
  /** Somebody has ended it from outside. */
  readonly isByHand?: boolean;
  /** When it was decided, on the clock of the site. */
  readonly atNs: number;
}

/** How it went, besides what was planned; times on the clock of the site. */
export interface Course
  extends Pick<Deployment, 'steps' | 'kernelEvents' | 'moved'>,
    Pick<Deployment['restored'], 'state' | 'ops' | 'verified' | 'replaced'> {
  readonly machine: Deployment['machine']['name'];
  readonly startNs: number;
  readonly end: RunEnd;
  /** What is said of the end. */
  readonly words: string;
  /** When the machine had its scheduler back. */
  readonly backNs: number;
}

export function deploymentOf(plan: DeploymentPlan, course: Course): Deployment {
  const { policy, from, by, startedMs, level, tokenId, kernel, kpis, seed, keepScope } = plan;
  const { machine, startNs, end, words, backNs, steps, kernelEvents, moved } = course;
  const { state, ops, verified, replaced } = course;
  const evidence = (end.trip?.evidence ?? []).map(({ kpi, effect, sinceAt, words }) => ({
    ...{ kpi, effect: { ...effect }, sinceNs: sinceAt - startNs, words },
  }));
  return {
    ...{ kind: 'deployment', version: 1, from: [...from], by, startedMs, level, tokenId, policy, seed },
    scope: structuredClone(keepScope) as Deployment['scope'],
    machine: { name: machine, kernel },
    kpis: [...kpis],
    steps,
    end: { how: end.how, atNs: since(end.atNs, startNs), words, evidence, exit: end.exit ?? null },
    restored: { verified, state, ops, tookNs: since(backNs, end.atNs), replaced },
    ...{ kernelEvents, moved },
  };
}

/** ns. */
export function since(ns: number, startNs: number): number {
  return Math.max(0, Math.round(ns - startNs));
}
