// The way from a token to a deployment: checked, spent and written down, in this order; and what stops it.

import { chmodSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { issuedAtMs, policy } from '../../test/deployment/tokens.ts';
import { faultOf, temporaryDirectory } from '../../test/linux/support.ts';
import { digest } from '../../test/records/build.ts';
import { type Deployment, type DeploymentEnd, deploymentEnds } from '../core/deployment.ts';
import type { Entry } from '../deployment/audit-line.ts';
import {
  byHandEntry,
  endedEntry,
  goneOnEntry,
  liftedEntry,
  type Place,
  switchedEntry,
} from '../deployment/history.ts';
import { policyIdentity } from '../deployment/identity.ts';
import type { Scope } from '../deployment/scope.ts';
import { anchors } from './anchors.ts';
import { type Keeping, openKeeping } from './keeping.ts';
import { openStore } from './store.ts';

const base = temporaryDirectory();
let count = 0;
const scope: Scope = { part: 'whole', cpus: null };
const grant = { policy, verdict: digest('b'), releases: ['6.18.2'] };
const terms = {
  agent: 'tuner',
  scope,
  covers: 'release',
  knobs: {},
  restore: digest('d'),
  lifetimeMs: 60_000,
} as const;
const who = { kind: 'agent', name: 'tuner' } as const;
const context = { policy, verdict: digest('b'), kernel: '6.18.2', scope, restore: digest('d') };

function opened() {
  const store = openStore(join(base, String(count++)));
  const clock = { now: issuedAtMs };
  const keeping = openKeeping(store, () => clock.now);
  const again = () => openKeeping(store, () => clock.now);
  return { store, clock, keeping, again, root: join(store.root, 'deployment') };
}
const issued = async (keeping: Keeping): Promise<string> => {
  const answer = await keeping.issue(grant, who, terms);
  if (!answer.ok) throw new Error(answer.findings[0]?.message);
  return answer.text;
};
const codes = async (permitted: ReturnType<Keeping['permit']>): Promise<string[]> => {
  const answer = await permitted;
  return answer.ok ? [] : answer.findings.map(({ code }) => code);
};
const said = async (keeping: Keeping): Promise<string[]> =>
  (await keeping.audit.last(99)).map(({ what }) => what);

describe('from a token to a deployment', () => {
  it('once: spent and written down before it may start', async () => {
    const { keeping, again } = opened();
    const text = await issued(keeping);
    expect(await codes(keeping.permit(text, who, context, 'host'))).toEqual([]);
    expect(await codes(again().permit(text, who, context, 'host'))).toEqual(['used']);
    expect(await said(keeping)).toEqual(['token-issued', 'token-spent', 'token-refused']);
    const [, spent, refused] = await keeping.audit.last(3);
    expect(spent).toMatchObject({
      who,
      from: [digest('b'), digest('d')],
      about: { policy: 'vtime', scope: 'the whole machine' },
    });
    expect(refused).toMatchObject({
      about: { codes: ['used'] },
      why: 'the token was used before; each permits one deployment',
    });
  });

  it('by many at once: one may', async () => {
    const { keeping, again } = opened();
    const text = await issued(keeping);
    const answers = await Promise.all(
      [keeping, again(), again(), again()].map((one) => codes(one.permit(text, who, context, 'host'))),
    );
    expect(answers.filter((found) => found.length === 0)).toHaveLength(1);
    expect(await keeping.verifyAudit()).toMatchObject({ lines: 5, broken: null });
  });

  it('not of another installation', async () => {
    const [one, other] = [opened(), opened()];
    expect(await codes(other.keeping.permit(await issued(one.keeping), who, context, 'host'))).toEqual([
      'unknown-key',
    ]);
  });

  it('not of another machine', async () => {
    const { keeping, root } = opened();
    const text = await issued(keeping);
    // what the machine would say if it were another one
    writeFileSync(join(root, 'machine-id'), `${'a'.repeat(32)}\n`, { mode: 0o600 });
    expect(await codes(keeping.permit(text, who, context, 'host'))).toEqual(['other-machine']);
  });

  it('not when the clock was moved back, in the same process or another', async () => {
    const { keeping, again, clock } = opened();
    const text = await issued(keeping);
    clock.now += 90_000;
    await issued(keeping); // time is seen
    clock.now -= 80_000;
    expect(await codes(keeping.permit(text, who, context, 'host'))).toEqual(['clock-went-back', 'expired']);
    expect(await codes(again().permit(text, who, context, 'host'))).toEqual(['clock-went-back', 'expired']);
    expect(keeping.latestMs()).toBe(issuedAtMs + 90_000);
    clock.now = issuedAtMs + 95_000;
    expect(await codes(keeping.permit(text, who, context, 'host'))).toEqual(['expired']);
    expect(await codes(keeping.permit(await issued(keeping), who, context, 'host'))).toEqual([]);
  });

  it('a token that is let through is a time that was seen', async () => {
    const { keeping, clock, root } = opened();
    const text = await issued(keeping);
    clock.now += 5;
    await keeping.permit(text, who, context, 'host');
    expect(readFileSync(join(root, 'latest-time'), 'utf8')).toBe(`${issuedAtMs + 5}\n`);
  });

  it('not when the spent tokens alone tell of a later time', async () => {
    const { keeping, again, clock, root } = opened();
    await keeping.permit(await issued(keeping), who, context, 'host');
    const text = await issued(keeping);
    rmSync(join(root, 'latest-time'));
    clock.now -= 30_000;
    expect(await codes(again().permit(text, who, context, 'host'))).toEqual([
      'clock-went-back',
      'not-yet-valid',
    ]);
  });

  it('not with keys that are open to others', async () => {
    const { keeping, root } = opened();
    const text = await issued(keeping);
    chmodSync(join(root, 'keys'), 0o755);
    expect(await faultOf(() => keeping.permit(text, who, context, 'host'))).toMatchObject({
      code: 'not-permitted',
    });
    expect(await said(keeping)).toEqual(['token-issued']);
  });

  it('not when the audit cannot be written; the token is spent then', async () => {
    const { keeping, root } = opened();
    const text = await issued(keeping);
    const claims = join(root, 'audit', 'claims');
    rmSync(claims, { recursive: true });
    writeFileSync(claims, '');
    expect(await faultOf(() => keeping.permit(text, who, context, 'host'))).toMatchObject({
      code: 'unavailable',
    });
    rmSync(claims);
    expect(await codes(keeping.permit(text, who, context, 'host'))).toEqual(['used']);
  });

  it('none is issued out of bounds, and that is written down', async () => {
    const { keeping } = opened();
    expect(await keeping.issue(grant, who, { ...terms, lifetimeMs: 1e12 })).toMatchObject({ ok: false });
    expect(await said(keeping)).toEqual(['token-not-issued']);
  });

  it('neither tokens nor keys are in anything that is kept beside them', async () => {
    const { keeping, root } = opened();
    const text = await issued(keeping);
    await keeping.permit(text, { kind: 'agent', name: text }, { ...context, kernel: text }, 'host');
    await keeping.permit(`${text}x`, who, { ...context, policy: { ...policy, name: text } }, 'host');
    const [, signature = ''] = text.split('.');
    const kept = readFileSync(join(root, 'audit', '000000000000.jsonl'), 'utf8');
    expect(kept).toContain('token-refused');
    expect(kept).not.toContain(signature);
    expect(kept).not.toContain(text.slice(0, 60));
  });
});

describe('a person is asked', () => {
  const operation = {
    what: 'deploy',
    agent: 'tuner',
    summary: 'vtime on the whole machine',
    reasons: ['the first'],
    machine: digest('c'),
    policy: digest('a'),
    verdict: digest('b'),
    scope: 'the whole machine',
    plan: digest('f'),
  };

  it('and each step is in the audit before it takes effect', async () => {
    const { keeping } = opened();
    const { id } = await keeping.ask(operation, 600_000);
    expect(await keeping.useApproval(operation)).toBeUndefined();
    await keeping.decide(id, { answer: 'approved', by: 'ann', why: 'seen' });
    expect(await keeping.useApproval(operation)).toMatchObject({ id, state: 'used' });
    expect(await said(keeping)).toEqual(['approval-asked', 'approval-given', 'approval-used']);
    const [, given] = await keeping.audit.last(3);
    expect(given).toMatchObject({
      who: { kind: 'person', name: 'ann' },
      why: 'seen',
      about: { approval: id },
      from: [digest('b')],
    });
  });

  it('an answer that comes too late leaves no line', async () => {
    const { keeping, clock } = opened();
    const { id } = await keeping.ask(operation, 60_000);
    clock.now += 60_000;
    expect(await faultOf(() => keeping.decide(id, { answer: 'approved', by: 'ann', why: '' }))).toMatchObject(
      { code: 'not-permitted' },
    );
    expect(await said(keeping)).toEqual(['approval-asked']);
  });
});

it('the history is read from the audit, in the words that make it', async () => {
  const { keeping, clock } = opened();
  const nothing = { deployed: [], attempts: [], startedMs: [], isByHand: false };
  expect(await keeping.history()).toEqual(nothing);
  const seen = { ops: 'vtime', enableSeq: 4 };
  const took = { level: 1, isCritical: true } as const;
  const minute = 60e9;
  const ended = async (by: Entry['who'], how: DeploymentEnd, on: Place, stayedNs = minute) => {
    const end = { how, words: 'w', atNs: 5e9 + stayedNs };
    const deployment = { policy, tokenId: 'f', end, steps: [{ endNs: 5e9 }] } as unknown as Deployment;
    await keeping.audit.append(endedEntry(by, deployment, digest('e'), { ...took, on, byHand: false }));
  };
  for (const how of deploymentEnds) {
    clock.now++;
    await keeping.audit.append(switchedEntry(who, 'attached', seen));
    await keeping.audit.append({ who, what: 'token-spent', why: 'a deployment is about to start' });
    await ended(who, how, 'host');
  }
  await keeping.audit.append({
    who,
    what: 'deployment-ended',
    why: 'of another form',
    about: { result: 'kept', level: 9 },
  });
  await keeping.audit.append({
    who,
    what: 'tried-it',
    why: 'nothing of that',
    about: { result: 'kept', ...took },
  });
  await ended({ kind: 'person', name: 'tuner' }, 'kept', 'host'); // an agent of this name has not earned it
  const { deployed, attempts, startedMs, isByHand } = await keeping.history();
  expect(deployed.map(({ result }) => result)).toEqual([
    'kept',
    'undone',
    'tripped',
    'undone',
    'tripped',
    'undone',
    'undone',
  ]);
  expect(deployed[0]).toEqual({ agent: 'tuner', atMs: issuedAtMs + 1, result: 'kept', ...took });
  const identity = policyIdentity(policy);
  expect(attempts.map(({ how }) => how)).toEqual(['kept', 'failed', 'failed', 'failed', 'kept']);
  expect(attempts[1]).toEqual({ identity, on: 'host', how: 'failed', atMs: issuedAtMs + 3 });
  expect(startedMs).toEqual([1, 2, 3, 4, 5, 6, 7].map((n) => issuedAtMs + n));
  expect(isByHand).toBe(false);
});

it('what is in the history: a minute on the machine itself, that nobody has ended by hand', async () => {
  const { keeping } = opened();
  const seen = { ops: 'vtime', enableSeq: 4 };
  const ended = async (on: Place, stayedNs: number) => {
    const end = { how: 'kept', words: 'w', atNs: 5e9 + stayedNs };
    const deployment = { policy, tokenId: 'f', end, steps: [{ endNs: 5e9 }] } as unknown as Deployment;
    await keeping.audit.append(
      endedEntry(who, deployment, digest('e'), { level: 0, isCritical: false, on, byHand: false }),
    );
  };
  const token = { who, what: 'token-spent', why: 'a deployment is about to start' };
  await keeping.audit.append({ ...token, about: { on: 'guest' } });
  await ended('guest', 600e9);
  expect(await keeping.history()).toMatchObject({ deployed: [], startedMs: [], attempts: [{ on: 'guest' }] });
  await ended('host', 59e9);
  await ended('host', 60e9);
  await keeping.audit.append(byHandEntry('somebody has loaded scx_other', seen));
  await ended('host', 600e9);
  const history = await keeping.history();
  expect(history.deployed.map(({ result }) => result)).toEqual(['undone', 'kept', 'undone']);
  expect(history.attempts.map(({ on }) => on)).toEqual(['guest', 'host']);
  expect(history.isByHand).toBe(true);
  const ann = { kind: 'person', name: 'ann' } as const;
  await keeping.audit.append(goneOnEntry(ann, 'it was me'));
  await keeping.audit.append(liftedEntry(ann, 'it was the disk', policyIdentity(policy)));
  const after = await keeping.history();
  expect(after.isByHand).toBe(false);
  expect(after.attempts.at(-1)).toMatchObject({
    how: 'released',
    on: 'anywhere',
    identity: policyIdentity(policy),
  });
});

it('anchors are among the records, and tell of a chain that was cut together with its head', async () => {
  const { keeping, store, root } = opened();
  for (let n = 0; n < 20; n++) await keeping.audit.append({ who, what: 'tried-it', why: String(n) });
  await store.records.put({ kind: 'outcome', text: '"anchor"' });
  expect((await anchors(store)).map(({ seq }) => seq)).toEqual([15]);
  expect(await keeping.verifyAudit()).toMatchObject({ lines: 20, broken: null });
  rmSync(join(root, 'audit'), { recursive: true });
  expect((await keeping.verifyAudit()).broken).toMatchObject({ kind: 'truncated', seq: 0 });
  await keeping.audit.append({ who, what: 'tried-it', why: 'as if nothing had been' });
  expect((await keeping.verifyAudit()).broken).toMatchObject({ kind: 'truncated', seq: 1 });
});
