// That there is exactly one text for each token: whatever else is tried is refused.

import { createPublicKey, verify } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { context, issuedAtMs, keyOf, signer, text, token, verifiers } from '../../test/deployment/tokens.ts';
import { canonicalJson } from '../core/canonical.ts';
import { checkToken } from './check-token.ts';
import { keyIdOf, signerOf, verifierOf } from './signing.ts';
import { longestToken, readToken } from './token.ts';

const now = { timeMs: issuedAtMs + 1, highWaterMs: 0 };
const check = (candidate: string) => checkToken(candidate, verifiers, now, context());
const isRefused = (candidate: string): boolean => !check(candidate).ok;
const whole = text();
const [head = '', tail = ''] = whole.split('.');
const payload = Buffer.from(head, 'base64url');
const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';

/** Any JSON, signed with the true key: what the form alone must refuse. */
const signed = (json: string): string => {
  const bytes = Buffer.from(json, 'utf8');
  return `${bytes.toString('base64url')}.${Buffer.from(signer.sign(bytes)).toString('base64url')}`;
};

describe('one text for each token', () => {
  it('holds as it was written', () => {
    expect(check(whole)).toEqual({ ok: true, token: token() });
    expect(whole).toMatch(/^[\w-]+\.[\w-]{86}$/);
    expect(payload.toString('utf8')).toBe(canonicalJson(token()));
  });

  it('every single character changed to every other: refused', () => {
    for (let at = 0; at < whole.length; at += 7) {
      for (const other of `${alphabet}.=+/ \n\0é`) {
        if (whole[at] === other) continue;
        expect(isRefused(`${whole.slice(0, at)}${other}${whole.slice(at + 1)}`), `${at} ${other}`).toBe(true);
      }
    }
  });

  it('every single bit of its text flipped: refused', () => {
    const bytes = Buffer.from(whole, 'latin1');
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const flipped = Buffer.from(bytes);
      flipped[bit >> 3]! ^= 1 << (bit & 7);
      expect(isRefused(flipped.toString('latin1')), `bit ${bit}`).toBe(true);
    }
  });

  it('every single bit of payload and signature flipped, in canonical base64: refused', () => {
    const signature = Buffer.from(tail, 'base64url');
    for (const [name, bytes] of Object.entries({ payload, signature })) {
      for (let bit = 0; bit < bytes.length * 8; bit++) {
        const flipped = Buffer.from(bytes);
        flipped[bit >> 3]! ^= 1 << (bit & 7);
        const parts = name === 'payload' ? [flipped, signature] : [payload, flipped];
        const candidate = parts.map((part) => part.toString('base64url')).join('.');
        expect(isRefused(candidate), `${name} bit ${bit}`).toBe(true);
      }
    }
  });

  it('every prefix, and what is longer: refused', () => {
    for (let length = 0; length < whole.length; length++)
      expect(isRefused(whole.slice(0, length))).toBe(true);
    for (const extra of ['A', '.', '=', ' ', '\n', '\0', `.${tail}`]) {
      expect(isRefused(whole + extra)).toBe(true);
      expect(isRefused(extra + whole)).toBe(true);
    }
  });

  it('bits left over in the last character of base64: refused, whatever they are', () => {
    const last = alphabet.indexOf(tail.at(-1)!);
    let decodesAlike = 0;
    for (let spare = 1; spare < 16; spare++) {
      const other = `${tail.slice(0, -1)}${alphabet[last ^ spare]}`;
      if (Buffer.from(other, 'base64url').equals(Buffer.from(tail, 'base64url'))) decodesAlike++;
      expect(isRefused(`${head}.${other}`)).toBe(true);
    }
    // 64 bytes end in a character that carries 2 bits: 4 are spare, and Node does not mind them
    expect(decodesAlike).toBe(15);
    const padded = ['a', 'bb', 'ccc'].map((agent) => text({ agent }));
    for (const one of padded) {
      const [front = '', back = ''] = one.split('.');
      const at = alphabet.indexOf(front.at(-1)!);
      const spare = front.length % 4 === 2 ? 15 : front.length % 4 === 3 ? 3 : 0;
      for (let bits = 1; bits <= spare; bits++)
        expect(isRefused(`${front.slice(0, -1)}${alphabet[at ^ bits]}.${back}`)).toBe(true);
    }
  });

  it.each<[string, (json: string) => string]>([
    ['a key twice', (json) => json.replace('"agent":"tuner"', '"agent":"other","agent":"tuner"')],
    [
      'a key twice, the second escaped',
      (json) => json.replace('"agent":"tuner"', '"\\u0061gent":"x","agent":"tuner"'),
    ],
    ['spaces', (json) => json.replace(',', ', ')],
    ['a line end', (json) => `${json}\n`],
    ['another order', (json) => json.replace('"agent":"tuner",', '').replace(/}$/, ',"agent":"tuner"}')],
    ['an escape for a letter', (json) => json.replace('tuner', '\\u0074uner')],
    ['another spelling of a number', (json) => json.replace('1800000000000', '1.8e12')],
    ['a field more', (json) => json.replace('{"agent"', '{"aaa":1,"agent"')],
    ['a prototype', (json) => json.replace('{"agent"', '{"__proto__":{},"agent"')],
    ['a mark of byte order', (json) => `\ufeff${json}`],
    ['a version to come', (json) => json.replace('"version":1', '"version":2')],
    ['no object', () => '[]'],
    ['nothing', () => ''],
  ])('signed with the true key, but with %s: refused by its form', (_, change) => {
    const json = change(canonicalJson(token()));
    expect(json).not.toBe(canonicalJson(token()));
    expect(check(signed(json))).toMatchObject({ ok: false, findings: [{ code: 'not-a-token' }] });
  });

  it('bytes that are no UTF-8, signed with the true key: refused', () => {
    const at = payload.indexOf('tuner');
    const odd = Buffer.from(payload);
    odd[at] = 0xff;
    const candidate = `${odd.toString('base64url')}.${Buffer.from(signer.sign(odd)).toString('base64url')}`;
    expect(check(candidate)).toMatchObject({ ok: false, findings: [{ code: 'not-a-token' }] });
  });

  it('any edit of any text: refused or the same', () => {
    const edit = fc.record({
      at: fc.nat(whole.length),
      cut: fc.nat(6),
      put: fc.string({ maxLength: 6, unit: fc.constantFrom(...alphabet, '.', '=') }),
    });
    fc.assert(
      fc.property(fc.array(edit, { minLength: 1, maxLength: 3 }), (edits) => {
        const edited = edits.reduce(
          (so, { at, cut, put }) => `${so.slice(0, at)}${put}${so.slice(at + cut)}`,
          whole,
        );
        return edited === whole || isRefused(edited);
      }),
      { seed: 5, numRuns: 2_000 },
    );
  });

  it('any text and any bytes are answered, not thrown at', () => {
    const anything = fc.oneof(
      fc.string(),
      fc.string({ unit: 'binary' }),
      fc.base64String().map((s) => `${s}.${s}`),
    );
    fc.assert(
      fc.property(anything, (candidate) => isRefused(candidate)),
      { seed: 6, numRuns: 2_000 },
    );
    const huge = 'A'.repeat(50_000_000);
    const before = performance.now();
    expect(check(huge)).toMatchObject({
      findings: [{ message: expect.stringContaining('50000000 characters') }],
    });
    expect(performance.now() - before).toBeLessThan(1_000);
    expect(readToken('A'.repeat(longestToken))).toBe('it has not the form of a token');
    for (const odd of [undefined, null, 7, {}, Buffer.from(whole)])
      expect(isRefused(odd as never)).toBe(true);
  });
});

it('the id of a key is that of its public half', () => {
  // RFC 8032 section 7.1, test 1: the public key d75a98…511a of this seed; its SPKI (RFC 8410 section 4) through sha256sum
  const seed = '9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60';
  const key = keyOf(Buffer.from(seed, 'hex'));
  expect(keyIdOf(key)).toBe('06e3fd8fda29bb60');
  expect(keyIdOf(createPublicKey(key))).toBe('06e3fd8fda29bb60');
  const signature = signerOf(key).sign(Buffer.from('x'));
  expect(verifierOf(key, null).verify(Buffer.from('x'), signature)).toBe(true);
  expect(verify(null, Buffer.from('x'), createPublicKey(key), signature)).toBe(false); // set apart from plain signatures
});
