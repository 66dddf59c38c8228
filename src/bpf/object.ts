// Reads a whole BPF object (what clang -target bpf writes) into one value. Pure: any bytes give a BpfObject or a
// `malformed` fault that names section and offset.
import { decodeText } from '../lib/bytes.ts';
import { type Btf, readBtf } from './btf.ts';
import { type BtfExt, readBtfExt } from './btf-ext.ts';
import { sectionNamed } from './data-sections.ts';
import { type Elf, readElf } from './elf.ts';
import { type Extern, readExterns } from './externs.ts';
import { readFunctions } from './functions.ts';
import { malformed } from './malformed.ts';
import { type BpfMap, readMaps } from './maps.ts';
import { type Program, readPrograms } from './programs.ts';
import { membersByProgram, readStructOps, type StructOps } from './struct-ops.ts';

export interface BpfObject {
  /** Text of section `license`; empty when there is none. */
  readonly licence: string;
  /** What the kernel enters, in order of section and offset. */
  readonly programs: readonly Program[];
  /** Functions of `.text`. */
  readonly subprograms: readonly Program[];
  readonly maps: readonly BpfMap[];
  readonly structOps: readonly StructOps[];
  readonly externs: readonly Extern[];
  /** Names of all declared kfuncs, sorted. */
  readonly kfuncs: readonly string[];
  /** Numbers of all helpers called, sorted. */
  readonly helpers: readonly number[];
  readonly elf: Elf;
  readonly btf: Btf;
  /** Absent in objects without .BTF.ext. */
  readonly ext: BtfExt | undefined;
}

/** @throws Fault malformed. */
export function readObject(bytes: Uint8Array): BpfObject {
  const elf = readElf(bytes);
  const types = sectionNamed(elf, '.BTF');
  if (types === undefined) malformed('ELF section table', 0, 'no section .BTF: types are needed');
  const btf = readBtf(types.data);
  const extension = sectionNamed(elf, '.BTF.ext');
  const ext = extension && readBtfExt(extension.data, btf);
  const externs = readExterns(elf, btf);
  const maps = readMaps(elf, btf);
  const places = readFunctions(elf);
  const structOps = readStructOps(elf, btf, places);
  const declared = maps.filter(({ section }) => section === '.maps');
  const context = {
    elf,
    externs,
    functions: places,
    maps: new Map(declared.map(({ offset, name }) => [offset, name])),
  };
  const functions = readPrograms(context, btf, ext, membersByProgram(structOps));
  const kfuncs = [...externs.values()].filter(({ kind }) => kind === 'kfunc');
  return {
    licence: licenceOf(elf),
    programs: functions.filter(({ kind }) => kind === 'program'),
    subprograms: functions.filter(({ kind }) => kind === 'subprogram'),
    maps,
    structOps,
    externs: [...externs.values()],
    kfuncs: kfuncs.map(({ name }) => name).sort(),
    helpers: helpersOf(functions),
    elf,
    btf,
    ext,
  };
}

function licenceOf(elf: Elf): string {
  return decodeText(sectionNamed(elf, 'license')?.data.subarray(0, 64) ?? new Uint8Array());
}

function helpersOf(functions: readonly Program[]): number[] {
  const ids = new Set<number>();
  for (const { instructions, references } of functions)
    for (let i = 0; i < instructions.length; i++) {
      const code = instructions[i]!;
      if (code.kind === 'call' && code.what === 'helper' && !references.has(code.at)) ids.add(code.id);
    }
  return [...ids].sort((a, b) => a - b);
}
