import { expect, test } from 'vitest';
import { fixture } from '../../test/bpf/tools.ts';
import { readElf, readSections } from './elf.ts';

const changed = (offset: number, ...bytes: number[]) => {
  const copy = fixture('types');
  copy.set(bytes, offset);
  return copy;
};

// Expected values: llvm-readelf -S -s -r policy.bpf.o.
test('sections, symbols and relocations are those that llvm-readelf lists', () => {
  const elf = readElf(fixture('policy'));
  expect(elf.sections).toHaveLength(28);
  const bss = elf.sections[18];
  expect(bss).toMatchObject({ name: '.bss', type: 8, size: 8 });
  expect(bss?.data).toHaveLength(0);
  expect(elf.sections[14]).toMatchObject({ name: '.rodata', offset: 0x650, size: 0x50 });
  expect(elf.symbols).toHaveLength(45);
  expect(elf.symbols[2]).toMatchObject({
    name: 'scaled',
    value: 0x88,
    size: 224,
    binding: 'local',
    section: 2,
  });
  expect(elf.symbols[17]).toMatchObject({ name: 'scx_bpf_select_cpu_and', binding: 'weak', section: 0 });
  const ops = elf.relocations.get(19)?.map(({ offset, symbol }) => [offset, symbol.name]);
  expect(ops).toEqual([
    [0, 'select_any'],
    [8, 'enqueue_fair'],
    [16, 'dispatch_fair'],
    [24, 'init_fair'],
  ]);
  const patched = [...elf.relocations.keys()].map((index) => elf.sections[index]!.name);
  expect(patched).toContain('.text');
  expect(patched.filter((name) => /^\.(BTF|debug)/.test(name))).toEqual([]);
});

test.each([
  ['no magic', 0, [0x7e], 'ELF header+0x0: not an ELF file'],
  ['32 bits', 4, [1], 'ELF header+0x4: not 64-bit little-endian'],
  ['big-endian', 5, [2], 'ELF header+0x4: not 64-bit little-endian'],
  ['x86', 18, [62, 0], 'ELF header+0x12: machine 62 is not BPF (247)'],
  ['a far section table', 40, [0, 0, 0, 0, 1], 'ELF section table+0x100000000: needs'],
  ['short section headers', 58, [40, 0], 'ELF header+0x3a: section header of 40 bytes'],
  ['more sections than bytes', 60, [0xff, 0xfe], 'ELF section table+'],
])('%s is refused with a place', (_, offset, bytes, message) => {
  expect(() => readElf(changed(offset, ...bytes))).toThrow(message);
});

test.each([
  ['.symtab', 23, '.symtab+0x17: size is not a multiple of 24'],
  ['.rel.text', 15, '.rel.text+0xf: size is not a multiple of 16'],
])('%s of %i bytes is refused', (name, size, message) => {
  const bytes = fixture('policy');
  const view = new DataView(bytes.buffer);
  const index = readSections(bytes).sections.findIndex((section) => section.name === name);
  view.setUint32(view.getUint32(40, true) + index * 64 + 32, size, true);
  expect(() => readElf(bytes)).toThrow(message);
});

test('sections that overlap are refused, for they would let small files make much work', () => {
  const bytes = fixture('types');
  const { sections } = readSections(bytes);
  const table = new DataView(bytes.buffer).getUint32(40, true);
  const view = new DataView(bytes.buffer);
  for (const { index } of sections.slice(2)) {
    view.setUint32(table + index * 64 + 24, 0, true);
    view.setUint32(table + index * 64 + 32, bytes.length, true);
  }
  expect(() => readElf(bytes)).toThrow('sections overlap');
});
