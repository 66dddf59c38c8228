// Signatures of tokens: Ed25519 (RFC 8032) through node:crypto. A signer holds a private key that nothing here can print; what is signed is set apart
// from whatever else such a key may sign by a name in front.

import { createPublicKey, type KeyObject, sign, verify } from 'node:crypto';
import { digestOf } from '../core/canonical.ts';

export const signatureBytes = 64;
const domain = Buffer.from('schedcp deployment token 1\n');

export interface Signer {
  readonly keyId: string;
  sign(payload: Uint8Array): Uint8Array;
}

export interface Verifier {
  readonly keyId: string;
  /** ms since 1970; null: as long as it signs. Tokens are refused from then on. */
  readonly untilMs: number | null;
  verify(payload: Uint8Array, signature: Uint8Array): boolean;
}

/** By key id. */
export type Verifiers = ReadonlyMap<string, Verifier>;

/** Of a public key, or of the one that belongs to a private key: 16 hexadecimal digits of the SHA-256 of its SPKI form. */
export function keyIdOf(key: KeyObject): string {
  const shown = key.type === 'private' ? createPublicKey(key) : key;
  return digestOf(shown.export({ type: 'spki', format: 'der' })).slice(0, 16);
}

export function signerOf(key: KeyObject): Signer {
  const keyId = keyIdOf(key);
  return { keyId, sign: (payload) => sign(null, Buffer.concat([domain, payload]), key) };
}

export function verifierOf(key: KeyObject, untilMs: number | null): Verifier {
  const known = key.type === 'private' ? createPublicKey(key) : key;
  return {
    keyId: keyIdOf(known),
    untilMs,
    verify: (payload, signature) =>
      signature.length === signatureBytes && verify(null, Buffer.concat([domain, payload]), known, signature),
  };
}
