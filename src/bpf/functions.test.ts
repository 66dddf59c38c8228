import { expect, it } from 'vitest';
import type { Elf, ElfSymbol, Section } from './elf.ts';
import { readFunctions } from './functions.ts';

const section = (bytes: number): Section => ({
  ...{ index: 1, name: '.text', type: 1, flags: 4n, offset: 64, size: bytes, link: 0, info: 0 },
  data: new Uint8Array(bytes),
});
const symbol = (name: string, value: number, size: number): ElfSymbol => ({
  ...{ index: 1, name, type: 2, binding: 'global', section: 1, value, size },
});
const elf = (bytes: number, ...symbols: ElfSymbol[]): Elf => ({
  machine: 247,
  sections: [section(0), section(bytes)],
  symbols,
  relocations: new Map(),
});

it('a million instructions, and not one more', () => {
  const [half, rest] = [symbol('half', 0, 4_000_000), symbol('rest', 4_000_000, 4_000_000)];
  expect([...readFunctions(elf(8_000_008, half, rest)).values()].map(({ name }) => name)).toEqual([
    'half',
    'rest',
  ]);
  expect(() => readFunctions(elf(8_000_008, half, rest, symbol('more', 8_000_000, 8)))).toThrow(
    '.text+0x7a1200: with function more, more than 1000000 instructions',
  );
});
