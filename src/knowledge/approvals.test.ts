// Questions to a person: asked once, answered once, used once, and over when their time is.

import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { faultOf, script, temporaryDirectory } from '../../test/linux/support.ts';
import { digest } from '../../test/records/build.ts';
import type { Answer, Operation } from '../deployment/approvals.ts';
import { openApprovals } from './approvals.ts';

const base = temporaryDirectory();
let count = 0;
const minute = 60_000;
const now = 1_800_000_000_000;
const operation = (parts: Partial<Operation> = {}): Operation => ({
  what: 'deploy',
  agent: 'tuner',
  summary: 'vtime on the whole machine',
  reasons: ['critical operation 1 of an agent’s first 3'],
  machine: digest('c'),
  policy: digest('a'),
  verdict: digest('b'),
  scope: 'the whole machine',
  plan: digest('f'),
  ...parts,
});
const yes: Answer = { version: 1, answer: 'approved', by: 'ann', why: 'seen', atMs: now + 1 };
const opened = () => {
  const directory = join(base, String(count++));
  return { directory, approvals: openApprovals(directory) };
};

describe('asking', () => {
  it('waits, is there again, and is not asked twice', () => {
    const { directory, approvals } = opened();
    expect(approvals.list(now)).toEqual([]);
    const asked = approvals.ask(operation(), now, 10 * minute);
    expect(asked).toMatchObject({ state: 'pending', answer: null });
    expect(asked.id).toMatch(/^[0-9a-f]{16}$/);
    expect(openApprovals(directory).list(now)).toEqual([asked]);
    expect(approvals.ask(operation({ summary: 'other words' }), now + 5, minute)).toEqual(asked);
    for (const other of [{ policy: digest('9') }, { plan: digest('9') }, { reasons: ['something is odd'] }])
      expect(approvals.ask(operation(other), now + 5, minute).id).not.toBe(asked.id);
    expect(approvals.list(now)).toHaveLength(4);
    expect(approvals.get(asked.id.slice(0, 6), now)).toEqual(asked);
  });

  it('for a time within the bounds', async () => {
    const { approvals } = opened();
    expect(await faultOf(() => approvals.ask(operation(), now, 8 * 86_400_000))).toMatchObject({
      code: 'unsupported',
    });
    expect(approvals.list(now)).toEqual([]);
  });

  it('again, when the time of the first is over', () => {
    const { approvals } = opened();
    const first = approvals.ask(operation(), now, minute);
    const second = approvals.ask(operation(), now + minute, minute);
    expect(second.id).not.toBe(first.id);
    expect(approvals.list(now + minute).map(({ state }) => state)).toEqual(['expired', 'pending']);
  });
});

describe('answering', () => {
  it('approved: used once, for exactly this deed', () => {
    const { approvals } = opened();
    const { id } = approvals.ask(operation(), now, 10 * minute);
    expect(approvals.use(operation(), now)).toBeUndefined();
    expect(approvals.answer(id, yes, now)).toMatchObject({ state: 'approved', answer: { by: 'ann' } });
    for (const part of ['what', 'agent', 'machine', 'policy', 'verdict', 'scope'] as const) {
      const other = operation({ [part]: /machine|policy|verdict/.test(part) ? digest('9') : 'other' });
      expect(approvals.use(other, now), part).toBeUndefined();
    }
    expect(approvals.use(operation({ summary: 'the same in other words' }), now)).toMatchObject({
      id,
      state: 'used',
    });
    expect(approvals.use(operation(), now)).toBeUndefined();
    expect(approvals.list(now).map(({ state }) => state)).toEqual(['used']);
  });

  it('refused: never used, and may be asked again', () => {
    const { approvals } = opened();
    const { id } = approvals.ask(operation(), now, 10 * minute);
    expect(approvals.answer(id, { ...yes, answer: 'refused' }, now).state).toBe('refused');
    expect(approvals.use(operation(), now)).toBeUndefined();
    expect(approvals.ask(operation(), now + 1, minute).state).toBe('pending');
  });

  it.each<[string, number]>([
    ['to the last moment', now + 10 * minute - 1],
    ['not after it', now + 10 * minute],
  ])('holds %s', (_, at) => {
    const { approvals } = opened();
    approvals.answer(approvals.ask(operation(), now, 10 * minute).id, yes, now);
    expect(approvals.use(operation(), at) !== undefined).toBe(at < now + 10 * minute);
  });

  it('the first answer holds', async () => {
    const { directory, approvals } = opened();
    const { id } = approvals.ask(operation(), now, 10 * minute);
    approvals.answer(id, { ...yes, answer: 'refused' }, now);
    expect(await faultOf(() => approvals.answer(id, yes, now))).toMatchObject({
      code: 'not-permitted',
      message: `${id} waits no longer: it is refused`,
    });
    // the same between looking and writing: the file is there first
    const { id: other } = approvals.ask(operation({ agent: 'b' }), now, 10 * minute);
    writeFileSync(join(directory, `${other}.answer`), JSON.stringify({ ...yes, answer: 'refused' }));
    expect(await faultOf(() => approvals.answer(other, yes, now))).toMatchObject({ code: 'not-permitted' });
    expect(readdirSync(directory).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });

  it('of two at once one holds', async () => {
    const { directory, approvals } = opened();
    for (let n = 0; n < 60; n++) approvals.ask(operation({ agent: String(n) }), now, 10 * minute);
    const lines = `const { openApprovals } = await room('knowledge/approvals.ts');
      const [directory, by, now] = args; const approvals = openApprovals(directory); const mine = [];
      const answer = { version: 1, answer: by === 'ann' ? 'approved' : 'refused', by, why: '', atMs: Number(now) };
      while (Date.now() % 500 > 20);
      for (const { id } of approvals.list(Number(now))) { try { approvals.answer(id, answer, Number(now)); mine.push(id); } catch {} }
      console.log(JSON.stringify(mine));`;
    const ends = await Promise.all(
      ['ann', 'bob', 'cid'].map((by) => script(lines, [directory, by, String(now)]).end),
    );
    const held = ends.flatMap(({ out }) => JSON.parse(out) as string[]);
    expect(held.sort()).toEqual(
      approvals
        .list(now)
        .map(({ id }) => id)
        .sort(),
    );
  });

  it('not after its time', async () => {
    const { approvals } = opened();
    const { id } = approvals.ask(operation(), now, minute);
    expect(await faultOf(() => approvals.answer(id, yes, now + minute))).toMatchObject({
      message: expect.stringContaining('expired'),
    });
  });

  it.each(['', 'abc', '../../etc', 'zzzz', 'ffff'])('%j is no question', async (prefix) => {
    const { approvals } = opened();
    approvals.ask(operation(), now, minute);
    expect(await faultOf(() => approvals.get(prefix, now))).toMatchObject({
      code: 'not-found',
      next: expect.stringContaining('schedcp approve'),
    });
  });
});

it('a damaged question is told, and a damaged answer is no approval', async () => {
  const { directory, approvals } = opened();
  const { id } = approvals.ask(operation(), now, minute);
  writeFileSync(join(directory, `${id}.answer`), '{"version":1,"answer":"approved"}');
  expect(await faultOf(() => approvals.use(operation(), now))).toMatchObject({ code: 'malformed' });
  writeFileSync(join(directory, `${id}.json`), '');
  expect(await faultOf(() => approvals.list(now))).toMatchObject({
    code: 'malformed',
    where: join(directory, `${id}.json`),
  });
});
