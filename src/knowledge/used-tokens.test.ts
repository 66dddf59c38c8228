// A token is used once: by one of many, before and after a crash, and with a full disk. And the latest time seen does not go back.

import { appendFileSync, chmodSync, mkdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { killed, onFullDisk } from '../../test/deployment/crashes.ts';
import { faultOf, script, temporaryDirectory } from '../../test/linux/support.ts';
import { openHighWater } from './high-water.ts';
import { openUsedTokens } from './used-tokens.ts';

const base = temporaryDirectory();
let count = 0;
const fresh = (): string => join(base, String(count++), 'used-tokens');
const id = (n: number): string => n.toString(16).padStart(32, '0');

describe('spending', () => {
  it('once', () => {
    const file = fresh();
    const used = openUsedTokens(file);
    expect(used.has(id(1))).toBe(false);
    expect(used.latestMs()).toBe(0);
    expect(used.spend(id(1), 50)).toBe(true);
    expect(used.spend(id(1), 60)).toBe(false);
    expect(used.spend(id(2), 40)).toBe(true);
    for (const again of [used, openUsedTokens(file)]) {
      expect([id(1), id(2), id(3)].map(again.has)).toEqual([true, true, false]);
      expect(again.latestMs()).toBe(50);
    }
  });

  it('of many that try at once one has each', async () => {
    const file = fresh();
    const lines = `const { openUsedTokens } = await room('knowledge/used-tokens.ts');
      const used = openUsedTokens(args[0]); const mine = [];
      for (let n = 0; n < 60; n++) if (used.spend(n.toString(16).padStart(32, '0'), n)) mine.push(n);
      console.log(JSON.stringify(mine));`;
    const ends = await Promise.all([1, 2, 3].map(() => script(lines, [file]).end));
    const spent = ends.flatMap(({ out }) => JSON.parse(out) as number[]);
    expect(spent.sort((a, b) => a - b)).toEqual(Array.from({ length: 60 }, (_, n) => n));
  });
});

describe('what was cut off', () => {
  const spent = (file: string, n: number) => openUsedTokens(file).spend(id(n), n);
  const setUp = (): { file: string; whole: number } => {
    const file = fresh();
    spent(file, 1);
    const whole = readFileSync(file).length;
    spent(file, 2);
    return { file, whole };
  };

  it('at any byte: others stay spent, the one itself is spent or free, never something else', () => {
    const { file, whole } = setUp();
    const all = readFileSync(file);
    for (let length = whole; length < all.length; length++) {
      writeFileSync(file, all.subarray(0, length));
      const used = openUsedTokens(file);
      expect(used.has(id(1))).toBe(true);
      // spent as soon as its id is whole: the line end before it and 32 digits
      expect(used.has(id(2)), `cut at ${length}`).toBe(length >= whole + 33);
    }
  });

  it('spoils none that comes after it', () => {
    const { file, whole } = setUp();
    for (const length of [whole + 1, whole + 5, whole + 20, whole + 40, whole + 60]) {
      truncateSync(file, length);
      expect(spent(file, 100 + length)).toBe(true);
      expect(openUsedTokens(file).has(id(100 + length))).toBe(true);
      expect(openUsedTokens(file).has(id(1))).toBe(true);
    }
  });

  it('noise in the file is no token, and hides none', () => {
    const { file } = setUp();
    appendFileSync(file, Buffer.from([0, 0, 255, 10, 32, 10]));
    appendFileSync(file, `${id(7)} what ever\n`);
    expect([1, 2, 7, 8].map((n) => openUsedTokens(file).has(id(n)))).toEqual([true, true, true, false]);
    expect(openUsedTokens(file).latestMs()).toBe(2);
  });
});

it('kill -9 at any moment: what was said to be spent is spent', async () => {
  const file = fresh();
  const said = await killed({
    lines: `const { openUsedTokens } = await room('knowledge/used-tokens.ts');
      const used = openUsedTokens(args[0]);
      for (let n = 0; ; n++) { const id = (process.pid * 100000 + n).toString(16).padStart(32, '0'); if (used.spend(id, n)) console.log(id); }`,
    args: [file],
    rounds: 8,
    atOnce: 3,
  });
  const used = new Set(readFileSync(file, 'utf8').match(/[0-9a-f]{32}/g));
  expect(said.length).toBeGreaterThanOrEqual(24); // each has spent one before it was killed
  expect(said.filter((one) => !used.has(one))).toEqual([]);
  expect(openUsedTokens(file).spend(id(1), 1)).toBe(true);
  for (const one of said.slice(-50)) expect(openUsedTokens(file).spend(one, 1)).toBe(false);
});

it.runIf(process.getuid?.() === 0)('a full disk: not spent is told, and nothing that was is lost', () => {
  const out = onFullDisk(
    join(base, String(count++)),
    `const { openUsedTokens } = await room('knowledge/used-tokens.ts');
     const used = openUsedTokens(directory + '/used');
     const said = []; const id = (n) => n.toString(16).padStart(32, '0');
     fill();
     for (let n = 0; n < 200; n++) { try { used.spend(id(n), n); said.push(n); } catch (fault) { console.log(fault.code, fault.next !== undefined, fault.message); break; } }
     console.log(said.length, said.every((n) => used.has(id(n))));
     empty();
     console.log(used.spend(id(500), 1), used.has(id(500)), said.every((n) => used.has(id(n))));`,
  );
  expect(out).toMatch(/^unavailable true no space left for .*\n\d+ true\ntrue true true\n$/);
});

it.runIf(process.getuid?.() !== 0)('a file that cannot be written', async () => {
  const file = fresh();
  openUsedTokens(file).spend(id(1), 1);
  chmodSync(file, 0o400);
  expect(await faultOf(() => openUsedTokens(file).spend(id(2), 1))).toMatchObject({ code: 'not-permitted' });
});

describe('the latest time seen', () => {
  it('goes forward, in whole numbers', () => {
    const file = fresh();
    const { advance, latestMs } = openHighWater(file);
    expect(latestMs()).toBe(0);
    for (const [time, latest] of [
      [5, 5],
      [3, 5],
      [7, 7],
      [Number.NaN, 7],
      [Number.POSITIVE_INFINITY, 7],
      [8.5, 7],
      [-1, 7],
    ] as const) {
      advance(time);
      expect(latestMs()).toBe(latest);
    }
    expect(openHighWater(file).latestMs()).toBe(7);
  });

  it('damaged: told, not taken for none', async () => {
    const file = fresh();
    mkdirSync(join(file, '..'));
    for (const text of ['', '12', 'x\n', '-5\n', '1e9\n']) {
      writeFileSync(file, text);
      expect(await faultOf(() => openHighWater(file).latestMs())).toMatchObject({
        code: 'malformed',
        where: file,
      });
      expect(await faultOf(() => openHighWater(file).advance(5))).toMatchObject({ code: 'malformed' });
    }
  });
});
