import fc from 'fast-check';
import { expect, it } from 'vitest';
import { fromPrintable, printable, shortened } from './printable.ts';

const latin1 = (text: string) => Buffer.from(text, 'utf8').toString('latin1');

it('shows text as it is and bytes that do not print as escapes', () => {
  expect(printable('a (b) c')).toBe('a (b) c');
  expect(printable(latin1('größe 漢'))).toBe('größe 漢');
  expect(printable('a\nb\x1b[2J')).toBe('a\\x0ab\\x1b[2J');
  expect(printable('\xff\xfe')).toBe('\\xff\\xfe');
  expect(printable('back\\slash')).toBe('back\\\\slash');
  // U+202E turns the direction of what follows: e2 80 ae in UTF-8.
  expect(printable(latin1('a\u202eb'))).toBe('a\\xe2\\x80\\xaeb');
  // An overlong form and a surrogate are no UTF-8, though they look like it.
  expect(printable('\xe0\x80\x80')).toBe('\\xe0\\x80\\x80');
  expect(printable('\xed\xa0\x80')).toBe('\\xed\\xa0\\x80');
});

it('any bytes: nothing that a terminal obeys comes out, and the bytes can be had back', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
      const name = Buffer.from(bytes).toString('latin1');
      const shown = printable(name);
      expect(shown).not.toMatch(/[\x00-\x1f\x7f-\x9f\u2028\u2029\u200b-\u200f\u202a-\u202e\u2066-\u2069]/);
      expect(fromPrintable(shown)).toBe(name);
    }),
    { numRuns: 500 },
  );
});

it('shortens by characters, not in the middle of one', () => {
  expect(shortened('abcdef', 6)).toBe('abcdef');
  expect(shortened('abcdefg', 6)).toBe('abcde…');
  expect(shortened('😀😀😀😀', 3)).toBe('😀😀…');
});
