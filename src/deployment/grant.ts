// From an accepted verdict to a token: what exactly was measured, where, and on which kernels. A verdict of the simulator alone permits nothing on a
// real machine.

import { z } from 'zod';
import { recordDigest } from '../core/canonical.ts';
import type { Candidate, Experiment, Policy, Verdict } from '../core/records.ts';
import { sliceFindings, withinBounds } from './bounds.ts';
import { policyIdentity } from './identity.ts';
import { seriesOf } from './kernels.ts';
import { type Refusal, refusal } from './refusal.ts';
import type { Scope } from './scope.ts';
import type { Signer } from './signing.ts';
import { type Token, tokenText } from './token.ts';

const judgementSchema = z.object({
  kind: z.string().optional(),
  decision: z.string(),
  chosen: z.string().nullable(),
});

/** What a verdict permits. */
export interface Grant {
  readonly policy: Policy;
  readonly verdict: string;
  /** Sorted; on real kernels. */
  readonly releases: readonly string[];
}

export type GrantAnswer =
  | { readonly ok: true; readonly grant: Grant }
  | { readonly ok: false; readonly finding: Refusal };

/** `candidate`: the record that the verdict's chosen arm came from; `experiments`: those behind the verdict's outcomes. */
export function grantOf(
  verdict: Verdict,
  candidate: Candidate,
  experiments: readonly Experiment[],
): GrantAnswer {
  const no = (message: string, next: string): GrantAnswer => ({
    ok: false,
    finding: refusal('not-accepted', message, next),
  });
  const judged = judgementSchema.safeParse(verdict.judgement);
  if (!judged.success || judged.data.decision !== 'accepted' || judged.data.chosen === null) {
    const decision = judged.success ? judged.data.decision : 'unreadable';
    const next =
      judged.data?.kind !== 'gauntlet'
        ? 'try other policies, or more runs'
        : decision === 'rejected'
          ? 'mend the policy, and run verify on it again'
          : 'run verify with all gates and loads';
    return no(`the verdict is ${decision}: only an accepted one permits anything`, next);
  }
  const named = verdict.candidates[judged.data.chosen];
  const { policy } = candidate.arm;
  if (named !== recordDigest(candidate) || candidate.arm.id !== judged.data.chosen)
    return no('the verdict accepts another candidate', 'give the candidate that it names');
  if (policy === undefined)
    return no(
      'the verdict accepts settings of the default scheduler, which is no policy',
      'set them by hand: see show',
    );
  const identity = policyIdentity(policy);
  const measured = experiments.filter(
    ({ arm, machine }) =>
      machine.name !== 'simulator' && arm.policy !== undefined && policyIdentity(arm.policy) === identity,
  );
  const releases = [...new Set(measured.map(({ machine }) => machine.kernel.release))].sort();
  if (releases.length === 0 && experiments.some(({ arm }) => arm.policy?.hints !== undefined))
    return no(
      'it was measured with hints about each task, which nobody has where it would be deployed',
      'tune without hints: policies that learn or need none',
    );
  if (releases.length === 0)
    return no('no run of this policy was on a real kernel', 'tune with --machine micro-vm');
  return { ok: true, grant: { policy, verdict: recordDigest(verdict), releases } };
}

/** What the caller decides; all the rest follows from the grant. */
export interface Terms {
  readonly agent: string;
  readonly machine: string;
  readonly scope: Scope;
  readonly covers: Token['kernels']['covers'];
  readonly knobs: Token['policy']['knobs'];
  /** Digest of the state to give back. */
  readonly restore: string;
  readonly nowMs: number;
  readonly lifetimeMs: number;
  /** 32 hexadecimal digits of chance. */
  readonly id: string;
}

export type Issued =
  | { readonly ok: true; readonly text: string; readonly token: Token }
  | { readonly ok: false; readonly findings: readonly Refusal[] };

/** A token, or what stands outside of the bounds. */
export function issueToken({ policy, verdict, releases }: Grant, terms: Terms, signer: Signer): Issued {
  const { agent, machine, scope, covers, knobs, restore, nowMs, lifetimeMs, id } = terms;
  const findings = [
    ...withinBounds({ tokenLifetimeMs: lifetimeMs }),
    ...[policy.parameters, ...knobEnds(knobs)].flatMap(sliceFindings),
    ...(covers === 'series' && releases.some((release) => seriesOf(release) === undefined)
      ? [refusal('other-kernel', 'a measured release has no series', 'cover the releases alone')]
      : []),
  ];
  if (findings.length > 0) return { ok: false, findings };
  const token: Token = {
    version: 1,
    keyId: signer.keyId,
    id,
    agent,
    policy: { name: policy.name, object: policy.object, identity: policyIdentity(policy), knobs },
    verdict,
    kernels: { releases: [...releases], covers },
    machine,
    scope,
    issuedAtMs: nowMs,
    expiresAtMs: nowMs + lifetimeMs,
    restore,
  };
  return { ok: true, token, text: tokenText(token, signer) };
}

/** Both ends of each knob, as values: a slice may not be moved where it may not be. */
export function knobEnds(knobs: Terms['knobs']): Policy['parameters'][] {
  const side = (end: 'low' | 'high') =>
    Object.fromEntries(Object.entries(knobs).map(([name, bound]) => [name, bound[end]]));
  return [side('low'), side('high')];
}
