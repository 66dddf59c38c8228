// What the audit tells of the past, as trust and bounds need it: how deployments ended, when the scheduler was switched, and whether a person keeps us away.
// The lines that it is read from are made here too.

import { z } from 'zod';
import type { Deployment, DeploymentEnd } from '../core/deployment.ts';
import type { AuditLine, Entry } from './audit-line.ts';
import type { Level } from './changes.ts';
import type { Deployed } from './trust.ts';

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

const levelSchema = z.union([z.literal(0), z.literal(1), z.literal(2), z.literal(3)]);
const endedSchema = z.object({
  result: z.enum(['kept', 'tripped', 'undone']),
  level: levelSchema,
  isCritical: z.boolean(),
});

/** The line with which a deployment ends. `digest`: of its record. */
export function endedEntry(
  who: Entry['who'],
  { end, policy, tokenId }: Deployment,
  digest: string,
  { level, isCritical }: { readonly level: Level; readonly isCritical: boolean },
): Entry {
  const about = { result: results[end.how], how: end.how, level, isCritical, policy: policy.name, tokenId };
  return { who, what: 'deployment-ended', why: end.words, from: [digest], about };
}

/** Each time a policy is attached or leaves. */
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

export interface History {
  /** Oldest first. */
  readonly deployed: readonly Deployed[];
  /** Deployments, ms since 1970. */
  readonly startedMs: readonly number[];
  readonly isByHand: boolean;
}

/** Reads lines in their order. */
export function historyReader(): { line(line: AuditLine): void; history(): History } {
  const deployed: Deployed[] = [];
  const startedMs: number[] = [];
  let isByHand = false;
  return {
    line({ what, who, atMs, about }) {
      if (what === 'token-spent') startedMs.push(atMs);
      else if (what === 'changed-by-hand') isByHand = true;
      else if (what === 'may-go-on') isByHand = false;
      else if (what === 'deployment-ended' && who.kind === 'agent') {
        // a person earns nothing, lest an agent take that name
        const read = endedSchema.safeParse(about);
        if (read.success) deployed.push({ agent: who.name, atMs, ...read.data });
      }
    },
    history: () => ({ deployed, startedMs, isByHand }),
  };
}

/** The process of a deployment is gone without a word: nothing else ends what its token began. */
export function lostEntry({ id, policy, by }: { id: string; policy: string; by: string }): Entry {
  const about = { id, policy, by };
  return {
    who: { kind: 'program', name: 'schedcp' },
    what: 'deployment-lost',
    why: 'its process is gone',
    about,
  };
}
