// Questions to a person, on disk: <id>.json is the question, <id>.answer what was answered, <id>.used that it was used. Each is made once and whole (link(2)), so of
// two answers the first holds, and an approval is used once.

import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { canonicalJson } from '../core/canonical.ts';
import { Fault } from '../core/errors.ts';
import {
  type Answer,
  type Approval,
  answerSchema,
  approvalId,
  approvalOf,
  isSameDeed,
  type Operation,
  operationSchema,
  type Question,
  questionSchema,
} from '../deployment/approvals.ts';
import { withinBounds } from '../deployment/bounds.ts';
import { codeOf, createDurably, explained, isThere, makePrivateDirectory, readIfThere } from './durable.ts';

export interface Approvals {
  /** A question that already waits, or was approved and not used, about the same deed is given back instead of a second one. */
  ask(operation: Operation, nowMs: number, lifetimeMs: number): Approval;
  /** All, oldest first; `latestMs`: the latest time ever seen. */
  list(latestMs: number): Approval[];
  /** `prefix` of its id, at least four digits. Faults: not-found; malformed (ambiguous). */
  get(prefix: string, latestMs: number): Approval;
  /** Faults as `get`, and not-permitted when it no longer waits. */
  answer(prefix: string, answer: Answer, latestMs: number): Approval;
  /** Uses up an approval of exactly this deed; undefined when there is none. */
  use(operation: Operation, latestMs: number): Approval | undefined;
}

export function openApprovals(directory: string): Approvals {
  const file = (id: string, part: 'json' | 'answer' | 'used'): string => join(directory, `${id}.${part}`);
  const load = (id: string, latestMs: number): Approval => {
    const question = parsed(file(id, 'json'), (value) => questionSchema.parse(value));
    if (question === undefined) throw none(id);
    const answer = parsed(file(id, 'answer'), (value) => answerSchema.parse(value)) ?? null;
    return approvalOf(question, answer, isThere(file(id, 'used')), latestMs);
  };
  const list = (latestMs: number): Approval[] =>
    ids(directory)
      .map((id) => load(id, latestMs))
      .sort((a, b) => a.question.askedAtMs - b.question.askedAtMs || (a.id < b.id ? -1 : 1));
  return {
    list,
    ask(operation, nowMs, lifetimeMs) {
      const open = list(nowMs).find(
        ({ state, question }) =>
          (state === 'pending' || state === 'approved') && isSameDeed(question.operation, operation),
      );
      if (open !== undefined) return open;
      const [finding] = withinBounds({ approvalLifetimeMs: lifetimeMs });
      if (finding !== undefined) throw new Fault('unsupported', finding.message, { next: finding.next });
      const question: Question = {
        version: 1,
        operation: operationSchema.parse(operation),
        askedAtMs: nowMs,
        expiresAtMs: nowMs + lifetimeMs,
      };
      const id = approvalId(question);
      makePrivateDirectory(directory);
      createDurably(file(id, 'json'), canonicalJson(question));
      return load(id, nowMs);
    },
    get: (prefix, latestMs) => load(find(ids(directory), prefix), latestMs),
    answer(prefix, answer, latestMs) {
      const id = find(ids(directory), prefix);
      requireWaiting(load(id, latestMs));
      const isFirst = createDurably(file(id, 'answer'), canonicalJson(answerSchema.parse(answer)));
      const answered = load(id, latestMs);
      if (!isFirst) requireWaiting(answered);
      return answered;
    },
    use(operation, latestMs) {
      const fitting = list(latestMs).filter(
        ({ state, question }) => state === 'approved' && isSameDeed(question.operation, operation),
      );
      const used = fitting.find(({ id }) => createDurably(file(id, 'used'), `${latestMs}\n`));
      return used && load(used.id, latestMs);
    },
  };
}

function ids(directory: string): string[] {
  return explained(directory, () => {
    try {
      return readdirSync(directory)
        .filter((name) => /^[0-9a-f]{16}\.json$/.test(name))
        .map((name) => name.slice(0, 16));
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return [];
      throw error;
    }
  });
}

function find(all: readonly string[], prefix: string): string {
  const found = /^[0-9a-f]{4,16}$/.test(prefix) ? all.filter((id) => id.startsWith(prefix)) : [];
  if (found.length === 1) return found[0]!;
  if (found.length === 0) throw none(prefix);
  throw new Fault('malformed', `${found.length} questions start with ${prefix}`, {
    next: 'give more digits',
  });
}

function none(id: string): Fault {
  return new Fault('not-found', `nothing of the name ${JSON.stringify(id.slice(0, 40))} waits for a person`, {
    next: 'list what waits with: schedcp approve',
  });
}

/** @throws Fault not-permitted. */
export function requireWaiting({ id, state }: Approval): void {
  if (state === 'pending') return;
  throw new Fault('not-permitted', `${id} waits no longer: it is ${state}`, {
    next: 'let it be asked again',
  });
}

function parsed<T>(file: string, read: (value: unknown) => T): T | undefined {
  const text = readIfThere(file);
  if (text === undefined) return undefined;
  try {
    return read(JSON.parse(text));
  } catch (cause) {
    throw new Fault('malformed', 'a question to a person is damaged', {
      where: file,
      next: 'remove the file and let it be asked again',
      cause,
    });
  }
}
