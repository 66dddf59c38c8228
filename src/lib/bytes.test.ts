import { expect, test } from 'vitest';
import { decodeText, hex, Reader } from './bytes.ts';

const reader = (...bytes: number[]) =>
  new Reader(Uint8Array.from(bytes), (offset, problem) => {
    throw new Error(`at ${offset}: ${problem}`);
  });

test('numbers are little-endian', () => {
  const bytes = reader(0xfe, 0xff, 0xff, 0xff, 0x01, 0x00, 0x00, 0x80);
  expect(bytes.u8(0)).toBe(254);
  expect([bytes.u16(0), bytes.i16(0)]).toEqual([65534, -2]);
  expect([bytes.u32(0), bytes.i32(0)]).toEqual([4294967294, -2]);
  expect(bytes.u64(0)).toBe(0x80000001fffffffen);
  expect([1, 2, 4].map((size) => bytes.integer(0, size, true))).toEqual([-2n, -2n, -2n]);
  expect(bytes.integer(0, 8, true)).toBe(0x80000001fffffffen - (1n << 64n));
});

test('nothing outside is read', () => {
  const bytes = reader(1, 2, 3, 4, 5, 6, 7, 8);
  const outside = [
    () => bytes.u8(8),
    () => bytes.u16(7),
    () => bytes.u32(-1),
    () => bytes.u32(0.5),
    () => bytes.u64(1),
    () => bytes.slice(4, 5),
    () => bytes.slice(2 ** 53, 1),
    () => bytes.slice(0, -1),
    () => bytes.integer(0, 3, false),
  ];
  for (const read of outside) expect(read).toThrow(/^at /);
  expect(() => bytes.size64(0)).toThrow('beyond 2^53');
  expect(bytes.slice(8, 0)).toHaveLength(0);
});

test('text ends at its zero, and must have one', () => {
  expect(reader(104, 105, 0, 120).text(0)).toBe('hi');
  expect(reader(0xc3, 0xa9, 33, 0).text(0)).toBe('é!');
  expect(() => reader(104, 105).text(0)).toThrow('without an end');
  expect(() => reader(0xc3, 0xa9).text(0)).toThrow('without an end');
  expect(() => reader(...new Array(5000).fill(65), 0).text(0)).toThrow('longer than 4096');
  expect(decodeText(Uint8Array.of(71, 80, 76))).toBe('GPL');
  expect(decodeText(Uint8Array.of(71, 0, 76))).toBe('G');
});

test('hex keeps the sign in front', () => {
  expect([hex(0), hex(31), hex(-31), hex(-1n)]).toEqual(['0x0', '0x1f', '-0x1f', '-0x1']);
});
