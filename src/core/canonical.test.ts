import { describe, expect, it } from 'vitest';
import { canonicalJson, digestOf, recordDigest } from './canonical.ts';

describe('canonicalJson', () => {
  it.each<[string, unknown, string]>([
    // RFC 8785, section 3.2.2 (the primitive types) and 3.2.3 (sorting), as its examples give them
    [
      'the example of the RFC',
      {
        numbers: [333333333.3333333, 1e30, 4.5, 2e-3, 0.000000000000000000000000001],
        string: '\u20ac$\u000F\u000aA\'\u0042\u0022\u005c\\"/',
        literals: [null, true, false],
      },
      '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}',
    ],
    [
      'names in the order of their UTF-16 code units',
      {
        '\u20ac': 'Euro',
        '\r': 'CR',
        '\ufb33': 'Dalet',
        '1': 'One',
        '\ud83d\ude00': 'Smiley',
        '\u0080': 'Control',
        '\u00f6': 'o',
      },
      '{"\\r":"CR","1":"One","\u0080":"Control","ö":"o","€":"Euro","😀":"Smiley","\ufb33":"Dalet"}',
    ],
    ['minus zero', -0, '0'],
    ['the largest whole number', 2 ** 53 - 1, '9007199254740991'],
    ['order of arrays', [3, 1, 2], '[3,1,2]'],
    ['depth', { b: { d: 1, c: 2 }, a: [] }, '{"a":[],"b":{"c":2,"d":1}}'],
    ['fields that are not there', { a: undefined, b: 1 }, '{"b":1}'],
  ])('%s', (_, value, text) => {
    expect(canonicalJson(value)).toBe(text);
  });

  it.each<[string, unknown]>([
    ['no number', { a: Number.NaN }],
    ['no end', [Number.POSITIVE_INFINITY]],
    ['nothing', undefined],
    ['a function', () => 1],
  ])('%s is not a record', (_, value) => {
    expect(() => canonicalJson(value)).toThrow();
  });
});

it('digests are those of SHA-256', () => {
  expect(digestOf('')).toBe('e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855');
  expect(digestOf(Buffer.from('abc'))).toBe(
    'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
  );
  expect(recordDigest({ b: 1, a: 2 })).toBe(digestOf('{"a":2,"b":1}'));
});
