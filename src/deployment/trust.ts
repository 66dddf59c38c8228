// Trust is earned: how far an agent may go follows from the history of what it has deployed, and from nothing else. Kept deployments that took the level
// which it has lead up, a trip of the breaker leads down; and what an agent may do alone, a person agrees to first while it is new or something is odd.

import { type Level, levels } from './changes.ts';
import { type Refusal, refusal } from './refusal.ts';

/** Who stayed for less has shown nothing. */
export const leastStayNs = 60e9;

/** One deployment on the machine itself that is over: what happens in guests, with work and KPIs of one's own choice, earns nothing. Oldest first in a history. */
export interface Deployed {
  readonly agent: string;
  readonly atMs: number;
  /** `kept`: accepted, and in place for a minute at least after its last step; `undone`: taken back by choice, which says nothing. */
  readonly result: 'kept' | 'tripped' | 'undone';
  /** What it took (`levelOf`). */
  readonly level: Level;
  readonly isCritical: boolean;
}

/** Kept deployments of a level that lead to the next. */
export const keptToRise: Readonly<Record<Level, number>> = { 0: 3, 1: 5, 2: 10, 3: Number.POSITIVE_INFINITY };
/** Where a trip leads. */
export const levelAfterTrip: Readonly<Record<Level, Level>> = { 0: 0, 1: 0, 2: 0, 3: 1 };
/** So many critical operations of an agent need a person first. */
export const firstCritical = 3;

export interface Trust {
  readonly level: Level;
  /** Kept deployments of this level since it was reached, and how many lead on. */
  readonly kept: number;
  readonly needed: number;
  readonly criticalDone: number;
}

export function trustOf(agent: string, history: readonly Deployed[]): Trust {
  let level: Level = 0;
  let kept = 0;
  let criticalDone = 0;
  for (const one of history) {
    if (one.agent !== agent) continue;
    if (one.result === 'tripped') {
      level = levelAfterTrip[level];
      kept = 0;
      criticalDone = 0;
    } else if (one.result === 'kept') {
      if (one.isCritical) criticalDone++;
      // What took less than the level teaches nothing about it.
      if (one.level >= level) kept++;
      if (kept >= keptToRise[level]) {
        level = (level + 1) as Level;
        kept = 0;
      }
    }
  }
  return { level, kept, needed: keptToRise[level], criticalDone };
}

export interface Asked {
  readonly agent: string;
  /** What the change takes (`levelOf`). */
  readonly level: Level;
  readonly isCritical: boolean;
  /** What is odd about it, in words: a kernel never deployed to, a clock that was moved, a trip a short time ago. */
  readonly anomalies: readonly string[];
  /** Everything but deploying. */
  readonly mode: 'normal' | 'advice';
  /** A person has changed the scheduler by hand, and nobody has said since that we may go on. */
  readonly isByHand: boolean;
  /** A person has agreed to this very operation. */
  readonly isApproved: boolean;
}

export type Permission =
  | { readonly may: 'deploy'; readonly trust: Trust }
  /** `findings` say why a person must agree. */
  | { readonly may: 'ask'; readonly trust: Trust; readonly findings: readonly Refusal[] }
  | { readonly may: 'not'; readonly trust: Trust; readonly findings: readonly Refusal[] };

/** Whether an agent may deploy: alone, after a person has agreed, or not at all. An approval lifts no level and no advice mode. */
export function permission(asked: Asked, history: readonly Deployed[]): Permission {
  const trust = trustOf(asked.agent, history);
  const refused = refusals(asked, trust);
  if (refused.length > 0) return { may: 'not', trust, findings: refused };
  const reasons = asked.isApproved ? [] : reasonsToAsk(asked, trust);
  return reasons.length > 0 ? { may: 'ask', trust, findings: reasons } : { may: 'deploy', trust };
}

function refusals({ mode, level }: Asked, trust: Trust): Refusal[] {
  const findings: Refusal[] = [];
  if (mode === 'advice')
    findings.push(
      refusal(
        'advice-mode',
        'advice mode does everything but deploy',
        'let a person deploy, with the verdict as reason',
      ),
    );
  if (level > trust.level) {
    const message = `this takes ${levels[level]} (level ${level}), and level ${trust.level} is trusted: ${levels[trust.level]}`;
    const next = `deploy and keep what level ${trust.level} may: ${trust.needed - trust.kept} more lead to the next`;
    findings.push(refusal('not-trusted', message, next));
  }
  return findings;
}

function reasonsToAsk({ isCritical, anomalies, isByHand }: Asked, { criticalDone }: Trust): Refusal[] {
  const next = 'a person decides: schedcp approve';
  const findings = anomalies.map((odd) => refusal('needs-approval', `something is odd: ${odd}`, next));
  if (isCritical && criticalDone < firstCritical) {
    const message = `critical operation ${criticalDone + 1} of an agent’s first ${firstCritical}`;
    findings.push(refusal('needs-approval', message, next));
  }
  if (isByHand)
    findings.push(
      refusal(
        'by-hand',
        'a person has changed the scheduler by hand, so we keep away',
        'a person lets agents go on: schedcp approve --go-on',
      ),
    );
  return findings;
}
