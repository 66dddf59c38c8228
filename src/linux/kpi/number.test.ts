// Numbers in what programs print and logs say: whole, or none.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { numberIn } from './log.ts';
import { lastNumber } from './number.ts';

/** Written for people, each in some locale or language. */
const cut = [
  '1,234',
  '12,345.5',
  "1'234",
  '1’234',
  '1_234',
  '1.234.567',
  '1\u00a0234',
  '1\u202f234',
  '1\u2009234',
  '1,23,456',
];

describe('the last one of a text', () => {
  it.each([
    ['1 2 3', 3],
    ['99.5%', 99.5],
    ['p99=-1.5e3 ms', -1500],
    ['x86_64 v2 5ms', undefined],
    ['', undefined],
    ['done: 1e6, or 5,', 5],
    ['1.5 12%', 12],
    ['-3.', -3],
    ['1,234 and 5', 5],
  ])('last number of %j: %j', (text, number) => expect(lastNumber(text)).toBe(number));

  it('a number that was cut with the beginning of a long text is none', () => {
    expect(lastNumber(`${'1'.repeat(90)} ${'x'.repeat(4090)}`)).toBe(undefined);
    expect(lastNumber(`${'1'.repeat(90)} ${'x'.repeat(4080)} 5`)).toBe(5);
  });

  it.each(cut.flatMap((number) => [number, `5 served ${number}`, `${number} ms`, `=${number},`]))(
    '%j ends in no number',
    (text) => expect(() => lastNumber(text)).toThrow(expect.objectContaining({ code: 'malformed' })),
  );
});

describe('the one in a line', () => {
  it.each(
    cut.flatMap((number): [string, string][] => [
      [`served ${number}`, 'served {number}'],
      [`served ${number} ok`, 'served {number} ok'],
      [`served ${number} ok`, '{number} ok'],
      [`served ${number}, ok`, 'served {number}, ok'],
      [`served ${number},`, 'served {number},'],
      [`served ${number}`, `served ${/^\d+\D/.exec(number)}{number}`],
      [`served ${number}`, `served {any}${/\D/.exec(number)}{number}`],
    ]),
  )('%j by %j is no number', (line, form) => {
    expect(() => numberIn(line, form)).toThrow(expect.objectContaining({ code: 'malformed' }));
  });

  it.each([
    ['served 1.5, 3 failed', 'served {number}, ', 1.5],
    ['served -3.', 'served {number}', -3],
    ['served 1e6/s', 'served {number}', 1e6],
    ['12% of 3ms', '{number}%', 12],
    ['12% of 3ms', 'of {number}ms', 3],
    ['p50=3,p99=5,', 'p50={number},', 3],
    ['p50=3,p99=5,', 'p99={number}', 5],
    ["'5' of", "'{number}'", 5],
    ['at 12:00:01,234 served 5 ok', '{number} ok', 5],
    ['größe 5 µs', 'größe {number} µs', 5],
    ['t=5 served 12.5 ok', 'served {number} ok', 12.5],
    ['a b 3', 'a{any} {number}', 3],
    ['served x ok', 'served {number} ok', undefined],
    ['served 12 not ok', 'served {number} ok', undefined],
    ['served by 3, served 12 ok', 'served {number} ok', 12],
    ['lat 5 us, max 9 us', 'max {number} us', 9],
  ])('%j by %j: %j', (line, form, value) => expect(numberIn(line, form)).toBe(value));

  it('any line, any form: a number or none, at once', () => {
    const form = fc.tuple(fc.string(), fc.string()).map(([a, b]) => `${a}{number}${b}`);
    fc.assert(
      fc.property(fc.string({ maxLength: 5000 }), form, (line, pattern) => {
        try {
          const value = numberIn(line, pattern);
          expect(value === undefined || typeof value === 'number').toBe(true);
        } catch (fault) {
          expect(fault).toMatchObject({ code: 'malformed' });
        }
      }),
    );
  });
});
