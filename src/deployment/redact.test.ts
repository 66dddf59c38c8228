// Secrets do not get into what is kept: by the name of their field, and by their form wherever they stand.

import { createPrivateKey } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { keyOf, text } from '../../test/deployment/tokens.ts';
import { digest } from '../../test/records/build.ts';
import { auditLine, readLine } from './audit-line.ts';
import { redact, redactText, struck } from './redact.ts';

const key = keyOf(77);
const seed = Buffer.alloc(32, 77);
const pem = key.export({ type: 'pkcs8', format: 'pem' }).toString();
const [head = '', signature = ''] = text().split('.');
/** What must not occur, in whatever spelling it was given. */
const secrets: Record<string, string> = {
  token: text(),
  signature,
  'private key, PEM': pem,
  'private key, its lines': pem.split('\n')[1] ?? '',
  'private key, base64': key.export({ type: 'pkcs8', format: 'der' }).toString('base64'),
};
const random = createPrivateKey({
  key: Buffer.concat([
    Buffer.from('302e020100300506032b657004220420', 'hex'),
    Buffer.from('9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60', 'hex'),
  ]),
  format: 'der',
  type: 'pkcs8',
});
secrets['private key, JWK'] = String(random.export({ format: 'jwk' }).d);
secrets['private key, PEM of another'] = random.export({ type: 'pkcs8', format: 'pem' }).toString();

/** Base64 of the seed, and of what surrounds it, in any line. */
const traces = [...Object.values(secrets).map((secret) => secret.replaceAll('\n', '\\n')), head, signature];

describe('what stands in a line of the audit', () => {
  it.each(Object.keys(secrets))('no %s, wherever it was put', (name) => {
    const secret = secrets[name]!;
    const place = fc.constantFrom('why', 'who', 'value', 'name', 'list', 'deep', 'around', 'field');
    fc.assert(
      fc.property(
        place,
        fc.string({ maxLength: 20 }),
        fc.string({ maxLength: 20 }),
        (where, before, after) => {
          const around = `${before} ${secret} ${after}`;
          const about: Record<string, unknown> = {
            value: where === 'value' ? secret : 1,
            list: where === 'list' ? [1, [around]] : [],
            deep: { deeper: { deepest: where === 'deep' ? around : null } },
            around: where === 'around' ? `x=${secret}` : '',
            ...(where === 'name' ? { [secret]: 1 } : {}),
            ...(where === 'field'
              ? { signature: seed.toString('hex'), nested: [{ privateKey: 'short' }] }
              : {}),
          };
          const who = { kind: 'agent', name: where === 'who' ? around : 'a' } as const;
          const line = auditLine(
            { who, what: 'tried-it', why: where === 'why' ? around : 'because', about },
            null,
            5,
          );
          for (const trace of traces) expect(line.text).not.toContain(trace);
          expect(line.text).not.toContain(seed.toString('hex'));
          expect(line.text).not.toContain('"short"');
          expect(readLine(Buffer.from(line.text))).toBeDefined();
        },
      ),
      { seed: 3, numRuns: 60 },
    );
  });
});

describe('fields by name', () => {
  it.each([
    'token',
    'tokenText',
    'sessionToken',
    'session_token',
    'Authorization',
    'password',
    'db-password',
    'apiKey',
    'API_KEY',
    'private_key',
    'cookie',
    'signature',
    'pem',
  ])('%s', (name) => {
    expect(redact({ [name]: 'x', n: [{ [name]: { a: 1 } }] })).toEqual({
      [name]: struck,
      n: [{ [name]: struck }],
    });
  });

  it.each([
    'tokenId',
    'tokens',
    'keyId',
    'policy',
    'passwordless',
    'description',
    'monkey',
    'signatures',
    'designature',
  ])('%s is none', (name) => {
    expect(redact({ [name]: 'x' })).toEqual({ [name]: 'x' });
  });

  it('null stays null: it says that there was none', () => {
    expect(redact({ token: null })).toEqual({ token: null });
  });
});

describe('by form', () => {
  it.each([
    ['curl -H "Authorization: Bearer abc.def"', /abc\.def/],
    ['run --password=hunter2 now', /hunter2/],
    ['run --api-key hunter2', /hunter2/],
    ['PGPASSWORD=hunter2 psql', /hunter2/],
    ["TOKEN='a b c' x", /a b c/],
    ['-----BEGIN PRIVATE KEY-----\nMC4CAQ', /MC4CAQ/],
  ])('%j', (words, secret) => {
    expect(redactText(words)).not.toMatch(secret);
    expect(redactText(words)).toContain(struck);
  });

  it.each([
    digest('a'),
    '6.18.15+deb13-cloud-amd64',
    '/usr/lib/x86_64-linux-gnu/some/where/else/quite/long/a.so',
    'the token is for vtime (0123456789ab) with the values that were measured, not for this policy',
    'make -j4 && ./run --threads 4',
    'cgroup /system.slice/docker-0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef.scope',
    'a password is asked for',
    'tokens are spent, secrets kept',
  ])('%j stays', (words) => {
    expect(redactText(words)).toBe(words);
  });

  it('halves of characters become text', () => {
    expect(redactText('a\ud800b')).toBe('a\ufffdb');
    expect(redact({ a: ['\udc00'] })).toEqual({ a: ['\ufffd'] });
  });

  it('is quick on whatever is long', () => {
    const before = performance.now();
    for (const long of ['A', 'a1B', '-----BEGIN', 'token ', 'token=', '"', "token='"])
      redactText(long.repeat(200_000 / long.length));
    expect(performance.now() - before).toBeLessThan(2_000);
  });
});
