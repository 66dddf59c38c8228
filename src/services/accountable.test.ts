// audit, approve and keys, as a person and as an agent meet them.

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { faultOf } from '../../test/linux/support.ts';
import { digest } from '../../test/records/build.ts';
import { fixedWorld } from '../../test/services/fixed-world.ts';
import { byHandEntry } from '../deployment/history.ts';
import { serviceTable } from './table.ts';

const golden = (name: string): string => `../../test/services/golden/${name}.txt`;
const who = { kind: 'agent', name: 'tuner' } as const;
const operation = {
  what: 'deploy',
  agent: 'tuner',
  summary: 'vtime instead of the default scheduler\u001b[2J',
  reasons: ['critical operation 1 of an agent’s first 3'],
  machine: digest('c'),
  policy: digest('a'),
  verdict: digest('b'),
  scope: 'the whole machine',
  plan: digest('f'),
};

async function written() {
  const fixed = fixedWorld();
  const { audit } = fixed.world.keeping;
  await audit.append({
    who,
    what: 'token-issued',
    why: 'the verdict accepts this policy',
    from: [digest('b')],
  });
  await audit.append({
    who,
    what: 'deployment-started',
    why: 'as told\u202e',
    from: [digest('d'), digest('b')],
  });
  await audit.append({
    who: { kind: 'program', name: 'schedcp' },
    what: 'breaker-tripped',
    why: 'p99 doubled',
  });
  return { fixed, file: join(fixed.world.store.root, 'deployment', 'audit', '000000000000.jsonl') };
}

describe('audit', () => {
  it('shows who did what, and why', async () => {
    const { fixed } = await written();
    const { text, output, exit } = await fixed.call('audit');
    await expect(text).toMatchFileSnapshot(golden('audit'));
    expect(exit).toBe(0);
    expect(
      output.lines.map(({ seq, at, what }: { seq: number; at: string; what: string }) => [seq, at, what]),
    ).toEqual([
      [0, '2027-01-15T08:00:00.000Z', 'token-issued'],
      [1, '2027-01-15T08:00:00.000Z', 'deployment-started'],
      [2, '2027-01-15T08:00:00.000Z', 'breaker-tripped'],
    ]);
    expect(output).toMatchObject({ head: { seq: 2 }, verified: null });
    const { output: before } = await fixed.call('audit', { before: 2, limit: 1 });
    expect(before.lines.map(({ seq }: { seq: number }) => seq)).toEqual([1]);
    const none = await fixed.call('audit', { before: 0 });
    expect(none.text).toBe('No line stands before that one: the audit has lines 0 to 2.\n');
    expect((await fixedWorld().call('audit')).text).toMatch(/^Nothing is in the audit/);
  });

  it('verifies: whole', async () => {
    const { fixed } = await written();
    const { text, output, exit } = await fixed.call('audit', { action: 'verify' });
    expect(text).toBe(`The audit is whole: 3 lines; the last has hash ${output.head.hash}.\n`);
    expect([exit, output.verified]).toEqual([0, { ok: true, lines: 3, broken: null, torn: [] }]);
    expect((await fixedWorld().call('audit', { action: 'verify' })).text).toBe(
      'The audit is whole: 0 lines.\n',
    );
  });

  it('verifies: changed, and cut off', async () => {
    const { fixed, file } = await written();
    const whole = readFileSync(file, 'utf8');
    writeFileSync(file, whole.replace('as told', 'as sold'));
    const changed = await fixed.call('audit', { action: 'verify' });
    await expect(changed.text).toMatchFileSnapshot(golden('audit-broken'));
    expect(changed).toMatchObject({
      exit: 1,
      output: { verified: { ok: false, lines: 1, broken: { kind: 'changed', seq: 1 } } },
    });
    writeFileSync(file, `${whole}{"about":`);
    const torn = await fixed.call('audit', { action: 'verify' });
    expect(torn).toMatchObject({
      exit: 0,
      output: { verified: { ok: true, torn: [{ line: 4, bytes: 9 }] } },
    });
    expect(torn.text).toContain('9 bytes in 000000000000.jsonl, line 4');
  });
});

describe('approve', () => {
  const asked = async () => {
    const fixed = fixedWorld();
    const { id } = await fixed.world.keeping.ask(operation, 3_600_000);
    return { fixed, id };
  };

  it('lists what waits, approves it in the person’s name, and says so in the audit', async () => {
    const { fixed, id } = await asked();
    const listed = await fixed.call('approve');
    await expect(listed.text.replaceAll(id, 'ID')).toMatchFileSnapshot(golden('approve'));
    expect(listed.output.approvals).toMatchObject([{ id, state: 'pending', agent: 'tuner', answer: null }]);
    const approved = await fixed.call('approve', { id: id.slice(0, 5), why: 'seen in test' });
    expect(approved.output.approvals).toMatchObject([
      { id, state: 'approved', answer: { by: 'someone (1000)', why: 'seen in test' } },
    ]);
    expect(approved.text).toMatch(/^approved: [0-9a-f]{16} {2}approved/);
    expect((await fixed.call('approve')).text).toBe('Nothing waits for a person.\n');
    expect((await fixed.call('approve', { all: true })).output.approvals).toHaveLength(1);
    expect((await fixed.call('audit')).output.lines.at(-1)).toMatchObject({
      who: { kind: 'person', name: 'someone (1000)' },
      what: 'approval-given',
      why: 'seen in test',
    });
    expect(await fixed.world.keeping.useApproval(operation)).toBeDefined();
  });

  it('refuses', async () => {
    const { fixed, id } = await asked();
    expect((await fixed.call('approve', { id, refuse: true })).output.approvals).toMatchObject([
      { state: 'refused' },
    ]);
    expect(await fixed.world.keeping.useApproval(operation)).toBeUndefined();
    expect(await faultOf(() => fixed.call('approve', { id }))).toMatchObject({ code: 'not-permitted' });
  });

  it('after a change by hand agents wait, everybody sees that, and a person lets them go on', async () => {
    const fixed = fixedWorld();
    const { keeping } = fixed.world;
    expect((await fixed.call('approve', { goOn: true })).text).toBe(
      'No agent waits because of a change by hand.\n',
    );
    await keeping.audit.append(byHandEntry('a release is due', { ops: 'fifo', enableSeq: 3 }));
    const agents = serviceTable(fixed.world).find(({ name }) => name === 'approve')!.forAgents!;
    const call = { progress: () => {}, signal: new AbortController().signal };
    for (const { output, text } of [await fixed.call('approve'), await agents.run({ all: false }, call)]) {
      expect(output).toMatchObject({ byHand: true });
      expect(text).toMatch(/^Agents wait .*: schedcp approve --go-on\n/);
    }
    const { text, output } = await fixed.call('approve', { goOn: true, why: 'it is out' });
    expect([text, output.byHand]).toEqual(['Agents may go on.\n', false]);
    expect((await keeping.history()).isByHand).toBe(false);
    expect((await fixed.call('audit')).output.lines.at(-1)).toMatchObject({
      ...{ who: { kind: 'person', name: 'someone (1000)' }, what: 'may-go-on', why: 'it is out' },
    });
    expect(agents.input.safeParse({ goOn: true }).data).toEqual({ all: false });
  });

  it('lets a policy out of quarantine, and only one that was deployed', async () => {
    const fixed = fixedWorld();
    const { keeping } = fixed.world;
    const [one, other] = ['1', '2'].map((digit) => `abcdef${digit}`.padEnd(64, '0')) as [string, string];
    for (const identity of [one, other])
      await keeping.audit.append({
        ...{ who, what: 'deployment-ended', why: 'it stalled' },
        about: { result: 'tripped', how: 'ejected', level: 0, isCritical: true, on: 'host', identity },
      });
    for (const [release, code] of [
      ['abcdef', 'malformed'],
      ['fedcba', 'not-found'],
    ])
      expect(await faultOf(() => fixed.call('approve', { release }))).toMatchObject({ code });
    const { text } = await fixed.call('approve', { release: 'abcdef2', why: 'it was the disk' });
    expect(text).toBe('The policy abcdef200000 may be tried again.\n');
    expect((await keeping.history()).attempts.map(({ identity, how }) => [identity, how])).toEqual([
      ...[one, other].map((identity) => [identity, 'failed']),
      [other, 'released'],
    ]);
  });

  it('decides one thing at a time', () => {
    const { input } = serviceTable(fixedWorld().world).find(({ name }) => name === 'approve')!;
    for (const wrong of [{ id: 'a', goOn: true }, { goOn: true, release: 'abcdef' }, { refuse: true }])
      expect(input.safeParse(wrong).success).toBe(false);
  });

  it('what agents get under this name only looks', async () => {
    const { fixed, id } = await asked();
    const mine = serviceTable(fixed.world).find(({ name }) => name === 'approve');
    const theirs = mine?.forAgents;
    expect([mine?.effect, theirs?.effect, theirs?.name]).toEqual(['decide', 'read', 'approve']);
    const call = { progress: () => {}, signal: new AbortController().signal };
    const reply = await theirs!.run({ all: false, id, refuse: false }, call);
    expect(reply.output).toMatchObject({ approvals: [{ id, state: 'pending' }] });
    expect(fixed.world.keeping.approvals.list(1_800_000_000_000)).toMatchObject([{ state: 'pending' }]);
  });
});

describe('keys', () => {
  it('a new one signs, the old one’s tokens hold for a day, and the audit says who wanted it', async () => {
    const fixed = fixedWorld();
    const first = await fixed.call('keys');
    const { signs } = first.output;
    expect(first.text).toBe(`${signs}  signs\n`);
    expect((await fixed.call('keys')).output).toEqual({ signs, retired: [] });
    const { text, output } = await fixed.call('keys', { action: 'rotate', why: 'a new year' });
    expect(output.signs).not.toBe(signs);
    expect(output.retired).toEqual([{ id: signs, until: '2027-01-16T08:00:00.000Z' }]);
    expect(text).toBe(
      `${output.signs}  signs from now on\n${signs}  signs no more; its tokens hold until 2027-01-16 08:00 UTC\n`,
    );
    expect((await fixed.call('audit')).output.lines).toMatchObject([
      {
        who: { kind: 'person', name: 'someone (1000)' },
        what: 'key-rotation',
        why: 'a new year',
        about: { retired: signs, revoke: false },
      },
    ]);
    const third = await fixed.call('keys', { action: 'rotate', revoke: true });
    expect(third.output.retired).toEqual([]);
    expect(third.text).toMatch(/Tokens issued so far are refused\.\n$/);
  });

  it('is no tool of agents', () => {
    const mine = serviceTable(fixedWorld().world).find(({ name }) => name === 'keys');
    expect([mine?.effect, mine?.forAgents]).toEqual(['decide', undefined]);
  });
});
