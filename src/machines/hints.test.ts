import { expect, it } from 'vitest';
import { hintMaps } from './hints.ts';

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

it('is the struct of docs/protocol.md', () => {
  const entries = hintMaps({ worker: { lengthNs: 1_000_000, rank: 0x0102030405, dependents: 7 } });
  expect(entries.map((entry) => [entry.name, hex(entry.key), hex(entry.value)])).toEqual([
    [
      'hints',
      '776f726b657200000000000000000000',
      '40420f0000000000' + '0504030201000000' + '07000000' + '00000000',
    ],
  ]);
});

it('cuts a comm as the kernel does, and keeps the order', () => {
  const zero = { lengthNs: 0, rank: 0, dependents: 0 };
  const keys = hintMaps({ exactly15chars_: zero, 'sixteen chars...': zero, b: zero }).map(
    (entry) => entry.key,
  );
  expect(keys.map((key) => Buffer.from(key).toString('latin1'))).toEqual([
    'exactly15chars_\0',
    'sixteen chars..\0',
    `b${'\0'.repeat(15)}`,
  ]);
});

it('holds the largest whole numbers', () => {
  const [entry] = hintMaps({
    a: { lengthNs: Number.MAX_SAFE_INTEGER, rank: 2 ** 32, dependents: 2 ** 32 - 1 },
  });
  expect(hex(entry?.value ?? new Uint8Array())).toBe(
    'ffffffffffff1f00' + '0000000001000000' + 'ffffffff' + '00000000',
  );
  expect(hintMaps({})).toEqual([]);
});
