// Reads 64-bit little-endian ELF: sections, symbols, relocations of a BPF object; sections alone of a vmlinux.
// Source: the System V gABI, chapters "ELF Header", "Sections", "Symbol Table", "Relocation".
import type { Reader } from '../lib/bytes.ts';
import { malformed, sectionReader } from './malformed.ts';

export const machineBpf = 247;
export const sectionType = { programBits: 1, symbols: 2, rela: 4, noBits: 8, rel: 9 } as const;
export const sectionFlag = { write: 1n, alloc: 2n, executable: 4n } as const;
export const symbolType = { none: 0, object: 1, function: 2, section: 3 } as const;
/** psABI numbers of the BPF relocations: ld_imm64, 64-bit data, 32-bit data, BTF data, call. */
export const relocationType = { imm64: 1, abs64: 2, abs32: 3, nodyld32: 4, call: 10 } as const;

export interface Section {
  readonly index: number;
  readonly name: string;
  readonly type: number;
  readonly flags: bigint;
  /** Where the contents start in the file. */
  readonly offset: number;
  /** Size in memory; NOBITS sections have a size and no data. */
  readonly size: number;
  readonly link: number;
  readonly info: number;
  readonly data: Uint8Array;
}

export interface ElfSymbol {
  readonly index: number;
  readonly name: string;
  readonly type: number;
  readonly binding: 'local' | 'global' | 'weak';
  /** Index of the section it lives in; 0 = undefined (extern). Reserved numbers (0xff00 …) name no section. */
  readonly section: number;
  readonly value: number;
  readonly size: number;
}

export interface Relocation {
  /** In the section that is patched. */
  readonly offset: number;
  readonly type: number;
  readonly symbol: ElfSymbol;
}

export interface Elf {
  readonly machine: number;
  readonly sections: readonly Section[];
  readonly symbols: readonly ElfSymbol[];
  /** Of sections that are loaded (debugging information is not): by index of the section that they patch, in ascending order of offset. */
  readonly relocations: ReadonlyMap<number, readonly Relocation[]>;
}

/** @throws Fault malformed, also when the file is not for the BPF machine. */
export function readElf(bytes: Uint8Array): Elf {
  const { machine, sections } = readSections(bytes);
  if (machine !== machineBpf) malformed('ELF header', 18, `machine ${machine} is not BPF (${machineBpf})`);
  const symbols = readSymbols(sections);
  return { machine, sections, symbols, relocations: readRelocations(sections, symbols) };
}

/** The section table of any 64-bit little-endian ELF file. */
export function readSections(bytes: Uint8Array): { machine: number; sections: Section[] } {
  const header = sectionReader(bytes, 'ELF header');
  if (bytes.length < 64 || header.u32(0) !== 0x464c457f) header.fail(0, 'not an ELF file');
  if (header.u8(4) !== 2 || header.u8(5) !== 1) header.fail(4, 'not 64-bit little-endian');
  const table = sectionReader(bytes, 'ELF section table');
  const start = header.size64(40);
  if (start !== 0 && header.u16(58) !== 64) header.fail(58, `section header of ${header.u16(58)} bytes`);
  // Section 0 holds the numbers that do not fit the header's 16 bits.
  const count = header.u16(60) || (start === 0 ? 0 : table.size64(start + 32));
  table.need(start, count * 64);
  const namesIndex = header.u16(62) === 0xffff ? table.u32(start + 40) : header.u16(62);
  const sections: Section[] = [];
  const names = count === 0 ? undefined : readNames(table, start, count, namesIndex);
  let total = 0;
  for (let index = 0; index < count; index++) {
    const section = readSection(table, start + index * 64, index, names);
    total += section.data.length;
    sections.push(section);
  }
  // Real sections do not overlap; this one check bounds the work of everything after it.
  if (total > bytes.length)
    table.fail(start, `sections overlap: ${total} bytes in a file of ${bytes.length}`);
  return { machine: header.u16(18), sections };
}

function readNames(table: Reader, start: number, count: number, index: number): Reader {
  if (index >= count) table.fail(start, `names in section ${index} of ${count}`);
  const at = start + index * 64;
  return sectionReader(table.slice(table.size64(at + 24), table.size64(at + 32)), 'section names');
}

function readSection(table: Reader, at: number, index: number, names: Reader | undefined): Section {
  const type = table.u32(at + 4);
  const offset = table.size64(at + 24);
  const size = table.size64(at + 32);
  const hasData = type !== sectionType.noBits && type !== 0;
  return {
    index,
    name: type === 0 ? '' : (names?.text(table.u32(at)) ?? ''),
    type,
    flags: table.u64(at + 8),
    offset,
    size: type === 0 ? 0 : size,
    link: table.u32(at + 40),
    info: table.u32(at + 44),
    data: hasData ? table.slice(offset, size) : table.bytes.subarray(0, 0),
  };
}

function readSymbols(sections: readonly Section[]): ElfSymbol[] {
  const section = sections.find(({ type }) => type === sectionType.symbols);
  if (section === undefined) return [];
  const reader = sectionReader(section.data, section.name);
  const names = sectionReader(sections[section.link]?.data ?? new Uint8Array(), 'symbol names');
  const symbols: ElfSymbol[] = [];
  if (reader.length % 24 !== 0) reader.fail(reader.length, 'size is not a multiple of 24');
  for (let at = 0; at < reader.length; at += 24) {
    const symbol = readSymbol(reader, at, names);
    const isReserved = symbol.section >= 0xff00;
    if (!isReserved && symbol.section >= sections.length)
      reader.fail(at + 6, `section ${symbol.section} of ${sections.length}`);
    symbols.push(symbol);
  }
  return symbols;
}

function readSymbol(reader: Reader, at: number, names: Reader): ElfSymbol {
  const nameOffset = reader.u32(at);
  const binding = reader.u8(at + 4) >> 4;
  return {
    index: at / 24,
    name: nameOffset === 0 ? '' : names.text(nameOffset),
    type: reader.u8(at + 4) & 15,
    binding: binding === 0 ? 'local' : binding === 2 ? 'weak' : 'global',
    section: reader.u16(at + 6),
    value: reader.size64(at + 8),
    size: reader.size64(at + 16),
  };
}

function readRelocations(sections: readonly Section[], symbols: readonly ElfSymbol[]) {
  const byTarget = new Map<number, Relocation[]>();
  for (const section of sections) {
    const reader: Reader = sectionReader(section.data, section.name);
    if (section.type === sectionType.rela) reader.fail(0, 'RELA relocations; BPF objects use REL');
    if (section.type !== sectionType.rel) continue;
    if (section.info >= sections.length) reader.fail(0, `patches section ${section.info}`);
    if (byTarget.has(section.info)) reader.fail(0, `section ${section.info} is patched by two tables`);
    if (reader.length % 16 !== 0) reader.fail(reader.length, 'size is not a multiple of 16');
    if ((sections[section.info]!.flags & sectionFlag.alloc) === 0n) continue;
    const list: Relocation[] = [];
    for (let at = 0; at < reader.length; at += 16) {
      const symbol = symbols[reader.u32(at + 12)];
      if (symbol === undefined) reader.fail(at + 12, `symbol ${reader.u32(at + 12)} of ${symbols.length}`);
      list.push({ offset: reader.size64(at), type: reader.u32(at + 8), symbol });
    }
    byTarget.set(
      section.info,
      list.sort((a, b) => a.offset - b.offset),
    );
  }
  return byTarget;
}
