// Canonical JSON (RFC 8785), the form in which records are written and digested.

import { createHash } from 'node:crypto';
import serialize from 'canonicalize';
import { assert } from '../lib/assert.ts';

/** Canonical text of a JSON value. Numbers must be finite, and whole numbers below 2^53: larger ones are decimal strings. */
export function canonicalJson(value: unknown): string {
  const text = serialize(value);
  assert(text !== undefined, 'a record must be a JSON value');
  return text;
}

export function digestOf(bytes: Uint8Array | string): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** The digest of a record: of its canonical text. */
export function recordDigest(record: unknown): string {
  return digestOf(canonicalJson(record));
}
