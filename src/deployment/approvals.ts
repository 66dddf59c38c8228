// What waits for a person: an operation, who wants it and why, and until when the question stands. An answer holds for exactly this operation, once.

import { z } from 'zod';
import { recordDigest } from '../core/canonical.ts';
import { digestSchema } from '../core/digest.ts';

/** What is to be agreed to. Any difference in it makes it another one. */
export const operationSchema = z.strictObject({
  what: z.string().min(1).max(60),
  agent: z.string().min(1).max(128),
  /** One sentence for the person. */
  summary: z.string().max(500),
  /** Why a person is asked. */
  reasons: z.array(z.string().max(500)).max(16),
  machine: digestSchema,
  policy: digestSchema,
  verdict: digestSchema,
  scope: z.string().max(1_200),
  /** What is to happen, line by line, for the person. */
  details: z.array(z.string().max(1_000)).max(64).optional(),
  /** Of all else that was asked for: steps, KPIs, whether somebody else is unloaded… */
  plan: digestSchema.optional(),
});
export type Operation = z.infer<typeof operationSchema>;

export const questionSchema = z.strictObject({
  version: z.literal(1),
  operation: operationSchema,
  askedAtMs: z.int().min(0),
  expiresAtMs: z.int().min(0),
});
export type Question = z.infer<typeof questionSchema>;

export const answerSchema = z.strictObject({
  version: z.literal(1),
  answer: z.enum(['approved', 'refused']),
  /** Who has answered. */
  by: z.string().min(1).max(128),
  why: z.string().max(500),
  atMs: z.int().min(0),
});
export type Answer = z.infer<typeof answerSchema>;

export type State = 'pending' | 'approved' | 'refused' | 'expired' | 'used';

export interface Approval {
  readonly id: string;
  readonly question: Question;
  readonly answer: Answer | null;
  readonly state: State;
}

/** Name of a question: sixteen hexadecimal digits of what is asked and when. */
export function approvalId(question: Question): string {
  return recordDigest(question).slice(0, 16);
}

/** `latestMs`: the latest time ever seen, so that moving the clock back revives nothing. */
export function approvalOf(
  question: Question,
  answer: Answer | null,
  isUsed: boolean,
  latestMs: number,
): Approval {
  return { id: approvalId(question), question, answer, state: stateOf(question, answer, isUsed, latestMs) };
}

function stateOf(question: Question, answer: Answer | null, isUsed: boolean, latestMs: number): State {
  if (answer?.answer === 'refused') return 'refused';
  if (isUsed) return 'used';
  if (latestMs >= question.expiresAtMs) return 'expired';
  return answer === null ? 'pending' : 'approved';
}

/** Whatever differs but the words makes another deed: the reasons too, lest what was agreed to in peace hold when something is odd. */
export function isSameDeed(a: Operation, b: Operation): boolean {
  const deed = ({ summary: _, details: __, ...rest }: Operation): string => recordDigest(rest);
  return deed(a) === deed(b);
}
