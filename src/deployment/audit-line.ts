// A line of the audit: who did what, why, and from which records, in canonical JSON (RFC 8785) with the hash of the line before. A line is written once
// and says itself whether it is whole.

import { z } from 'zod';
import { canonicalJson, digestOf } from '../core/canonical.ts';
import { digestSchema } from '../core/digest.ts';
import { redact, redactText } from './redact.ts';

/** What stands before the first line. */
export const origin = '0'.repeat(64);
/** Characters of a line; beyond it `about` is left out. */
export const longestLine = 16_384;

export const whoSchema = z.strictObject({
  kind: z.enum(['person', 'agent', 'program']),
  name: z.string().max(128),
});

export type Who = z.infer<typeof whoSchema>;

/** Lines that the audit itself writes. */
export const ownWords = ['set-aside', 'lines-lost'] as const;

const lineSchema = z.strictObject({
  version: z.literal(1),
  seq: z.int().min(0),
  /** ms since 1970, by the clock of the writer. */
  atMs: z.int().min(0),
  who: whoSchema,
  /** What was decided or done, as words with hyphens: `token-issued`, `deployment-started`. */
  what: z.string().regex(/^[a-z][a-z0-9-]{1,59}$/),
  why: z.string(),
  /** Digests of the records that it follows from. */
  from: z.array(digestSchema).max(64),
  /** Whatever else belongs to it. */
  about: z.record(z.string(), z.json()),
  previous: digestSchema,
  hash: digestSchema,
});
export type AuditLine = z.infer<typeof lineSchema>;

/** What the caller says. */
export interface Entry {
  readonly who: AuditLine['who'];
  readonly what: string;
  readonly why: string;
  readonly from?: readonly string[];
  readonly about?: Readonly<Record<string, unknown>>;
}

/** Where a chain has come to. */
export interface Head {
  readonly seq: number;
  readonly hash: string;
}

/** Without the line end. `previous`: null before the first. Secrets are struck out here, so that no caller can forget it. */
export function auditLine(entry: Entry, previous: Head | null, atMs: number): { text: string; head: Head } {
  const seq = previous === null ? 0 : previous.seq + 1;
  const { who, what, why, from = [], about = {} } = entry;
  const line = {
    version: 1,
    seq,
    atMs,
    who: { kind: who.kind, name: redactText(short(who.name, 120)) },
    what,
    why: redactText(short(why, 2_000)),
    from: [...from],
    about: redact(JSON.parse(JSON.stringify(about))),
    previous: previous?.hash ?? origin,
  };
  const whole = sealed(line);
  if (whole.text.length <= longestLine) return whole;
  return sealed({ ...line, about: { leftOut: `${whole.text.length} characters` } });
}

function sealed(line: Omit<AuditLine, 'hash' | 'version' | 'about'> & { about: unknown; version: number }) {
  const hash = lineHash(line);
  const read = lineSchema.parse({ ...line, hash });
  return { text: canonicalJson(read), head: { seq: read.seq, hash } };
}

/** Undefined for bytes that are no whole line: torn, changed, or of another form. */
export function readLine(bytes: Uint8Array): AuditLine | undefined {
  const read = lineSchema.safeParse(jsonOf(bytes));
  if (!read.success || !Buffer.from(canonicalJson(read.data), 'utf8').equals(bytes)) return undefined;
  const { hash, ...rest } = read.data;
  return lineHash(rest) === hash ? read.data : undefined;
}

/** Whether bytes were a whole line once: a torn one is never JSON, because its last brace is missing. */
export function isJson(bytes: Uint8Array): boolean {
  return jsonOf(bytes) !== undefined;
}

function jsonOf(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString('utf8'));
  } catch {
    return undefined;
  }
}

function lineHash(line: object): string {
  return digestOf(`schedcp audit 1\n${canonicalJson(line)}`);
}

function short(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length - 1)}…`;
}
