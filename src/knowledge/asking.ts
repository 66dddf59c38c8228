// Questions to a person and their answers, with the audit: what is decided is written down before it takes effect.

import type { Answer, Approval, Operation } from '../deployment/approvals.ts';
import type { Entry } from '../deployment/audit-line.ts';
import { type Approvals, requireWaiting } from './approvals.ts';
import type { Audit } from './audit.ts';

export interface Asking {
  /** Puts an operation before a person, and says so in the audit. Faults: unsupported (a lifetime out of bounds). */
  ask(operation: Operation, lifetimeMs: number): Promise<Approval>;
  /** What a person has decided: first to the audit, then to the question. Faults as `Approvals.answer`. */
  decide(prefix: string, answer: Pick<Answer, 'answer' | 'by' | 'why'>): Promise<Approval>;
  /** Uses up an approval of exactly this deed; undefined when no person has agreed. */
  useApproval(operation: Operation): Promise<Approval | undefined>;
}

export function asking(approvals: Approvals, audit: Audit, latestMs: () => number): Asking {
  return {
    async ask(operation, lifetimeMs) {
      const approval = approvals.ask(operation, latestMs(), lifetimeMs);
      if (approval.state === 'pending')
        await audit.append(entry('approval-asked', agent(operation), operation.reasons.join('; '), approval));
      return approval;
    },
    async decide(prefix, { answer, by, why }) {
      const approval = approvals.get(prefix, latestMs());
      requireWaiting(approval);
      const what = answer === 'approved' ? 'approval-given' : 'approval-refused';
      await audit.append(entry(what, { kind: 'person', name: by }, why, approval));
      const now = latestMs();
      return approvals.answer(approval.id, { version: 1, answer, by, why, atMs: now }, now);
    },
    async useApproval(operation) {
      const used = approvals.use(operation, latestMs());
      if (used === undefined) return undefined;
      const why = `approved by ${used.answer?.by}`;
      await audit.append(entry('approval-used', agent(operation), why, used));
      return used;
    },
  };
}

const agent = ({ agent: name }: Operation) => ({ kind: 'agent', name }) as const;

function entry(what: string, who: Entry['who'], why: string, { id, question }: Approval): Entry {
  const { operation } = question;
  const about = { approval: id, operation: operation.what, scope: operation.scope, policy: operation.policy };
  return { who, what, why, from: [operation.verdict], about };
}
