// Expected values: the initialisers in policy.bpf.c.
import { expect, test } from 'vitest';
import { fixture } from '../../test/bpf/tools.ts';
import { Fault } from '../core/errors.ts';
import { readObject } from './object.ts';
import { type ParameterValue, parameters, patchParameters } from './parameters.ts';

const bytes = fixture('policy');
const valuesOf = (object: Uint8Array) =>
  new Map(parameters(readObject(object)).map(({ name, value }) => [name, value]));

test('every const volatile global is listed with type, size and default', () => {
  const rows = parameters(readObject(bytes)).map((p) => [p.name, p.type, p.kind, p.size, p.value]);
  expect(rows.sort()).toEqual(
    [
      ['p_u8', 'u8', 'unsigned', 1, 200n],
      ['p_u16', 'u16', 'unsigned', 2, 65535n],
      ['p_u32', 'u32', 'unsigned', 4, 4000000000n],
      ['p_u64', 'u64', 'unsigned', 8, 18446744073709551615n],
      ['p_s8', 's8', 'signed', 1, -128n],
      ['p_s16', 's16', 'signed', 2, -32768n],
      ['p_s32', 's32', 'signed', 4, -2000000000n],
      ['p_s64', 's64', 'signed', 8, -9223372036854775807n],
      ['p_bool', 'bool', 'bool', 1, 1n],
      ['p_char', 'char', 'signed', 1, 120n],
      ['p_mode', 'enum mode', 'enum', 4, 7n],
      ['p_wide', 'enum wide', 'enum', 8, 0x123456789abcdef0n],
      ['slice_ns', 'u64', 'unsigned', 8, 5000000n],
      ['p_table', 'u32 [4]', 'other', 16, undefined],
      ['p_range', 'struct {…}', 'other', 8, undefined],
    ].sort(),
  );
});

test('offsets are those of the symbol table, enumerators those of C', () => {
  const byName = new Map(parameters(readObject(bytes)).map((p) => [p.name, p]));
  // llvm-readelf -s policy.bpf.o.
  expect(['p_u8', 'p_u64', 'p_bool', 'p_table'].map((name) => byName.get(name)?.offset)).toEqual([
    0, 8, 0x20, 0x38,
  ]);
  expect(byName.get('p_mode')?.enumerators).toEqual([
    { name: 'MODE_FIFO', value: 0n },
    { name: 'MODE_VTIME', value: 7n },
  ]);
});

test('constants that are not volatile, and variables that are not constant, are no parameters', () => {
  const names = [...valuesOf(bytes).keys()];
  expect(names).not.toContain('live_knob');
  expect(parameters(readObject(fixture('types'))).map(({ name }) => name)).toEqual(['limit']);
  expect(parameters(readObject(fixture('v4')))).toEqual([]);
});

test('static, weak, huge and pointing ones', () => {
  const rows = parameters(readObject(fixture('unusual'))).map((p) => [p.name, p.type, p.kind, p.value]);
  expect(rows.sort()).toEqual([
    ['p_anonymous', 'enum {…}', 'enum', 300n],
    ['p_first_static', 'int', 'signed', 4n],
    ['p_float', 'float', 'other', undefined],
    ['p_huge', '__int128', 'other', undefined],
    ['p_pointer', 'const volatile int *', 'other', undefined],
    ['p_second_static', 'u64', 'unsigned', 6n],
    ['p_weak', 'u64', 'unsigned', 0n],
  ]);
});

test('static globals of linked objects may share a name; then there is no telling which is meant', () => {
  const linked = fixture('pair');
  expect(parameters(readObject(linked)).map(({ name, value }) => `${name} ${value}`)).toEqual([
    'only 5',
    'same 1',
    'same 2',
  ]);
  const attempt = () => patchParameters(linked, { same: 3 });
  expect(attempt).toThrow(expect.objectContaining({ code: 'unsupported' }));
  expect(attempt).toThrow('several parameters same');
  expect(valuesOf(patchParameters(linked, { only: 6 })).get('only')).toBe(6n);
});

const extremes: [string, ParameterValue, bigint][] = [
  ['p_u8', 0, 0n],
  ['p_u8', 255, 255n],
  ['p_u16', 65535n, 65535n],
  ['p_u32', 4294967295, 4294967295n],
  ['p_u64', 2n ** 64n - 1n, 2n ** 64n - 1n],
  ['p_s8', -128, -128n],
  ['p_s8', 127, 127n],
  ['p_s16', -1, -1n],
  ['p_s32', -(2 ** 31), -(2n ** 31n)],
  ['p_s64', -(2n ** 63n), -(2n ** 63n)],
  ['p_bool', false, 0n],
  ['p_bool', 1, 1n],
  ['p_char', -1, -1n],
  ['p_mode', 4294967295n, 4294967295n],
  ['p_wide', 2n ** 64n - 1n, 2n ** 64n - 1n],
  ['p_u64', '18446744073709551615', 2n ** 64n - 1n],
  ['p_s64', '-9223372036854775808', -(2n ** 63n)],
];
test.each(extremes)('%s = %s is patched, and nothing else changes', (name, value, expected) => {
  const before = bytes.slice();
  const patched = patchParameters(bytes, { [name]: value });
  expect(bytes).toEqual(before);
  const wanted = new Map(valuesOf(bytes)).set(name, expected);
  expect(valuesOf(patched)).toEqual(wanted);
  const size = parameters(readObject(bytes)).find((p) => p.name === name)?.size ?? 0;
  const changed = [...patched].filter((byte, i) => byte !== bytes[i]).length;
  expect(changed).toBeLessThanOrEqual(size);
});

test('several at once, and back again', () => {
  const patched = patchParameters(bytes, { slice_ns: 1_000_000, p_bool: false, p_s16: 5 });
  expect(patched).not.toEqual(bytes);
  expect(patchParameters(patched, { slice_ns: 5_000_000, p_bool: true, p_s16: -32768 })).toEqual(bytes);
});

test.each<[string, ParameterValue, string]>([
  ['p_u8', 256, 'give a value from 0 to 255'],
  ['p_u8', -1, 'give a value from 0 to 255'],
  ['p_s8', 128, 'give a value from -128 to 127'],
  ['p_u64', 2n ** 64n, 'give a value from 0 to 18446744073709551615'],
  ['p_s64', -(2n ** 63n) - 1n, 'give a value from -9223372036854775808 to 9223372036854775807'],
  ['p_bool', 2, 'give a value from 0 to 1'],
  ['p_mode', -1, 'give a value from 0 to 4294967295'],
  ['p_u32', 1.5, 'give a whole number; beyond 2^53 as a bigint'],
  ['p_u32', Number.NaN, 'give a whole number; beyond 2^53 as a bigint'],
  ['p_u64', 2 ** 53, 'give a whole number; beyond 2^53 as a bigint'],
  ['p_u64', '18446744073709551616', 'give a value from 0 to 18446744073709551615'],
  ['p_u64', '', 'give a whole number; beyond 2^53 as a bigint'],
  ['p_u64', ' 1', 'give a whole number; beyond 2^53 as a bigint'],
  ['p_u64', '0x10', 'give a whole number; beyond 2^53 as a bigint'],
  ['p_u64', '1e3', 'give a whole number; beyond 2^53 as a bigint'],
  ['p_table', 1, 'rebuild the object instead'],
  ['p_range', 1, 'rebuild the object instead'],
])('%s = %s is refused', (name, value, next) => {
  const attempt = () => patchParameters(bytes, { slice_ns: 1, [name]: value });
  expect(attempt).toThrow(Fault);
  expect(attempt).toThrow(expect.objectContaining({ code: 'unsupported', next }));
  expect(attempt).toThrow(`parameter ${name} (`);
});

test('an unknown name is refused with the names that exist', () => {
  const attempt = () => patchParameters(bytes, { slice: 1 });
  expect(attempt).toThrow(expect.objectContaining({ code: 'not-found' }));
  expect(attempt).toThrow(/no parameter "slice"; it has .*\bslice_ns\b/);
  expect(() => patchParameters(fixture('v4'), { any: 1 })).toThrow('it has none');
});

test('a parameter past its section is refused', () => {
  const copy = bytes.slice();
  const { elf } = readObject(bytes);
  const symbol = elf.symbols.find(({ name }) => name === 'p_u16')?.index ?? 0;
  const table = elf.sections.find(({ name }) => name === '.symtab')?.offset ?? 0;
  // The value, 8 bytes into the entry: one byte of the two is left in a section of 0x50.
  copy[table + symbol * 24 + 8] = 0x4f;
  expect(() => parameters(readObject(copy))).toThrow('.rodata+0x4f: variable p_u16 of 2 bytes runs past');
});

test('a bool that is neither true nor false is refused', () => {
  const copy = bytes.slice();
  const rodata = readObject(bytes).elf.sections.find(({ name }) => name === '.rodata');
  copy[(rodata?.offset ?? 0) + 0x20] = 2;
  expect(() => parameters(readObject(copy))).toThrow('.rodata+0x20: bool p_bool is 2');
});
