// A small comparison from the command line to the last record: the verdict has its documented shape, its records show, replay and compare.

import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { canonicalJson, digestOf } from '../../src/core/canonical.ts';
import { outcomeSchema, recordSchema } from '../../src/core/records.ts';
import { compareOutput, replayOutput, tuneOutput } from '../../src/services/schemas.ts';
import { openRoom, type Room } from '../support/room.ts';

const twoGroups = {
  kind: 'declared',
  name: 'two-groups',
  description: 'Eight short tasks and one long one on two CPUs: who goes first decides when all is done.',
  goal: { metric: 'makespanNs', direction: 'lower' },
  rounds: 2,
  warmupRounds: 1,
  groups: [
    { name: 'short', count: 8, phases: [{ run: { about: '5ms', spread: 0.2 } }] },
    { name: 'long', count: 1, phases: [{ run: '25ms' }] },
  ],
};

let room: Room;
// biome-ignore lint/suspicious/noExplicitAny: looked into
let answer: any;
let code: number | null;
beforeAll(async () => {
  room = openRoom();
  const file = join(room.directory, 'two-groups.json');
  mkdirSync(room.directory, { recursive: true });
  writeFileSync(file, JSON.stringify(twoGroups));
  const flags = [
    '--json',
    '--cpus',
    '2',
    '--policies',
    'fifo',
    '--settings',
    'none',
    '--blocks',
    '6',
    '--no-harm',
  ];
  const done = await room.start(['tune', '--workload', file, ...flags]).ended;
  [answer, code] = [done.json, done.code];
  if (answer === undefined) throw new Error(done.err);
});
afterAll(() => room.close());

it('ends in a verdict of the documented shape, with the exit code that belongs to it', () => {
  expect(tuneOutput.strict().parse(answer)).toEqual(answer);
  const { decision, effect, direction } = answer.verdict;
  expect(['accepted', 'rejected', 'inconclusive']).toContain(decision);
  expect(code).toBe(decision === 'accepted' ? 0 : 1);
  expect(direction).toBe('lower');
  expect(effect.low).toBeLessThanOrEqual(effect.relative);
  expect(effect.high).toBeGreaterThanOrEqual(effect.relative);
  expect(effect.confidence).toBeGreaterThanOrEqual(0.95);
  expect(answer.arms.map((arm: { policy: string; n: number }) => [arm.policy, arm.n])).toEqual([
    ['default', 6],
    ['fifo', 6],
  ]);
  for (const arm of answer.arms) expect(arm.median).toBeGreaterThan(25e6);
  expect(answer.machine).toMatchObject({ name: 'micro-vm', mode: 'deterministic', cpus: 2 });
  expect(answer.records[0].kind).toBe('verdict');
  expect(answer.records).toHaveLength(13);
});

it('every record on disk is canonical JSON, is named by its digest, and has a known shape', () => {
  const root = join(room.env.XDG_DATA_HOME, 'schedcp', 'records');
  const files = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.endsWith('.json'),
  );
  expect(files.length).toBeGreaterThanOrEqual(1 + 2 + 12 + 12);
  for (const name of files) {
    const text = readFileSync(join(root, name), 'utf8');
    expect(digestOf(text)).toBe(name.slice(-69, -5));
    expect(canonicalJson(JSON.parse(text))).toBe(text);
    recordSchema.parse(JSON.parse(text));
  }
});

it('the verdict and an outcome show in every view', async () => {
  const [verdict, outcome] = answer.records as { digest: string }[];
  const show = async (...args: string[]): Promise<string> => {
    const { code, json } = await room.start(['show', ...args, '--json']).ended;
    expect(code).toBe(0);
    return json.text;
  };
  expect(await show(verdict!.digest)).toMatch(/^verdict [0-9a-f]{64}\n.*12 outcomes/s);
  expect(await show(outcome!.digest.slice(0, 10))).toContain('makespanNs');
  expect(await show(outcome!.digest, '--view', 'timeline')).toMatch(/\nlong-0 .*[#-]{20}.*\n1 column = /s);
  const whole = await room.start(['show', outcome!.digest, '--view', 'json']).ended;
  expect(outcomeSchema.parse(JSON.parse(whole.out))).toMatchObject({ status: 'completed' });
});

it('the verdict replays from its records, and one of its runs once more', async () => {
  const { code, json } = await room.start(['replay', answer.records[0].digest, '--rerun', '--json']).ended;
  expect(replayOutput.parse(json)).toMatchObject({ same: true, kind: 'verdict', differences: [] });
  expect(code).toBe(0);
});

it('two outcomes compare, and so does a verdict with itself', async () => {
  const [verdict, first, second] = answer.records as { digest: string }[];
  const compare = async (a: string, b: string) => {
    const { code, json } = await room.start(['compare', a, b, '--json']).ended;
    expect(code).toBe(0);
    return compareOutput.parse(json);
  };
  const rows = (await compare(first!.digest, second!.digest)).rows;
  const makespan = rows.find((row) => row.name === 'makespanNs');
  expect(makespan?.difference).toBe(Number(makespan?.b) - Number(makespan?.a));
  for (const row of (await compare(verdict!.digest, verdict!.digest)).rows) {
    if (row.difference !== null) expect(row.difference).toBe(0);
  }
});

it('an edited record is noticed: nothing replays from it', async () => {
  const { digest } = answer.records[1];
  const file = join(room.env.XDG_DATA_HOME, 'schedcp', 'records', digest.slice(0, 2), `${digest}.json`);
  const text = readFileSync(file, 'utf8');
  writeFileSync(
    file,
    text.replace(/"makespanNs":(\d)/, (_, digit) => `"makespanNs":${(Number(digit) % 9) + 1}`),
  );
  const { code, json } = await room.start(['replay', answer.records[0].digest, '--json']).ended;
  writeFileSync(file, text);
  expect(code).toBe(3);
  expect(json.error).toMatchObject({ code: 'malformed', next: expect.any(String) });
});
