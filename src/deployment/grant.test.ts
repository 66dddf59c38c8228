// From a verdict to a token: only what an accepted verdict has measured, on real kernels, and within the bounds.

import { describe, expect, it } from 'vitest';
import { issuedAtMs, signer, verifiers } from '../../test/deployment/tokens.ts';
import { candidate, digest, experiment, machine, policyArm } from '../../test/records/build.ts';
import { recordDigest } from '../core/canonical.ts';
import type { Arm, Experiment, Verdict } from '../core/records.ts';
import { checkToken } from './check-token.ts';
import { grantOf, issueToken, type Terms } from './grant.ts';

const arm: Arm = policyArm('vtime');
const chosen = candidate(arm);
const run = (release: string, parts: Partial<Experiment> = {}): Experiment =>
  experiment({ arm, machine: { ...machine(), kernel: { release, image: digest('e') } }, ...parts });
const simulated = run('6.18.0', { machine: { ...machine('simulated'), name: 'simulator' } });
const verdict = (judgement: unknown, accepted: unknown = chosen): Verdict => ({
  kind: 'verdict',
  version: 1,
  from: [],
  plan: {},
  observations: [],
  outcomes: [],
  others: [],
  candidates: { [arm.id]: recordDigest(accepted) },
  judgement,
});
const yes = verdict({ decision: 'accepted', chosen: arm.id });

describe('what a verdict permits', () => {
  it('the policy, on the kernels of its own runs', () => {
    const runs = [
      run('6.18.2'),
      run('6.16.1'),
      run('6.18.2'),
      experiment(),
      simulated,
      run('9.9', { arm: policyArm('fifo') }),
    ];
    const fifo = runs.at(-1)!;
    const other = { ...fifo, arm: { ...fifo.arm, policy: { ...fifo.arm.policy!, object: digest('9') } } };
    const answer = grantOf(yes, chosen, [...runs.slice(0, -1), other]);
    expect(answer).toEqual({
      ok: true,
      grant: { policy: arm.policy, verdict: recordDigest(yes), releases: ['6.16.1', '6.18.2'] },
    });
  });

  const values = candidate({ ...arm, policy: { ...arm.policy!, parameters: { slice_ns: 1 } } });
  it.each<[string, ReturnType<typeof grantOf>]>([
    ['rejected', grantOf(verdict({ decision: 'rejected', chosen: null }), chosen, [run('6.18.2')])],
    [
      'rejected, with a name',
      grantOf(verdict({ decision: 'rejected', chosen: arm.id }), chosen, [run('6.18.2')]),
    ],
    [
      'accepted without a name',
      grantOf(verdict({ decision: 'accepted', chosen: null }), chosen, [run('6.18.2')]),
    ],
    ['no judgement', grantOf(verdict('accepted'), chosen, [run('6.18.2')])],
    ['another candidate', grantOf(yes, values, [run('6.18.2', { arm: values.arm })])],
    [
      'another arm under its name',
      grantOf(verdict({ decision: 'accepted', chosen: arm.id }, values), values, [run('6.18.2')]),
    ],
    ['the simulator alone', grantOf(yes, chosen, [simulated])],
    ['no run', grantOf(yes, chosen, [])],
  ])('nothing: %s', (_, answer) => {
    expect(answer).toMatchObject({ ok: false, finding: { code: 'not-accepted' } });
  });

  it.each([
    [{ decision: 'inconclusive' }, 'try other policies, or more runs'],
    [{ kind: 'gauntlet', decision: 'inconclusive' }, 'run verify with all gates and loads'],
    [{ kind: 'gauntlet', decision: 'rejected' }, 'mend the policy, and run verify on it again'],
  ])('nothing, and what to do then: %j', (judgement, next) => {
    const answer = grantOf(verdict({ ...judgement, chosen: null }), chosen, [run('6.18.2')]);
    expect(answer).toMatchObject({ ok: false, finding: { next } });
  });

  it('nothing: settings of the default scheduler', () => {
    const settings = candidate({ id: 's', name: 'batch', kind: 'settings', settings: { sched: 'batch' } });
    const accepted = {
      ...yes,
      judgement: { decision: 'accepted', chosen: 's' },
      candidates: { s: recordDigest(settings) },
    };
    expect(grantOf(accepted, settings, [run('6.18.2')])).toMatchObject({
      ok: false,
      finding: { message: expect.stringContaining('no policy') },
    });
  });
});

describe('issuing', () => {
  const grant = {
    policy: { ...arm.policy!, parameters: { slice_ns: 4_000_000 } },
    verdict: digest('b'),
    releases: ['6.18.2'],
  };
  const terms: Terms = {
    agent: 'tuner',
    machine: digest('c'),
    scope: { part: 'whole', cpus: null },
    covers: 'release',
    knobs: {},
    restore: digest('d'),
    nowMs: issuedAtMs,
    lifetimeMs: 60_000,
    id: '0'.repeat(32),
  };

  it('a token that permits exactly that', () => {
    const issued = issueToken(grant, terms, signer);
    expect(issued.ok).toBe(true);
    if (!issued.ok) return;
    expect(issued.token).toMatchObject({
      issuedAtMs,
      expiresAtMs: issuedAtMs + 60_000,
      kernels: { releases: ['6.18.2'] },
    });
    const context = {
      ...terms,
      policy: grant.policy,
      verdict: grant.verdict,
      kernel: '6.18.2',
      used: () => false,
      knobs: {},
    };
    const at = (timeMs: number) => checkToken(issued.text, verifiers, { timeMs, highWaterMs: 0 }, context);
    expect(at(issuedAtMs)).toEqual({ ok: true, token: issued.token });
    expect(at(issuedAtMs + 60_000).ok).toBe(false);
  });

  it.each<[string, Partial<Terms>, object]>([
    ['for too long', { lifetimeMs: 86_400_001 }, {}],
    ['for no time', { lifetimeMs: 0 }, {}],
    ['with a slice that is none', {}, { slice_ns: 1 }],
    [
      'with a knob that leads out of bounds',
      { knobs: { slice_ns: { low: 1_000_000, high: 2_000_000_000 } } },
      {},
    ],
    ['with one that leads below', { knobs: { slice_ns: { low: 1, high: 1_000_000 } } }, {}],
  ])('none %s', (_, parts, parameters) => {
    const policy = { ...grant.policy, parameters: { ...grant.policy.parameters, ...parameters } };
    const issued = issueToken({ ...grant, policy }, { ...terms, ...parts }, signer);
    expect(issued).toMatchObject({ ok: false, findings: [{ code: 'out-of-bounds' }] });
  });

  it('none for a series that nobody can name', () => {
    const issued = issueToken({ ...grant, releases: ['custom'] }, { ...terms, covers: 'series' }, signer);
    expect(issued).toMatchObject({ ok: false, findings: [{ code: 'other-kernel' }] });
  });
});
