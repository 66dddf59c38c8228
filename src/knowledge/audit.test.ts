// The audit on disk: appended to by one at a time, whole after crashes and full disks, rotated without a break; and what was cut or changed is told.

import {
  appendFileSync,
  copyFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { killed, onFullDisk } from '../../test/deployment/crashes.ts';
import { faultOf, script, temporaryDirectory } from '../../test/linux/support.ts';
import type { Entry, Head } from '../deployment/audit-line.ts';
import { type AuditOptions, openAudit } from './audit.ts';

const base = temporaryDirectory();
let count = 0;
const fresh = (): string => join(base, String(count++), 'audit');
const entry = (n: number): Entry => ({
  who: { kind: 'agent', name: 'a' },
  what: 'tried-it',
  why: `reason ${n}`,
  about: { n },
});
const open = (directory: string, options: Partial<AuditOptions> = {}) =>
  openAudit(directory, { now: () => 1_000, ...options });
const files = (directory: string): string[] =>
  readdirSync(directory)
    .filter((name) => name.endsWith('.jsonl'))
    .sort();
const first = (directory: string): string => join(directory, files(directory)[0]!);
const contentOf = (directory: string): string =>
  files(directory)
    .map((name) => readFileSync(join(directory, name), 'utf8'))
    .join('');

async function written(lines: number, options: Partial<AuditOptions> = {}): Promise<string> {
  const directory = fresh();
  const audit = open(directory, options);
  for (let n = 0; n < lines; n++) await audit.append(entry(n));
  return directory;
}

describe('appending', () => {
  it('lines come back in order; head and chain agree', async () => {
    const directory = await written(5);
    const audit = open(directory);
    const lines = await audit.last(99);
    expect(lines.map(({ seq, about }) => [seq, about.n])).toEqual([
      [0, 0],
      [1, 1],
      [2, 2],
      [3, 3],
      [4, 4],
    ]);
    expect(audit.head()).toEqual({ seq: 4, hash: lines[4]!.hash });
    expect(await audit.verify()).toEqual({ lines: 5, head: audit.head(), broken: null, torn: [] });
    expect((await audit.last(2)).map(({ seq }) => seq)).toEqual([3, 4]);
    expect((await audit.last(2, 3)).map(({ seq }) => seq)).toEqual([1, 2]);
    expect(readdirSync(join(directory, 'claims'))).toEqual([]);
  });

  it('nothing, where nothing was appended', async () => {
    const audit = open(fresh());
    expect(audit.head()).toBeNull();
    expect(await audit.last(5)).toEqual([]);
    expect(await audit.verify()).toEqual({ lines: 0, head: null, broken: null, torn: [] });
  });

  it('by many at once, within one process and from several: one chain', async () => {
    const directory = fresh();
    const lines = `const { openAudit } = await room('knowledge/audit.ts');
      const audit = openAudit(args[0], { now: Date.now, segmentBytes: 8000 });
      const entry = (n) => ({ who: { kind: 'agent', name: args[1] }, what: 'tried-it', why: String(n) });
      await Promise.all(Array.from({ length: 40 }, (_, n) => audit.append(entry(n))));`;
    const others = ['b', 'c'].map((name) => script(lines, [directory, name]).end);
    const [one, two] = [open(directory, { segmentBytes: 8_000 }), open(directory, { segmentBytes: 8_000 })];
    await Promise.all(
      Array.from({ length: 20 }, (_, n) => [one.append(entry(n)), two.append(entry(n))]).flat(),
    );
    for (const { code, err } of await Promise.all(others)) expect([code, err]).toEqual([0, '']);
    expect(await one.verify()).toMatchObject({ lines: 120, broken: null, torn: [] });
    const ofB = (await one.last(200)).filter(({ who }) => who.name === 'b');
    expect(ofB.map(({ why }) => Number(why))).toEqual(Array.from({ length: 40 }, (_, n) => n));
    expect(files(directory).length).toBeGreaterThan(2);
  });

  it('waits for a live writer, and says whom it waits for', async () => {
    const directory = await written(3);
    const stat = readFileSync('/proc/self/stat', 'utf8');
    const start = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').slice(0, 8);
    const claims = join(directory, 'claims');
    symlinkSync(`${process.pid}.${start}.4242.${boot}.x`, join(claims, '3.0')); // of another pid namespace: nobody can tell
    const fault = await faultOf(() => open(directory, { patienceMs: 50 }).append(entry(3)));
    expect(fault).toMatchObject({
      code: 'unavailable',
      next: expect.stringContaining(`kill ${process.pid}`),
    });
    rmSync(join(claims, '3.0'));
    await open(directory).append(entry(3));
  });

  it('does not wait for the dead: of another boot, or whose id somebody else has now', async () => {
    const directory = await written(3);
    const claims = join(directory, 'claims');
    symlinkSync(`${process.pid}.1.0.deadbeef.x`, join(claims, '3.0'));
    symlinkSync('not at all a name', join(claims, '3.1'));
    expect((await open(directory).append(entry(3))).seq).toBe(3);
    expect(await open(directory).verify()).toMatchObject({ lines: 4, broken: null });
  });

  it('old claims are swept in time', async () => {
    const directory = await written(3);
    symlinkSync('1.1.0.deadbeef.x', join(directory, 'claims', '3.0'));
    for (let n = 3; n < 130; n++) await open(directory).append(entry(n));
    expect(readdirSync(join(directory, 'claims'))).toEqual([]);
  });
});

describe('rotation', () => {
  it('by size, the chain goes on over all files, each with an anchor', async () => {
    const anchored: Head[] = [];
    const directory = await written(40, { segmentBytes: 2_000, anchor: async (head) => anchored.push(head) });
    const names = files(directory);
    expect(names.length).toBeGreaterThan(4);
    expect(names[0]).toBe('000000000000.jsonl');
    for (const name of names) {
      const [line = ''] = readFileSync(join(directory, name), 'utf8').split('\n');
      expect((JSON.parse(line) as { seq: number }).seq).toBe(Number.parseInt(name, 10));
    }
    const audit = open(directory);
    expect(await audit.verify(anchored)).toMatchObject({ lines: 40, broken: null });
    const ends = names.slice(1).map((name) => Number.parseInt(name, 10) - 1);
    expect([...new Set(anchored.map(({ seq }) => seq))]).toEqual(
      [...new Set([...ends, 15, 31])].sort((a, b) => a - b),
    );
    expect((await audit.last(30)).map(({ seq }) => seq)).toEqual(
      Array.from({ length: 30 }, (_, n) => n + 10),
    );
  });

  it.each<[string, (directory: string, names: string[]) => void, object]>([
    ['the first file gone', (at, [one]) => rmSync(join(at, one!)), { kind: 'removed', seq: 0 }],
    ['one in the middle gone', (at, [, two]) => rmSync(join(at, two!)), { kind: 'removed' }],
    ['the last one gone', (at, names) => rmSync(join(at, names.at(-1)!)), { kind: 'truncated', line: 0 }],
    [
      'one copied behind the others',
      (at, [one]) => copyFileSync(join(at, one!), join(at, '900000000000.jsonl')),
      { kind: 'inserted' },
    ],
  ])('%s: told', async (_, spoil, broken) => {
    const directory = await written(40, { segmentBytes: 2_000 });
    spoil(directory, files(directory));
    expect((await open(directory).verify()).broken).toMatchObject(broken);
  });

  it('a file that was made and got no line is filled', async () => {
    const directory = await written(3);
    writeFileSync(join(directory, '000000000003.jsonl'), '');
    await open(directory).append(entry(3));
    expect(readFileSync(join(directory, '000000000003.jsonl'), 'utf8')).toContain('reason 3');
    expect(await open(directory).verify()).toMatchObject({ lines: 4, broken: null });
  });
});

describe('cut off by a crash', () => {
  it('at any byte of the last line: set aside, said, and gone on', async () => {
    const whole = await written(2);
    const all = readFileSync(first(whole));
    const from = all.indexOf(10) + 1;
    for (let length = from + 1; length < all.length - 1; length += 9) {
      const directory = fresh();
      mkdirSync(directory, { recursive: true });
      writeFileSync(join(directory, '000000000000.jsonl'), all.subarray(0, length));
      const audit = open(directory);
      await audit.append(entry(5));
      const lines = await audit.last(9);
      expect(
        lines.map(({ what }) => what),
        `cut at ${length}`,
      ).toEqual(['tried-it', 'set-aside', 'tried-it']);
      expect(lines[1]).toMatchObject({ who: { kind: 'program' }, about: { bytes: length - from } });
      expect(await audit.verify()).toMatchObject({
        lines: 3,
        broken: null,
        torn: [{ line: 2, bytes: length - from }],
      });
      expect(readFileSync(first(directory)).subarray(0, length).equals(all.subarray(0, length))).toBe(true);
    }
  });

  it('only the line end is missing: nothing is to be set aside', async () => {
    const directory = await written(2);
    truncateSync(first(directory), readFileSync(first(directory)).length - 1);
    await open(directory).append(entry(2));
    expect(await open(directory).verify()).toMatchObject({ lines: 3, broken: null, torn: [] });
  });

  it('the head is a line behind: no break; it is gone: told', async () => {
    const directory = await written(2);
    const head = readFileSync(join(directory, 'head.json'));
    await open(directory).append(entry(2));
    writeFileSync(join(directory, 'head.json'), head);
    expect(await open(directory).verify()).toMatchObject({ lines: 3, broken: null });
    rmSync(join(directory, 'head.json'));
    expect((await open(directory).verify()).broken).toMatchObject({
      kind: 'truncated',
      message: expect.stringContaining('head.json'),
    });
  });

  it('kill -9 at any moment, several writers: whole, and what was said to be written is there', async () => {
    const directory = fresh();
    const said = await killed({
      lines: `const { openAudit } = await room('knowledge/audit.ts');
        const audit = openAudit(args[0], { now: Date.now, segmentBytes: 100000 });
        for (let n = 0; ; n++) { const { seq, hash } = await audit.append({ who: { kind: 'program', name: 'x' }, what: 'tried-it', why: 'y '.repeat(n % 700) }); console.log(seq + ' ' + hash); }`,
      args: [directory],
      rounds: 8,
      atOnce: 3,
    });
    const audit = open(directory);
    const known = said.map((line) => ({ seq: Number(line.split(' ')[0]), hash: line.split(' ')[1]! }));
    expect(known.length).toBeGreaterThanOrEqual(24); // each has written before it was killed
    expect(await audit.verify(known)).toMatchObject({ broken: null });
    await audit.append(entry(1));
    const { broken, head } = await audit.verify(known);
    expect([broken, head?.seq]).toEqual([null, audit.head()?.seq]);
  });
});

describe('a full disk', () => {
  it.runIf(process.getuid?.() === 0)(
    'in the middle of a line: told, set aside, and gone on when there is room',
    () => {
      const out = onFullDisk(
        join(base, String(count++)),
        `const { openAudit } = await room('knowledge/audit.ts');
       const audit = openAudit(directory + '/audit', { now: Date.now });
       const entry = (why) => ({ who: { kind: 'program', name: 'x' }, what: 'tried-it', why, about: { more: 'z '.repeat(2500) } });
       const append = (why) => audit.append(entry(why)).then(({ seq }) => seq, (fault) => fault.code + ' ' + (fault.next ?? ''));
       await append('before');
       fill(3);
       const known = [];
       for (let n = 0; n < 9; n++) { const seq = await append('during'); if (typeof seq === 'number') known.push(audit.head()); else { console.log(seq); break; } }
       const during = await audit.verify(known);
       console.log(during.broken, during.torn.length);
       console.log(await append('still full'));
       empty();
       await append('after');
       const after = await audit.verify(known);
       const lines = await audit.last(99);
       console.log(after.broken, after.torn.length > 0, lines.map(({ what }) => what).filter((what) => what !== 'tried-it').join(), lines.at(-1).why);`,
      );
      const [failed, during, still, after] = out.trim().split('\n');
      expect(failed).toMatch(/^unavailable free some space/);
      expect(during).toBe('null 1');
      expect(still).toMatch(/^unavailable free some space/);
      expect(after).toBe('null true set-aside after');
    },
  );
});

describe('spoiled by somebody', () => {
  const spoiled = async (spoil: (text: string) => string): Promise<string> => {
    const directory = await written(8);
    writeFileSync(first(directory), spoil(contentOf(directory)));
    return directory;
  };

  it.each<[string, (text: string) => string, object]>([
    [
      'a word of the last line',
      (text) => text.replace('reason 7', 'reason 8'),
      { kind: 'changed', seq: 7, line: 8 },
    ],
    [
      'the last line taken out',
      (text) => text.split('\n').slice(0, 7).join('\n').concat('\n'),
      { kind: 'truncated', seq: 7 },
    ],
    ['the last line cut short', (text) => text.slice(0, -20), { kind: 'truncated', seq: 7 }],
    ['all lines taken out', () => '', { kind: 'truncated', seq: 0 }],
  ])('%s: told, and not forgotten when the chain goes on', async (_, spoil, broken) => {
    const directory = await spoiled(spoil);
    expect((await open(directory).verify()).broken).toMatchObject(broken);
    await open(directory).append(entry(9));
    await open(directory).append(entry(10));
    const after = await open(directory).verify();
    expect(after.broken?.seq).toBe((broken as { seq: number }).seq);
    const lines = await open(directory).last(99);
    expect(lines.filter(({ what }) => what === 'lines-lost')).toHaveLength(1);
  });

  it('cut together with its head: an anchor elsewhere tells', async () => {
    const anchored: Head[] = [];
    const directory = await written(20, { anchor: async (head) => anchored.push(head) });
    const lines = contentOf(directory).split('\n').slice(0, 10);
    writeFileSync(first(directory), `${lines.join('\n')}\n`);
    const { seq, hash } = JSON.parse(lines[9]!) as Head;
    writeFileSync(join(directory, 'head.json'), JSON.stringify({ seq, hash }));
    expect((await open(directory).verify()).broken).toBeNull();
    expect((await open(directory).verify(anchored)).broken).toMatchObject({ kind: 'truncated', seq: 10 });
  });

  it('noise without an end is read in little memory', async () => {
    const directory = await written(2);
    appendFileSync(first(directory), Buffer.alloc(30_000_000, 'x'));
    const before = process.memoryUsage().arrayBuffers;
    expect(await open(directory).verify()).toMatchObject({ lines: 2, broken: null });
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(20_000_000);
    await open(directory).append(entry(2)); // and no crash leaves so much
    expect((await open(directory).verify()).broken).toMatchObject({ kind: 'changed', seq: 2, line: 3 });
  });
});
