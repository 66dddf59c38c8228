// Tokens as tests want them: a key that is always the same, a token that is whole, and the place in which it holds.

import { createPrivateKey } from 'node:crypto';
import type { TokenContext } from '../../src/deployment/check-token.ts';
import { policyIdentity } from '../../src/deployment/identity.ts';
import { type Signer, signerOf, type Verifiers, verifierOf } from '../../src/deployment/signing.ts';
import { type Token, tokenText } from '../../src/deployment/token.ts';
import { digest } from '../records/build.ts';

/** PKCS #8 around the 32 bytes of an Ed25519 seed (RFC 8410 section 7). */
export function keyOf(seed: number | Buffer) {
  const bytes = typeof seed === 'number' ? Buffer.alloc(32, seed) : seed;
  const der = Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), bytes]);
  return createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
}

export const signer: Signer = signerOf(keyOf(1));
export const verifiers: Verifiers = new Map([[signer.keyId, verifierOf(keyOf(1), null)]]);

export const issuedAtMs = 1_800_000_000_000;
export const policy = { name: 'vtime', object: digest('a'), parameters: { slice_ns: 4_000_000 } };

export function token(parts: Partial<Token> = {}): Token {
  return {
    version: 1,
    keyId: signer.keyId,
    id: '0123456789abcdef'.repeat(2),
    agent: 'tuner',
    policy: {
      name: policy.name,
      object: policy.object,
      identity: policyIdentity(policy),
      knobs: { guard_ns: { low: 100, high: '9007199254740993' } },
    },
    verdict: digest('b'),
    kernels: { releases: ['6.18.15-amd64'], covers: 'release' },
    machine: digest('c'),
    scope: { part: 'cgroups', paths: ['/work'], cpus: '0-3' },
    issuedAtMs,
    expiresAtMs: issuedAtMs + 3_600_000,
    restore: digest('d'),
    ...parts,
  };
}

export const text = (parts: Partial<Token> = {}): string => tokenText(token(parts), signer);

export function context(parts: Partial<TokenContext> = {}): TokenContext {
  return {
    policy,
    verdict: digest('b'),
    kernel: '6.18.15-amd64',
    machine: digest('c'),
    scope: { part: 'cgroups', paths: ['/work/a'], cpus: '1' },
    restore: digest('d'),
    used: () => false,
    ...parts,
  };
}
