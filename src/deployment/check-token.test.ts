// Each binding of a token by itself: what holds, what fails, and in which words.

import { describe, expect, it } from 'vitest';
import {
  context,
  issuedAtMs,
  keyOf,
  policy,
  signer,
  text,
  token,
  verifiers,
} from '../../test/deployment/tokens.ts';
import { digest } from '../../test/records/build.ts';
import { checkToken, clockToleranceMs, type Now, type TokenContext } from './check-token.ts';
import { signerOf, verifierOf } from './signing.ts';
import { type Token, tokenText } from './token.ts';

const hour = 3_600_000;
const at = (timeMs: number, highWaterMs = 0): Now => ({ timeMs, highWaterMs });
const codes = (now: Now, parts: Partial<TokenContext> = {}, of: Partial<Token> = {}): string[] => {
  const answer = checkToken(text(of), verifiers, now, context(parts));
  return answer.ok ? [] : answer.findings.map(({ code }) => code);
};
const soon = at(issuedAtMs + 1);

describe('what it is about', () => {
  const values = (parameters: TokenContext['policy']['parameters']) => ({
    policy: { ...policy, parameters },
  });
  it.each<[string, Partial<TokenContext>, string[]]>([
    ['all as granted', {}, []],
    ['another machine', { machine: digest('9') }, ['other-machine']],
    ['another kernel', { kernel: '6.18.16-amd64' }, ['other-kernel']],
    ['another verdict', { verdict: digest('9') }, ['other-verdict']],
    ['another state to give back', { restore: digest('9') }, ['other-state']],
    ['another object', { policy: { ...policy, object: digest('9') } }, ['other-policy']],
    ['another value', values({ slice_ns: 4_000_001 }), ['other-policy']],
    ['a value more', values({ slice_ns: 4_000_000, guard_ns: 100 }), ['other-policy']],
    ['a value less', values({}), ['other-policy']],
    ['the same value as text', values({ slice_ns: '4000000' }), []],
    ['the same under another name', { policy: { ...policy, name: 'other' } }, []],
    ['hints that were not measured', { policy: { ...policy, hints: {} } }, ['other-policy']],
    ['used before', { used: (id) => id === token().id }, ['used']],
    ['another one used before', { used: (id) => id !== token().id }, []],
    ['the whole machine', { scope: { part: 'whole', cpus: '0' } }, ['widened-scope']],
    ['a CPU more', { scope: { part: 'cgroups', paths: ['/work'], cpus: '0-4' } }, ['widened-scope']],
    ['all CPUs', { scope: { part: 'cgroups', paths: ['/work'], cpus: null } }, ['widened-scope']],
    [
      'a cgroup that begins alike',
      { scope: { part: 'cgroups', paths: ['/work2'], cpus: '0' } },
      ['widened-scope'],
    ],
    ['a knob within what was tested', { knobs: { guard_ns: '9007199254740993' } }, []],
    ['a knob one beyond', { knobs: { guard_ns: '9007199254740994' } }, ['widened-knob']],
    ['a knob one below', { knobs: { guard_ns: 99 } }, ['widened-knob']],
    ['what is no knob', { knobs: { slice_ns: 4_000_000 } }, ['widened-knob']],
    ['what every object has', { knobs: { constructor: 1 } }, ['widened-knob']],
    ['two at once', { machine: digest('9'), kernel: '6.16.1' }, ['other-machine', 'other-kernel']],
  ])('%s', (_, parts, expected) => {
    expect(codes(soon, parts)).toEqual(expected);
  });

  it('a series covers its releases, and no other', () => {
    const of: Partial<Token> = { kernels: { releases: ['6.18.15-amd64', '7.3-rc1'], covers: 'series' } };
    const fails = (kernel: string) => codes(soon, { kernel }, of);
    for (const kernel of ['6.18.0', '6.18', '6.18.15+deb13-cloud-amd64', '7.3.9'])
      expect(fails(kernel)).toEqual([]);
    for (const kernel of ['6.1.8', '6.180.1', '16.18.1', '7.30', '6.19.1', '', 'x'])
      expect(fails(kernel)).toEqual(['other-kernel']);
  });
});

describe('time', () => {
  const { expiresAtMs } = token();
  it.each<[string, Now, string[]]>([
    ['the moment it was made', at(issuedAtMs), []],
    ['a clock that was put right a little', at(issuedAtMs - clockToleranceMs), []],
    ['before it begins', at(issuedAtMs - clockToleranceMs - 1), ['not-yet-valid']],
    ['the last moment', at(expiresAtMs - 1), []],
    ['the first after', at(expiresAtMs), ['expired']],
    [
      'a clock moved back to when it held',
      at(issuedAtMs + 1, expiresAtMs + 1),
      ['clock-went-back', 'expired'],
    ],
    ['moved back within its time', at(issuedAtMs + 1, issuedAtMs + hour / 2), ['clock-went-back']],
    ['back by what clocks are set', at(issuedAtMs + 1, issuedAtMs + 1 + clockToleranceMs), []],
    ['no time', at(Number.NaN, issuedAtMs), ['clock-went-back', 'not-yet-valid']],
    ['endless time', at(Number.POSITIVE_INFINITY), ['clock-went-back', 'not-yet-valid']],
    ['before 1970', at(-1), ['clock-went-back', 'not-yet-valid']],
  ])('%s', (_, now, expected) => {
    expect(codes(now)).toEqual(expected);
  });
});

describe('keys', () => {
  const other = signerOf(keyOf(2));
  it('one that is not known', () => {
    const foreign = tokenText(token({ keyId: other.keyId }), other);
    expect(checkToken(foreign, verifiers, soon, context())).toMatchObject({
      ok: false,
      findings: [{ code: 'unknown-key', message: expect.stringContaining(other.keyId) }],
    });
  });

  it('another key under the id of a known one: a forgery', () => {
    const forged = tokenText(token({ keyId: signer.keyId }), other);
    expect(checkToken(forged, verifiers, soon, context())).toMatchObject({
      ok: false,
      findings: [{ code: 'tampered' }],
    });
  });

  it('a retired one verifies until its date, by the latest time seen', () => {
    const retired = new Map([[signer.keyId, verifierOf(keyOf(1), issuedAtMs + 100)]]);
    const answer = (now: Now) => checkToken(text(), retired, now, context());
    expect(answer(at(issuedAtMs + 99)).ok).toBe(true);
    expect(answer(at(issuedAtMs + 100))).toMatchObject({ findings: [{ code: 'retired-key' }] });
    expect(answer(at(issuedAtMs + 99, issuedAtMs + 100))).toMatchObject({
      findings: [{ code: 'retired-key' }],
    });
  });
});

it('says what to do, in a sentence each', () => {
  const odd = {
    machine: digest('9'),
    kernel: '7.9',
    verdict: digest('9'),
    restore: digest('9'),
    used: () => true,
  };
  const answer = checkToken(text(), verifiers, at(token().expiresAtMs), context(odd));
  expect(answer.ok).toBe(false);
  if (answer.ok) return;
  expect(answer.findings).toHaveLength(6);
  for (const { message, next } of answer.findings)
    expect([message, next].every((words) => words.length > 10)).toBe(true);
});
