import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { digits, duration, escapedName, name, percent, tokensOf } from './words.ts';

describe('numbers in words', () => {
  it.each([
    [0, '0 ns'],
    [850, '850 ns'],
    [999.7, '1 us'],
    [12_345, '12 us'],
    [3_449_999, '3.4 ms'],
    [123_456_789, '123 ms'],
    [2e9, '2 s'],
    [7.2e12, '7200 s'],
  ])('%d ns is %s', (ns, text) => {
    expect(duration(ns)).toBe(text);
  });

  it.each([
    [0, '0 %'],
    [0.0004, '<0.1 %'],
    [0.0042, '0.4 %'],
    [0.825, '83 %'],
    [0.9995, '>99.9 %'],
    [0.995, '99.5 %'],
    [1, '100 %'],
  ])('a share of %d is %s', (share, text) => {
    expect(percent(share)).toBe(text);
  });

  it.each([
    [0.254, '0.25'],
    [45_000, '45k'],
    [9999, '9999'],
    [1_234_567, '1.2M'],
    [3e9, '3G'],
  ])('%d is %s', (value, text) => {
    expect(digits(value)).toBe(text);
  });
});

describe('names', () => {
  it.each([
    ['cc1', 'cc1'],
    ['a\nb\x1b[31m', 'a\\x0ab\\x1b[31m'],
    ['caf\xe9', 'caf\\xe9'],
    ['\u{1f600}', '\\u{1f600}'],
    ['a\\x0a', 'a\\\\x0a'],
    ['12345678901234567890', '12345678901234567890'],
    ['123456789012345678901', '1234567890123456789~'],
    ['1234567890123456789\n', '1234567890123456789~'],
  ])('%j is shown as %s', (text, shown) => {
    expect(name(text)).toBe(shown);
  });

  it.each([
    ['a\\x0ab', 'a\\x0ab'],
    ['raw\n', 'raw\\x0a'],
    ['1234567890123456\\x0a9', '1234567890123456~'],
    ['1234567890123456789012', '1234567890123456789~'],
  ])('%j, escaped before, is shown as %s', (text, shown) => {
    expect(escapedName(text)).toBe(shown);
  });

  it('are printable ASCII, and no longer than asked, whatever they were', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary', maxLength: 60 }),
        fc.integer({ min: 4, max: 40 }),
        (text, most) => {
          const shown = name(text, most);
          expect(shown.length <= most && /^[ -~]*$/.test(shown), shown).toBe(true);
        },
      ),
    );
  });
});

it('a token is four bytes', () => {
  expect([tokensOf(''), tokensOf('abcd'), tokensOf('abcde'), tokensOf('é')]).toEqual([0, 1, 2, 1]);
});
