// What the reader of a chain says of one that is whole, and of every way in which it can be spoiled.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { digest } from '../../test/records/build.ts';
import { digestOf } from '../core/canonical.ts';
import { type BreakKind, chainReader, type Verified } from './audit-chain.ts';
import { auditLine, type Entry, type Head, longestLine, origin, readLine } from './audit-line.ts';

const who = { kind: 'agent', name: 'a' } as const;
const entry = (n: number, parts: Partial<Entry> = {}): Entry => ({
  who,
  what: 'tried-it',
  why: `reason ${n}`,
  ...parts,
});

/** Lines 0 to count − 1, and where the chain has come to. */
function chain(count: number, from: Head | null = null): { lines: string[]; heads: Head[] } {
  const lines: string[] = [];
  const heads: Head[] = [];
  for (let n = 0; n < count; n++) {
    const { text, head } = auditLine(entry(n), heads.at(-1) ?? from, 1_000 + n);
    lines.push(text);
    heads.push(head);
  }
  return { lines, heads };
}

function verify(text: string, known: Iterable<Head> = []): Verified {
  const reader = chainReader(new Map([...known].map(({ seq, hash }) => [seq, hash])));
  const pieces = text.split('\n');
  pieces.forEach((piece, at) => {
    reader.piece(Buffer.from(piece), { file: 'f', line: at + 1 }, at === pieces.length - 1);
  });
  return reader.end('f');
}

const file = (lines: readonly string[]): string => lines.map((line) => `${line}\n`).join('');
const { lines, heads } = chain(12);
const [all, last] = [file(lines), heads.at(-1)!];
const without = (...gone: number[]) => lines.filter((_, at) => !gone.includes(at));

describe('a line', () => {
  it('is canonical, and hashed as anybody can compute it', () => {
    const { text, head } = auditLine(entry(0, { from: [digest('a')], about: { n: 1 } }), null, 7);
    const written = JSON.parse(text) as Record<string, unknown>;
    expect(written).toMatchObject({
      version: 1,
      seq: 0,
      atMs: 7,
      previous: origin,
      from: [digest('a')],
      about: { n: 1 },
    });
    // keys in order, the hash taken out: what sha256sum gives of it
    const rest = text.replace(`"hash":"${head.hash}",`, '');
    expect(rest).not.toContain('"hash"');
    expect(head).toEqual({ seq: 0, hash: digestOf(`schedcp audit 1\n${rest}`) });
  });

  it('of any words is whole and bounded', () => {
    const json = fc.dictionary(fc.string(), fc.jsonValue());
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), json, (words, about) => {
        const { text } = auditLine(entry(0, { why: words, about, who: { ...who, name: words } }), null, 7);
        expect(text).not.toContain('\n');
        expect(readLine(Buffer.from(text))).toBeDefined();
      }),
      { seed: 9 },
    );
    const { text } = auditLine(
      entry(0, { why: 'x '.repeat(9_000), about: { long: 'y '.repeat(50_000) } }),
      null,
      7,
    );
    expect(text.length).toBeLessThan(longestLine);
    expect(text).toContain('leftOut');
  });

  it('with invalid UTF-8 is none, even where it decodes to the same text', () => {
    const { text } = auditLine(entry(0, { why: 'a\ufffdb' }), null, 7);
    expect(readLine(Buffer.from(text))).toBeDefined();
    expect(
      readLine(Buffer.from(Buffer.from(text).toString('latin1').replace('\xef\xbf\xbd', '\xff'), 'latin1')),
    ).toBeUndefined();
  });
});

it('a whole chain', () => {
  expect(verify(all, heads)).toEqual({ lines: 12, head: last, broken: null, torn: [] });
  expect(verify('')).toEqual({ lines: 0, head: null, broken: null, torn: [] });
  expect(verify(all.slice(0, -1), heads)).toMatchObject({ lines: 12, broken: null, torn: [] }); // the line end alone is missing
});

describe('spoiled', () => {
  const swapped = [...lines];
  [swapped[4], swapped[5]] = [swapped[5]!, swapped[4]!];
  const again = auditLine(entry(99), heads[4]!, 5_000);
  const onFrom = chain(6, again.head).lines;
  const edited = lines.map((line, at) => (at === 6 ? line.replace('reason 6', 'reason 7') : line));
  it.each<[string, string, BreakKind, number, number]>([
    ['a word changed', file(edited), 'changed', 6, 7],
    [
      'the last line changed',
      file([...without(11), lines[11]!.replace('reason', 'Reason')]),
      'changed',
      11,
      12,
    ],
    ['a line taken out', file(without(3)), 'removed', 3, 4],
    ['the first line taken out', file(without(0)), 'removed', 0, 1],
    ['a line twice', file([...lines.slice(0, 5), lines[4]!, ...lines.slice(5)]), 'inserted', 5, 6],
    ['an old line again at the end', file([...lines, lines[0]!]), 'inserted', 12, 13],
    ['two lines swapped', file(swapped), 'reordered', 4, 5],
    [
      'a line put in that fits',
      file([...lines.slice(0, 5), again.text, ...lines.slice(5)]),
      'inserted',
      6,
      7,
    ],
    [
      'a line replaced by one that fits',
      file([...lines.slice(0, 5), again.text, ...lines.slice(6)]),
      'rewritten',
      6,
      7,
    ],
    [
      'all rewritten from a line on',
      file([...lines.slice(0, 5), again.text, ...onFrom]),
      'rewritten',
      11,
      12,
    ],
    ['cut at a line', file(lines.slice(0, 9)), 'truncated', 9, 0],
    ['nothing left', '', 'truncated', 0, 0],
    ['a blank line put in', all.replace('\n', '\n\n'), 'changed', 1, 2],
    ['words put in', file([...lines.slice(0, 5), 'x', ...lines.slice(5)]), 'changed', 5, 6],
    [
      'spaces in a line',
      file(lines.map((line, at) => (at === 2 ? line.replace(',', ', ') : line))),
      'changed',
      2,
      3,
    ],
  ])('%s', (_, text, kind, seq, line) => {
    expect(verify(text, [last]).broken).toMatchObject({ kind, seq, line, file: 'f' });
  });

  it('any bit of any byte: the chain breaks where that byte is', () => {
    const bytes = Buffer.from(all);
    fc.assert(
      fc.property(fc.nat(bytes.length - 2), fc.nat(7), (at, bit) => {
        const flipped = Buffer.from(bytes);
        flipped[at]! ^= 1 << bit;
        const reader = chainReader(new Map([[last.seq, last.hash]]));
        let line = 1;
        for (let from = 0; from <= flipped.length; line++) {
          const end = flipped.indexOf(10, from) < 0 ? flipped.length : flipped.indexOf(10, from);
          reader.piece(flipped.subarray(from, end), { file: 'f', line }, end === flipped.length);
          from = end + 1;
        }
        const { broken } = reader.end('f');
        const spoiled = all.slice(0, at).split('\n').length - 1;
        expect(broken?.seq, `byte ${at} bit ${bit}`).toBe(spoiled);
      }),
      { seed: 4, numRuns: 1_500 },
    );
  });

  it('any lines left out, doubled or moved: found, if one was known of the end', () => {
    const order = fc.array(fc.nat(lines.length - 1), { maxLength: 16 });
    fc.assert(
      fc.property(order, (picked) => {
        const same = picked.length === lines.length && picked.every((from, to) => from === to);
        expect(verify(file(picked.map((at) => lines[at]!)), [last]).broken === null).toBe(same);
      }),
      { seed: 8, numRuns: 500 },
    );
  });
});

describe('torn by a crash', () => {
  const aside = (rest: string, from: Head) =>
    auditLine(
      entry(0, { what: 'set-aside', about: { bytes: Buffer.byteLength(rest), digest: digestOf(rest) } }),
      from,
      9,
    );
  const start = file(lines.slice(0, 5));
  const at4 = heads[4]!;

  it.each([1, 10, 100, lines[5]!.length - 1])('after %i bytes, and the chain goes on', (cut) => {
    const rest = lines[5]!.slice(0, cut);
    const { text, head } = aside(rest, at4);
    const more = chain(3, head);
    const verified = verify(`${start}${rest}\n${text}\n${file(more.lines)}`, more.heads);
    expect(verified).toEqual({
      lines: 9,
      head: more.heads.at(-1),
      broken: null,
      torn: [{ file: 'f', line: 6, bytes: cut }],
    });
  });

  it('at the very end', () => {
    expect(verify(`${start}{"about"`, [at4])).toMatchObject({ broken: null, torn: [{ line: 6, bytes: 8 }] });
  });

  it('twice, the second time while the first was set aside', () => {
    const rest = `${lines[5]!.slice(0, 30)}\n${aside('x', at4).text.slice(0, 40)}`;
    const { text } = aside(rest, at4);
    expect(verify(`${start}${rest}\n${text}\n`)).toMatchObject({
      lines: 6,
      broken: null,
      torn: [{ line: 6, bytes: 71 }],
    });
  });

  it.each<[string, string, string]>([
    ['what is left was changed afterwards', `${lines[5]!.slice(0, 30)}!`, lines[5]!.slice(0, 31)],
    ['it was a whole line', lines[5]!.replace('reason', 'Reason'), lines[5]!.replace('reason', 'Reason')],
  ])('no excuse: %s', (_, stands, said) => {
    const { text } = aside(said, at4);
    expect(verify(`${start}${stands}\n${text}\n`).broken).toMatchObject({ kind: 'changed', seq: 5, line: 6 });
  });

  it('no excuse: nothing is there that could have been set aside', () => {
    expect(verify(`${start}${aside('x', at4).text}\n`).broken).toMatchObject({ kind: 'removed', seq: 5 });
  });

  it('the writer found lines gone', () => {
    const { text } = auditLine(entry(0, { what: 'lines-lost' }), at4, 9);
    expect(verify(`${start}${text}\n`).broken).toMatchObject({ kind: 'truncated', seq: 5, line: 6 });
  });
});
