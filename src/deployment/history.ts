// What the audit tells of the past, as trust and bounds need it: how deployments ended, when the scheduler was switched, and whether a person keeps us away.
// The lines that it is read from are made here too.

import { z } from 'zod';
import { type Deployment, type DeploymentEnd, deploymentEnds } from '../core/deployment.ts';
import { digestSchema } from '../core/digest.ts';
import type { AuditLine, Entry } from './audit-line.ts';
import type { Level } from './changes.ts';
import { policyIdentity } from './identity.ts';
import { type Deployed, leastStayNs } from './trust.ts';

/** What an end says of the one who deployed: a step that did not say go, or a machine that is gone, says nothing. */
const results: Readonly<Record<DeploymentEnd, Deployed['result']>> = {
  kept: 'kept',
  tripped: 'tripped',
  ejected: 'tripped',
  'no-go': 'undone',
  undone: 'undone',
  refused: 'undone',
  lost: 'undone',
};

/** Ends that speak against a policy. */
const failures: ReadonlySet<DeploymentEnd> = new Set(['tripped', 'ejected', 'lost']);

const levelSchema = z.union([z.literal(0), z.literal(1), z.literal(2), z.literal(3)]);
const placeSchema = z.enum(['host', 'guest']);
export type Place = z.infer<typeof placeSchema>;
const endedSchema = z.object({
  result: z.enum(['kept', 'tripped', 'undone']),
  how: z.enum(deploymentEnds),
  level: levelSchema,
  isCritical: z.boolean(),
  on: placeSchema.default('host'),
  identity: digestSchema.optional(),
  /** Somebody has ended it from outside, which says nothing. */
  byHand: z.boolean().default(false),
});
const liftedSchema = z.object({ identity: digestSchema });

export interface Took {
  readonly level: Level;
  readonly isCritical: boolean;
  readonly on: Place;
  readonly byHand: boolean;
}

/** The line with which a deployment ends. `digest`: of its record. */
export function endedEntry(
  who: Entry['who'],
  { end, policy, steps, tokenId }: Deployment,
  digest: string,
  { level, isCritical, on, byHand }: Took,
): Entry {
  const stayedNs = end.atNs - (steps.at(-1)?.endNs ?? 0);
  const says = !byHand && (end.how !== 'kept' || stayedNs >= leastStayNs);
  const result = says ? results[end.how] : 'undone';
  const about = {
    ...{ result, how: end.how, level, isCritical, on, byHand, tokenId },
    ...{ policy: policy.name, identity: policyIdentity(policy) },
  };
  return { who, what: 'deployment-ended', why: end.words, from: [digest], about };
}

/** A policy takes charge for the first time, and when it stays; the turns between stand in the record. */
export function switchedEntry(
  who: Entry['who'],
  why: string,
  about: { ops: string; enableSeq: number },
): Entry {
  return { who, what: 'scheduler-switched', why, about };
}

/** Knobs were set while the policy stayed. `who`: asked for it. */
export function movedEntry(who: Entry['who'], policy: string, words: string): Entry {
  return { who, what: 'knobs-moved', why: 'while the policy stays', about: { policy, words } };
}

/** A person has changed the scheduler: from here on we keep away, until a line says that we may go on. */
export function byHandEntry(why: string, about: { ops: string; enableSeq: number }): Entry {
  return { who: { kind: 'program', name: 'schedcp' }, what: 'changed-by-hand', why, about };
}

export function goneOnEntry(who: Entry['who'], why: string): Entry {
  return { who, what: 'may-go-on', why };
}

/** A person lets a policy out of quarantine. `identity`: of the policy. */
export function liftedEntry(who: Entry['who'], why: string, identity: string): Entry {
  return { who, what: 'quarantine-lifted', why, about: { identity } };
}

/** How a policy fared, or that a person let it out of quarantine. */
export interface Attempted {
  readonly identity: string;
  readonly on: Place | 'anywhere';
  readonly how: 'kept' | 'failed' | 'released';
  readonly atMs: number;
}

export interface History {
  /** On this machine, by agents; oldest first. */
  readonly deployed: readonly Deployed[];
  /** Of all policies, oldest first. */
  readonly attempts: readonly Attempted[];
  /** Deployments on this machine, ms since 1970. */
  readonly startedMs: readonly number[];
  readonly isByHand: boolean;
}

/** Reads lines in their order. */
export function historyReader(): { line(line: AuditLine): void; history(): History } {
  const deployed: Deployed[] = [];
  const attempts: Attempted[] = [];
  const startedMs: number[] = [];
  let isByHand = false;
  return {
    line({ what, who, atMs, about }) {
      if (what === 'token-spent') {
        if (about.on !== 'guest') startedMs.push(atMs);
      } else if (what === 'quarantine-lifted') {
        const read = liftedSchema.safeParse(about);
        if (read.success) attempts.push({ ...read.data, on: 'anywhere', how: 'released', atMs });
      } else if (what === 'changed-by-hand') isByHand = true;
      else if (what === 'may-go-on') isByHand = false;
      else if (what === 'deployment-ended') {
        const read = endedSchema.safeParse(about);
        if (!read.success) return;
        const { result, how, level, isCritical, on, identity, byHand } = read.data;
        // whoever ended it by hand had a reason
        const earned = result === 'kept' && isByHand ? 'undone' : result;
        if (identity !== undefined && earned === 'kept') attempts.push({ identity, on, how: 'kept', atMs });
        if (identity !== undefined && failures.has(how) && !byHand)
          attempts.push({ identity, on, how: 'failed', atMs });
        // a person earns nothing, lest an agent take that name
        if (who.kind === 'agent' && on === 'host')
          deployed.push({ agent: who.name, atMs, result: earned, level, isCritical });
      }
    },
    history: () => ({ deployed, attempts, startedMs, isByHand }),
  };
}

/** The process of a deployment is gone without a word: nothing else ends what its token began. `back`: what came of giving the machine back to whom it replaced. */
export function lostEntry(
  { id, policy, by }: { readonly id: string; readonly policy: string; readonly by: string },
  back: string | undefined,
): Entry {
  const about = { id, policy, by, ...(back !== undefined && { back }) };
  return {
    who: { kind: 'program', name: 'schedcp' },
    what: 'deployment-lost',
    why: 'its process is gone',
    about,
  };
}
