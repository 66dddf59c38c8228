// The token: what a verdict permits, signed. Its text is base64url(canonical JSON) "." base64url(Ed25519 signature), and there is exactly one text for
// each token: whatever is not byte for byte what `tokenText` writes is none (RFC 4648 section 5 without padding, RFC 8785).
//
// In which order a deployment uses this room (services do the calling, knowledge/keeping.ts the keeping):
//   1. grantOf(verdict …)            what an accepted verdict permits, or why nothing
//   2. issueToken(grant, signer …)   when the verdict is made, or when a deployment is asked for
//   3. withinBounds, trustOf, permission   hard limits; how far the agent is trusted; whether a human must agree first
//   4. permit (knowledge/keeping.ts) checkToken, spend the id durably, write it to the audit: then, and only then,
//   5. save what `restore` names, attach, watch; each step of it a line of the audit.

import { z } from 'zod';
import { canonicalJson } from '../core/canonical.ts';
import { digestSchema } from '../core/digest.ts';
import { parameterValueSchema } from '../core/policy.ts';
import { scopeSchema } from './scope.ts';
import { type Signer, signatureBytes } from './signing.ts';

const nameSchema = z.string().min(1).max(128);
const timeSchema = z.int().min(0);

export const tokenSchema = z.strictObject({
  version: z.literal(1),
  keyId: z.string().regex(/^[0-9a-f]{16}$/),
  /** Random, for one use. */
  id: z.string().regex(/^[0-9a-f]{32}$/),
  /** Whom it was made out to. */
  agent: nameSchema,
  policy: z.strictObject({
    name: nameSchema,
    object: digestSchema,
    /** `policyIdentity`: the object with exactly the values that were measured. */
    identity: digestSchema,
    /** What may be moved while it runs, and how far it was tested. */
    knobs: z.record(nameSchema, z.strictObject({ low: parameterValueSchema, high: parameterValueSchema })),
  }),
  verdict: digestSchema,
  /** Releases (uname -r) on which it was measured. `series`: any release of the same major.minor is covered too. */
  kernels: z.strictObject({
    releases: z.array(nameSchema).min(1).max(16),
    covers: z.enum(['release', 'series']),
  }),
  machine: digestSchema,
  scope: scopeSchema,
  /** ms since 1970, UTC. */
  issuedAtMs: timeSchema,
  expiresAtMs: timeSchema,
  /** Digest of the state that is given back afterwards. */
  restore: digestSchema,
});
export type Token = z.infer<typeof tokenSchema>;

/** More is refused unread. */
export const longestToken = 16_384;
const form = /^([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]{86})$/;

export function tokenText(token: Token, signer: Pick<Signer, 'sign'>): string {
  const payload = Buffer.from(canonicalJson(tokenSchema.parse(token)), 'utf8');
  return `${payload.toString('base64url')}.${Buffer.from(signer.sign(payload)).toString('base64url')}`;
}

export interface Unsealed {
  readonly token: Token;
  readonly payload: Uint8Array;
  readonly signature: Uint8Array;
}

/** What a text says, if it is the one text that says so; a text says why it is no token. Nothing in it is believed before its signature is checked. */
export function readToken(text: string): Unsealed | string {
  if (typeof text !== 'string') return 'it is no text';
  if (text.length > longestToken) return `it has ${text.length} characters, more than any token`;
  const [, head, tail] = form.exec(text) ?? [];
  if (head === undefined || tail === undefined) return 'it has not the form of a token';
  const payload = Buffer.from(head, 'base64url');
  const signature = Buffer.from(tail, 'base64url');
  // Decoders ignore the bits that are left over in the last character.
  if (payload.toString('base64url') !== head || signature.toString('base64url') !== tail)
    return 'its base64url is not canonical';
  if (signature.length !== signatureBytes) return 'its signature has another length';
  const json = payload.toString('utf8');
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    return 'its content is no JSON';
  }
  const read = tokenSchema.safeParse(value);
  if (!read.success) return 'its content is not that of a token of this version';
  if (!payload.equals(Buffer.from(canonicalJson(read.data), 'utf8'))) return 'its JSON is not canonical';
  return { token: read.data, payload, signature };
}
