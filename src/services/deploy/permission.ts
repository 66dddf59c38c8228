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
import { withinBounds } from '../../deployment/bounds.ts';
import { type Level, levelOf, levels } from '../../deployment/changes.ts';
import { otherKernel } from '../../deployment/check-token.ts';
import { type Grant, grantOf } from '../../deployment/grant.ts';
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
  /** What of it a person should see beside policy and scope. */
  readonly words: string;
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

const no = (findings: readonly Refusal[]): Permitted => ({
  may: false,
  findings,
  asks: false,
  approval: null,
});

const covers = 'release';
const tokenLifetimeMs = 600_000;
const approvalLifetimeMs = 86_400_000;

export async function permit(world: World, asking: Asking): Promise<Permitted> {
  const { grant, agent, scope, kernel, restore, on, isDry } = asking;
  const limits = [
    ...grant.findings,
    ...withinBounds(asking.bounds),
    ...(await quarantine(world, grant, on)),
    ...(coversKernel({ releases: [...grant.releases], covers }, kernel)
      ? []
      : [otherKernel(kernel, grant.releases)]),
  ];
  if (limits.length > 0) return no(limits);
  const asked = agent === undefined ? undefined : await trusted(world, { ...asking, agent });
  if (asked !== undefined) return asked;
  const by = agent ?? world.person();
  if (isDry) return { may: true, tokenId: 'none', by };
  const who = { kind: agent === undefined ? 'person' : 'agent', name: by } as const;
  const terms = {
    scope,
    covers,
    knobs: grant.knobs,
    restore,
    lifetimeMs: tokenLifetimeMs,
  } as const;
  const issued = await world.keeping.issue(grant, who, terms);
  if (!issued.ok) return no(issued.findings);
  const { policy, verdict } = grant;
  const context = { policy, verdict, kernel, scope, restore };
  const answer = await world.keeping.permit(issued.text, who, context, on);
  return answer.ok ? { may: true, tokenId: answer.token.id, by } : no(answer.findings);
}

/** Undefined: the agent may. */
async function trusted(
  world: World,
  { grant, agent, scope, isCritical, anomalies, plan, words, isDry }: Asking & { readonly agent: string },
): Promise<Permitted | undefined> {
  const { keeping } = world;
  const history = await keeping.history();
  const machine = keeping.identity().machine;
  const base = {
    ...{ what: 'deploy', agent, machine, policy: policyIdentity(grant.policy), verdict: grant.verdict },
    ...{ scope: scopeText(scope), plan },
    summary: `deploy ${grant.policy.name} (${levels[grant.level]}) on ${scopeText(scope)}${words}`.slice(
      0,
      500,
    ),
  };
  const ask = (isApproved: boolean) =>
    permission(
      {
        ...{ agent, level: grant.level, isCritical, anomalies, mode: world.mode, isApproved },
        isByHand: history.isByHand,
      },
      history.deployed,
    );
  const first = ask(false);
  if (first.may === 'deploy') return undefined;
  if (first.may === 'not') return no(first.findings);
  const operation = { ...base, reasons: first.findings.map(({ message }) => message) };
  const asks = { may: false, findings: first.findings, asks: true } as const;
  if (isDry) return { ...asks, approval: null };
  if ((await keeping.useApproval(operation)) !== undefined) return undefined;
  const question = await keeping.ask(operation, approvalLifetimeMs);
  return { ...asks, approval: question.id };
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
