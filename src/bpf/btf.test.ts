// Expected values: what types.bpf.c says in C. Every type's raw fields are compared with bpftool in test/bpf.
import { expect, test } from 'vitest';
import { fixture } from '../../test/bpf/tools.ts';
import { type Btf, readBtf } from './btf.ts';
import { accessText, typeText } from './btf-text.ts';
import { readObject } from './object.ts';

const { btf } = readObject(fixture('types'));
const everything = btf.find('everything', 'struct');

test('members read as C declares them', () => {
  const lines = everything?.members.map(({ name, type }) => typeText(btf, type, name));
  expect(lines).toEqual([
    'struct opaque *opaque',
    'union opaque_union *opaque_union',
    'enum small small',
    'enum large large',
    'enum wide wide',
    'enum wide_unsigned wide_unsigned',
    'union overlay overlay',
    'struct packed packed',
    'callback call',
    'int (*print)(const char *, ...)',
    'void (*nothing)(void)',
    'float single',
    'double precise',
    'const volatile int *restrict pointer',
    'int grid[2][3]',
    'int *tagged',
    'int labelled',
    '_Bool yes',
    'struct {…}',
    'const char *const names[3]',
    'int (*(*table)[4])(void)',
    'struct everything *self',
    'char flexible[]',
  ]);
});

test('functions and typedefs read as C declares them', () => {
  const text = (name: string) => typeText(btf, btf.idsOf(name)[0] ?? 0);
  expect(text('helper')).toBe('int helper(struct everything *e, int n)');
  expect(text('probe')).toBe('int probe(void *ctx)');
  expect(text('callback')).toBe('callback');
  expect(typeText(btf, 0)).toBe('void');
});

test('sizes are those of C', () => {
  const size = (name: string) => btf.sizeOf(btf.idsOf(name)[0] ?? 0);
  expect(['int', 'u64', 'double', '_Bool', 'callback', 'overlay'].map(size)).toEqual([4, 8, 8, 1, 8, 8]);
  const grid = everything?.members.find(({ name }) => name === 'grid');
  expect(btf.sizeOf(grid?.type ?? 0)).toBe(2 * 3 * 4);
  expect(btf.sizeOf(0)).toBe(0);
  // 3 + 5 + 20 + 40 bits, packed.
  expect(size('packed')).toBe(9);
});

test('bit fields have offset and width in bits', () => {
  const fields = btf.find('packed', 'struct')?.members.map((m) => [m.name, m.bitOffset, m.bitSize]);
  expect(fields).toEqual([
    ['low', 0, 3],
    ['high', 3, 5],
    ['rest', 8, 20],
    ['wide', 28, 40],
  ]);
});

test('enumerators keep sign and width', () => {
  const values = (name: string) => btf.find(name, 'enum', 'enum64')?.values.map(({ value }) => value);
  expect(values('small')).toEqual([-5n, 1n]);
  expect(values('large')).toEqual([0xffffffffn]);
  expect(values('wide')).toEqual([-9223372036854775807n, 2n]);
  expect(values('wide_unsigned')).toEqual([0xffffffffffffffffn]);
});

test('names are found by kind', () => {
  expect(btf.find('opaque', 'struct')).toBeUndefined();
  expect(btf.find('opaque', 'fwd')).toMatchObject({ of: 'struct' });
  expect(btf.find('opaque_union', 'fwd')).toMatchObject({ of: 'union' });
  expect(btf.find('label', 'decl_tag')?.component).toBe(16);
  expect(everything?.members[16]?.name).toBe('labelled');
  expect(btf.idsOf('nobody')).toEqual([]);
  expect(() => btf.typeOf(1, 'struct')).toThrow('type 1 is a ptr, not a struct');
  expect(() => btf.type(btf.count)).toThrow(`type ${btf.count} of ${btf.count}`);
});

test('access paths walk members, arrays and anonymous members', () => {
  const id = everything?.id ?? 0;
  expect(accessText(btf, id, [0, 6, 1, 3])).toBe('struct everything::overlay.text[3]');
  expect(accessText(btf, id, [0, 18, 1, 1])).toBe('struct everything::shallow');
  expect(accessText(btf, id, [0])).toBe('struct everything');
  expect(() => accessText(btf, id, [0, 99])).toThrow('member 99 of 23');
  expect(() => accessText(btf, id, [0, 2, 1])).toThrow('no members in a enum');
});

/** BTF by hand: types as 32-bit words, strings joined by zeros. */
function build(words: readonly number[], strings = '\0a\0'): Btf {
  const bytes = new Uint8Array(24 + words.length * 4 + strings.length);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, 0xeb9f, true);
  bytes[2] = 1;
  const header = [24, 0, words.length * 4, words.length * 4, strings.length];
  [...header, ...words].forEach((word, i) => {
    view.setUint32(4 + i * 4, word, true);
  });
  bytes.set(new TextEncoder().encode(strings), 24 + words.length * 4);
  return readBtf(bytes);
}
const kind = (number: number, length = 0) => number * 2 ** 24 + length;

test('loops of types are refused, not followed', () => {
  const typedefs = build([1, kind(8), 2, 1, kind(8), 1]);
  expect(() => typedefs.resolve(1)).toThrow('.BTF+0x18: type 1 never ends');
  expect(() => typedefs.sizeOf(1)).toThrow('never ends');
  const arrays = build([0, kind(3), 0, 1, 1, 2]);
  expect(() => arrays.sizeOf(1)).toThrow('loop of arrays');
  const pointers = build([0, kind(2), 1]);
  expect(() => typeText(pointers, 1)).toThrow('or is a loop');
  // A prototype whose two parameters are itself doubles with every level.
  const prototype = build([0, kind(13, 2), 0, 0, 1, 0, 1]);
  expect(() => typeText(prototype, 1)).toThrow('or is a loop');
});

test('types that do not fit are refused', () => {
  expect(() => build([0, kind(4, 2), 8, 0, 0, 0])).toThrow('runs past the type section');
  expect(() => build([0, kind(20), 0])).toThrow('.BTF+0x1c: unknown kind of type 20');
  expect(() => build([0, kind(0), 0])).toThrow('unknown kind of type 0');
  expect(() => build([0, kind(4, 0x10001), 8])).toThrow('unused bits');
  expect(() => build([], 'a\0')).toThrow('strings lack their zeros');
  expect(() => build([99, kind(2), 0]).type(1)).toThrow('BTF strings+0x63');
  expect(() => build([0, kind(1), 4, 0x7000020]).type(1)).toThrow('integer encoding 7');
  expect(build([1, kind(16), 8]).type(1)).toEqual({ id: 1, kind: 'float', name: 'a', size: 8 });
});
