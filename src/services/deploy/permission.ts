// From a verdict to the right to deploy it: what was measured, hard limits, trust, a person's approval where one is needed, and a token that is spent. The order is that of
// src/deployment/token.ts.

import { recordDigest } from '../../core/canonical.ts';
import { deploymentSchema } from '../../core/deployment.ts';
import { Fault } from '../../core/errors.ts';
import { gauntletPlanSchema, type KnobRanges } from '../../core/gauntlet.ts';
import {
  type Candidate,
  candidateSchema,
  experimentSchema,
  outcomeSchema,
  verdictSchema,
} from '../../core/records.ts';
import { isSameDeed, type Operation } from '../../deployment/approvals.ts';
import { sliceFindings, withinBounds } from '../../deployment/bounds.ts';
import { type Level, levelOf, levels } from '../../deployment/changes.ts';
import { otherKernel } from '../../deployment/check-token.ts';
import { type Grant, grantOf, knobEnds } from '../../deployment/grant.ts';
import type { Place } from '../../deployment/history.ts';
import { policyIdentity } from '../../deployment/identity.ts';
import { coversKernel } from '../../deployment/kernels.ts';
import { type Refusal, refusal } from '../../deployment/refusal.ts';
import { type Scope, scopeText } from '../../deployment/scope.ts';
import { permission } from '../../deployment/trust.ts';
import { restartAfter } from '../../judge/backoff.ts';
import { gauntletOf, knobsOnCard } from '../gauntlet.ts';
import type { World } from '../world.ts';

export interface Granted extends Grant {
  /** What may move while it runs, and how far it was tested. */
  readonly knobs: KnobRanges;
  readonly candidate: Candidate;
  readonly level: Level;
  /** Beyond all levels. */
  readonly findings: readonly Refusal[];
}

export type GrantAnswer = Granted | { readonly refused: Refusal };

/** What the verdict permits. Faults: not-found, unsupported (no verdict). */
export async function grantBehind(world: World, prefix: string): Promise<GrantAnswer> {
  const { records } = world.store;
  const digest = await records.find(prefix);
  const read = verdictSchema.safeParse(await records.get(digest));
  if (!read.success)
    throw new Fault('unsupported', `the record ${digest.slice(0, 12)} is no verdict`, {
      next: 'give the verdict that tune has recorded: schedcp show lists the newest records',
    });
  const verdict = read.data;
  const chosen = (verdict.judgement as { chosen?: unknown }).chosen;
  const named = typeof chosen === 'string' ? verdict.candidates[chosen] : undefined;
  const candidate = named === undefined ? noCandidate : candidateSchema.parse(await records.get(named));
  const experiments = await experimentsBehind(world, verdict.outcomes);
  const answer = grantOf(verdict, candidate, experiments);
  if (!answer.ok) return { refused: answer.finding };
  const { object, name } = answer.grant.policy;
  const card = await world.policies.cardOf(object);
  if (card === undefined && gauntletOf(verdict) === undefined) return { refused: unverified(name) };
  const { level, findings } = levelOf({
    how: candidate.how,
    parameters: answer.grant.policy.parameters,
    declared: card?.parameters,
  });
  const plan = gauntletPlanSchema.safeParse(verdict.plan);
  const knobs = plan.success ? plan.data.knobs : await knobsOnCard(world, candidate.arm);
  return { ...answer.grant, candidate, level, findings, knobs };
}

/** The library's own policies pass the gauntlet before they are shipped (bench/gauntlet.ts); of others a comparison says how fast they are, not that they are safe. */
function unverified(name: string): Refusal {
  return refusal(
    'unverified',
    `${name} is no policy of the library, and this verdict says only how it compares`,
    'run: schedcp verify FILE; what it accepts can be deployed',
  );
}

const noCandidate: Candidate = {
  kind: 'candidate',
  version: 1,
  from: [],
  arm: { id: 'none', name: 'none', kind: 'default' },
  how: 'default',
  why: '',
};

async function experimentsBehind({ store: { records } }: World, outcomes: readonly string[]) {
  const found = new Map<string, ReturnType<typeof experimentSchema.parse>>();
  for (const digest of outcomes) {
    const outcome = outcomeSchema.safeParse(await records.get(digest));
    const from = outcome.data?.from[0];
    if (from === undefined || found.has(from)) continue;
    const experiment = experimentSchema.safeParse(await records.get(from));
    if (experiment.success) found.set(from, experiment.data);
  }
  return [...found.values()];
}

export interface Asking {
  readonly grant: Granted;
  /** Undefined: the person at the command line, who is the one to approve. */
  readonly agent: string | undefined;
  readonly scope: Scope;
  readonly isCritical: boolean;
  readonly kernel: string;
  /** Digest of the state in place now, which is given back. */
  readonly restore: string;
  /** Digest of all else that is asked for: what a person agrees to. */
  readonly plan: string;
  /** What of it a person should see beside policy and scope, in short. */
  readonly words: string;
  /** The same in full, line by line. */
  readonly details: readonly string[];
  readonly on: Place;
  readonly bounds: Parameters<typeof withinBounds>[0];
  readonly anomalies: readonly string[];
  readonly isDry: boolean;
}

export type Permitted =
  | { readonly may: true; readonly tokenId: string; readonly by: string }
  /** `asks`: a person may permit it, who is asked unless this is a trial; `approval`: the question. */
  | {
      readonly may: false;
      readonly findings: readonly Refusal[];
      readonly asks: boolean;
      readonly approval: string | null;
    };

const no = (findings: readonly Refusal[]): Extract<Permitted, { may: false }> => ({
  may: false,
  findings,
  asks: false,
  approval: null,
});

const covers = 'release';
const tokenLifetimeMs = 600_000;
const approvalLifetimeMs = 86_400_000;

/**
 * `obstacles`: what is looked for when all else permits it, before an approval or a token is spent: it may start commands of who asks. `stateNow`: digest of the state in place then.
 */
export async function permit(
  world: World,
  asking: Asking,
  obstacles: () => Promise<readonly Refusal[]>,
  stateNow: () => Promise<string>,
): Promise<Permitted> {
  const { grant, agent, scope, kernel, restore, on, isDry } = asking;
  const { policy, verdict, knobs } = grant;
  const limits = [
    ...grant.findings,
    ...withinBounds(asking.bounds),
    ...[policy.parameters, ...knobEnds(knobs)].flatMap(sliceFindings),
    ...(await quarantine(world, grant, on)),
    ...(coversKernel({ releases: [...grant.releases], covers }, kernel)
      ? []
      : [otherKernel(kernel, grant.releases)]),
  ];
  if (limits.length > 0) return no(limits);
  const trust = agent === undefined ? { may: true as const } : await trusted(world, { ...asking, agent });
  if (!trust.may) return trust;
  const found = await obstacles();
  if (found.length > 0) return no(found);
  const by = agent ?? world.person();
  if (isDry) return { may: true, tokenId: 'none', by };
  const { operation } = trust;
  if (operation !== undefined && (await world.keeping.useApproval(operation)) === undefined)
    return await asked(world, operation);
  const who = { kind: agent === undefined ? 'person' : 'agent', name: by } as const;
  const issued = await world.keeping.issue(grant, who, {
    ...{ scope, covers, knobs, restore, lifetimeMs: tokenLifetimeMs },
  });
  if (!issued.ok) return no(issued.findings);
  const context = { policy, verdict, kernel, scope, restore: await stateNow() };
  const answer = await world.keeping.permit(issued.text, who, context, on);
  return answer.ok ? { may: true, tokenId: answer.token.id, by } : no(answer.findings);
}

/** Whether the agent may; `operation`: by an approval, which is to be used up. */
async function trusted(
  world: World,
  asking: Asking & { readonly agent: string },
): Promise<Extract<Permitted, { may: false }> | { readonly may: true; readonly operation?: Operation }> {
  const { grant, agent, scope, isCritical, anomalies, plan, words, details, isDry } = asking;
  const { keeping } = world;
  const { isByHand, deployed } = await keeping.history();
  const about = { agent, level: grant.level, isCritical, anomalies, mode: world.mode, isByHand };
  const first = permission({ ...about, isApproved: false }, deployed);
  if (first.may === 'deploy') return { may: true };
  if (first.may === 'not') return no(first.findings);
  const where = scopeText(scope);
  const operation: Operation = {
    ...{ what: 'deploy', agent, machine: keeping.identity().machine, scope: where, plan },
    ...{ policy: policyIdentity(grant.policy), verdict: grant.verdict },
    summary: `deploy ${grant.policy.name} (${levels[grant.level]}) on ${where}${words}`.slice(0, 500),
    details: details.map((line) => line.slice(0, 1_000)),
    reasons: first.findings.map(({ message }) => message),
  };
  const isApproved = keeping.approvals
    .list(keeping.latestMs())
    .some(({ state, question }) => state === 'approved' && isSameDeed(question.operation, operation));
  if (isApproved) return { may: true, operation };
  if (isDry) return { may: false, findings: first.findings, asks: true, approval: null };
  return await asked(world, operation, first.findings);
}

async function asked(
  { keeping }: World,
  operation: Operation,
  findings: readonly Refusal[] = [],
): Promise<Extract<Permitted, { may: false }>> {
  const { id } = await keeping.ask(operation, approvalLifetimeMs);
  return { may: false, findings, asks: true, approval: id };
}

/** A policy that was undone again and again waits, and then waits for a person. */
export async function quarantine(world: World, { policy }: Grant, on: Place): Promise<Refusal[]> {
  const identity = policyIdentity(policy);
  const attempts = (await world.keeping.history()).attempts
    .filter((one) => one.identity === identity && (one.on === on || one.on === 'anywhere'))
    .map(({ atMs, how }) => ({ at: atMs * 1e6, how }));
  const restart = restartAfter(attempts, world.keeping.latestMs() * 1e6);
  if (restart.kind === 'now') return [];
  const tries = `${restart.failures} ${restart.failures === 1 ? 'deployment' : 'deployments'} of it in a row went wrong`;
  return restart.kind === 'wait'
    ? [
        {
          ...{ code: 'too-soon', message: `${policy.name} has to wait: ${tries}` },
          next: `try again after ${new Date(restart.untilAt / 1e6).toISOString()}`,
        },
      ]
    : [
        {
          ...{ code: 'quarantined', message: `${policy.name} is in quarantine: ${tries}` },
          next: `change the policy, which makes it another one with a verdict of its own; or let a person say: schedcp approve --release ${identity.slice(0, 12)}`,
        },
      ];
}

/** Oldest first. */
export async function deploymentsOf({ store: { records } }: World) {
  const newest = await records.newest(2000);
  const all = [];
  for (const { digest, kind } of newest.reverse()) {
    if (kind !== 'deployment') continue;
    const read = deploymentSchema.safeParse(await records.get(digest));
    if (read.success) all.push({ ...read.data, digest });
  }
  return all;
}

/** What a state is called that is to be given back. */
export function stateDigest(presence: { readonly state: string; readonly ops: string }): string {
  return recordDigest({ state: presence.state, ops: presence.ops });
}
